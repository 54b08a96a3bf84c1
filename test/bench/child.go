package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// child is one of the measured processes.
type child struct {
	cmd   *exec.Cmd
	in    io.WriteCloser
	lines *bufio.Scanner
}

// start runs this program again in another part.
func start(args ...string) (*child, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	c := &child{cmd: exec.Command(self, args...)}
	c.cmd.Stderr = os.Stderr
	if c.in, err = c.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	c.lines = bufio.NewScanner(out)
	return c, c.cmd.Start()
}

// line returns the next line that it prints.
func (c *child) line() (string, error) {
	if !c.lines.Scan() {
		return "", errors.Join(errors.New("the process has ended"), c.lines.Err())
	}
	return c.lines.Text(), nil
}

// stop ends it, and waits.
func (c *child) stop() error {
	_ = c.in.Close()
	_ = c.cmd.Process.Signal(syscall.SIGTERM)
	kill := time.AfterFunc(20*time.Second, func() { _ = c.cmd.Process.Kill() })
	defer kill.Stop()
	for c.lines.Scan() { // a process that cannot print does not end
	}
	return c.cmd.Wait()
}

func (c *child) pid() int { return c.cmd.Process.Pid }

// cpu returns what a process has used so far, in user and kernel mode (proc(5): ticks of 10 ms).
func cpu(pid int) (time.Duration, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
	if len(fields) < 13 {
		return 0, errors.New("/proc/PID/stat is not as expected")
	}
	user, err1 := strconv.Atoi(fields[11])
	kernel, err2 := strconv.Atoi(fields[12])
	return time.Duration(user+kernel) * 10 * time.Millisecond, errors.Join(err1, err2)
}

// resident returns how much memory the process occupies, in bytes.
func (c *child) resident() (int, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", c.pid()))
	if err != nil {
		return 0, err
	}
	var size, pages int
	_, err = fmt.Sscan(string(text), &size, &pages)
	return pages * os.Getpagesize(), err
}

// pace calls f that often in a second, and so often at all; it makes up for what it missed.
func pace(ctx context.Context, rate, times int, f func(int)) {
	began := time.Now()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for n := range times {
		timer.Reset(time.Until(began.Add(time.Duration(n) * time.Second / time.Duration(rate))))
		select {
		case <-timer.C:
			f(n)
		case <-ctx.Done():
			return
		}
	}
}
