package phone

import (
	"context"
	"fmt"

	"github.com/emiago/sipgo/sip"
)

// timer writes the terms of a session into a 200 (RFC 4028 section 9): this phone refreshes.
func (p *Phone) timer(res *sip.Response) {
	if p.cfg.Session > 0 {
		res.AppendHeader(sip.NewHeader("Require", "timer"))
		res.AppendHeader(sip.NewHeader("Session-Expires", fmt.Sprintf("%d;refresher=uas", p.cfg.Session)))
	}
}

// Refresh tells the other side that the call goes on (RFC 4028 section 7.4), with an UPDATE or an INVITE whose
// description has not changed, and returns the Session-Expires of its answer. A refusal is a *[Refused].
func (p *Phone) Refresh(ctx context.Context, method sip.RequestMethod) (string, error) {
	c := p.current()
	if c == nil {
		return "", ErrNoCall
	}
	body := c.offer
	if method != sip.INVITE {
		body = nil
	}
	terms := []sip.Header{sip.NewHeader("Supported", "timer"), sip.NewHeader("Session-Expires", fmt.Sprintf("%d;refresher=uac", p.cfg.Session))}
	res, sent, err := c.ask(ctx, method, body, terms...)
	switch {
	case err != nil:
		return "", err
	case !res.IsSuccess():
		return "", &Refused{Status: res.StatusCode}
	case method == sip.INVITE:
		c.aim(res.Contact())
		c.settle(res.Body())
		err = c.acknowledge(sent)
	}
	if h := res.GetHeader("Session-Expires"); h != nil {
		return h.Value(), err
	}
	return "", err
}
