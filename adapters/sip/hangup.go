package sip

import (
	"context"

	"github.com/emiago/sipgo/sip"

	"c2d/core/call"
)

// HangUp implements [call.Backend]: CANCEL before the answer (as soon as a 1xx allows it), BYE after it, a refusal for
// an offered leg.
func (s *Stack) HangUp(_ context.Context, leg string, why call.Reason) error {
	if l := s.leg(leg); l != nil {
		l.hangUp(why)
	}
	return nil
}

func (l *leg) hangUp(why call.Reason) {
	l.mu.Lock()
	first := l.why == ""
	if first {
		l.why = why
	}
	state, offer := l.state, l.offer
	l.mu.Unlock()
	switch {
	case !first || state == call.LegEnded:
	case state == call.LegAnswered && why == call.Transferred:
		l.byeAfterTransfer(l.s.waits.bye)
	case state == call.LegAnswered:
		l.sayBye()
	case offer != nil:
		offer.order(refusal(why), nil)
	default:
		l.s.earlyOver(l.joinTo, l.id) // not when it has ended: who is rung next may be heard before
		l.nudge()
	}
}

// sayBye sends BYE and tells the end of the leg when it is answered, by whatever: 2xx, 481 or 408 all mean that the
// dialog is gone (RFC 3261 section 15.1.1). A phone that does not answer is not waited for; the BYE is repeated for
// 32 s all the same, and a phone whose connection is lost gets it when it is back.
func (l *leg) sayBye() {
	tx, _, err := l.send(sip.BYE, noBody)
	if err != nil {
		l.oweBye()
		l.finish(call.Cause{Reason: call.Completed})
		return
	}
	l.s.spawn(func() {
		ctx, cancel := context.WithTimeout(l.s.ctx, l.s.waits.bye)
		tx, res, err := l.farewell(ctx, tx)
		cancel()
		l.finish(byeCause(res))
		if err != nil {
			_, _ = final(l.s.ctx, tx)
		}
		tx.Terminate()
	})
}

// farewell waits for the reply to a BYE, and answers a trunk's challenge to it. It returns the last transaction.
func (l *leg) farewell(ctx context.Context, tx *sip.ClientTx) (*sip.ClientTx, *sip.Response, error) {
	var c claim
	for {
		res, err := final(ctx, tx)
		if err != nil || !c.answer(l.credentials(), tx.Origin(), res) {
			return tx, res, err
		}
		again, _, err := l.send(sip.BYE, noBody, c.headers...)
		if err != nil {
			return tx, res, nil
		}
		tx.Terminate()
		tx = again
	}
}

func byeCause(res *sip.Response) call.Cause {
	c := call.Cause{Reason: call.Completed, Q850: 16}
	if res != nil {
		c.SIP = res.StatusCode
	}
	return c
}
