package sip

import (
	"time"

	"github.com/emiago/sipgo/sip"

	"c2d/adapters/sip/dialog"
	"c2d/adapters/sip/sdp"
	"c2d/core/call"
)

// ringing is the following of one first INVITE. It belongs to one goroutine.
type ringing struct {
	*leg
	tx         *sip.ClientTx
	progressed bool // a 1xx came: CANCEL may be sent (RFC 3261 section 9.1)
	cancelled  bool
	claim      claim
	giveUp     <-chan time.Time
	stopGiveUp func()
	longerOnce bool // the INVITE was repeated with a longer session interval
}

// ring sends the INVITE and follows it. It ends when the leg is answered or over.
func (l *leg) ring(req *sip.Request, limit time.Duration) {
	tx, err := l.s.request(l.fit(req))
	if err != nil {
		l.unreached()
		return
	}
	tx.OnRetransmission(l.again)
	r := &ringing{leg: l, tx: tx, stopGiveUp: func() {}}
	silence, stopSilence := after(min(l.s.waits.silence, positive(limit)))
	ringLimit, stopLimit := after(limit)
	defer func() { stopSilence(); stopLimit(); r.stopGiveUp() }()
	for {
		select {
		case res := <-r.tx.Responses():
			silence = nil
			if r.hear(res) {
				return
			}
		case <-silence:
			r.silent()
			return
		case <-ringLimit:
			if r.expire() {
				return
			}
		case <-l.wake:
			if r.woken() {
				return
			}
		case <-r.giveUp:
			r.abandonTx(call.Cause{Reason: call.Unreachable})
			return
		case <-r.tx.Done():
			r.silent()
			return
		}
	}
}

// positive returns a limit that is none as one that never is the smaller.
func positive(d time.Duration) time.Duration {
	if d <= 0 {
		return 1 << 62
	}
	return d
}

// expire ends the ringing at its limit. It reports whether the following is over: a phone that was silent did not ring,
// as far as we know.
func (r *ringing) expire() bool {
	if !r.progressed {
		r.silent()
		return true
	}
	r.order(call.NoAnswer)
	r.release()
	return false
}

// woken looks at what another goroutine wants: the end of the leg. It reports whether the following is over.
func (r *ringing) woken() bool {
	r.mu.Lock()
	refused, why := r.refused && !r.progressed, r.why
	r.mu.Unlock()
	if refused {
		r.tx.Terminate()
		r.unreached()
		return true
	}
	if why != "" {
		r.release()
	}
	return false
}

// unreached ends a leg whose INVITE nobody took: no phone has rung.
func (l *leg) unreached() {
	l.gateway().lost(l.invite.Dest)
	l.finish(call.Cause{Reason: call.Unreachable, NotRung: true})
}

// silent ends a leg without a final response. Where nothing came at all a phone may ring or not: core tries no other way,
// unless the trunk says that it shall.
func (r *ringing) silent() {
	c := call.Cause{Reason: call.Unreachable}
	if g := r.gateway(); !r.progressed {
		g.lost(r.invite.Dest)
		c.NotRung = g.goesOn()
	}
	r.abandonTx(c)
}

// gateway returns the trunk that the leg goes through, nil for a phone's. It stays that when the entry is another's.
func (l *leg) gateway() *gateway {
	if l.trunk != nil {
		return l.trunk
	}
	return l.s.gateway(l.way.Backend)
}

// order notes why the leg shall end; the first reason stays.
func (l *leg) order(why call.Reason) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.why == "" {
		l.why = why
	}
}

// release cancels the INVITE as soon as that is allowed, and gives it up when its end does not come.
func (r *ringing) release() {
	if r.giveUp == nil {
		r.giveUp, r.stopGiveUp = after(r.s.waits.cancel)
	}
	if !r.progressed || r.cancelled {
		return
	}
	r.cancelled = true
	r.mu.Lock()
	reason := cancelReason(r.why)
	r.mu.Unlock()
	r.s.sendCancel(r.invite, reason, ignore)
	r.oweCancel(r.invite, reason, ignore)
}

// cancelReason returns the Reason header of a CANCEL: a phone that sees "completed elsewhere" lists no missed call
// (RFC 3326).
func cancelReason(why call.Reason) string {
	if why == call.AnsweredElsewhere {
		return `SIP;cause=200;text="Call completed elsewhere"`
	}
	return ""
}

// abandonTx ends the leg without a final response. What comes late finds the orphan.
func (r *ringing) abandonTx(c call.Cause) {
	r.s.orphaned(r.invite)
	r.tx.Terminate()
	r.finish(c)
}

