package phone

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/emiago/sipgo/sip"
)

// onInvite takes a new call, or a change of the present one.
func (p *Phone) onInvite(req *sip.Request, tx sip.ServerTransaction) {
	if tag(req.To()) != "" {
		p.onReinvite(req, tx)
		return
	}
	p.mu.Lock()
	answer := p.answer
	p.mu.Unlock()
	c, err := p.incoming(req)
	switch {
	case err != nil:
		p.respond(tx, req, "", sip.StatusInternalServerError, nil)
	case !p.take(c):
		c.audio.close()
		p.respond(tx, req, c.localTag, sip.StatusBusyHere, nil)
	default:
		c.serve(req, tx, answer)
	}
}

// incoming makes the dialog of an INVITE (RFC 3261 section 12.1.1).
func (p *Phone) incoming(req *sip.Request) (*call, error) {
	if req.From() == nil || req.CallID() == nil || req.CSeq() == nil {
		return nil, ErrNoCall
	}
	c, err := p.newCall(req.CallID().Value(), true)
	if err != nil {
		return nil, err
	}
	c.local, c.remote = req.To().AsFrom(), req.From().AsTo()
	c.local.Params = c.local.Params.Clone()
	c.local.Params.Add("tag", c.localTag)
	c.remoteCSeq = req.CSeq().SeqNo
	for _, h := range req.GetHeaders("Record-Route") {
		if rr, ok := h.(*sip.RecordRouteHeader); ok {
			c.routes = append(c.routes, rr.Address)
		}
	}
	c.aim(req.Contact())
	return c, nil
}

// serve rings and answers as the phone's owner decides. It returns when the call has its final response, and for a
// 200 its ACK: sipgo ends a transaction with its handler.
func (c *call) serve(req *sip.Request, tx sip.ServerTransaction, a Answer) {
	cancelled := make(chan string, 1)
	if !tx.OnCancel(func(r *sip.Request) { cancelled <- reason(r) }) { // it came right behind the INVITE, and nobody is told any more
		c.end(Event{Status: sip.StatusRequestTerminated})
		return
	}
	answer := c.ring(req, tx, a)
	status, why := c.decision(a, cancelled)
	if status == sip.StatusRequestTerminated { // sipgo has sent it
		c.end(Event{Status: status, Reason: why})
		return
	}
	if status == sip.StatusOK && len(req.Body()) > 0 && answer == nil {
		if answer = c.agree(req.Body()); answer == nil {
			status = sip.StatusNotAcceptableHere
		}
	}
	if status != sip.StatusOK {
		c.phone.respond(tx, req, c.localTag, status, nil, a.elsewhere(status)...)
		c.end(Event{Status: status, Here: true})
		return
	}
	c.accept(req, tx, answer)
}

// ring sends 180, or with early media 183 and the answer that the 200 repeats.
func (c *call) ring(req *sip.Request, tx sip.ServerTransaction, a Answer) (answer []byte) {
	if !a.rings() {
		return nil
	}
	status := sip.StatusRinging
	if c.phone.cfg.EarlyMedia && len(req.Body()) > 0 {
		if answer = c.agree(req.Body()); answer != nil {
			status = sip.StatusSessionInProgress
		}
	}
	if c.phone.cfg.Forwards {
		c.phone.respond(tx, req, c.localTag, sip.StatusCallIsForwarded, nil)
	}
	c.phone.respond(tx, req, c.localTag, status, answer)
	c.tell(Event{Kind: Ringing})
	return answer
}

// decision waits for the first to decide: the policy, the owner, the caller, or Close.
func (c *call) decision(a Answer, cancelled <-chan string) (status int, why string) {
	var policy <-chan time.Time
	if a.Status != 0 {
		timer := time.NewTimer(a.After)
		defer timer.Stop()
		policy = timer.C
	}
	select {
	case <-policy:
		return a.Status, ""
	case status = <-c.decide:
		return status, ""
	case why = <-cancelled:
		return sip.StatusRequestTerminated, why
	case <-c.phone.ctx.Done():
		return sip.StatusTemporarilyUnavailable, ""
	}
}

