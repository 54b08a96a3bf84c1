package pbx

import (
	"bytes"
	"io"
	"net"
	"sync"
	"testing"
)

// Line is a TCP line between us and a phone system that can be cut. Safe for concurrent use.
type Line struct {
	l    net.Listener
	to   string
	mu   sync.Mutex
	up   bool
	open map[net.Conn]bool
	word string // that the far end is not told
}

// NewLine lays a line to an address; it ends with the test.
func NewLine(t testing.TB, to string) *Line {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	x := &Line{l: l, to: to, up: true, open: map[net.Conn]bool{}}
	var work sync.WaitGroup
	work.Go(func() { // ends when the listener is closed
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			work.Go(func() { x.carry(c) })
		}
	})
	t.Cleanup(func() { x.Close(); work.Wait() })
	return x
}

// Addr is our end.
func (x *Line) Addr() string { return x.l.Addr().String() }

func (x *Line) keep(c net.Conn) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.up {
		x.open[c] = true
	}
	return x.up
}

func (x *Line) carry(c net.Conn) {
	defer c.Close()
	far, err := net.Dial("tcp", x.to)
	if err != nil {
		return
	}
	defer far.Close()
	if !x.keep(c) || !x.keep(far) {
		return
	}
	done := make(chan struct{})
	go func() { defer close(done); _, _ = io.Copy(x.towards(far), c); far.Close() }()
	_, _ = io.Copy(c, far)
	c.Close()
	<-done
}

// Cut ends what goes over it, and lets nobody in until Mend.
func (x *Line) Cut() {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.up = false
	for c := range x.open {
		c.Close()
	}
	x.open = map[net.Conn]bool{}
}

// Mend ends Cut.
func (x *Line) Mend() {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.up = true
}

// Close cuts it for good.
func (x *Line) Close() {
	x.l.Close()
	x.Cut()
}

// Forget lets the far end not be told a word, such as a variable's name, on connections from now on.
func (x *Line) Forget(word string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.word = word
}

// towards is the far end, which is told another name for what it is not to know.
func (x *Line) towards(far net.Conn) io.Writer {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.word == "" {
		return far
	}
	return forgetful{far, []byte(x.word)}
}

// forgetful replaces a name by another of its length, in what comes in one piece, as a request's body does.
type forgetful struct {
	io.Writer
	name []byte
}

func (f forgetful) Write(text []byte) (int, error) {
	return f.Writer.Write(bytes.ReplaceAll(text, f.name, bytes.Repeat([]byte("X"), len(f.name))))
}
