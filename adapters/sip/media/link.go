package media

import "time"

// Link forwards RTP and RTCP between two endpoints, both ways, and ends what they play. An endpoint has one link: a
// former one of either is undone. A codec that the other side does not have is dropped and counted there; a payload
// type is turned into the one that the other side chose for the codec. While an endpoint plays a tone, what is forwarded
// to it is dropped.
func Link(a, b *Endpoint) { link(a, b, false) }

// LinkEarly is Link for early media: what an endpoint plays goes on until the first packet for it comes, since there are
// networks that announce early media (183 with SDP) and send none, and the caller must not sit in silence. A tone that
// is begun later goes first again.
func LinkEarly(a, b *Endpoint) { link(a, b, true) }

func link(a, b *Endpoint, yield bool) {
	if a == b || a.isClosed() || b.isClosed() {
		return
	}
	a.attach(b, yield)
	b.attach(a, yield)
}

// Unlink ends the forwarding, both ways. No packet of the former peer is sent after it has returned.
func (e *Endpoint) Unlink() {
	e.mu.Lock()
	peer := e.peer
	e.joinTo(nil)
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

func (e *Endpoint) attach(peer *Endpoint, yield bool) {
	e.mu.Lock()
	if e.yields = yield; !yield {
		e.silence()
	}
	former := e.peer
	if former != peer && !e.closed {
		e.joinTo(peer)
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
		e.joinTo(nil)
	}
}

// joinTo changes the peer. What comes next in the stream is another source, unless a tone goes on. The caller holds mu.
func (e *Endpoint) joinTo(peer *Endpoint) {
	e.peer, e.beep = peer, nil
	if e.player == nil {
		e.out.cut()
	}
}

// forward sends on a packet that from has taken. It runs on the goroutine that reads from's socket.
func (e *Endpoint) forward(from *Endpoint, p *packet, now time.Time) {
	e.mu.Lock()
	defer e.mu.Unlock()
	pt, ok := e.terms.sent(p.codec)
	if !ok || e.closed || e.peer != from || !e.remote.target().IsValid() {
		e.stats.Dropped++
		return
	}
	e.overhear(p, now)
	if e.player != nil && !e.yields {
		e.stats.Dropped++
		return
	}
	e.silence()
	n, ok := e.out.relay(p, now)
	if !ok {
		e.stats.Dropped++
		return
	}
	e.mix(p)
	// On key presses the marker says that one begins; there it is not ours to set.
	e.out.head(p.wire, pt, p.marker || n.first && !p.codec.Events(), n)
	e.send(p.wire)
	e.passed = now
	e.handOver()
}

// send writes an RTP packet to the remote side. The caller holds mu, which keeps packets in their order.
func (e *Endpoint) send(b []byte) {
	if _, err := e.rtp.WriteToUDPAddrPort(b, e.remote.target()); err != nil {
		e.stats.Dropped++
		return
	}
	e.stats.Out++
}
