package pbx

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// Program is a process that writes its output to a file and ends with the test.
type Program struct {
	cmd  *exec.Cmd
	log  string
	done chan struct{} // closed when it has ended
	err  error         // how, after done
}

// Launch starts a program in dir. Its output is in the test's log when the test failed.
func Launch(t testing.TB, dir, name string, args ...string) *Program {
	t.Helper()
	return launch(t, dir, exec.Command(name, args...))
}

// launch starts a command that has been given what it needs, such as its input.
func launch(t testing.TB, dir string, cmd *exec.Cmd) *Program {
	t.Helper()
	name := cmd.Args[0]
	p := &Program{cmd: cmd, log: filepath.Join(dir, filepath.Base(name)+".log"), done: make(chan struct{})}
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
		p.end(100 * time.Millisecond) // the registrar is often gone by now: nobody answers a farewell
		p.report(t)
	})
	return p
}

// own starts the process and waits for it on one thread, for the reason that process.own has.
func (p *Program) own(started chan<- error) {
	defer lockThread()()
	defer close(p.done)
	err := p.cmd.Start()
	started <- err
	if err == nil {
		p.err = p.cmd.Wait()
	}
}

// Stop asks the program to end, asks again after two seconds (baresip gives up its un-REGISTER then), and kills it if
// that does not help. Idempotent.
func (p *Program) Stop() { p.end(2 * time.Second) }

func (p *Program) end(patience time.Duration) {
	defer killGroup(p.cmd.Process) // the program may have left children behind
	p.Ask()
	if p.Wait(patience) == nil {
		return
	}
	p.Ask()
	if p.Wait(2*time.Second) != nil {
		p.Kill()
	}
}

// Kill ends the program without a word to anybody, as a power cut does.
func (p *Program) Kill() {
	killGroup(p.cmd.Process)
	<-p.done
}

// Wait returns nil once the program has ended.
func (p *Program) Wait(limit time.Duration) error {
	select {
	case <-p.done:
		return nil
	case <-time.After(limit):
		return fmt.Errorf("%s runs after %s", p.cmd.Path, limit)
	}
}

// Ask sends the signal that asks a program to end, and returns at once.
func (p *Program) Ask() { _ = p.cmd.Process.Signal(syscall.SIGTERM) }

// Freeze stops the program where it is: its sockets stay open, and nothing answers. Thaw lets it go on.
func (p *Program) Freeze() { _ = p.cmd.Process.Signal(syscall.SIGSTOP) }

// Thaw ends Freeze.
func (p *Program) Thaw() { _ = p.cmd.Process.Signal(syscall.SIGCONT) }

// Output returns what the program has written so far.
func (p *Program) Output() string {
	text, _ := os.ReadFile(p.log) // it was created by Launch
	return string(text)
}

func (p *Program) report(t testing.TB) {
	if !t.Failed() {
		return
	}
	t.Logf("%s %v:\n%s", p.cmd.Path, p.cmd.Args[1:], tail([]byte(p.Output()), 20_000))
}

func tail(b []byte, n int) []byte { return b[max(0, len(b)-n):] }

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
