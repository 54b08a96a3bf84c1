package sip

import (
	"context"
	"fmt"

	"github.com/emiago/sipgo/sip"
)

// referred takes a REFER inside a leg's dialog: its phone hands its peer to a third party (RFC 5589 section 6). 202, and a
// NOTIFY with what core says: 200 once the peer is another call's, after which the leg gets its BYE; else why not, and the
// two go on talking.
func (l *leg) referred(req *sip.Request, tx *sip.ServerTx) {
	if l.s.clicks == nil {
		_ = tx.Respond(l.response(req, sip.StatusNotImplemented))
		return
	}
	to := req.ReferTo()
	if to != nil && to.Address.Headers.Has("Replaces") { // attended: not taken, so the phone goes on with both calls
		_ = tx.Respond(l.response(req, sip.StatusNotImplemented))
		return
	}
	asked, status := l.s.asked(req)
	if status != 0 {
		_ = tx.Respond(l.response(req, status))
		return
	}
	asked.From = l.way.Address
	sub := &subscription{s: l.s, leg: l, event: fmt.Sprintf("refer;id=%d", req.CSeq().SeqNo), silent: unwanted(req)}
	res := l.response(req, sip.StatusAccepted)
	if sub.silent {
		res.AppendHeader(sip.NewHeader("Refer-Sub", "false"))
	}
	_ = tx.Respond(res)
	l.s.spawn(func() {
		sub.notify(sip.StatusTrying, false)
		ctx, cancel := context.WithTimeout(l.s.ctx, clickLimit)
		defer cancel()
		_, err := l.s.clicks.Transfer(ctx, l.id, asked)
		if err != nil {
			sub.notify(refusalOf(err), true)
			return
		}
		sub.notify(sip.StatusOK, true)
	})
}