// hear takes one response and reports whether it was the final one.
func (r *ringing) hear(res *sip.Response) bool {
	switch {
	case res.IsProvisional():
		r.progress(res)
		return false
	case res.IsSuccess():
		r.accept(res)
		r.tx.Terminate() // not to be kept for 32 s: a 200 that comes again, of whatever phone, is a stray
	case r.longer(res):
		return false
	case r.prove(res):
		return false
	default:
		r.mu.Lock()
		rang := r.rang
		r.mu.Unlock()
		r.gateway().heeds(r.invite.Dest, res)
		r.finish(causeOf(res, rang))
	}
	return true
}

// longer repeats an INVITE that was refused for its session interval, once, with the interval that the phone wants (RFC
// 4028 section 7.3). A phone that says 422 has not rung.
func (r *ringing) longer(res *sip.Response) bool {
	if res.StatusCode != 422 || r.longerOnce {
		return false
	}
	r.longerOnce = true
	r.claim.headers = nil // a trunk's nonce is used once; it asks again
	r.mu.Lock()
	headers, differs := lengthen(r.invite.Headers, dialog.MinSE(res))
	if differs && r.why == "" {
		r.invite.Headers, r.invite.Branch = headers, newBranch()
		r.invite.Seq++
		r.progressed = false
		r.tell(call.LegEvent{Kind: call.EvResume, Resume: r.resume()})
	}
	inv, body, again := r.invite, []byte(r.local.Last), differs && r.why == ""
	r.mu.Unlock()
	return again && r.sendAgain(inv, body)
}

// sendAgain follows another INVITE in place of the one that was refused.
func (r *ringing) sendAgain(inv dialog.Invite, body []byte) bool {
	h, err := r.hop(inv.Transport, inv.Dest)
	if err != nil {
		return false
	}
	req, err := inv.Request(h, body)
	if err != nil {
		return false
	}
	r.claim.put(req)
	tx, err := r.s.request(r.fit(req, r.claim.headers...))
	if err != nil {
		return false
	}
	tx.OnRetransmission(r.again)
	r.tx = tx
	return true
}

func (r *ringing) progress(res *sip.Response) {
	r.progressed = true
	r.hearFork(res)
	r.mu.Lock()
	ordered := r.why != ""
	r.mu.Unlock()
	if ordered {
		r.release()
		return
	}
	r.advance(res)
}

// advance tells what a provisional response says of the phone, each thing once.
func (r *ringing) advance(res *sip.Response) {
	r.mu.Lock()
	if res.StatusCode >= 180 {
		r.rang = true
		r.remember(res)
	}
	switch {
	case res.StatusCode == sip.StatusCallIsForwarded:
		r.tell(call.LegEvent{Kind: call.EvForwarded})
	case res.StatusCode == sip.StatusRinging && r.state != call.LegRinging && r.state != call.LegEarly:
		r.enter(call.LegRinging, call.LegEvent{Kind: call.EvRinging, Resume: r.resume()})
	case r.state == call.LegIntended:
		r.enter(call.LegTrying, call.LegEvent{Kind: call.EvTrying})
	}
	early := res.StatusCode >= sip.StatusRinging && len(res.Body()) > 0 && r.state != call.LegEarly
	r.mu.Unlock()
	if early {
		r.earlyMedia(res)
	}
}

// remember keeps the early dialog of the first 18x for the blob: if this process dies between an answer and its record, the
// next one can still end the call. l.mu is held.
func (r *ringing) remember(res *sip.Response) {
	if d, err := r.invite.Confirm(res); err == nil && r.started == nil {
		r.started = &d
	}
}

// accept takes the 2xx: ACK before anything else, then what the phone says of its media.
func (r *ringing) accept(res *sip.Response) {
	d, m, ok, err := r.confirm(res)
	r.mu.Lock()
	unwanted := r.why != ""
	r.mu.Unlock()
	if err != nil || unwanted {
		r.s.abandon(r.invite, res)
		r.finish(call.Cause{Reason: call.BackendFailed, SIP: res.StatusCode})
		return
	}
	r.s.follow(&d, res)
	r.mu.Lock()
	r.dlg, r.claimed = &d, r.claim.headers
	if m, ok = r.acknowledge(res, m, ok); !ok {
		r.mu.Unlock()
		r.s.bye(&d)
		r.finish(call.Cause{Reason: call.MediaFailed, SIP: res.StatusCode})
		return
	}
	r.setRemote(m)
	r.session.agreed(res)
	r.enter(call.LegAnswered, call.LegEvent{Kind: call.EvAnswered, Resume: r.resume()})
	r.settle()
	r.watch()
	late := r.why != ""
	r.mu.Unlock()
	if late { // ordered between the two looks
		r.sayBye()
	}
}

// answerIn returns the audio of a response that carries a usable answer.
func answerIn(m sip.Message) (sdp.Media, bool) {
	d, err := sdp.Parse(m.Body())
	if err != nil || d.Audio == nil || d.Audio.Port == 0 || sdp.Common(d.Audio.Codecs, d.Audio.Codecs) == nil {
		return sdp.Media{}, false
	}
	return *d.Audio, true
}
