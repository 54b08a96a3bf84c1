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
		peer.unrecord()
		peer.peer, peer.holds, peer.waits = "", false, false // what its phone offers from now on is not for this one
		peer.mu.Unlock()
	}
	back, err := l.part()
	if err != nil {
		return err
	}
	s.spawn(func() {
		defer close(back)
		ctx, cancel := context.WithTimeout(s.ctx, 4*s.waits.reinvite)
		defer cancel()
		l.comeBack(ctx)
	})
	return nil
}

// part gives a leg an anchor of its own. back is to be closed when its phone was asked to send there.
func (l *leg) part() (back chan struct{}, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.state != call.LegAnswered {
		return nil, fault.New(fault.CodeConflict, "the leg is not answered")
	}
	if err := l.takeAnchor(); err != nil {
		return nil, err
	}
	l.parted = make(chan struct{})
	l.unrecord()
	l.peer, l.joinTo, l.held, l.holds, l.waits, l.keys = "", "", false, false, false, ""
	l.epoch++ // a redirection that is under way begins anew, and finds no peer
	return l.parted, nil
}

// takeAnchor makes us who sends to the phone. l.mu is held.
func (l *leg) takeAnchor() error {
	if l.ep != nil {
		l.ep.Unlink()
		l.ep.Stop()
		return nil
	}
	return l.openAnchor()
}

// comeBack asks the phone to send to us, in the direction that is wanted now.
func (l *leg) comeBack(ctx context.Context) {
	l.anchor(ctx)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.tell(call.LegEvent{Kind: call.EvResume, Resume: l.resume()})
}

// cameBack waits until a leg that was parted has asked its phone to send to us: a redirection must not be overtaken by that.
func (l *leg) cameBack(ctx context.Context) {
	l.mu.Lock()
	parted := l.parted
	l.mu.Unlock()
	if parted == nil {
		return
	}
	select {
	case <-parted:
	case <-ctx.Done():
	}
}
