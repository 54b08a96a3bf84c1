// Package grave keeps sipgo from opening sockets of its own at the end of one of ours. It handles what it has read in
// goroutines that nobody can wait for; one that is late, and finds no connection to answer over, makes one, which nobody
// closes and whose reader never ends. So each peer is noted, and at the end gets a connection that is closed already.
package grave

import (
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/emiago/sipgo/sip"
)

// most is how many peers are noted, so that a flood of forged addresses costs no memory. The late ones of the others are
// not provided for.
const most = 4096

// Peers are those that a UDP socket has heard of. The zero value is ready; safe for concurrent use.
type Peers struct {
	mu  sync.Mutex
	all map[netip.AddrPort]struct{}
}

// Add notes a peer.
func (p *Peers) Add(a netip.AddrPort) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.all == nil {
		p.all = map[netip.AddrPort]struct{}{}
	}
	if len(p.all) < most {
		p.all[a] = struct{}{}
	}
}

// Bury gives every peer, and the socket itself, a connection over which nothing can be sent. It comes before the socket is
// closed, and the pool must not be cleared afterwards.
func (p *Peers) Bury(pool *sip.ConnectionPool, own netip.AddrPort) {
	p.mu.Lock()
	defer p.mu.Unlock()
	dead := &sip.UDPConnection{PacketConn: closed{own}, PacketAddr: own.String()}
	pool.Add(own.String(), dead)
	for a := range p.all {
		pool.Add(a.String(), dead)
	}
}

// closed is a socket that was closed.
type closed struct{ own netip.AddrPort }

func (closed) ReadFrom([]byte) (int, net.Addr, error) { return 0, nil, net.ErrClosed }
func (closed) WriteTo([]byte, net.Addr) (int, error)  { return 0, net.ErrClosed }
func (closed) Close() error                           { return nil }
func (c closed) LocalAddr() net.Addr                  { return net.UDPAddrFromAddrPort(c.own) }
func (closed) SetDeadline(time.Time) error            { return nil }
func (closed) SetReadDeadline(time.Time) error        { return nil }
func (closed) SetWriteDeadline(time.Time) error       { return nil }
