package sip

import (
	"strings"
	"time"

	"github.com/emiago/sipgo/sip"

	"c2d/adapters/sip/dialog"
	"c2d/adapters/sip/sdp"
	"c2d/core/call"
)

// offer is an INVITE that a phone sent us, until it is answered or refused. Its handler waits in serve, since the
// library ends a transaction with its handler.
type offer struct {
	req     *sip.Request
	sdp     *sdp.Session  // nil when the phone leaves the offer to us
	replies chan reply    // from the operations to the handler
	pracked chan struct{} // the reliable 180 was acknowledged
	gone    chan struct{}
}

type reply struct {
	status int
	body   func(*leg) []byte
}

// ringSeq is the RSeq of the one provisional response that we send reliably: 180. No other carries anything.
const ringSeq = 1

// demandsReliable reports whether the caller takes provisional responses only reliably (RFC 3262 section 3).
func (o *offer) demandsReliable() bool { return dialog.Lists(o.req, "Require", "100rel") }

// acknowledged takes a PRACK and returns its status: 481 unless it is that of our 180, 488 for an offer, since ours to the
// caller's is still out.
func (o *offer) acknowledged(req *sip.Request) int {
	if o == nil || !o.demandsReliable() {
		return sip.StatusCallTransactionDoesNotExists
	}
	r, ok := dialog.RAckOf(req)
	switch {
	case !ok || r != dialog.RAck{RSeq: ringSeq, CSeq: o.req.CSeq().SeqNo, Method: sip.INVITE}:
		return sip.StatusCallTransactionDoesNotExists
	case len(req.Body()) > 0:
		return sip.StatusNotAcceptableHere
	}
	select {
	case o.pracked <- struct{}{}:
	default: // a repetition
	}
	return sip.StatusOK
}

// order hands a reply to the handler; when it is gone already, so is the leg.
func (o *offer) order(status int, body func(*leg) []byte) {
	select {
	case o.replies <- reply{status, body}:
	case <-o.gone:
	}
}

func newOffer(req *sip.Request) (*offer, int) {
	o := &offer{req: req, replies: make(chan reply, 4), pracked: make(chan struct{}, 1), gone: make(chan struct{})}
	if len(req.Body()) == 0 {
		return o, 0
	}
	if t := req.ContentType(); t == nil || !strings.HasPrefix(strings.ToLower(t.Value()), "application/sdp") {
		return nil, sip.StatusUnsupportedMediaType
	}
	d, err := sdp.Parse(req.Body())
	if err != nil {
		return nil, sip.StatusBadRequest
	}
	if d.Audio == nil || !d.Audio.Plain() || sdp.Common(d.Audio.Codecs, sdp.DefaultCodecs()) == nil {
		return nil, sip.StatusNotAcceptableHere
	}
	o.sdp = &d
	return o, 0
}

// serve answers the offered INVITE as core orders, until its final response has arrived at the phone.
func (l *leg) serve(tx *sip.ServerTx, cancelled <-chan struct{}) {
	defer close(l.offer.gone)
	var again reliable
	defer again.stop()
	for {
		select {
		case r := <-l.offer.replies:
			if l.answerOffer(tx, r, &again) {
				return
			}
		case <-again.due():
			if !again.repeat(tx) { // no PRACK in 64*T1 (RFC 3262 section 3)
				l.order(call.Unreachable)
				l.answerOffer(tx, reply{sip.StatusGatewayTimeout, nil}, &again)
				return
			}
		case <-l.offer.pracked:
			again.stop()
		case <-cancelled: // the library has sent 200 and 487
			l.finish(call.Cause{Reason: call.Cancelled, SIP: sip.StatusRequestTerminated})
			return
		case <-l.done: // the phone said BYE instead (RFC 3261 section 15)
			_ = tx.Respond(l.response(l.offer.req, sip.StatusRequestTerminated))
			return
		case <-tx.Done():
			l.finish(call.Cause{Reason: call.Cancelled})
			return
		case <-l.s.ctx.Done():
			return
		}
	}
}

