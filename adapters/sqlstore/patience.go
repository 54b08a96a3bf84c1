package sqlstore

import (
	"context"
	"net"
	"sync/atomic"
	"time"
)

// patience is the dialer of lib/pq's connections. The library ends a statement whose context has ended by asking the server to
// cancel it, over a connection of its own, and waits until the server has: for ever when the server hangs. So no
// connection waits longer for a sign of the server than the limit; what waits then fails, and the connection with it.
type patience struct {
	net.Dialer
	limit atomic.Int64 // ns; 0 is none, while the schema is brought up to date
}

// silence is how long a server may take over the next bytes of an answer. Our statements take milliseconds.
const silence = 4 * time.Second

// begin is called when everything that may take long is done.
func (p *patience) begin() { p.limit.Store(int64(silence)) }

// Dial implements [pq.Dialer].
func (p *patience) Dial(network, address string) (net.Conn, error) {
	return p.DialContext(context.Background(), network, address)
}

// DialTimeout implements [pq.Dialer].
func (p *patience) DialTimeout(network, address string, limit time.Duration) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	return p.DialContext(ctx, network, address)
}

// DialContext implements [pq.DialerContext].
func (p *patience) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	c, err := p.Dialer.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	return &impatient{c, p}, nil
}

// impatient is a connection that waits no longer than its dialer allows.
type impatient struct {
	net.Conn
	of *patience
}

// Read implements [net.Conn].
func (c *impatient) Read(b []byte) (int, error) {
	if limit := c.of.limit.Load(); limit > 0 {
		if err := c.SetReadDeadline(time.Now().Add(time.Duration(limit))); err != nil {
			return 0, err
		}
	}
	return c.Conn.Read(b)
}
