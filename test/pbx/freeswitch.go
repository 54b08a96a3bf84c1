package pbx

import (
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"
	"time"
)

// FreeSWITCH is a running FreeSWITCH that reads the files of pbx-configs/freeswitch.
type FreeSWITCH struct {
	Addr     netip.AddrPort // SIP of phones, UDP and TCP; its IP address is the domain of their names
	Trunk    netip.AddrPort // SIP of the carrier
	Socket   netip.AddrPort // of events
	Password string         // of Socket
	Version  string         // "1.10.12"
	dir      string
	program  string
	prog     *Program
}

const (
	eslPassword = "only-for-this-test" // it guards a loopback address
	farewell    = 10 * time.Second     // bounds an end in good order; it takes 5 s with nobody in a call
)

// StartFreeSWITCH starts a FreeSWITCH on an address of its own, and returns when its event socket answers and its profiles
// run. It is stopped with the test.
func StartFreeSWITCH(t testing.TB, x Exchange) *FreeSWITCH {
	t.Helper()
	if !x.Addr.IsValid() {
		x.Addr = NextAddress()
	}
	f := &FreeSWITCH{Addr: netip.AddrPortFrom(x.Addr, 5060), Trunk: netip.AddrPortFrom(x.Addr, 5080), Socket: netip.AddrPortFrom(x.Addr, 8021),
		Password: eslPassword, dir: t.TempDir(), program: freeswitchProgram(t)}
	f.Version = freeswitchVersion(t, f.program)
	if x.Stock {
		f.Password = "ClueCon"
	}
	f.configure(t, x)
	f.Start(t)
	return f
}

// Start starts it again after Stop or Kill.
func (f *FreeSWITCH) Start(t testing.TB) {
	t.Helper()
	f.prog = Launch(t, f.dir, f.program, f.args()...)
	t.Cleanup(f.prog.Kill) // nobody is there any more to whom its farewells would matter
	Eventually(t, booted, "FreeSWITCH answers", func() bool { return f.answers(t) })
}

// PID is its process, until it is started again.
func (f *FreeSWITCH) PID() int { return f.prog.cmd.Process.Pid }

// Stop ends it, and with a BYE every call. Idempotent, as Kill is.
func (f *FreeSWITCH) Stop() { f.prog.end(farewell) }

// Kill ends it as a power cut does.
func (f *FreeSWITCH) Kill() { f.prog.Kill() }

// Freeze makes it hang: its sockets stay open and nothing answers. Thaw lets it go on.
func (f *FreeSWITCH) Freeze() { f.prog.Freeze() }

// Thaw ends Freeze.
func (f *FreeSWITCH) Thaw() { f.prog.Thaw() }

// Etc returns the path of one of its configuration files, such as "dialplan/default.xml".
func (f *FreeSWITCH) Etc(name string) string { return filepath.Join(f.dir, "conf", name) }

// Console gives a command at its console, which is the event socket, and returns what it says.
func (f *FreeSWITCH) Console(t testing.TB, command string) string {
	t.Helper()
	said, err := f.API(command)
	if err != nil {
		t.Fatalf("FreeSWITCH, %s: %v", command, err)
	}
	return said
}

var running = regexp.MustCompile(`(?m)^\s*(internal|external)\s+profile\s.*RUNNING`)

func (f *FreeSWITCH) answers(t testing.TB) bool {
	if f.prog.Wait(0) == nil {
		t.Fatalf("FreeSWITCH ended:\n%s", f.prog.Output())
	}
	said, err := f.API("sofia status")
	return err == nil && len(running.FindAllString(said, -1)) == 2
}

// freeswitchFolders are what it would else look for, or write to, where it is installed.
var freeswitchFolders = []string{"conf", "log", "run", "db", "cache", "temp", "storage", "recordings", "sounds", "scripts", "certs", "grammar", "htdocs"}

// args let it run in the foreground, without a console, in f.dir alone; and look for no router to ask for ports.
func (f *FreeSWITCH) args() []string {
	args := []string{"-nf", "-nc", "-nonat"}
	for _, folder := range freeswitchFolders {
		args = append(args, "-"+folder, filepath.Join(f.dir, folder))
	}
	return args
}

// freeswitchProgram is what C2D_FREESWITCH names, or the one on PATH.
func freeswitchProgram(t testing.TB) string {
	t.Helper()
	name := os.Getenv("C2D_FREESWITCH")
	if name == "" {
		name = "freeswitch"
	}
	program, err := exec.LookPath(name)
	if err != nil {
		missing(t, "freeswitch")
	}
	return program
}

func freeswitchVersion(t testing.TB, program string) string {
	t.Helper()
	out, err := exec.Command(program, "-version").Output()
	v := regexp.MustCompile(`FreeSWITCH version: ([0-9.]+)`).FindSubmatch(out)
	if err != nil || v == nil {
		t.Fatalf("%s -version says %q, %v", program, out, err)
	}
	return string(v[1])
}
