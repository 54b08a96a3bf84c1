package pbx

import (
	"fmt"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// Switch says how an Asterisk is to differ from pbx-configs/asterisk/complete.
type Switch struct {
	Addr  netip.Addr // its own address; the zero value takes the next free one
	Files []File     // further files, such as pjsip_phones.conf
	Stock bool       // begins with the sample files of its package instead; it may have no ARI
}

// File is one of Asterisk's configuration files.
type File struct{ Name, Text string }

// Asterisk is a running Asterisk that reads the files of pbx-configs/asterisk.
type Asterisk struct {
	Addr     netip.AddrPort // SIP, UDP and TCP
	URL      string         // of ARI
	Version  string         // "22.10.1"
	Username string
	Password string
	dir      string
	command  []string
	prog     *Program
}

const (
	ariUser     = "c2d"
	ariPassword = "only-for-this-test" // it guards a loopback address
)

// StartAsterisk starts an Asterisk on an address of its own, and returns when ARI answers. It is stopped with the test.
func StartAsterisk(t testing.TB, s Switch) *Asterisk {
	t.Helper()
	if !s.Addr.IsValid() {
		s.Addr = NextAddress()
	}
	root := asteriskRoot(t)
	a := &Asterisk{Addr: netip.AddrPortFrom(s.Addr, 5060), URL: fmt.Sprintf("http://%s:8088/ari", s.Addr), Username: ariUser, Password: ariPassword, dir: t.TempDir()}
	a.command = asteriskCommand(root)
	a.Version = asteriskVersion(t, a.command)
	a.configure(t, root, s)
	if s.Stock {
		a.boot(t)
	} else {
		a.Start(t)
	}
	return a
}

// Start starts it again after Stop or Kill.
func (a *Asterisk) Start(t testing.TB) {
	t.Helper()
	a.prog = Launch(t, a.dir, a.command[0], a.args("-f")...)
	Eventually(t, ready, "Asterisk answers", func() bool { return a.answers(t) })
}

// args are those of the program, as it is installed here.
func (a *Asterisk) args(more ...string) []string {
	return append(append([]string(nil), a.command[1:]...), append([]string{"-C", a.Etc("asterisk.conf")}, more...)...)
}

// Recordings is the folder that it records into.
func (a *Asterisk) Recordings() string { return filepath.Join(a.dir, "spool", "recording") }

// PID is its process, until it is started again.
func (a *Asterisk) PID() int { return a.prog.cmd.Process.Pid }

// Stop ends it; Kill ends it without a word to anybody. Both are idempotent.
func (a *Asterisk) Stop() { a.prog.Stop() }

// Kill ends it as a power cut does.
func (a *Asterisk) Kill() { a.prog.Kill() }

// Freeze makes it hang: its sockets stay open and nothing answers. Thaw lets it go on.
func (a *Asterisk) Freeze() { a.prog.Freeze() }

// Thaw ends Freeze.
func (a *Asterisk) Thaw() { a.prog.Thaw() }

func (a *Asterisk) answers(t testing.TB) bool {
	if a.prog.Wait(0) == nil {
		t.Fatalf("Asterisk ended:\n%s", a.prog.Output())
	}
	req, err := http.NewRequest(http.MethodGet, a.URL+"/asterisk/info", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.SetBasicAuth(a.Username, a.Password)
	res, err := (&http.Client{Timeout: time.Second}).Do(req)
	if err != nil {
		return false
	}
	_ = res.Body.Close()
	return res.StatusCode == http.StatusOK
}

// asteriskRoot is the folder that test/install-asterisk has prepared, or empty for the Asterisk that is installed.
func asteriskRoot(t testing.TB) string {
	t.Helper()
	out, err := exec.Command(filepath.Join(repository(), "test", "install-asterisk"), "--where").Output()
	root := strings.TrimSpace(string(out))
	if err != nil || root == "" {
		missing(t, "asterisk")
	}
	return strings.TrimSuffix(root, "/")
}

// asteriskCommand runs the prepared program by its own loader and libraries: it is of a newer Debian than this machine.
func asteriskCommand(root string) []string {
	if root == "" {
		return []string{"asterisk"}
	}
	loaders, _ := filepath.Glob(root + "/usr/lib/*/ld-linux*.so*")
	if len(loaders) == 0 {
		return []string{root + "/usr/sbin/asterisk"}
	}
	return []string{loaders[0], "--library-path", filepath.Dir(loaders[0]), root + "/usr/sbin/asterisk"}
}

func asteriskVersion(t testing.TB, command []string) string {
	t.Helper()
	out, err := exec.Command(command[0], append(append([]string(nil), command[1:]...), "-V")...).Output()
	v := regexp.MustCompile(`Asterisk ([0-9.]+)`).FindSubmatch(out)
	if err != nil || v == nil {
		t.Fatalf("%v -V says %q, %v", command, out, err)
	}
	return string(v[1])
}

// configure lays the files out in a.dir: those of pbx-configs with this test's address and passwords, and asterisk.conf, which
// says where they are.
func (a *Asterisk) configure(t testing.TB, root string, s Switch) {
	t.Helper()
	own := strings.NewReplacer("bindaddr = 127.0.0.1", "bindaddr = "+s.Addr.String(), "bind = 0.0.0.0", "bind = "+s.Addr.String(), "replace-this-ari-password", ariPassword)
	etc := filepath.Join(a.dir, "etc")
	for _, sub := range []string{"etc", "db", "data", "spool/recording", "run", "log", "keys"} {
		if err := os.MkdirAll(filepath.Join(a.dir, sub), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for _, file := range sources(t, root, s.Stock) {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		s.Files = append([]File{{Name: filepath.Base(file), Text: own.Replace(string(text))}}, s.Files...)
	}
	modules := append(glob(t, root+"/usr/lib/*/asterisk/modules"), glob(t, root+"/usr/lib/asterisk/modules")...)
	if len(modules) == 0 {
		t.Fatalf("%s has no modules of Asterisk", root)
	}
	dirs := fmt.Sprintf("[directories]\nastetcdir => %[1]s/etc\nastmoddir => %[2]s\nastvarlibdir => %[3]s/usr/share/asterisk\nastdbdir => %[1]s/db\n"+
		"astkeydir => %[1]s/keys\nastdatadir => %[3]s/usr/share/asterisk\nastagidir => %[1]s/data\nastspooldir => %[1]s/spool\nastrundir => %[1]s/run\nastlogdir => %[1]s/log\n"+
		"[options]\nnocolor = yes\n", a.dir, modules[0], root)
	for _, f := range append(s.Files, File{Name: "asterisk.conf", Text: dirs}) {
		if err := os.WriteFile(filepath.Join(etc, f.Name), []byte(f.Text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func glob(t testing.TB, pattern string) []string {
	t.Helper()
	found, err := filepath.Glob(pattern)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// repository is the checkout's root.
func repository() string { return filepath.Dir(filepath.Dir(filepath.Dir(testdata()))) }
