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
	dlg    dialog.Dialog // of a REFER outside a dialog
	leg    *leg          // of one inside a leg's dialog; else nil
	event  string
	silent bool // the phone wants no NOTIFY (RFC 4488), or knows of no subscription any more
}

// subscribe returns the subscription of a REFER outside a dialog. Errors: those of [dialog.FromInvite].
func (s *Stack) subscribe(req *sip.Request) (*subscription, error) {
	d, err := dialog.FromInvite(req, newTag())
	if err != nil {
		return nil, err
	}
	return &subscription{s: s, dlg: d, event: "refer", silent: unwanted(req)}, nil
}

// unwanted reports a REFER that asks for no NOTIFY.
func unwanted(req *sip.Request) bool {
	h := req.GetHeader("Refer-Sub")
	return h != nil && strings.EqualFold(strings.TrimSpace(h.Value()), "false")
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
	if n.silent {
		return
	}
	state := fmt.Sprintf("active;expires=%d", referExpires)
	if over {
		state = "terminated;reason=noresource"
	}
	req, err := n.request(dialog.Header{Name: "Event", Value: n.event}, dialog.Header{Name: "Subscription-State", Value: state},
		dialog.Header{Name: "Content-Type", Value: "message/sipfrag;version=2.0"})
	if err != nil {
		return
	}
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

// request builds a NOTIFY in the dialog of the REFER.
func (n *subscription) request(headers ...dialog.Header) (*sip.Request, error) {
	d := &n.dlg
	if n.leg != nil {
		n.leg.mu.Lock()
		defer n.leg.mu.Unlock()
		d = n.leg.dlg
	}
	h, err := n.s.hop(d.Transport, d.Destination())
	if err != nil {
		return nil, err
	}
	return d.Request(sip.NOTIFY, h, nil, headers...), nil
}

// phrase returns the words beside a status; others' statuses that we have none for are told with their class only.
func phrase(status int) string {
	if p, ok := phrases[status]; ok {
		return p
	}
	return "Failed"
}
