package sip

import (
	"context"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/emiago/sipgo/sip"

	"c2d/core/call"
	"c2d/core/fault"
)

// watch sets the time of the next look at a leg that talks, from now; each refresh, of whichever side, does so. No
// goroutine belongs to it until then. l.mu is held.
func (l *leg) watch() { l.watchIn(l.session.next(l.s.waits)) }

func (l *leg) watchIn(d time.Duration) {
	if l.state != call.LegAnswered {
		return
	}
	l.lookAt = time.Now().Add(d)
	if l.watcher == nil {
		l.watcher = time.AfterFunc(d, func() { l.s.spawn(l.look) })
		return
	}
	l.watcher.Reset(d)
}

// unwatch ends the watching. l.mu is held.
func (l *leg) unwatch() {
	if l.watcher != nil {
		l.watcher.Stop()
	}
}

// look sees whether a phone is still in its call: one that is not has no call any more.
func (l *leg) look() {
	l.mu.Lock()
	s, early := l.session, time.Until(l.lookAt) > 0 || l.state != call.LegAnswered
	l.mu.Unlock()
	switch {
	case early: // a refresh came while this was on its way
	case s.Seconds > 0 && !s.Ours:
		l.vanished(0)
	default:
		l.ascertain(s)
	}
}

// ascertain asks the phone. 481, 408 and silence say that the dialog is gone (RFC 3261 section 12.2.1.2, RFC 5057); any
// other answer comes from a phone that lives.
func (l *leg) ascertain(s session) {
	res, err := l.refresh(s)
	switch {
	case l.s.ctx.Err() != nil:
	case fault.Is(err, fault.CodeConflict): // an INVITE is under way, which is a refresh too
		l.lookAgain(s, 16)
	case err != nil && l.missing():
		l.lookAgain(s, 8)
	case err != nil:
		l.vanished(0)
	case res.StatusCode == sip.StatusCallTransactionDoesNotExists || res.StatusCode == sip.StatusRequestTimeout:
		l.vanished(res.StatusCode)
	case res.IsSuccess():
		l.mu.Lock()
		l.watch()
		l.mu.Unlock()
	default:
		l.lookAgain(s, 8)
	}
}

// lookAgain comes back after a fraction of the time, since the refresh that was due has not been done.
func (l *leg) lookAgain(s session, fraction time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.watchIn(s.next(l.s.waits) / fraction)
}

// refresh sends what asks a phone whether it lives: UPDATE without a description where it takes that, else INVITE with
// the last description, unchanged; OPTIONS without a session timer. Errors: fault.CodeConflict when another INVITE is
// under way; fault.CodeBackendUnavailable for silence.
func (l *leg) refresh(s session) (*sip.Response, error) {
	ctx, cancel := context.WithTimeout(l.s.ctx, l.s.waits.refresh)
	defer cancel()
	if s.Seconds == 0 {
		return l.ask(ctx, sip.OPTIONS, noBody)
	}
	if !l.takeTurn() {
		return nil, fault.New(fault.CodeConflict, "another INVITE is under way")
	}
	defer func() { l.turn <- struct{}{} }()
	if s.Update {
		res, err := l.ask(ctx, sip.UPDATE, noBody)
		if err != nil || res.StatusCode != sip.StatusMethodNotAllowed && res.StatusCode != sip.StatusNotImplemented {
			return res, err
		}
		l.mu.Lock()
		l.session.Update = false // it said otherwise before
		l.mu.Unlock()
	}
	res, err := l.ask(ctx, sip.INVITE, func(l *leg) []byte { return []byte(l.local.Last) })
	if err == nil && res.IsSuccess() {
		l.strayed(res)
	}
	return res, err
}

// strayed looks whether the answer to a refresh names another address than before; then the peer learns of it.
func (l *leg) strayed(res *sip.Response) {
	l.mu.Lock()
	was := l.remote.AddrPort()
	l.mu.Unlock()
	if m, ok := answerIn(res); ok && !m.Black() && m.AddrPort() != was {
		l.s.spawn(func() { l.moved(res) })
	}
}

// vanished ends a leg whose phone is gone. It gets a BYE all the same: it may be alive and just out of reach.
func (l *leg) vanished(status int) {
	l.order(call.Lost)
	l.mu.Lock()
	why := l.why
	l.mu.Unlock()
	if why != call.Lost {
		return // its end was ordered already, and is on its way
	}
	if tx, _, err := l.send(sip.BYE, noBody); err == nil {
		l.s.spawn(func() {
			tx, _, _ := l.farewell(l.s.ctx, tx)
			tx.Terminate()
		})
	} else {
		l.oweBye()
	}
	l.finish(call.Cause{Reason: call.Lost, SIP: status})
}

// resumeWatch watches a leg of a former process, which may have missed refreshes: ours are sent soon, not all legs' at
// once; the phone's are waited for anew.
func (l *leg) resumeWatch() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.session.Seconds > 0 && !l.session.Ours {
		l.watch()
		return
	}
	l.watchIn(rand.N(l.s.waits.takeUp))
}

// renewed notes what a 2xx to an INVITE or UPDATE of ours says of the session; new terms are stored. l.mu is held.
func (l *leg) renewed(res *sip.Response) {
	before := l.session
	l.session.agreed(res)
	l.watch()
	if l.session != before {
		l.tell(call.LegEvent{Kind: call.EvResume, Resume: l.resume()})
	}
}

// granted writes the session's terms into our 2xx to an INVITE or UPDATE of the phone's.
func (l *leg) granted(req *sip.Request, res *sip.Response) {
	l.mu.Lock()
	defer l.mu.Unlock()
	before := l.session
	for _, h := range l.session.grant(req) {
		res.AppendHeader(sip.NewHeader(h.Name, h.Value))
	}
	l.watch()
	if l.session != before && l.state == call.LegAnswered {
		l.tell(call.LegEvent{Kind: call.EvResume, Resume: l.resume()})
	}
}

// tooBrief refuses a session interval with the least that we take (RFC 4028 section 6).
func tooBrief(res *sip.Response) *sip.Response {
	res.AppendHeader(sip.NewHeader("Min-SE", strconv.Itoa(leastSession)))
	return res
}
