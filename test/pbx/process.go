package pbx

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"
)

// readyWithin bounds the start and the stop of a server.
const readyWithin = 30 * time.Second

// process is a server of ours that runs until stop.
type process struct {
	cmd  *exec.Cmd
	done chan struct{} // closed when it has ended
	err  error         // why, after done
}

// start runs cmd and returns when it has written the word to its standard error.
func start(cmd *exec.Cmd, word string) (*process, error) {
	out, err := cmd.StderrPipe()
	if err != nil {
		return nil, err
	}
	p := &process{cmd: cmd, done: make(chan struct{})}
	started, ready := make(chan error, 1), make(chan string, 1)
	go p.own(out, word, started, ready)
	if err := <-started; err != nil {
		return nil, err
	}
	select {
	case said := <-ready:
		if said != "" {
			return nil, fmt.Errorf("%s ended before it was ready:\n%s", cmd.Path, said)
		}
		return p, nil
	case <-time.After(readyWithin):
		_ = p.stop()
		return nil, fmt.Errorf("%s was not ready within %s", cmd.Path, readyWithin)
	}
}

// own starts the process, reads what it says, and waits for it, all on one thread: the kernel sends the signal that
// ends the server with us when the thread that started it ends (prctl(2), PR_SET_PDEATHSIG).
func (p *process) own(out io.Reader, word string, started chan<- error, ready chan<- string) {
	defer lockThread()()
	defer close(p.done)
	err := p.cmd.Start()
	started <- err
	if err != nil {
		return
	}
	said := readUntil(out, word)
	ready <- said
	_, _ = io.Copy(io.Discard, out)
	p.err = p.cmd.Wait()
}

// readUntil returns "" once a line holds the word, else all that was said.
func readUntil(r io.Reader, word string) string {
	var said strings.Builder
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		if strings.Contains(lines.Text(), word) {
			return ""
		}
		said.WriteString(lines.Text() + "\n")
	}
	return said.String() + "(end of its output)"
}

// stop asks the server to cut its connections and end (PostgreSQL's fast shutdown), and kills it if it does not.
func (p *process) stop() error {
	_ = p.cmd.Process.Signal(os.Interrupt)
	select {
	case <-p.done:
		return p.err
	case <-time.After(readyWithin):
		_ = p.cmd.Process.Kill()
		<-p.done
		return fmt.Errorf("did not stop within %s and was killed", readyWithin)
	}
}
