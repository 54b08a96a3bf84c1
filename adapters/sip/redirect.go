package sip

import (
	"context"
	"net/netip"

	"c2d/adapters/sip/media"
	"c2d/adapters/sip/sdp"
	"c2d/core/call"
	"c2d/core/fault"
)

// redirect asks two joined phones to send to each other, and lets go of their audio when both do. A phone may refuse,
// be silent or answer what the other cannot use: then we go on forwarding. Nothing here ends a call.
func (s *Stack) redirect(a, b *leg) {
	ctx, cancel := context.WithTimeout(s.ctx, 8*s.waits.reinvite)
	defer cancel()
	a.cameBack(ctx)
	b.cameBack(ctx)
	for range 3 { // a phone that offers something itself meanwhile starts it again
		if s.relays(a, b) || !reachEachOther(a, b) {
			break
		}
		p := &pair{a: a, b: b}
		p.handOver(ctx)
		err := p.exchange(ctx)
		if err == nil && p.commit(ctx) {
			return
		}
		p.restore()
		if err != nil && !p.changed() {
			break
		}
	}
	if s.ctx.Err() != nil {
		return // stopped: the next process does it anew
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.tell(call.LegEvent{Kind: call.EvMedia, Text: "relay"})
}

// relays reports whether the configuration keeps the audio of either leg with us: behind a NAT of ours a phone's own address
// says nothing.
func (s *Stack) relays(a, b *leg) bool {
	for _, l := range []*leg{a, b} {
		if e, _ := s.entry(l.way.Backend); e.Relay || e.Advertise != "" {
			return true
		}
	}
	return s.cfg.Relay
}

// reachEachOther reports whether two phones can be expected to send to each other: what they say of themselves is
// where we see them, or both are behind the same address; and neither holds the other, nor do we for one; and they are not recorded.
func reachEachOther(a, b *leg) bool {
	defer both(a, b)()
	if a.dlg == nil || b.dlg == nil || a.held || b.held || a.waits || b.waits || a.rec != nil || b.rec != nil || b.remote.Black() {
		return false
	}
	if a.remote.Black() {
		return a.bare() // it tells when it is shown b's
	}
	return (a.open() && b.open() || a.seenAt() == b.seenAt()) && a.remote.Addr.Is4() == b.remote.Addr.Is4() &&
		a.remote.Addr.IsLoopback() == b.remote.Addr.IsLoopback() && oneCodec(b.remote.Codecs, a.remote.Codecs) != nil
}

// seenAt is where the phone's SIP comes from. l.mu is held.
func (l *leg) seenAt() netip.Addr {
	a, _ := netip.ParseAddrPort(l.dlg.Flow)
	return a.Addr()
}

// open reports whether the phone can be taken to receive where it says. A trunk with a flow of its own is taken at its
// word: its media has gateways of their own. l.mu is held.
func (l *leg) open() bool {
	return l.remote.Addr == l.seenAt() || !l.flow.anchors() && l.gateway() != nil
}

// oneCodec returns the first speech codec that both have, and key presses if both have them: with a single codec
// neither side may switch to one that the other lacks.
func oneCodec(offered, supported []sdp.Codec) []sdp.Codec {
	var one []sdp.Codec
	speech := false
	for _, c := range sdp.Common(offered, supported) {
		if c.Events() || c.Speech() && !speech {
			one = append(one, c)
			speech = speech || c.Speech()
		}
	}
	return one
}

// pair is one attempt to bring two phones together.
type pair struct {
	a, b   *leg
	epochA int
	epochB int
	movedA bool // its phone was, or may have been, sent away from our anchor
	movedB bool
	first  bool // the two were not told as joined yet
}

// exchange shows each phone the other's address: a, then b with what a answered, then a again if b's answer names
// another address than the one that a was shown.
func (p *pair) exchange(ctx context.Context) error {
	rb := p.begin()
	p.movedA = true
	toA, err := p.a.reinvite(ctx, rb.AddrPort(), p.codecsForA(rb), &p.epochA)
	if err != nil {
		p.movedA = !fault.Is(err, fault.CodeConflict)
		return err
	}
	if p.shown(toA, rb) {
		return nil
	}
	p.movedB = true
	toB, err := p.b.reinvite(ctx, toA.AddrPort(), oneCodec(toA.Codecs, rb.Codecs), &p.epochB)
	if err != nil {
		p.movedB = !fault.Is(err, fault.CodeConflict)
		return err
	}
	if toB.AddrPort() == rb.AddrPort() {
		return nil
	}
	again, err := p.a.reinvite(ctx, toB.AddrPort(), oneCodec(toB.Codecs, toA.Codecs), &p.epochA)
	if err == nil && again.AddrPort() != toA.AddrPort() {
		err = fault.New(fault.CodeConflict, "the phones' addresses do not settle")
	}
	return err
}

func (p *pair) begin() (rb sdp.Media) {
	defer both(p.a, p.b)()
	p.epochA, p.epochB = p.a.epoch, p.b.epoch
	return p.b.remote
}

// changed reports whether a phone has offered something itself since begin, or core has.
func (p *pair) changed() bool {
	defer both(p.a, p.b)()
	return p.a.epoch != p.epochA || p.b.epoch != p.epochB
}

// handOver gives the phones' jitter buffers a moment to follow from our numbers to the peer's own. A phone that sends
// nothing is not waited for long.
func (p *pair) handOver(ctx context.Context) {
	unlock := both(p.a, p.b)
	ea, eb := p.a.ep, p.b.ep
	unlock()
	if ea == nil || eb == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, p.a.s.waits.handOver)
	defer cancel()
	media.HandOver(ctx, ea, eb)
}

