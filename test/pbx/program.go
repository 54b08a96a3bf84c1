package pbx

import (
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// program is a process that writes its output to a file and ends with the test.
type program struct {
	cmd  *exec.Cmd
	log  string
	done chan struct{} // closed when it has ended
	err  error         // how, after done
}

// find skips the test when a program is not installed.
func find(t testing.TB, name, debian string) {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		t.Skipf("%s is not installed: apt-get install --no-install-recommends %s", name, debian)
	}
}

// launch starts a program in dir. Its output is in the test's log when the test failed.
func launch(t testing.TB, dir, name string, args ...string) *program {
	t.Helper()
	p := &program{cmd: exec.Command(name, args...), log: filepath.Join(dir, name+".log"), done: make(chan struct{})}
	out, err := os.Create(p.log)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	p.cmd.Dir, p.cmd.Stdout, p.cmd.Stderr, p.cmd.SysProcAttr = dir, out, out, attributes(nil)
	started := make(chan error)
	go p.own(started)
	if err := <-started; err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		p.stop()
		p.report(t)
	})
	return p
}

// own starts the process and waits for it on one thread, for the reason that process.own has.
func (p *program) own(started chan<- error) {
	defer lockThread()()
	defer close(p.done)
	err := p.cmd.Start()
	started <- err
	if err == nil {
		p.err = p.cmd.Wait()
	}
}

// stop asks the program to end, asks again (baresip gives up its un-REGISTER then), and kills it. Idempotent.
func (p *program) stop() {
	for _, s := range []syscall.Signal{syscall.SIGTERM, syscall.SIGTERM, syscall.SIGKILL} {
		_ = p.cmd.Process.Signal(s)
		if p.wait(2*time.Second) == nil {
			return
		}
	}
	<-p.done
}

// kill ends the program without a word to anybody, as a power cut does.
func (p *program) kill() {
	_ = p.cmd.Process.Kill()
	<-p.done
}

// wait returns nil once the program has ended.
func (p *program) wait(limit time.Duration) error {
	select {
	case <-p.done:
		return nil
	case <-time.After(limit):
		return fmt.Errorf("%s runs after %s", p.cmd.Path, limit)
	}
}

func (p *program) report(t testing.TB) {
	if !t.Failed() {
		return
	}
	if text, err := os.ReadFile(p.log); err == nil {
		t.Logf("%s %v:\n%s", p.cmd.Path, p.cmd.Args[1:], tail(text, 20_000))
	}
}

func tail(b []byte, n int) []byte { return b[max(0, len(b)-n):] }

var addresses atomic.Uint32

// NextAddress returns a loopback address that no other test uses: 127.64.0.0/10 by process, then by turn. With an address
// of its own, each phone has all its ports to itself.
func NextAddress() netip.Addr {
	pid, n := os.Getpid(), addresses.Add(1)
	return netip.AddrFrom4([4]byte{127, byte(64 + pid>>8&63), byte(pid), byte(1 + n%254)})
}

// Eventually waits until ok, and fails the test when that takes longer than limit.
func Eventually(t testing.TB, limit time.Duration, what string, ok func() bool) {
	t.Helper()
	deadline := time.NewTimer(limit)
	defer deadline.Stop()
	again := time.NewTicker(5 * time.Millisecond)
	defer again.Stop()
	for !ok() {
		select {
		case <-again.C:
		case <-deadline.C:
			t.Fatalf("not within %s: %s", limit, what)
		}
	}
}
