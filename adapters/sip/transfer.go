package sip

import (
	"context"
	"fmt"
	"time"

	"github.com/emiago/sipgo/sip"

	"c2d/core/call"
)

// transfer is what a REFER inside a leg's dialog asks for, on its way. Until it is decided the BYE of a phone waits: many say
// it as soon as they have the 202 (RFC 5589 section 6.1), and it must not end the call that is handed over. Until the
// outcome is told, ours does: it is what the phone waits for.
type transfer struct {
	legs    []*leg                    // the phone's: that of the REFER, and the other of an attended one
	do      func(context.Context) int // returns the status to be told
	decided chan struct{}
	told    chan struct{}
}

// referred takes a REFER inside a leg's dialog: its phone hands its peer to a third party (RFC 5589 section 6), or to whom
// it talks with in another dialog of ours (section 7). 202, and a NOTIFY with what core says: 200 once the peer is another
// call's, after which the phone's legs get BYE; else why not, and all go on talking.
func (l *leg) referred(req *sip.Request, tx *sip.ServerTx) {
	t, status := l.asks(req)
	if status == 0 && !t.begin() {
		status = sip.StatusRequestPending
	}
	if status != 0 {
		_ = tx.Respond(l.response(req, status))
		return
	}
	sub := &subscription{s: l.s, leg: l, event: fmt.Sprintf("refer;id=%d", req.CSeq().SeqNo), silent: unwanted(req)}
	res := l.response(req, sip.StatusAccepted)
	if sub.silent {
		res.AppendHeader(sip.NewHeader("Refer-Sub", "false"))
	}
	_ = tx.Respond(res)
	l.s.spawn(func() { t.run(l.s, sub) })
}

// asks returns what a REFER wants done, or with which status to refuse it. A dialog that is not ours is told of in the
// NOTIFY: a 481 to the REFER itself would say that this one is gone (RFC 3261 section 12.2.1.2).
func (l *leg) asks(req *sip.Request) (*transfer, int) {
	to, status := l.s.referTo(req)
	if status != 0 {
		return nil, status
	}
	t := &transfer{legs: []*leg{l}, decided: make(chan struct{}), told: make(chan struct{})}
	r, attended, ok := replacesIn(to)
	if !attended {
		asked, status := l.s.asked(to)
		asked.From = l.way.Address
		t.do = func(ctx context.Context) int { return outcomeOf(l.s.clicks.Transfer(ctx, l.id, asked)) }
		return t, status
	}
	if !ok {
		return nil, sip.StatusBadRequest
	}
	other := l.s.named(r)
	if other == nil {
		t.do = func(context.Context) int { return sip.StatusCallTransactionDoesNotExists }
		return t, 0
	}
	if other != l {
		t.legs = append(t.legs, other)
	}
	t.do = func(ctx context.Context) int { return outcomeOf(l.s.clicks.Attend(ctx, l.id, other.id)) }
	return t, 0
}

func outcomeOf(_ call.Call, err error) int {
	if err != nil {
		return refusalOf(err)
	}
	return sip.StatusOK
}

// begin notes the transfer at its legs, unless another is being decided.
func (t *transfer) begin() bool {
	for _, l := range t.legs {
		l.mu.Lock()
		free := l.moving == nil || l.moving.over()
		if free {
			l.moving = t
		}
		l.mu.Unlock()
		if !free {
			t.end()
			return false
		}
	}
	return true
}

func (t *transfer) over() bool {
	select {
	case <-t.decided:
		return true
	default:
		return false
	}
}

func (t *transfer) end() {
	for _, l := range t.legs {
		l.mu.Lock()
		if l.moving == t {
			l.moving = nil
		}
		l.mu.Unlock()
	}
}

// run asks core, and tells the phone. Core does not wait for the phone's answer to the first NOTIFY.
func (t *transfer) run(s *Stack, sub *subscription) {
	status := make(chan int, 1)
	s.spawn(func() {
		ctx, cancel := context.WithTimeout(s.ctx, clickLimit)
		defer cancel()
		now := t.do(ctx)
		close(t.decided) // before the phone is told: its next REFER may follow at once
		status <- now
	})
	defer close(t.told)
	defer t.end()
	sub.notify(sip.StatusTrying, false)
	select {
	case now := <-status:
		sub.notify(now, true)
	case <-s.ctx.Done():
	}
}

// goneAfterTransfer ends the leg whose phone has hung up, once it is decided whether its peer is another call's.
func (l *leg) goneAfterTransfer() {
	if t := l.transferring(); t != nil {
		limit, stop := after(clickLimit)
		defer stop()
		select {
		case <-t.decided:
		case <-limit:
		case <-l.s.ctx.Done():
		}
	}
	l.finish(call.Cause{Reason: call.Completed, Q850: 16})
}

// byeAfterTransfer says BYE once the phone knows that its transfer is done, or does not say that it does.
func (l *leg) byeAfterTransfer(limit time.Duration) {
	t := l.transferring()
	if t == nil {
		l.sayBye()
		return
	}
	l.s.spawn(func() {
		late, stop := after(limit)
		defer stop()
		select {
		case <-t.told:
		case <-late:
		case <-l.done:
			return
		case <-l.s.ctx.Done():
			return
		}
		l.sayBye()
	})
}

func (l *leg) transferring() *transfer {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.moving
}
