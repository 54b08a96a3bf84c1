package media

import "time"

// Link forwards RTP and RTCP between two endpoints, both ways, and ends what they play. An endpoint has one link: a
// former one of either is undone. A codec that the other side does not have is dropped and counted there; a payload
// type is turned into the one that the other side chose for the codec. While an endpoint plays a tone, what is forwarded
// to it is dropped.
func Link(a, b *Endpoint) {
	if a == b || a.isClosed() || b.isClosed() {
		return
	}
	a.attach(b)
	b.attach(a)
}

// Unlink ends the forwarding, both ways. No packet of the former peer is sent after it has returned.
func (e *Endpoint) Unlink() {
	e.mu.Lock()
	peer := e.peer
	e.peer = nil
	e.out.cut()
	e.mu.Unlock()
	if peer != nil {
		peer.detach(e)
	}
}

func (e *Endpoint) isClosed() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.closed
}

func (e *Endpoint) attach(peer *Endpoint) {
	e.mu.Lock()
	e.silence()
	former := e.peer
	if former != peer && !e.closed {
		e.peer = peer
		e.out.cut()
	}
	e.mu.Unlock()
	if former != nil && former != peer {
		former.detach(e)
	}
}

func (e *Endpoint) detach(peer *Endpoint) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.peer == peer {
		e.peer = nil
		e.out.cut()
	}
}

// forward sends on a packet that from has taken. It runs on the goroutine that reads from's socket.
func (e *Endpoint) forward(from *Endpoint, p *packet, now time.Time) {
	e.mu.Lock()
	defer e.mu.Unlock()
	pt, ok := e.terms.sent(p.codec)
	if !ok || e.closed || e.peer != from || e.player != nil || !e.remote.target().IsValid() {
		e.stats.Dropped++
		return
	}
	n, ok := e.out.relay(p, now)
	if !ok {
		e.stats.Dropped++
		return
	}
	// On key presses the marker says that one begins; there it is not ours to set.
	e.out.head(p.wire, pt, p.marker || n.first && !p.codec.Events(), n)
	e.send(p.wire)
}

// send writes an RTP packet to the remote side. The caller holds mu, which keeps packets in their order.
func (e *Endpoint) send(b []byte) {
	if _, err := e.rtp.WriteToUDPAddrPort(b, e.remote.target()); err != nil {
		e.stats.Dropped++
		return
	}
	e.stats.Out++
}
