package sip

import (
	"context"
	"fmt"
	"strings"

	"github.com/emiago/sipgo/sip"

	"c2d/adapters/sip/dialog"
)

// referExpires is how long, in seconds, a phone may wait for the outcome of its REFER: longer than two phones ring.
const referExpires = 300

// subscription is what a REFER makes (RFC 3515 section 2.4.4): a dialog in which we tell the phone how its call gets on.
// It belongs to one goroutine, and ends with the process: a phone forgets it when it expires.
type subscription struct {
	s      *Stack
	dlg    dialog.Dialog
	silent bool // the phone wants no NOTIFY (RFC 4488), or knows of no subscription any more
}

// subscribe returns the subscription of a REFER outside a dialog. Errors: those of [dialog.FromInvite].
func (s *Stack) subscribe(req *sip.Request) (*subscription, error) {
	d, err := dialog.FromInvite(req, newTag())
	if err != nil {
		return nil, err
	}
	wanted := req.GetHeader("Refer-Sub")
	return &subscription{s: s, dlg: d, silent: wanted != nil && strings.EqualFold(strings.TrimSpace(wanted.Value()), "false")}, nil
}

// accept returns the 202 to the REFER.
func (n *subscription) accept(req *sip.Request) *sip.Response {
	res := n.s.response(req, sip.StatusAccepted)
	res.To().Params.Add("tag", n.dlg.LocalTag)
	if h, err := n.s.hop(n.dlg.Transport, req.Source()); err == nil {
		res.AppendHeader(n.dlg.ContactFor(h))
	}
	if n.silent {
		res.AppendHeader(sip.NewHeader("Refer-Sub", "false"))
	}
	return res
}

// notify tells a status, and waits for the phone to take it, so that the next does not overtake it.
func (n *subscription) notify(status int, over bool) {
	h, err := n.s.hop(n.dlg.Transport, n.dlg.Destination())
	if n.silent || err != nil {
		return
	}
	state := fmt.Sprintf("active;expires=%d", referExpires)
	if over {
		state = "terminated;reason=noresource"
	}
	req := n.dlg.Request(sip.NOTIFY, h, nil, dialog.Header{Name: "Event", Value: "refer"},
		dialog.Header{Name: "Subscription-State", Value: state}, dialog.Header{Name: "Content-Type", Value: "message/sipfrag;version=2.0"})
	req.SetBody(fmt.Appendf(nil, "SIP/2.0 %d %s\r\n", status, phrase(status)))
	ctx, cancel := context.WithTimeout(n.s.ctx, n.s.waits.refresh)
	defer cancel()
	tx, err := n.s.request(req)
	if err != nil {
		n.silent = true
		return
	}
	res, err := final(ctx, tx)
	tx.Terminate()
	n.silent = err != nil || res.StatusCode >= 300
}

// phrase returns the words beside a status; others' statuses that we have none for are told with their class only.
func phrase(status int) string {
	if p, ok := phrases[status]; ok {
		return p
	}
	return "Failed"
}
