package sip

import (
	"context"

	"c2d/adapters/sip/sdp"
	"c2d/core/call"
	"c2d/core/fault"
)

// introduces begins the joining of two legs of which one is bare; false for others, and when it has begun already.
func (s *Stack) introduces(a, b *leg) (begin, bare bool) {
	defer both(a, b)()
	if a.state != call.LegAnswered || b.state != call.LegAnswered || !a.bare() && !b.bare() {
		return false, false
	}
	begin = !a.meeting
	a.meeting, a.peer, b.peer = true, b.id, a.id
	return begin, true
}

// introduce shows two phones each other's addresses and then tells them as joined. Where that cannot be, whoever is bare
// gets an address of ours and we forward; a phone that takes neither cannot be joined.
func (s *Stack) introduce(a, b *leg) {
	p := &pair{a: a, b: b, first: true}
	p.begin()
	met := p.meet()
	err := s.ctx.Err()
	if !met && err == nil {
		err = p.shelter()
	}
	if !met && err == nil {
		_, err = s.link(a, b)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.meeting = false
	switch {
	case met || s.ctx.Err() != nil: // told, or to be done anew by the next process
	case err != nil:
		a.tell(call.LegEvent{Kind: call.EvJoinFailed, Peer: b.id, Cause: call.Cause{Reason: call.MediaFailed, Text: err.Error()}})
	default:
		a.tell(call.LegEvent{Kind: call.EvMedia, Text: "relay"})
	}
}

// meet reports whether both phones send to each other now.
func (p *pair) meet() bool {
	ctx, cancel := context.WithTimeout(p.a.s.ctx, p.a.s.waits.meet)
	defer cancel()
	return !p.a.s.relays(p.a, p.b) && reachEachOther(p.a, p.b) && p.exchange(ctx) == nil && p.commit(ctx)
}

// shelter gives addresses of ours to whoever is bare, and brings back whoever was sent elsewhere. The one whose ACK waits
// is the first: that waits for nobody.
func (p *pair) shelter() error {
	ctx, cancel := context.WithTimeout(p.a.s.ctx, p.a.s.waits.meet)
	defer cancel()
	for _, c := range []struct {
		l, peer *leg
		moved   bool
	}{{p.b, p.a, p.movedB}, {p.a, p.b, p.movedA}} {
		if err := c.l.takeIn(ctx, c.peer, c.moved); err != nil {
			return err
		}
	}
	return nil
}

// takeIn asks a phone to send to us, unless it does so already, in a codec that its peer has. Errors: those of reinvite, and
// fault.CodeCongestion when no RTP port is free.
func (l *leg) takeIn(ctx context.Context, peer *leg, moved bool) error {
	unlock := both(l, peer)
	codecs := sdp.Common(l.have(), peer.have())
	bare := l.bare()
	var err error
	if bare {
		err = l.openAnchor()
	}
	unlock()
	switch {
	case err != nil:
		return err
	case codecs == nil:
		return fault.New(fault.CodeConflict, "the phones have no codec in common")
	case !bare && !moved:
		return nil
	}
	return l.comeHere(ctx, codecs)
}

// openAnchor gives a leg an RTP address of ours, of which its phone does not know yet. l.mu is held.
func (l *leg) openAnchor() error {
	ep, err := l.s.pool.Open()
	if err != nil {
		return err
	}
	l.ep, l.direct = ep, false
	l.setRemote(l.remote)
	l.hear()
	return nil
}
