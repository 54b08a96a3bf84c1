package asterisktest

import (
	"context"
	"errors"
	"net"
	"sync"
)

// door is the listener of a server that is reached by pipes.
type door struct {
	knocks chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func newDoor() *door { return &door{knocks: make(chan net.Conn), closed: make(chan struct{})} }

// Accept implements [net.Listener].
func (d *door) Accept() (net.Conn, error) {
	select {
	case c := <-d.knocks:
		return c, nil
	case <-d.closed:
		return nil, net.ErrClosed
	}
}

// Close implements [net.Listener].
func (d *door) Close() error { d.once.Do(func() { close(d.closed) }); return nil }

// Addr implements [net.Listener].
func (d *door) Addr() net.Addr { return &net.UnixAddr{Name: "asterisk", Net: "pipe"} }

// Cable is a way to an Asterisk, which can be cut. Safe for concurrent use.
type Cable struct {
	to   *door
	mu   sync.Mutex
	cut  bool
	ends []net.Conn
}

// Cable lays one.
func (a *Asterisk) Cable() *Cable { return &Cable{to: a.door} }

// Cut ends every connection over the cable; there is none until Mend.
func (c *Cable) Cut() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cut = true
	for _, end := range c.ends {
		_ = end.Close()
	}
	c.ends = nil
}

// Mend makes a cable whole again.
func (c *Cable) Mend() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cut = false
}

func (c *Cable) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	near, far := net.Pipe()
	if err := c.connect(near, far); err != nil {
		return nil, err
	}
	select {
	case c.to.knocks <- far:
		return near, nil
	case <-c.to.closed:
		return nil, refused(net.ErrClosed)
	case <-ctx.Done():
		return nil, refused(ctx.Err())
	}
}

func (c *Cable) connect(ends ...net.Conn) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cut {
		return refused(errors.New("the cable is cut"))
	}
	c.ends = append(c.ends, ends...)
	return nil
}

func refused(err error) error { return &net.OpError{Op: "dial", Net: "pipe", Err: err} }
