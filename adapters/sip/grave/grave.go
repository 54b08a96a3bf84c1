// Package grave keeps sipgo from opening sockets of its own at the end of one of ours. It handles what it has read in
// goroutines that nobody can wait for; one that is late, and finds no connection to answer over, makes one, which nobody
// closes and whose reader never ends. So each peer is noted, and at the end gets a connection that is closed already.
//
// The library's reader notes the socket for a peer only after it has read a datagram, and forgets it when the socket is
// closed. A grave that is dug in between would be opened again: so the reader is first made deaf, and waited for until it
// has done with its last datagram.
package grave

import (
	"context"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/emiago/sipgo/sip"
)

// most is how many peers are noted, so that a flood of forged addresses costs no memory. The late ones of the others are
// not provided for.
const most = 4096

// Ear is what a UDP socket's one reader hears: the socket's ReadFrom calls Back when it begins, and Hear for each datagram.
// The zero value is ready; safe for concurrent use.
type Ear struct {
	mu    sync.Mutex
	peers map[netip.AddrPort]struct{}
	deaf  bool
	busy  bool          // the reader has a datagram in hand
	done  chan struct{} // closed when it has not; nil while nobody waits for that
}

// Back says that the reader wants the next datagram: it has done with the last one.
func (e *Ear) Back() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.busy = false
	if e.done != nil {
		close(e.done)
		e.done = nil
	}
}

// Hear notes whom a datagram comes from. False: we are deaf, and the reader must not be given it.
func (e *Ear) Hear(from netip.AddrPort) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.deaf {
		return false
	}
	e.busy = true
	if e.peers == nil {
		e.peers = map[netip.AddrPort]struct{}{}
	}
	if len(e.peers) < most {
		e.peers[from] = struct{}{}
	}
	return true
}

// Deafen lets nothing more through, and returns when the reader has done with what it was given, or with ctx.
func (e *Ear) Deafen(ctx context.Context) {
	e.mu.Lock()
	e.deaf = true
	if e.busy && e.done == nil {
		e.done = make(chan struct{})
	}
	done := e.done
	e.mu.Unlock()
	if done == nil {
		return
	}
	select {
	case <-done:
	case <-ctx.Done():
	}
}

// Bury gives every peer, and the socket itself, a connection over which nothing can be sent. It comes between Deafen and the
// closing of the socket, and the pool must not be cleared afterwards.
func (e *Ear) Bury(pool *sip.ConnectionPool, own netip.AddrPort) {
	e.mu.Lock()
	defer e.mu.Unlock()
	dead := &sip.UDPConnection{PacketConn: closed{own}, PacketAddr: own.String()}
	pool.Add(own.String(), dead)
	for a := range e.peers {
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