// answerOffer sends one response and reports whether it was the final one.
func (l *leg) answerOffer(tx *sip.ServerTx, r reply, again *reliable) bool {
	res := l.response(l.offer.req, r.status)
	if r.body != nil {
		l.mu.Lock()
		if l.ep == nil { // it has ended
			l.mu.Unlock()
			return false
		}
		dialog.SetBody(res, r.body(l))
		l.mu.Unlock()
	}
	if r.status == sip.StatusOK {
		l.granted(l.offer.req, res)
	}
	if again.stop(); r.status == sip.StatusRinging && l.offer.demandsReliable() {
		again.begin(res)
	}
	err := tx.Respond(res)
	switch {
	case r.status < 200:
	case err != nil:
		l.finish(call.Cause{Reason: call.Cancelled, SIP: sip.StatusRequestTerminated})
	case r.status >= 300:
		l.finish(call.Cause{Reason: call.Rejected, SIP: r.status})
	default:
		l.taken(tx, res)
	}
	return r.status >= 200
}

// taken follows the 200 until its ACK, before which no INVITE of ours may follow (RFC 3261 section 14.1). A phone that never
// acknowledges has no call (section 13.3.1.4).
func (l *leg) taken(tx *sip.ServerTx, res *sip.Response) {
	select {
	case <-l.turn:
		defer func() { l.turn <- struct{}{} }()
	case <-l.done:
	}
	l.mu.Lock()
	l.enter(call.LegAnswered, call.LegEvent{Kind: call.EvAnswered, Resume: l.resume()})
	l.watch()
	late := l.why != ""
	l.mu.Unlock()
	ack, taken := l.deliver(tx, res, l.offer.sdp == nil)
	switch {
	case ack != nil && len(ack.Body()) > 0:
		l.lateAnswer(ack)
	case !taken || late:
		l.sayBye()
	}
}

// deliver repeats a 2xx until its ACK comes, which it returns; false when there is none in 64*T1, or the leg is over. A
// phone that sends its next INVITE has our answer, whatever became of its ACK: to say 491 until that comes would lock it
// out of its own call. Unless the ACK brings an answer: that is waited for.
func (l *leg) deliver(tx *sip.ServerTx, res *sip.Response, brings bool) (*sip.Request, bool) {
	newer := l.newer
	if brings {
		newer = nil
	}
	interval := sip.T1
	end := time.NewTimer(64 * sip.T1)
	defer end.Stop()
	for {
		again, stop := after(interval)
		select {
		case ack := <-l.acks:
			stop()
			if ack.CSeq().SeqNo == res.CSeq().SeqNo {
				return ack, true
			}
		case ack := <-tx.Acks(): // of a phone that uses the INVITE's branch again
			stop()
			return ack, true
		case seq := <-newer:
			stop()
			if seq > res.CSeq().SeqNo {
				return nil, true
			}
		case <-again:
			_ = tx.Respond(res)
			interval = min(2*interval, sip.T2)
		case <-end.C:
			stop()
			return nil, false
		case <-l.done:
			stop()
			return nil, false
		case <-l.s.ctx.Done():
			stop()
			return nil, false
		}
	}
}

// lateAnswer takes the answer to an offer that we made in a 200.
func (l *leg) lateAnswer(ack *sip.Request) {
	m, ok := answerIn(ack)
	if !ok {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.setRemote(m)
	l.tell(call.LegEvent{Kind: call.EvResume, Resume: l.resume()})
}

// describe returns our description for an offered leg: an answer to the phone's offer, or the offer that it asks for.
// l.mu is held.
func (l *leg) describe() []byte {
	ep := l.ep
	if l.offer.sdp == nil {
		return l.local.Offer(l.receives(ep), sdp.DefaultCodecs(), sdp.SendRecv)
	}
	both := sdp.Common(l.offer.sdp.Audio.Codecs, sdp.DefaultCodecs())
	l.remote.Codecs = both
	ep.SetRemote(l.remote.AddrPort(), both)
	return l.local.Answer(*l.offer.sdp, l.receives(ep), both, sdp.SendRecv)
}
