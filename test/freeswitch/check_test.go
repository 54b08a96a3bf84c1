package freeswitch

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"c2d/adapters/esl"
	"c2d/cmd/c2d/app"
	"c2d/cmd/c2d/config"
	"c2d/test/pbx"
)

// TestCheckSaysWhatIsWrong makes the mistakes that an admin makes, on a real FreeSWITCH: c2d check has one line for each.
func TestCheckSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	f := pbx.StartFreeSWITCH(t, pbx.Exchange{})
	good := configured(t, f)
	if said := app.Check(t.Context(), good); len(said) != 0 {
		t.Errorf("all is well, but c2d check says %q", said)
	}
	tells := func(name, want string, change func(*esl.Config)) {
		t.Helper()
		cfg, entry := good, *good.Backends[0].FreeSWITCH
		change(&entry)
		cfg.Backends = []config.Backend{{Name: "pbx", Kind: "freeswitch", FreeSWITCH: &entry}}
		if said := app.Check(t.Context(), cfg); len(said) != 1 || !strings.HasPrefix(said[0], "backend pbx: ") || !strings.Contains(said[0], want) || strings.Contains(said[0], "\n") {
			t.Errorf("%s: c2d check says %q, want one line with %q", name, said, want)
		}
	}
	as := func(*esl.Config) {}
	tells("wrong password", "refuses the password", func(c *esl.Config) { c.Password = "another" })
	tells("nothing listens", "no event socket answers", func(c *esl.Config) { c.Address = f.Socket.Addr().String() + ":8022" })
	tells("SIP instead", "says nothing", func(c *esl.Config) { c.Address = f.Addr.String() })
	tells("SSH instead", "is no event socket", func(c *esl.Config) { c.Address = greets(t, "SSH-2.0-OpenSSH_9.2\r\n") })

	f.Console(t, "unload mod_tone_stream")
	tells("no tones", "has not loaded mod_tone_stream", as)
	f.Console(t, "load mod_tone_stream")

	shut(t, f)
	tells("shut out", "refuses this address", as)

	f.Kill()
	tells("absent", "no event socket answers", as)
}

// TestCheckOfAStockFreeSWITCH: one line for each thing that is as it comes and must not stay so, or is better changed.
func TestCheckOfAStockFreeSWITCH(t *testing.T) {
	t.Parallel()
	f := pbx.StartFreeSWITCH(t, pbx.Exchange{Stock: true})
	cfg := configured(t, f)
	cfg.Backends[0].FreeSWITCH.Listen = netip.AddrPortFrom(f.Socket.Addr(), 8084).String()
	cfg.Backends[0].FreeSWITCH.Recordings = "/no-folder-of-this-machine"
	lines(t, app.Check(t.Context(), cfg), "write one of your own as password in autoload_configs/event_socket.conf.xml", "vars.xml wants another default_password")
	lines(t, app.Limits(t.Context(), cfg), "switch.conf.xml wants <param name=\"sessions-per-second\"", "its level is debug: autoload_configs/switch.conf.xml", "data=\"media_timeout=60000\"",
		"00_c2d.xml belongs into the folder", "sees no folder /no-folder", "no phone is registered")
	serving, err := net.Listen("tcp", cfg.Backends[0].FreeSWITCH.Listen)
	if err != nil {
		t.Fatal(err)
	}
	lines(t, app.Check(t.Context(), cfg), "address already in use", "password", "default_password") // as while the service runs
	serving.Close()
	for _, module := range []string{"mod_sofia", "mod_sndfile", "mod_dialplan_xml"} {
		f.Console(t, "unload "+module)
	}
	lines(t, app.Check(t.Context(), cfg), "cmd=\"set\" and the address in place of each stun-set", "has not loaded mod_sndfile", "has not loaded mod_dialplan_xml", "password", "default_password")
}

// lines compares lines of c2d check with words of each, in order.
func lines(t *testing.T, said []string, want ...string) {
	t.Helper()
	for i, line := range said {
		if i >= len(want) || !strings.HasPrefix(line, "backend ") || !strings.Contains(line, want[i]) {
			t.Errorf("c2d check says %q", line)
		}
	}
	if len(said) != len(want) {
		t.Errorf("c2d check has %d lines, want %d", len(said), len(want))
	}
}

