package sip

import (
	"context"
	"fmt"
	"slices"

	"github.com/emiago/sipgo/sip"

	"c2d/adapters/sip/dialog"
	"c2d/adapters/sip/media"
	"c2d/adapters/sip/sdp"
	"c2d/core/call"
	"c2d/core/fault"
)

var _ call.Keyer = (*Stack)(nil)

// mostKeys is how many keys may wait to be pressed.
const mostKeys = 256

// SendDTMF implements [call.Keyer]: as RTP events (RFC 4733), for which the audio comes to us and stays, or by INFO to a
// phone that did not agree to those.
func (s *Stack) SendDTMF(_ context.Context, leg, keys string) error {
	l := s.leg(leg)
	if l == nil {
		return nil
	}
	peer, err := l.joined()
	if err != nil {
		return err
	}
	begin, moved, err := l.queueKeys(peer, keys)
	if err == nil && begin {
		s.spawn(func() { l.pressKeys(peer, moved) })
	}
	return err
}

// queueKeys notes what is to be pressed; begin says that nobody does so yet.
func (l *leg) queueKeys(peer *leg, keys string) (begin, moved bool, err error) {
	defer both(l, peer)()
	switch {
	case l.peer != peer.id:
		return false, false, fault.New(fault.CodeConflict, "the leg talks with nobody")
	case len(l.keys)+len(keys) > mostKeys:
		return false, false, fault.New(fault.CodeCongestion, "too many keys wait to be pressed")
	}
	if l.takesEvents() {
		if moved, err = anchorBoth(l, peer); err != nil {
			return false, false, err
		}
	}
	begin = l.keys == ""
	l.keys += keys
	return begin, moved, nil
}

// takesEvents reports whether the phone agreed to RTP events. l.mu is held.
func (l *leg) takesEvents() bool { return slices.ContainsFunc(l.remote.Codecs, sdp.Codec.Events) }

// pressKeys presses what waits, until nothing does or the leg is over.
func (l *leg) pressKeys(peer *leg, moved bool) {
	if moved {
		ctx, cancel := context.WithTimeout(l.s.ctx, 8*l.s.waits.reinvite)
		peer.comeBack(ctx)
		l.comeBack(ctx)
		cancel()
	}
	for {
		key, ep := l.nextKey()
		if key == 0 {
			return
		}
		if err := l.pressKey(key, ep); err != nil {
			l.s.log.Warn("a key could not be pressed", "leg", l.id, "error", err)
		}
		l.keyPressed()
	}
}

// nextKey returns the key to be pressed, and by what; 0 when there is none.
func (l *leg) nextKey() (key byte, ep *media.Endpoint) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.state != call.LegAnswered || l.s.ctx.Err() != nil {
		l.keys = ""
	}
	if l.keys == "" {
		return 0, nil
	}
	if l.takesEvents() {
		ep = l.ep
	}
	return l.keys[0], ep
}

func (l *leg) keyPressed() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.keys != "" {
		l.keys = l.keys[1:]
	}
}

func (l *leg) pressKey(key byte, ep *media.Endpoint) error {
	if ep == nil {
		return l.informOfKey(key)
	}
	done := make(chan struct{})
	if !ep.Press(key, func() { close(done) }) {
		return l.informOfKey(key)
	}
	select {
	case <-done:
	case <-l.s.ctx.Done():
	}
	return nil
}

// informOfKey presses a key by INFO, as most phones without RTP events take it.
func (l *leg) informOfKey(key byte) error {
	ctx, cancel := context.WithTimeout(l.s.ctx, l.s.waits.reinvite)
	defer cancel()
	body := fmt.Appendf(nil, "Signal=%c\r\nDuration=100\r\n", key)
	res, err := l.ask(ctx, sip.INFO, func(*leg) []byte { return body }, dialog.Header{Name: "Content-Type", Value: "application/dtmf-relay"})
	if err == nil && !res.IsSuccess() {
		err = fault.New(fault.CodeNotSupported, "the phone refused the INFO with %d", res.StatusCode)
	}
	return err
}