// accept sends the 200 until its ACK comes, and talks. A call whose ACK never comes is given up (RFC 3261 13.3.1.4).
func (c *call) accept(req *sip.Request, tx sip.ServerTransaction, answer []byte) {
	offered := answer == nil
	if offered { // the INVITE had no description: ours is the offer, the ACK has the answer
		answer = c.offer()
	}
	wait := c.expectACK(req, offered)
	c.talk()
	if !c.confirm(req, tx, answer, wait) {
		ctx, cancel := context.WithTimeout(c.phone.ctx, closeLimit)
		defer cancel()
		_ = c.bye(ctx)
	}
}

// expectACK prepares for the ACK of the 2xx that is sent next.
func (c *call) expectACK(req *sip.Request, offer bool) *pendingAck {
	c.mu.Lock()
	defer c.mu.Unlock()
	ack := &pendingAck{cseq: req.CSeq().SeqNo, offer: offer, done: make(chan struct{}), late: make(chan struct{})}
	c.acks = append(c.acks, ack)
	return ack
}

// confirm repeats a 200 until its ACK (RFC 3261 section 13.3.1.4); false if none came in time.
func (c *call) confirm(req *sip.Request, tx sip.ServerTransaction, body []byte, ack *pendingAck) bool {
	gap := sip.T1
	limit := time.NewTimer(64 * sip.T1)
	defer limit.Stop()
	for {
		c.phone.respond(tx, req, c.localTag, sip.StatusOK, body)
		again := time.NewTimer(gap)
		select {
		case <-ack.done:
			again.Stop()
			return true
		case <-c.done:
			again.Stop()
			return true
		case <-limit.C:
			again.Stop()
			close(ack.late)
			return false
		case <-again.C:
			gap = min(2*gap, sip.T2)
		}
	}
}

// onReinvite changes the present call: the tone moves with the answer.
func (p *Phone) onReinvite(req *sip.Request, tx sip.ServerTransaction) {
	c := p.match(req)
	switch {
	case c == nil:
		p.respond(tx, req, "", sip.StatusCallTransactionDoesNotExists, nil)
		return
	case !c.next(req):
		p.respond(tx, req, c.localTag, sip.StatusInternalServerError, nil)
		return
	case p.cfg.RefuseReinvites:
		p.respond(tx, req, c.localTag, sip.StatusNotAcceptableHere, nil)
		return
	}
	if !c.ponder(p.cfg.ReinviteAfter) {
		p.respond(tx, req, c.localTag, sip.StatusRequestTerminated, nil) // RFC 3261 section 15.1.2
		return
	}
	c.change(req, tx)
}

// ponder waits as a slow phone does; false if the call ended meanwhile.
func (c *call) ponder(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-c.done:
		return false
	}
}

func (c *call) change(req *sip.Request, tx sip.ServerTransaction) {
	var body []byte
	offered := len(req.Body()) == 0
	if offered {
		body = c.offer()
	} else {
		c.describe(req.CSeq().SeqNo, func() { body = c.agree(req.Body()) })
	}
	if body == nil {
		c.phone.respond(tx, req, c.localTag, sip.StatusNotAcceptableHere, nil)
		return
	}
	c.aim(req.Contact())
	c.confirm(req, tx, body, c.expectACK(req, offered))
}

// onAck ends the repetition of a 200.
func (p *Phone) onAck(req *sip.Request, _ sip.ServerTransaction) {
	c := p.match(req)
	if c == nil || req.CSeq() == nil {
		return
	}
	if ack := c.takeAck(req.CSeq().SeqNo); ack != nil && ack.offer {
		c.describe(ack.cseq, func() { c.settle(req.Body()) })
	}
}

// takeAck ends the repetition of the 2xx with that CSeq, and returns it if its ACK is the first.
func (c *call) takeAck(cseq uint32) *pendingAck {
	c.mu.Lock()
	defer c.mu.Unlock()
	i := slices.IndexFunc(c.acks, func(a *pendingAck) bool { return a.cseq == cseq })
	if i < 0 {
		return nil
	}
	ack := c.acks[i]
	c.acks = slices.Delete(c.acks, i, i+1)
	close(ack.done)
	return ack
}

