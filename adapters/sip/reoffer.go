package sip

import (
	"context"

	"github.com/emiago/sipgo/sip"

	"c2d/adapters/sip/dialog"
	"c2d/adapters/sip/sdp"
	"c2d/core/call"
)

// reoffered takes an INVITE or UPDATE of the phone: hold, resume, another codec or address, a session refresh.
func (l *leg) reoffered(req *sip.Request, tx *sip.ServerTx) {
	if tooShort(req) {
		_ = tx.Respond(tooBrief(l.response(req, 422)))
		return
	}
	if req.Method == sip.INVITE {
		select {
		case l.newer <- req.CSeq().SeqNo:
		default: // one is told already
		}
	}
	if !l.takeTurn() {
		_ = tx.Respond(l.response(req, sip.StatusRequestPending))
		return
	}
	defer func() { l.turn <- struct{}{} }()
	l.mu.Lock()
	l.dlg.Refresh(req)
	l.epoch++
	l.mu.Unlock()
	res := l.respondToOffer(req)
	if res.IsSuccess() {
		l.granted(req, res)
	}
	err := tx.Respond(res)
	if req.Method != sip.INVITE || err != nil || !res.IsSuccess() {
		return
	}
	if ack, _ := l.deliver(tx, res, len(req.Body()) == 0); ack != nil && len(ack.Body()) > 0 {
		l.moved(ack)
	}
}

// takeTurn waits a moment for the INVITE that is under way, ours or theirs: most are over in a few milliseconds, and
// 491 (RFC 3261 section 14.2) costs the phone seconds. The caller gives the turn back.
func (l *leg) takeTurn() bool {
	limit, stop := after(sip.T1)
	defer stop()
	select {
	case <-l.turn:
		return true
	case <-limit:
	case <-l.done:
	}
	return false
}

// respondToOffer builds the response to an offer (or the request for one) inside the dialog.
func (l *leg) respondToOffer(req *sip.Request) *sip.Response {
	if len(req.Body()) == 0 && req.Method == sip.UPDATE { // a session refresh
		return l.response(req, sip.StatusOK)
	}
	status, body := l.meet(req)
	res := l.response(req, status)
	dialog.SetBody(res, body)
	return res
}

// meet answers an offer from our anchor, or from the peer's phone where the two talk directly.
func (l *leg) meet(req *sip.Request) (int, []byte) {
	var offer *sdp.Session
	if len(req.Body()) > 0 {
		d, err := sdp.Parse(req.Body())
		if err != nil || d.Audio == nil {
			return sip.StatusNotAcceptableHere, nil
		}
		offer = &d
	}
	l.mu.Lock()
	direct, peer := l.direct, l.s.leg(l.peer)
	l.mu.Unlock()
	switch {
	case direct && peer == nil:
		return sip.StatusNotAcceptableHere, nil // the peer is gone, and so is this call in a moment
	case direct && offer == nil:
		return sip.StatusOK, l.offerPeer(peer)
	case direct:
		return l.pass(peer, *offer)
	}
	return l.meetHere(offer, peer)
}