// shut has the event socket let in nobody from this machine.
func shut(t *testing.T, f *pbx.FreeSWITCH) {
	t.Helper()
	const lock = `name="apply-inbound-acl" value="`
	file := f.Etc("autoload_configs/event_socket.conf.xml")
	text, err := os.ReadFile(file)
	if err != nil || !strings.Contains(string(text), lock+"loopback.auto") {
		t.Fatal(err, string(text))
	}
	text = []byte(strings.Replace(string(text), lock+"loopback.auto", lock+"trunk", 1))
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	f.Console(t, "reloadxml")
	_, _ = f.API("reload mod_event_socket") // which ends the connection that asks for it
	pbx.Eventually(t, patience, "nobody is let in", func() bool {
		_, err := f.API("status")
		return err != nil && !errors.Is(err, syscall.ECONNREFUSED)
	})
}

// greets is a service of another kind, that speaks first.
func greets(t *testing.T, greeting string) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var work sync.WaitGroup
	t.Cleanup(func() { l.Close(); work.Wait() })
	work.Go(func() { // ends when the listener is closed
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			work.Go(func() {
				defer c.Close()
				_, _ = io.WriteString(c, greeting)
				_, _ = io.Copy(io.Discard, c) // until the other one has enough
			})
		}
	})
	return l.Addr().String()
}

// A FreeSWITCH as it comes begins few legs a second: that is told, and is no fault.
func TestFewSessionsASecondAreTold(t *testing.T) {
	t.Parallel()
	f := pbx.StartFreeSWITCH(t, pbx.Exchange{Files: []pbx.File{{Name: "sip_profiles/internal/register.xml", Text: `<param name="accept-blind-reg" value="true"/>` + "\n"}}})
	cfg := configured(t, f)
	if said := app.Limits(t.Context(), cfg); len(said) != 1 || !strings.Contains(said[0], "no phone is registered") {
		t.Errorf("nothing but that is to be told, but %q is", said)
	}
	pbx.RegisterSilent(t, f.Addr, "101")
	pbx.Eventually(t, patience, "the list has the phone", func() bool { return strings.Contains(f.Console(t, "sofia xmlstatus profile internal reg"), "<user>") })
	if said := app.Limits(t.Context(), cfg); len(said) != 0 {
		t.Errorf("nothing is to be told, but %q is", said)
	}
	f.Console(t, "fsctl sps 30")
	if said := app.Limits(t.Context(), cfg); len(said) != 1 || !strings.HasPrefix(said[0], "backend pbx: FreeSWITCH begins 30 legs a second") {
		t.Errorf("told is %q", said)
	}
	if said := app.Check(t.Context(), cfg); len(said) != 0 {
		t.Errorf("no fault, but c2d check says %q", said)
	}
	cfg.Backends[0].FreeSWITCH.Address = netip.AddrPortFrom(f.Socket.Addr(), 8022).String()
	if said := app.Limits(t.Context(), cfg); len(said) != 0 {
		t.Errorf("nobody answers, but %q is told", said)
	}
}

// An extension with several phones is told of, since C2D rings one of them.
func TestSeveralPhonesAreTold(t *testing.T) {
	t.Parallel()
	f := pbx.StartFreeSWITCH(t, pbx.Exchange{Files: []pbx.File{{Name: "sip_profiles/internal/register.xml", Text: `<param name="accept-blind-reg" value="true"/>` + "\n" + `<param name="multiple-registrations" value="contact"/>` + "\n"}}})
	for range 2 {
		pbx.RegisterSilent(t, f.Addr, "101")
	}
	pbx.RegisterSilent(t, f.Addr, "102")
	pbx.Eventually(t, patience, "the list has the phones", func() bool { return strings.Count(f.Console(t, "sofia xmlstatus profile internal reg"), "<user>") == 3 })
	lines(t, app.Limits(t.Context(), configured(t, f)), "extensions with more than one phone: 1, 101 is the first")
}

// configured is a configuration with this FreeSWITCH alone.
func configured(t *testing.T, f *pbx.FreeSWITCH) config.Config {
	t.Helper()
	text := fmt.Sprintf(`{http: {listen: "127.0.0.1:0"}, store: {url: "sqlite:%s"}, backends: [{name: pbx, kind: freeswitch, address: "%s", password: "%s"}]}`,
		filepath.Join(t.TempDir(), "c2d.db"), f.Socket, f.Password)
	cfg, err := config.Parse("test", []byte(text), os.LookupEnv)
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}
