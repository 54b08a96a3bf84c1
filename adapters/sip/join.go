package sip

import (
	"context"

	"c2d/adapters/sip/media"
	"c2d/core/call"
	"c2d/core/fault"
)

// Join implements [call.Backend]: the two hear each other through us at once, and are told as joined; then, in the
// background, they are asked to talk directly. Where the flow of one gave it no address of ours, that comes first.
func (s *Stack) Join(_ context.Context, a, b string) error {
	la, lb := s.leg(a), s.leg(b)
	if la == nil {
		return nil
	}
	if lb == nil || la == lb {
		la.mu.Lock()
		la.tell(call.LegEvent{Kind: call.EvJoinFailed, Peer: b, Cause: call.Cause{Reason: call.Lost}})
		la.mu.Unlock()
		return nil
	}
	if begin, bare := s.introduces(la, lb); bare {
		if begin {
			s.spawn(func() { s.introduce(la, lb) })
		}
		return nil
	}
	direct, err := s.link(la, lb)
	if err == nil && !direct {
		s.spawn(func() { s.redirect(la, lb) })
	}
	return err
}

// link forwards between two answered legs and tells it. After a restart core asks again for what is direct already.
func (s *Stack) link(a, b *leg) (direct bool, err error) {
	defer both(a, b)()
	if a.direct && b.direct && a.peer == b.id {
		a.tell(call.LegEvent{Kind: call.EvJoined, Peer: b.id})
		return true, nil
	}
	if a.state != call.LegAnswered || b.state != call.LegAnswered || a.ep == nil || b.ep == nil {
		return false, fault.New(fault.CodeConflict, "both legs must be answered and not joined yet")
	}
	a.connect(b)
	a.tell(call.LegEvent{Kind: call.EvJoined, Peer: b.id, Resume: a.resume()})
	b.tell(call.LegEvent{Kind: call.EvResume, Resume: b.resume()})
	return false, nil
}

// connect links the anchors of two legs, unless one of them waits. Both are locked.
func (a *leg) connect(b *leg) {
	if a.rec != b.rec {
		a.unrecord()
		b.unrecord()
	}
	for _, l := range []*leg{a, b} {
		l.ep.Unlink()
		l.early, l.ringing, l.prompted = "", false, false
	}
	a.peer, b.peer = b.id, a.id
	if !holdTone(a, b) {
		media.Link(a.ep, b.ep)
	}
}
