package sip

import (
	"context"
	"net/netip"

	"github.com/emiago/sipgo/sip"

	"c2d/adapters/sip/media"
	"c2d/adapters/sip/sdp"
	"c2d/core/call"
	"c2d/core/fault"
	"c2d/core/tone"
)

// hear tells the key presses that come as RTP events (RFC 4733).
func (l *leg) hear() {
	l.ep.OnDTMF(func(digit byte) { l.pressed(digit) })
}

// pressed tells a key press; the request for one stops.
func (l *leg) pressed(digit byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.prompted && l.ep != nil {
		l.ep.Stop()
	}
	l.prompted = false
	l.tell(call.LegEvent{Kind: call.EvDTMF, Digit: digit})
}

// setRemote notes where the phone receives, and sends there if we do the sending and it wants to hear. One that holds is
// heard from there all the same: it may play music. l.mu is held.
func (l *leg) setRemote(m sdp.Media) {
	l.remote = m
	if l.ep == nil {
		return
	}
	addr := m.AddrPort()
	if m.Held {
		l.ep.SetRemote(addr, m.Codecs)
		addr = netip.AddrPort{}
	}
	l.ep.SetRemote(addr, m.Codecs)
}

// earlyMedia lets the caller hear what the callee's side plays before the answer, in place of our ring-back, which goes
// on until the first of it comes: some networks announce early media and send none. The first leg that sends some is
// heard.
func (l *leg) earlyMedia(res *sip.Response) {
	m, ok := answerIn(res)
	if (!ok || m.Black()) && !l.flow.empty(l.callee()) {
		return
	}
	l.mu.Lock()
	l.setRemote(m)
	ep := l.ep
	l.enter(call.LegEarly, call.LegEvent{Kind: call.EvEarlyMedia, Resume: l.resume()})
	l.mu.Unlock()
	if peer := l.s.leg(l.joinTo); peer != nil && ep != nil {
		peer.listenTo(l.id, ep)
	}
}

func (l *leg) listenTo(other string, ep *media.Endpoint) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.state == call.LegAnswered && l.ep != nil && l.early == "" && l.peer == "" {
		l.early = other
		media.LinkEarly(l.ep, ep)
	}
}

// earlyOver gives the ring-back back to a leg that heard the early media of one that is over.
func (s *Stack) earlyOver(id, other string) {
	l := s.leg(id)
	if l == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.early != other {
		return
	}
	l.early = ""
	if l.ep != nil {
		l.ep.Unlink()
		if l.ringing {
			l.ep.Play(tone.RingBack(s.cfg.Country))
		}
	}
}

// RingBack implements [call.Backend]. While early media is heard it is only noted.
func (s *Stack) RingBack(_ context.Context, leg string, on bool) error {
	l := s.leg(leg)
	if l == nil {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.state != call.LegAnswered || l.ep == nil {
		return nil
	}
	l.ringing = on
	switch {
	case l.early != "":
	case on:
		l.prompted = false
		l.ep.Play(tone.RingBack(s.cfg.Country))
	default:
		l.ep.Stop()
	}
	return nil
}

// Tell implements [call.Backend].
func (s *Stack) Tell(_ context.Context, leg string, why call.Reason) error {
	return s.playOnce(leg, s.sound(why), false)
}

// AskKey implements [call.Backend]: beeps until a key is pressed or the prompt is over.
func (s *Stack) AskKey(_ context.Context, leg string) error {
	return s.playOnce(leg, tone.KeyPrompt(), true)
}

// playOnce plays to an answered leg for a while and tells its end. Whatever else it heard is over.
func (s *Stack) playOnce(id string, t tone.Tone, prompt bool) error {
	l := s.leg(id)
	if l == nil {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.bare() {
		return l.playHere(t, prompt)
	}
	if l.state != call.LegAnswered || l.ep == nil {
		return fault.New(fault.CodeConflict, "the leg does not listen to us")
	}
	l.play(t, prompt)
	return nil
}

func (l *leg) play(t tone.Tone, prompt bool) {
	l.ringing, l.early, l.prompted = false, "", prompt
	l.ep.Unlink()
	l.ep.PlayOnce(t, l.s.waits.prompt, l.played)
}

// playHere plays to a phone that listens to nobody yet: once it was asked to listen to us, whatever it said to that. l.mu is
// held.
func (l *leg) playHere(t tone.Tone, prompt bool) error {
	if err := l.openAnchor(); err != nil {
		return err
	}
	l.s.spawn(func() {
		ctx, cancel := context.WithTimeout(l.s.ctx, l.s.waits.meet)
		defer cancel()
		l.comeBack(ctx)
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.state == call.LegAnswered && l.ep != nil && l.peer == "" {
			l.play(t, prompt)
		}
	})
	return nil
}

// played tells that a prompt is over.
func (l *leg) played() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.state == call.LegAnswered {
		l.prompted = false
		l.tell(call.LegEvent{Kind: call.EvPromptDone})
	}
}

// sound is what a reason sounds like.
func (s *Stack) sound(why call.Reason) tone.Tone {
	switch why {
	case call.Busy, call.Rejected:
		return tone.Busy(s.cfg.Country)
	case call.InvalidNumber, call.Unreachable, call.Blocked, call.Forbidden:
		return tone.SIT()
	}
	return tone.Congestion(s.cfg.Country)
}
