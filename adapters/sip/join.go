package sip

import (
	"context"
	"math/rand/v2"
	"net/netip"
	"time"

	"github.com/emiago/sipgo/sip"

	"c2d/adapters/sip/media"
	"c2d/adapters/sip/sdp"
	"c2d/core/call"
	"c2d/core/fault"
)

// Join implements [call.Backend]: the two hear each other through us at once, and are told as joined; then, in the
// background, they are asked to talk directly.
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

// connect links the anchors of two legs. Both are locked.
func (a *leg) connect(b *leg) {
	for _, l := range []*leg{a, b} {
		l.ep.Unlink()
		l.early, l.ringing, l.prompted = "", false, false
	}
	a.peer, b.peer = b.id, a.id
	media.Link(a.ep, b.ep)
}

// redirect asks two joined phones to send to each other, and lets go of their audio when both do. A phone may refuse,
// be silent or answer what the other cannot use: then we go on forwarding. Nothing here ends a call.
func (s *Stack) redirect(a, b *leg) {
	ctx, cancel := context.WithTimeout(s.ctx, 8*s.waits.reinvite)
	defer cancel()
	for range 3 { // a phone that offers something itself meanwhile starts it again
		if s.relays(a, b) || !reachEachOther(a, b) {
			break
		}
		p := &pair{a: a, b: b}
		if p.exchange(ctx) != nil {
			p.restore()
			break
		}
		if p.commit(ctx) {
			return
		}
	}
	if s.ctx.Err() != nil {
		return // stopped: the next process does it anew
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.tell(call.LegEvent{Kind: call.EvMedia, Text: "relay"})
}

// relays reports whether the configuration keeps the audio of either leg with us.
func (s *Stack) relays(a, b *leg) bool {
	for _, e := range s.cfg.Entries {
		if e.Relay && (e.Name == a.way.Backend || e.Name == b.way.Backend) {
			return true
		}
	}
	return s.cfg.Relay
}

// reachEachOther reports whether two phones can be expected to send to each other: what they say of themselves is
// where we see them, or both are behind the same address; and neither holds the other.
func reachEachOther(a, b *leg) bool {
	defer both(a, b)()
	if a.dlg == nil || b.dlg == nil || a.held || b.held || a.remote.Black() || b.remote.Black() {
		return false
	}
	sa, _ := netip.ParseAddrPort(a.dlg.Flow)
	sb, _ := netip.ParseAddrPort(b.dlg.Flow)
	open := a.remote.Addr == sa.Addr() && b.remote.Addr == sb.Addr()
	return (open || sa.Addr() == sb.Addr()) && a.remote.Addr.Is4() == b.remote.Addr.Is4() &&
		a.remote.Addr.IsLoopback() == b.remote.Addr.IsLoopback() && oneCodec(b.remote.Codecs, a.remote.Codecs) != nil
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
}

// exchange shows each phone the other's address: a, then b with what a answered, then a again if b's answer names
// another address than the one that a was shown.
func (p *pair) exchange(ctx context.Context) error {
	ra, rb := p.begin()
	p.movedA = true
	toA, err := p.a.reinvite(ctx, rb.AddrPort(), oneCodec(rb.Codecs, ra.Codecs))
	if err != nil {
		p.movedA = !fault.Is(err, fault.CodeConflict)
		return err
	}
	p.movedB = true
	toB, err := p.b.reinvite(ctx, toA.AddrPort(), oneCodec(toA.Codecs, rb.Codecs))
	if err != nil {
		p.movedB = !fault.Is(err, fault.CodeConflict)
		return err
	}
	if toB.AddrPort() == rb.AddrPort() {
		return nil
	}
	again, err := p.a.reinvite(ctx, toB.AddrPort(), oneCodec(toB.Codecs, toA.Codecs))
	if err == nil && again.AddrPort() != toA.AddrPort() {
		err = fault.New(fault.CodeConflict, "the phones' addresses do not settle")
	}
	return err
}

func (p *pair) begin() (ra, rb sdp.Media) {
	defer both(p.a, p.b)()
	p.epochA, p.epochB = p.a.epoch, p.b.epoch
	return p.a.remote, p.b.remote
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

// anchor asks a phone to send to us again.
func (l *leg) anchor(ctx context.Context) {
	l.mu.Lock()
	if l.ep == nil {
		l.mu.Unlock()
		return
	}
	addr, codecs := l.ep.Addr(), l.remote.Codecs
	l.mu.Unlock()
	if _, err := l.reinvite(ctx, addr, codecs); err != nil {
		l.s.log.Warn("a phone did not come back to our media address", "leg", l.id, "error", err)
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
	if a.state == call.LegEnded || b.state == call.LegEnded {
		return nil, true
	}
	if a.epoch != p.epochA || b.epoch != p.epochB {
		return nil, false
	}
	anchors = []*media.Endpoint{a.ep, b.ep}
	a.ep, b.ep, a.direct, b.direct = nil, nil, true, true
	a.tell(call.LegEvent{Kind: call.EvMedia, Text: "direct", Resume: a.resume()})
	b.tell(call.LegEvent{Kind: call.EvResume, Resume: b.resume()})
	return anchors, true
}

// reinvite offers a phone an address to send to, and returns what it answered. 491 is tried again after a random time
// (RFC 3261 section 14.1). Errors: fault.CodeConflict when the phone refused, so nothing has changed;
// fault.CodeBackendUnavailable when its state is not known; fault.CodeInvalid for an answer that is none.
func (l *leg) reinvite(ctx context.Context, addr netip.AddrPort, codecs []sdp.Codec) (sdp.Media, error) {
	for {
		res, err := l.inviteAgain(ctx, addr, codecs)
		switch {
		case err != nil:
			return sdp.Media{}, err
		case res.IsSuccess():
			return l.agreed(res)
		case res.StatusCode != sip.StatusRequestPending:
			return sdp.Media{}, fault.New(fault.CodeConflict, "the phone refused a re-INVITE with %d", res.StatusCode)
		}
		pause, stop := after(l.glarePause())
		select {
		case <-pause:
		case <-l.done:
			stop()
			return sdp.Media{}, fault.New(fault.CodeConflict, "the leg has ended")
		case <-ctx.Done():
			stop()
			return sdp.Media{}, fault.New(fault.CodeConflict, "the phone was busy with another re-INVITE")
		}
	}
}

func (l *leg) inviteAgain(ctx context.Context, addr netip.AddrPort, codecs []sdp.Codec) (*sip.Response, error) {
	ctx, cancel := context.WithTimeout(ctx, l.s.waits.reinvite)
	defer cancel()
	select {
	case <-l.turn:
	case <-l.done:
		return nil, fault.New(fault.CodeConflict, "the leg has ended")
	case <-ctx.Done():
		return nil, fault.New(fault.CodeConflict, "the phone's own re-INVITE did not end")
	}
	defer func() { l.turn <- struct{}{} }()
	return l.ask(ctx, sip.INVITE, func(l *leg) []byte { return l.local.Offer(addr, codecs, sdp.SendRecv) })
}

// agreed notes the phone's answer.
func (l *leg) agreed(res *sip.Response) (sdp.Media, error) {
	m, ok := answerIn(res)
	if !ok || m.Black() {
		return m, fault.New(fault.CodeInvalid, "the phone's answer has no usable audio")
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.setRemote(m)
	return m, nil
}

// glarePause is longer for the side that chose the Call-ID, so that the two do not meet again.
func (l *leg) glarePause() time.Duration {
	least, most := l.s.waits.glare[0], l.s.waits.glare[1]
	if l.callID != l.id {
		least, most = 0, least
	}
	return least + rand.N(most-least)
}