func (p *Phone) onBye(req *sip.Request, tx sip.ServerTransaction) {
	c := p.match(req)
	if c == nil || !c.next(req) {
		p.respond(tx, req, "", sip.StatusCallTransactionDoesNotExists, nil)
		return
	}
	p.respond(tx, req, c.localTag, sip.StatusOK, nil)
	c.end(Event{Reason: reason(req)})
}

// onStrayCancel answers a CANCEL whose INVITE is gone; sipgo serves the others itself.
func (p *Phone) onStrayCancel(req *sip.Request, tx sip.ServerTransaction) {
	p.respond(tx, req, "", sip.StatusCallTransactionDoesNotExists, nil)
}

// onOptions says that the phone, or the dialog that the request belongs to, is alive (RFC 3261 section 11).
func (p *Phone) onOptions(req *sip.Request, tx sip.ServerTransaction) {
	if tag(req.To()) != "" && p.match(req) == nil {
		p.respond(tx, req, "", sip.StatusCallTransactionDoesNotExists, nil)
		return
	}
	p.respond(tx, req, "", sip.StatusOK, nil)
}

// onInfo takes a key press of the other side that comes as INFO.
func (p *Phone) onInfo(req *sip.Request, tx sip.ServerTransaction) {
	t := req.ContentType()
	_, key, _ := strings.Cut(string(req.Body()), "Signal=")
	switch {
	case p.match(req) == nil:
		p.respond(tx, req, "", sip.StatusCallTransactionDoesNotExists, nil)
	case t == nil || t.Value() != "application/dtmf-relay" || key == "" || strings.IndexByte(keyNames, key[0]) < 0:
		p.respond(tx, req, "", sip.StatusUnsupportedMediaType, nil)
	default:
		p.respond(tx, req, "", sip.StatusOK, nil)
		p.journal.tell(Event{Kind: Pressed, Call: req.CallID().Value(), Key: key[0]})
	}
}

func (p *Phone) onOther(req *sip.Request, tx sip.ServerTransaction) {
	p.respond(tx, req, "", sip.StatusMethodNotAllowed, nil)
}

// phrases are the reason phrases of what the phone answers with; others are sent as "Refused".
var phrases = map[int]string{180: "Ringing", 181: "Call Is Being Forwarded", 183: "Session Progress", 200: "OK", 405: "Method Not Allowed",
	480: "Temporarily Unavailable", 487: "Request Terminated", 481: "Call/Transaction Does Not Exist", 486: "Busy Here", 488: "Not Acceptable Here",
	500: "Server Internal Error", 603: "Decline"}

// elsewhere names in a 302 who shall be called (RFC 3261 section 21.3.3).
func (a Answer) elsewhere(status int) []sip.Header {
	if a.To == "" || status != sip.StatusMovedTemporarily {
		return nil
	}
	return []sip.Header{sip.NewHeader("Contact", "<"+a.To+">")}
}

// respond sends a response with our tag, if given, and further headers. What cannot be sent is repeated by the other side's transaction.
func (p *Phone) respond(tx sip.ServerTransaction, req *sip.Request, localTag string, status int, body []byte, more ...sip.Header) {
	phrase := phrases[status]
	if phrase == "" {
		phrase = "Refused"
	}
	res := sip.NewResponseFromRequest(req, status, phrase, body)
	if localTag != "" {
		res.To().Params.Add("tag", localTag)
	}
	res.AppendHeader(sip.NewHeader("Allow", "INVITE, ACK, BYE, CANCEL, OPTIONS"))
	if status < 300 {
		res.AppendHeader(p.contact())
	}
	if status == sip.StatusOK && req.Method == sip.INVITE {
		p.timer(res)
	}
	if body != nil {
		res.AppendHeader(sip.NewHeader("Content-Type", "application/sdp"))
	}
	for _, h := range more {
		res.AppendHeader(h)
	}
	_ = tx.Respond(res)
}

// reason returns the Reason header of a request, empty without one.
func reason(req *sip.Request) string {
	if h := req.GetHeader("Reason"); h != nil {
		return h.Value()
	}
	return ""
}
