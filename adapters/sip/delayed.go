package sip

import (
	"net/netip"
	"time"

	"github.com/emiago/sipgo/sip"

	"c2d/adapters/sip/sdp"
	"c2d/core/call"
)

// delayed is the answer to the description in the 2xx to an INVITE of ours that had none: the ACK carries it (RFC 3261
// section 13.2.2.4), and each repetition of the ACK. It is stored, since the phone repeats its 2xx to a next process too.
type delayed struct {
	Seq    uint32 `json:"cseq,omitempty"`   // of the INVITE; 0 for none
	Offer  string `json:"offer,omitempty"`  // the phone's, until it is answered
	Answer string `json:"answer,omitempty"` // ours
}

func (d *delayed) pending() bool { return d.Offer != "" }

// acknowledge takes what the 2xx to the first INVITE says of media, and acknowledges it. A callee whose phone made the
// offer waits for that: the answer is the caller's. It returns false when there is no media to talk with. l.mu is held.
func (r *ringing) acknowledge(res *sip.Response, m sdp.Media, ok bool) (sdp.Media, bool) {
	if !r.invite.Bare {
		r.s.ack(r.dlg, r.invite.Seq, r.claimed...)
		return m, ok || r.flow.empty(r.callee())
	}
	r.delayed = delayed{Seq: r.invite.Seq, Offer: string(res.Body())}
	m, ok = answerIn(res)
	if m.Codecs = sdp.Common(m.Codecs, sdp.DefaultCodecs()); !ok || !m.Plain() || m.Codecs == nil {
		r.refuse()
		return m, false
	}
	r.remote = m
	if r.callee() {
		r.answerSoon()
	} else {
		r.answer(r.s.blackHole(), m.Codecs)
	}
	return m, true
}

// answerSoon sees to it that the ACK does not wait until the phone has given up repeating its 2xx.
func (l *leg) answerSoon() {
	time.AfterFunc(3*l.s.waits.meet, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.delayed.pending() {
			l.answer(l.s.blackHole(), l.have())
		}
	})
}

// answer sends the ACK that waits, with an answer. l.mu is held.
func (l *leg) answer(addr netip.AddrPort, codecs []sdp.Codec) {
	offer, err := sdp.Parse([]byte(l.delayed.Offer))
	if err == nil {
		l.delayed.Answer = string(l.local.Answer(offer, addr, codecs, l.wanted()))
	}
	l.delayed.Offer = ""
	l.acknowledged(l.delayed.Seq)
}

// answerLate answers the phone's offer in the ACK, if that waits, and returns where the phone receives.
func (l *leg) answerLate(addr netip.AddrPort, codecs []sdp.Codec) (sdp.Media, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.delayed.pending() || l.state != call.LegAnswered {
		return sdp.Media{}, false
	}
	l.answer(addr, codecs)
	return l.remote, true
}

// refuse sends the ACK that waits: we want no media, and the BYE follows. l.mu is held.
func (l *leg) refuse() {
	if l.delayed.Seq == 0 {
		return
	}
	l.delayed.Answer, l.delayed.Offer = string(refusalOfMedia([]byte(l.delayed.Offer))), ""
	l.acknowledged(l.delayed.Seq)
}

// refusalOfMedia answers an offer that nobody wants (RFC 3264 section 6); nil to what is no offer.
func refusalOfMedia(body []byte) []byte {
	offer, err := sdp.Parse(body)
	if err != nil || len(offer.MLines) == 0 {
		return nil
	}
	own := sdp.Local{ID: 1} // each repetition says the same
	return own.Answer(offer, netip.AddrPort{}, nil, sdp.Inactive)
}

// acknowledged sends the ACK of the 2xx to the INVITE with that CSeq, again if need be, but not while its answer is not
// known. l.mu is held.
func (l *leg) acknowledged(seq uint32) {
	switch {
	case seq != l.delayed.Seq:
		l.s.ack(l.dlg, seq, l.claimed...)
	case !l.delayed.pending():
		l.s.ackWith(l.dlg, seq, []byte(l.delayed.Answer), l.claimed...)
	}
}
