package cable

import (
	"context"
	"errors"
	"net"
	"sync"
)

// Port is where a server listens.
type Port struct {
	name   string
	knocks chan net.Conn
	closed chan struct{}
	once   sync.Once
}

var _ net.Listener = (*Port)(nil)

// NewPort returns one that nobody has connected to.
func NewPort(name string) *Port {
	return &Port{name: name, knocks: make(chan net.Conn), closed: make(chan struct{})}
}

// Accept implements [net.Listener].
func (p *Port) Accept() (net.Conn, error) {
	select {
	case c := <-p.knocks:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

// Close implements [net.Listener].
func (p *Port) Close() error { p.once.Do(func() { close(p.closed) }); return nil }

// Addr implements [net.Listener].
func (p *Port) Addr() net.Addr { return &net.UnixAddr{Name: p.name, Net: "pipe"} }

// Cable is a way to a port, which can be cut.
type Cable struct {
	to   *Port
	mu   sync.Mutex
	cut  bool
	ends []net.Conn
}

// Cable lays one.
func (p *Port) Cable() *Cable { return &Cable{to: p} }

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

// Dial connects, whatever the network and the address: it is that of a [net.Dialer]. Errors: *net.OpError.
func (c *Cable) Dial(ctx context.Context, _, _ string) (net.Conn, error) {
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
