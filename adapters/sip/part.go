package sip

import (
	"context"

	"c2d/core/call"
	"c2d/core/fault"
)

var _ call.Parter = (*Stack)(nil)

// Part implements [call.Parter]: the leg's audio comes back to us at once where we forward it, and by a re-INVITE where its
// phone sends to the other's.
func (s *Stack) Part(_ context.Context, leg string) error {
	l := s.leg(leg)
	if l == nil {
		return nil
	}
	l.mu.Lock()
	peer := s.leg(l.peer)
	l.mu.Unlock()
	if peer != nil {
		peer.mu.Lock()
		peer.peer = "" // what its phone offers from now on is not for this one
		peer.mu.Unlock()
	}
	if err := l.part(); err != nil {
		return err
	}
	s.spawn(l.comeBack)
	return nil
}

// part gives a leg an anchor of its own.
func (l *leg) part() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.state != call.LegAnswered {
		return fault.New(fault.CodeConflict, "the leg is not answered")
	}
	l.peer, l.joinTo, l.held = "", "", false
	l.epoch++ // a redirection that is under way begins anew, and finds no peer
	if l.ep != nil {
		l.ep.Unlink()
		return nil
	}
	ep, err := l.s.pool.Open()
	if err != nil {
		return err
	}
	l.ep, l.direct = ep, false
	l.setRemote(l.remote)
	l.hear()
	return nil
}

// comeBack asks the phone of a parted leg to send to us. Where its peer held it, it is heard again.
func (l *leg) comeBack() {
	ctx, cancel := context.WithTimeout(l.s.ctx, 4*l.s.waits.reinvite)
	defer cancel()
	l.anchor(ctx)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.tell(call.LegEvent{Kind: call.EvResume, Resume: l.resume()})
}