// restore brings back to our anchor whoever was sent away.
func (p *pair) restore() {
	ctx, cancel := context.WithTimeout(p.a.s.ctx, 4*p.a.s.waits.reinvite)
	defer cancel()
	if p.movedA {
		p.a.anchor(ctx)
	}
	if p.movedB {
		p.b.anchor(ctx)
	}
}

// commit lets go of the audio, unless a phone offered something itself meanwhile, or one is gone. It reports whether
// there is nothing left to do.
func (p *pair) commit(ctx context.Context) bool {
	for _, l := range []*leg{p.a, p.b} {
		select {
		case <-l.turn:
			defer func() { l.turn <- struct{}{} }()
		case <-l.done:
			return true
		case <-ctx.Done():
			return false
		}
	}
	anchors, done := p.letGo()
	for _, ep := range anchors {
		ep.Unlink()
		_ = ep.Close()
	}
	return done
}

func (p *pair) letGo() (anchors []*media.Endpoint, done bool) {
	a, b := p.a, p.b
	defer both(a, b)()
	if a.state == call.LegEnded || b.state == call.LegEnded || a.peer != b.id || a.direct && b.direct {
		return nil, true // over, or done by another: core may have ordered twice
	}
	if a.epoch != p.epochA || b.epoch != p.epochB {
		return nil, false
	}
	for _, ep := range []*media.Endpoint{a.ep, b.ep} {
		if ep != nil {
			anchors = append(anchors, ep)
		}
	}
	a.ep, b.ep, a.direct, b.direct = nil, nil, true, true
	if p.first {
		a.tell(call.LegEvent{Kind: call.EvJoined, Peer: b.id, Resume: a.resume()})
	}
	a.tell(call.LegEvent{Kind: call.EvMedia, Text: "direct", Resume: a.resume()})
	b.tell(call.LegEvent{Kind: call.EvResume, Resume: b.resume()})
	return anchors, true
}

// codecsForA are what a is offered: one that both have, or all where b was shown a's address before, and may use any.
func (p *pair) codecsForA(rb sdp.Media) []sdp.Codec {
	defer both(p.a, p.b)()
	if p.b.shown.IsValid() {
		return sdp.Common(rb.Codecs, p.a.have())
	}
	return oneCodec(rb.Codecs, p.a.have())
}

// shown reports whether b's first INVITE said already what a has answered now.
func (p *pair) shown(toA, rb sdp.Media) bool {
	defer both(p.a, p.b)()
	shown := p.b.shown == toA.AddrPort() && len(sdp.Common(rb.Codecs, toA.Codecs)) == len(rb.Codecs)
	p.b.shown = netip.AddrPort{}
	return shown
}
