package pbx

import (
	"bytes"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"c2d/core/tone"
)

// Scenarios of testdata/sipp: what a phone of sipp does with its one call.
const (
	Refuse       = "refuse"         // rings, then says Status
	RefuseAtOnce = "refuse-at-once" // says Status, without a ring
	RingOn       = "ring"           // rings until it is cancelled
	Leave        = "leave"          // answers, and hangs up at once
	AnswerLate   = "answer-late"    // rings, and answers when it is cancelled
	Early        = "early"          // sends early media of Phone.Tone until it is cancelled
	Session      = "session"        // rings reliably, talks with a session timer that both sides refresh, until it is hung up
	DialReliable = "dial-reliable"  // dials, acknowledges the ring by PRACK when it was repeated, and hangs up what is answered
)

// SIPp is a telephone that does what a scenario says with one call, and is gone then.
type SIPp struct {
	Addr netip.AddrPort
	t    testing.TB
	prog *Program
}

// StartSIPp registers a phone with digest, if it has a registrar, and lets it wait for its one call. status is what
// Refuse and RefuseAtOnce say, such as "486 Busy Here".
func StartSIPp(t testing.TB, cfg Phone, scenario, status string) *SIPp {
	t.Helper()
	s := registerSIPp(t, cfg)
	s.prog = s.launch(cfg, scenario, status)
	Eventually(t, ready, "sipp listens", s.listens)
	return s
}

// DialSIPp registers a phone, and lets it dial a number, as a scenario says.
func DialSIPp(t testing.TB, cfg Phone, scenario, number string) *SIPp {
	t.Helper()
	s := registerSIPp(t, cfg)
	s.prog = s.launch(cfg, scenario, "", "-key", "number", number, "-auth_uri", number+"@"+cfg.Domain, cfg.Registrar.String())
	return s
}

func registerSIPp(t testing.TB, cfg Phone) *SIPp {
	t.Helper()
	Need(t, "sipp")
	s := &SIPp{t: t, Addr: netip.AddrPortFrom(NextAddress(), 5060)}
	if cfg.Registrar.IsValid() {
		reg := s.launch(cfg, "register", "", "-key", "expires", "600", "-auth_uri", cfg.Domain, cfg.Registrar.String())
		if err := s.result(reg, ready); err != nil {
			t.Fatalf("%s does not register: %v", cfg.User, err)
		}
	}
	return s
}

// launch writes the scenario with its status, which sipp itself cannot take from a variable, and runs it.
func (s *SIPp) launch(cfg Phone, scenario, status string, args ...string) *Program {
	s.t.Helper()
	dir := s.t.TempDir()
	text, err := os.ReadFile(filepath.Join(testdata(), "sipp", scenario+".xml"))
	if err != nil {
		s.t.Fatal(err)
	}
	file := filepath.Join(dir, scenario+".xml")
	for name, content := range map[string]string{file: strings.ReplaceAll(string(text), "[refusal]", status), filepath.Join(dir, "sound.al"): aLaw(cfg.Tone)} {
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			s.t.Fatal(err)
		}
	}
	all := []string{"-sf", file, "-i", s.Addr.Addr().String(), "-p", fmt.Sprint(s.Addr.Port()),
		"-m", "1", "-nostdin", "-mi", s.Addr.Addr().String(), "-s", cfg.User, "-au", cfg.User, "-ap", cfg.Password, "-key", "domain", cfg.Domain,
		"-trace_err", "-error_file", "errors.txt", "-trace_msg", "-message_file", "messages.txt"}
	return Launch(s.t, dir, "sipp", append(all, args...)...)
}

// aLaw is a second of a tone as sipp wants it: no header.
func aLaw(hz int) string {
	pcm := sound(float64(hz), time.Second)
	return string(tone.ALaw.Encode(make([]byte, len(pcm)), pcm))
}

// testdata is beside this file, wherever the test that uses it runs.
func testdata() string {
	_, file, _, _ := runtime.Caller(0)
	return filepath.Join(filepath.Dir(file), "testdata")
}

// listens looks for the phone's socket: a packet sent too early would be a call to nobody.
func (s *SIPp) listens() bool {
	select {
	case <-s.prog.done:
		s.t.Fatalf("sipp ended: %v", s.prog.err)
	default:
	}
	table, err := os.ReadFile("/proc/net/udp")
	if err != nil {
		s.t.Fatal(err)
	}
	a := s.Addr.Addr().As4()
	want := fmt.Sprintf(" %02X%02X%02X%02X:%04X ", a[3], a[2], a[1], a[0], s.Addr.Port())
	return strings.Contains(string(table), want)
}

// Done waits until the phone's call is over, and fails the test when it did not go as the scenario says.
func (s *SIPp) Done(limit time.Duration) {
	s.t.Helper()
	if err := s.result(s.prog, limit); err != nil {
		s.t.Errorf("the phone saw something else than its scenario: %v", err)
	}
}

func (s *SIPp) result(p *Program, limit time.Duration) error {
	if err := p.Wait(limit); err != nil {
		return err
	}
	if p.err == nil {
		return nil
	}
	said := []byte{}
	for _, name := range []string{"errors.txt", "messages.txt"} {
		text, _ := os.ReadFile(filepath.Join(p.cmd.Dir, name)) // absent when there was none
		said = append(said, text...)
	}
	return fmt.Errorf("%w\n%s", p.err, tail(said, 20_000))
}

// Rang reports whether a call has come.
func (s *SIPp) Rang() bool {
	said, _ := os.ReadFile(filepath.Join(s.prog.cmd.Dir, "messages.txt")) // absent before the first
	return bytes.Contains(said, []byte("\nINVITE "))
}

// Called reports whether the phone's call has come and is over.
func (s *SIPp) Called() bool {
	select {
	case <-s.prog.done:
		return true
	default:
		return false
	}
}
