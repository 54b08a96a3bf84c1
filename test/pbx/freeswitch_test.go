package pbx

import (
	"fmt"
	"net/netip"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestAFreeSWITCHStartsAndEnds shows that the files of pbx-configs make a PBX without a word of complaint, and that it leaves
// nothing behind.
func TestAFreeSWITCHStartsAndEnds(t *testing.T) {
	f := StartFreeSWITCH(t, Exchange{})
	if !strings.HasPrefix(f.Version, "1.10.") {
		t.Errorf("version %s", f.Version)
	}
	if said := f.Console(t, "version"); !strings.Contains(said, f.Version) {
		t.Errorf("it says that it is %q, the program said %s", said, f.Version)
	}
	pid := f.PID()
	f.Stop()
	if err := syscall.Kill(pid, 0); err == nil {
		t.Error("its process is there after Stop")
	}
	for _, line := range strings.Split(f.prog.Output(), "\n") {
		if strings.Contains(line, "[ERR]") || strings.Contains(line, "[CRIT]") {
			t.Error(line)
		}
	}
	f.Start(t)
	if f.PID() == pid {
		t.Error("the old process is there again")
	}
	f.Freeze()
	f.Thaw()
	f.Console(t, "status")
}

// TestTwoPhonesOfAFreeSWITCHTalk shows that the stand-alone files of pbx-configs make a PBX by themselves: its phones register
// and one calls the other by its extension; after a power cut the same.
func TestTwoPhonesOfAFreeSWITCHTalk(t *testing.T) {
	f := StartFreeSWITCH(t, Exchange{})
	ward := StartBaresip(t, Phone{User: "101", Password: "replace-this-password-101", Domain: f.Addr.Addr().String(), Registrar: f.Addr, Tone: 440})
	mary := StartBaresip(t, Phone{User: "102", Password: "replace-this-password-102", Domain: f.Addr.Addr().String(), Registrar: f.Addr, Tone: 880})
	ward.Dial(fmt.Sprintf("sip:102@%s", f.Addr))
	mary.Await("CALL_INCOMING", 5*time.Second)
	mary.Accept()
	ward.Await("CALL_ESTABLISHED", 5*time.Second)
	Eventually(t, 10*time.Second, "the ward hears 880 Hz for a second", func() bool { return Hears(ward.Heard(), time.Second, 880, 440) })
	Eventually(t, 10*time.Second, "Mary hears 440 Hz for a second", func() bool { return Hears(mary.Heard(), time.Second, 440, 880) })
	ward.HangUp()
	mary.Await("CALL_CLOSED", 5*time.Second)

	f.Kill()
	f.Start(t)
	mary.Dial(fmt.Sprintf("sip:101@%s", f.Addr)) // its registration outlives the power cut in FreeSWITCH's database
	ward.Await("CALL_INCOMING", 10*time.Second)
}

// TestAFreeSWITCHHasATrunk shows that an outside number reaches the carrier and the carrier a phone, and that the feature code
// falls back to the dialplan while C2D is down.
func TestAFreeSWITCHHasATrunk(t *testing.T) {
	carrier := StartBaresip(t, Phone{User: "053283001000", Domain: "127.0.0.1", Password: "x", Tone: 440, Auto: true})
	f := StartFreeSWITCH(t, Exchange{Carrier: carrier.Addr, Socket: netip.MustParseAddrPort("127.0.0.1:1")})
	ward := StartBaresip(t, Phone{User: "101", Password: "replace-this-password-101", Domain: f.Addr.Addr().String(), Registrar: f.Addr, Tone: 880})
	for _, number := range []string{"9053283001000", "*559053283001000"} {
		ward.Dial(fmt.Sprintf("sip:%s@%s", number, f.Addr))
		ward.Await("CALL_ESTABLISHED", 5*time.Second)
		ward.HangUp()
		carrier.Await("CALL_CLOSED", 5*time.Second)
	}
	if said := carrier.prog.Output(); !strings.Contains(said, `P-Asserted-Identity: "Ward 3" <sip:101@`) {
		t.Error("the carrier is not told who calls")
	}
	if said := ward.prog.Output(); strings.Contains(said, "Outbound Call") {
		t.Error("the display says: Outbound Call")
	}
	carrier.Dial(fmt.Sprintf("sip:83001101@%s", f.Trunk))
	ward.Await("CALL_INCOMING", 5*time.Second)
	ward.HangUp()
	Eventually(t, 5*time.Second, "the ward's phone is free", ward.Idle)
	ward.Dial(fmt.Sprintf("sip:120@%s", f.Addr)) // without the 9; this carrier has nobody of that name
	Eventually(t, 5*time.Second, "the emergency call goes out", func() bool { return strings.Contains(carrier.prog.Output(), "INVITE sip:120@") })
}

// TestAFreeSWITCHTrustsNobodyElse shows who is turned away: a phone without its password, and a stranger at the trunk's port.
func TestAFreeSWITCHTrustsNobodyElse(t *testing.T) {
	f := StartFreeSWITCH(t, Exchange{})
	stranger := StartBaresip(t, Phone{User: "101", Password: "guess", Domain: "127.0.0.1", Tone: 440})
	for _, at := range []netip.AddrPort{f.Addr, f.Trunk} {
		stranger.Dial(fmt.Sprintf("sip:102@%s", at))
		if end := stranger.Await("CALL_CLOSED", 5*time.Second); !strings.HasPrefix(end.Param, "401") && !strings.HasPrefix(end.Param, "403") && !strings.HasPrefix(end.Param, "407") {
			t.Errorf("a stranger at %s: %q", at, end.Param)
		}
	}
}

// TestAVanishedPhoneIsNoticed shows that the global media_timeout of pbx-configs holds for every call: the other phone is free
// again when one has lost its power.
func TestAVanishedPhoneIsNoticed(t *testing.T) {
	f := StartFreeSWITCH(t, Exchange{})
	if said := f.Console(t, "global_getvar media_timeout"); strings.TrimSpace(said) != "60000" {
		t.Errorf("media_timeout is %q", said)
	}
	f.Console(t, "global_setvar media_timeout=1000")
	ward := StartBaresip(t, Phone{User: "101", Password: "replace-this-password-101", Domain: f.Addr.Addr().String(), Registrar: f.Addr, Tone: 440})
	mary := StartBaresip(t, Phone{User: "102", Password: "replace-this-password-102", Domain: f.Addr.Addr().String(), Registrar: f.Addr, Tone: 880, Auto: true})
	ward.Dial(fmt.Sprintf("sip:102@%s", f.Addr))
	ward.Await("CALL_ESTABLISHED", 5*time.Second)
	Eventually(t, 10*time.Second, "the ward hears Mary", func() bool { return Hears(ward.Heard(), time.Second, 880, 440) })
	mary.Kill()
	ward.Await("CALL_CLOSED", 15*time.Second)
}

// TestManyExtensions shows what suites start: phones at hundreds of extensions, one of which registers without its password.
func TestManyExtensions(t *testing.T) {
	f := StartFreeSWITCH(t, Exchange{Open: true, Files: []File{Extensions(20001, 700, "secret")}})
	a := StartBaresip(t, Phone{User: "20001", Password: "secret", Tone: 440, Domain: f.Addr.Addr().String(), Registrar: f.Addr})
	b := StartBaresip(t, Phone{User: "20700", Password: "x", Tone: 880, Domain: f.Addr.Addr().String(), Registrar: f.Addr, Auto: true})
	a.Dial(fmt.Sprintf("sip:20700@%s", f.Addr))
	a.Await("CALL_ESTABLISHED", 5*time.Second)
	b.HangUp()
	Eventually(t, 5*time.Second, "the phones are free", func() bool { return a.Idle() && b.Idle() })
	for _, to := range []string{"user/20700", "loopback/20700/default"} {
		if said := f.Console(t, "originate {origination_uuid=c-1}"+to+" &park()"); said != "+OK c-1\n" {
			t.Errorf("%s: %q", to, said)
		}
		f.Console(t, "hupall")
		Eventually(t, 5*time.Second, "the phone is free", b.Idle)
	}
}

// TestTheREADMESaysWhatTheFilesSay shows that each line of XML that the admin is told of is in the file that he copies, or in the
// complete configuration.
func TestTheREADMESaysWhatTheFilesSay(t *testing.T) {
	configs := filepath.Join(repository(), "pbx-configs", "freeswitch")
	var files strings.Builder
	for _, file := range append(glob(t, configs+"/*/*.xml"), glob(t, configs+"/complete/*/*.xml")...) {
		files.WriteString(read(t, file))
	}
	found := 0
	for _, line := range strings.Split(read(t, filepath.Join(configs, "README.md")), "\n") {
		if strings.HasPrefix(line, "<param ") || strings.HasPrefix(line, "<action ") || strings.HasPrefix(line, "<X-PRE-PROCESS ") {
			found++
			if !strings.Contains(files.String(), line) {
				t.Errorf("no file has %s", line)
			}
		}
	}
	if found < 10 {
		t.Errorf("%d lines of XML: where have they gone?", found)
	}
}