// meetHere answers from our anchor.
func (l *leg) meetHere(offer *sdp.Session, peer *leg) (int, []byte) {
	have := sdp.DefaultCodecs()
	if peer != nil {
		peer.mu.Lock()
		have = peer.have()
		peer.mu.Unlock()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ep == nil && !l.bare() {
		return sip.StatusNotAcceptableHere, nil
	}
	if offer == nil {
		return sip.StatusOK, l.local.Offer(l.here(), have, l.wanted())
	}
	both := sdp.Common(offer.Audio.Codecs, have)
	if both == nil && offer.Audio.Port != 0 {
		return sip.StatusNotAcceptableHere, nil
	}
	l.take(*offer.Audio, both)
	return sip.StatusOK, l.local.Answer(*offer, l.here(), both, l.wanted())
}

// take notes what the phone offered, and tells hold and resume. l.mu is held.
func (l *leg) take(m sdp.Media, both []sdp.Codec) {
	m.Codecs = both
	if m.Black() {
		m.Addr, m.Port = l.remote.Addr, l.remote.Port // held the old way: where it hears again later is not known yet
	}
	l.setRemote(m)
	kind := call.EvResume
	switch {
	case m.Held && !l.held:
		kind = call.EvHeld
	case !m.Held && l.held && !l.holds:
		kind = call.EvResumed
	}
	l.held = m.Held
	l.tell(call.LegEvent{Kind: kind, Resume: l.resume()})
}

// pass hands an offer through to the peer's phone and brings its answer back: their audio does not touch us.
func (l *leg) pass(peer *leg, offer sdp.Session) (int, []byte) {
	ctx, cancel := context.WithTimeout(l.s.ctx, l.s.waits.reinvite)
	defer cancel()
	select {
	case <-peer.turn:
	default:
		return sip.StatusRequestPending, nil
	}
	defer func() { peer.turn <- struct{}{} }()
	m := *offer.Audio
	res, err := peer.ask(ctx, sip.INVITE, func(p *leg) []byte {
		return p.local.Offer(m.AddrPort(), m.Codecs, m.Direction)
	})
	switch {
	case err != nil && l.repeats(m): // a session refresh: who cannot be reached now need not know of it
		return sip.StatusOK, l.bringBack(peer, offer, peer.described())
	case err != nil:
		return sip.StatusGatewayTimeout, nil
	case res.StatusCode == sip.StatusRequestPending:
		return sip.StatusRequestPending, nil
	}
	answer, ok := answerIn(res)
	if !res.IsSuccess() || !ok {
		return sip.StatusNotAcceptableHere, nil
	}
	return sip.StatusOK, l.bringBack(peer, offer, answer)
}

// repeats reports whether the phone offers what it has said before.
func (l *leg) repeats(m sdp.Media) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return m.Same(l.remote)
}

// described returns what the phone last said of its media.
func (l *leg) described() sdp.Media {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.remote
}

// bringBack notes the two sides of an exchange that went through us, and returns our answer.
func (l *leg) bringBack(peer *leg, offer sdp.Session, answer sdp.Media) []byte {
	defer both(l, peer)()
	if answer.Black() { // some phones answer a hold with 0.0.0.0, which is no address to pass on
		answer.Addr, answer.Port = peer.remote.Addr, peer.remote.Port
	}
	peer.remote = answer
	peer.tell(call.LegEvent{Kind: call.EvResume, Resume: peer.resume()})
	l.take(*offer.Audio, offer.Audio.Codecs)
	return l.local.Answer(offer, answer.AddrPort(), sdp.Common(offer.Audio.Codecs, answer.Codecs), answer.Direction)
}

// offerPeer returns an offer of the peer's phone, for a re-INVITE that asks for one.
func (l *leg) offerPeer(peer *leg) []byte {
	defer both(l, peer)()
	return l.local.Offer(peer.remote.AddrPort(), peer.remote.Codecs, sdp.SendRecv)
}

// moved takes the answer in an ACK, or in the response to a refresh. Where the phones talk directly, the peer learns of a
// new address.
func (l *leg) moved(answer sip.Message) {
	m, ok := answerIn(answer)
	if !ok {
		return
	}
	l.mu.Lock()
	same := m.Same(l.remote)
	direct, peer := l.direct, l.s.leg(l.peer)
	l.setRemote(m)
	l.tell(call.LegEvent{Kind: call.EvResume, Resume: l.resume()})
	l.mu.Unlock()
	if direct && !same && peer != nil {
		ctx, cancel := context.WithTimeout(l.s.ctx, 4*l.s.waits.reinvite)
		defer cancel()
		_, _ = peer.reinvite(ctx, m.AddrPort(), m.Codecs, nil)
	}
}
