package sip

import (
	"context"

	"c2d/adapters/sip/media"
	"c2d/adapters/sip/sdp"
	"c2d/core/call"
	"c2d/core/fault"
	"c2d/core/tone"
)

var _ call.Holder = (*Stack)(nil)

// Hold implements [call.Holder]. The audio of both comes to us and is not forwarded; the phone of who waits is told so by
// a=sendonly, and hears the hold tone.
func (s *Stack) Hold(_ context.Context, leg string, on bool) error {
	l := s.leg(leg)
	if l == nil {
		return nil
	}
	peer, err := l.joined()
	if err != nil {
		return err
	}
	moved, err := l.hold(peer, on)
	if err == nil {
		s.spawn(func() { s.settle(l, peer, moved) })
	}
	return err
}

// joined returns the leg that this one talks with.
func (l *leg) joined() (*leg, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if peer := l.s.leg(l.peer); peer != nil && l.state == call.LegAnswered {
		return peer, nil
	}
	return nil, fault.New(fault.CodeConflict, "the leg talks with nobody")
}

// hold notes who holds whom; moved says that the phones have to be asked to send to us.
func (l *leg) hold(waits *leg, on bool) (moved bool, err error) {
	defer both(l, waits)()
	if l.peer != waits.id || waits.state != call.LegAnswered {
		return false, fault.New(fault.CodeConflict, "the leg talks with nobody")
	}
	if moved, err = anchorBoth(l, waits); err != nil {
		return false, err
	}
	l.holds, waits.waits = on, on
	l.epoch++ // a redirection that is under way begins anew, and finds that nobody may talk directly
	waits.epoch++
	l.connect(waits)
	kind := call.EvResume
	switch {
	case on:
		kind = call.EvHeld
	case !l.held:
		kind = call.EvResumed
	}
	l.tell(call.LegEvent{Kind: kind, Resume: l.resume()})
	waits.tell(call.LegEvent{Kind: call.EvResume, Resume: waits.resume()})
	return moved, nil
}

// anchorBoth gives two legs that talk directly anchors again, linked; nothing to do where they have them. Both are locked.
func anchorBoth(a, b *leg) (moved bool, err error) {
	if a.ep != nil && b.ep != nil {
		return false, nil
	}
	var opened []*media.Endpoint
	for range 2 {
		ep, err := a.s.pool.Open()
		if err != nil {
			for _, ep := range opened {
				_ = ep.Close()
			}
			return false, err
		}
		opened = append(opened, ep)
	}
	for i, l := range []*leg{a, b} {
		l.ep, l.direct = opened[i], false
		l.epoch++
		l.setRemote(l.remote)
		l.hear()
	}
	a.connect(b)
	return true, nil
}

// settle tells the phones what anchorBoth and hold have settled, and lets them talk directly where nobody holds.
func (s *Stack) settle(holds, waits *leg, moved bool) {
	ctx, cancel := context.WithTimeout(s.ctx, 8*s.waits.reinvite)
	defer cancel()
	if moved {
		holds.comeBack(ctx)
	}
	waits.comeBack(ctx)
	s.redirect(holds, waits)
}

// wanted is the direction in which we describe ourselves to the phone. l.mu is held.
func (l *leg) wanted() sdp.Direction {
	if l.waits {
		return sdp.SendOnly
	}
	return sdp.SendRecv
}

// holdTone plays to whoever waits, and reports whether one of the two does. Both are locked.
func holdTone(a, b *leg) (waits bool) {
	for _, l := range []*leg{a, b} {
		if l.waits {
			l.ep.Play(tone.Hold(l.s.cfg.Country))
			waits = true
		}
	}
	return waits
}
