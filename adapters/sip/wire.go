package sip

import (
	"errors"
	"net"
	"net/netip"
	"sync"
	"syscall"
	"time"

	"c2d/adapters/sip/grave"
)

// wire is a UDP listening socket as the SIP library sees it: each datagram passes the trace in wire order, and an ICMP
// error of one peer (the phone that was switched off) is told to the stack and does not end the reader of all.
type wire struct {
	*net.UDPConn
	mu      sync.Mutex // one message at a time through the trace
	trace   func(Message)
	refused func(peer netip.AddrPort)
	ear     grave.Ear
}

func newWire(c *net.UDPConn, trace func(Message), refused func(netip.AddrPort)) *wire {
	w := &wire{UDPConn: c, trace: trace, refused: refused}
	reportErrors(c)
	return w
}

// ReadFrom implements [net.PacketConn].
func (w *wire) ReadFrom(b []byte) (int, net.Addr, error) {
	w.ear.Back()
	for {
		n, peer, err := w.UDPConn.ReadFromUDPAddrPort(b)
		if soft(err) {
			w.drain()
			continue
		}
		if err != nil {
			return n, nil, err
		}
		peer = netip.AddrPortFrom(peer.Addr().Unmap(), peer.Port())
		if !w.ear.Hear(peer) {
			continue
		}
		w.note(false, peer, b[:n])
		return n, net.UDPAddrFromAddrPort(peer), nil
	}
}

// WriteTo implements [net.PacketConn]. A pending ICMP error is some former datagram's, not this one's.
func (w *wire) WriteTo(b []byte, to net.Addr) (int, error) {
	n, err := w.write(b, to)
	if soft(err) {
		w.drain()
		n, err = w.write(b, to)
	}
	return n, err
}

// soft reports the errors that ICMP leaves on a socket for whoever uses it next: they are about one peer, and the
// reader of all must not end with them.
func soft(err error) bool {
	for _, e := range []error{
		syscall.ECONNREFUSED, syscall.EHOSTUNREACH, syscall.ENETUNREACH, syscall.EHOSTDOWN, syscall.EACCES, syscall.EPROTO,
		syscall.EMSGSIZE, syscall.ENOPROTOOPT, syscall.EOPNOTSUPP,
	} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

func (w *wire) write(b []byte, to net.Addr) (int, error) {
	if w.trace == nil {
		return w.UDPConn.WriteTo(b, to)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if a, ok := to.(*net.UDPAddr); ok {
		w.tell(true, a.AddrPort(), b) // before it leaves, so that no reply can be told of first
	}
	return w.UDPConn.WriteTo(b, to)
}

func (w *wire) note(sent bool, peer netip.AddrPort, b []byte) {
	if w.trace == nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.tell(sent, peer, b)
}

func (w *wire) tell(sent bool, peer netip.AddrPort, b []byte) {
	m := Message{At: time.Now().UTC(), Sent: sent, Transport: "udp", Remote: peer, Raw: append([]byte(nil), b...)}
	m.Remote = netip.AddrPortFrom(peer.Addr().Unmap(), peer.Port())
	if a, ok := w.LocalAddr().(*net.UDPAddr); ok {
		m.Local = a.AddrPort()
	}
	m.StartLine, m.CallID, m.CSeq = summarise(b)
	w.trace(m)
}

// drain reads the socket's queue of ICMP errors and tells of each refused peer.
func (w *wire) drain() {
	for _, peer := range refusedPeers(w.UDPConn) {
		w.refused(peer)
	}
}
