package phone

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/emiago/sipgo/sip"

	"c2d/adapters/sip/sdp"
)

// Dial calls to, a SIP URI or what stands before the @ of one in the phone's own domain, and returns when the call is
// answered. When ctx ends, or HangUp is called, it is given up. The error of a refusal is a *[Refused].
func (p *Phone) Dial(ctx context.Context, to string) error {
	ctx, giveUp := context.WithCancel(ctx)
	defer giveUp()
	c, err := p.outgoing(to, giveUp)
	if err != nil {
		return err
	}
	res, err := c.invite(ctx)
	switch {
	case err != nil:
		c.end(Event{Here: ctx.Err() != nil})
	case !res.IsSuccess():
		c.end(Event{Status: res.StatusCode, Here: ctx.Err() != nil})
		err = &Refused{Status: res.StatusCode}
	default:
		c.talk()
	}
	return err
}

func (p *Phone) outgoing(to string, giveUp func()) (*call, error) {
	if !strings.HasPrefix(to, "sip:") {
		to = "sip:" + to + "@" + p.aor.HostPort()
	}
	var target sip.Uri
	if err := sip.ParseUri(to, &target); err != nil {
		return nil, fmt.Errorf("phone: whom to call: %w", err)
	}
	c, err := p.newCall(sip.GenerateTagN(20), false)
	if err != nil {
		return nil, err
	}
	c.giveUp, c.target = giveUp, target
	c.local = sip.FromHeader{Address: p.aor}
	c.local.Params.Add("tag", c.localTag)
	c.remote = sip.ToHeader{Address: target}
	if !p.take(c) {
		c.audio.close()
		return nil, fmt.Errorf("phone: in a call already")
	}
	return c, nil
}

// invite sends the INVITE, once more with credentials if challenged, and returns the final response, acknowledged.
func (c *call) invite(ctx context.Context) (*sip.Response, error) {
	req := c.request(sip.INVITE)
	req.SetDestination(c.phone.cfg.Registrar.String())
	req.AppendHeader(sip.NewHeader("Content-Type", "application/sdp"))
	req.SetBody(c.offer())
	for try := 0; ; try++ {
		tx, err := c.phone.client.TransactionRequest(context.WithoutCancel(ctx), req)
		if err != nil {
			return nil, err
		}
		res, err := c.progress(ctx, tx, req)
		if err != nil {
			return nil, err
		}
		if res.IsSuccess() {
			return res, c.establish(ctx, tx, req, res)
		}
		again := c.phone.authorise(req, res)
		if again == nil || try > 0 || ctx.Err() != nil {
			return res, nil
		}
		req = again
	}
}

// progress waits for the final response; when ctx ends it sends CANCEL as soon as a provisional one allows it (RFC
// 3261 section 9.1), and waits on.
func (c *call) progress(ctx context.Context, tx sip.ClientTransaction, req *sip.Request) (*sip.Response, error) {
	given, rings, proceeding := ctx.Done(), false, false
	for {
		select {
		case res := <-tx.Responses():
			if !res.IsProvisional() {
				return res, nil
			}
			if !proceeding && given == nil {
				c.cancel(req)
			}
			proceeding = true
			if res.StatusCode > 100 && !rings {
				rings = true
				c.meet(res)
				c.tell(Event{Kind: Ringing})
			}
		case <-given:
			given = nil
			if proceeding {
				c.cancel(req)
			}
		case <-tx.Done():
			return nil, tx.Err()
		case <-c.phone.ctx.Done():
			tx.Terminate()
			return nil, c.phone.ctx.Err()
		}
	}
}

// cancel sends the CANCEL of an INVITE; its own response tells nothing that the INVITE's does not.
func (c *call) cancel(invite *sip.Request) {
	req := sip.NewRequest(sip.CANCEL, invite.Recipient)
	req.AppendHeader(invite.Via().Clone())
	for _, name := range []string{"From", "To", "Call-ID", "Route"} {
		sip.CopyHeaders(name, invite, req)
	}
	req.AppendHeader(&sip.CSeqHeader{SeqNo: invite.CSeq().SeqNo, MethodName: sip.CANCEL})
	req.SetDestination(invite.Destination())
	tx, err := c.phone.client.TransactionRequest(context.Background(), req)
	if err != nil || !c.phone.enter() {
		return
	}
	go func() { // ends with the transaction, or with the phone
		defer c.phone.wg.Done()
		_, _ = final(c.phone.ctx, tx)
	}()
}

// establish makes the dialog of a 2xx (RFC 3261 section 12.1.2) and acknowledges it, each time that it comes. A call
// that was given up when the 200 came ends with BYE.
func (c *call) establish(ctx context.Context, tx sip.ClientTransaction, req *sip.Request, res *sip.Response) error {
	c.mu.Lock()
	c.cseq = req.CSeq().SeqNo
	routes := res.GetHeaders("Record-Route")
	for i := len(routes) - 1; i >= 0; i-- {
		if rr, ok := routes[i].(*sip.RecordRouteHeader); ok {
			c.routes = append(c.routes, rr.Address)
		}
	}
	c.mu.Unlock()
	c.meet(res)
	c.aim(res.Contact())
	described := c.settle(res.Body()) // before the ACK, which may bring the next offer
	tx.OnRetransmission(func(*sip.Response) { _ = c.acknowledge(req) })
	if err := c.acknowledge(req); err != nil {
		return err
	}
	switch {
	case ctx.Err() != nil:
		_ = c.bye(c.phone.ctx)
		return ctx.Err()
	case !described:
		_ = c.bye(ctx)
		return fmt.Errorf("phone: the answer has no description")
	}
	return nil
}

// meet takes the other side's tag from a response (RFC 3261 section 12.1.2).
func (c *call) meet(res *sip.Response) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.remote.Params.Add("tag", tag(res.To()))
}

// HangUp ends the call as its state asks: BYE, CANCEL, or 603 to one that rings here. It returns when the call is over.
func (p *Phone) HangUp(ctx context.Context) error {
	c := p.current()
	if c == nil {
		return ErrNoCall
	}
	c.mu.Lock()
	talking := c.talking
	c.mu.Unlock()
	switch {
	case talking:
		c.acknowledged(ctx)
		return c.bye(ctx)
	case c.incoming:
		return c.choose(ctx, 603)
	}
	c.giveUp()
	return c.over(ctx)
}

// Accept answers the call that rings.
func (p *Phone) Accept(ctx context.Context) error {
	c := p.current()
	if c == nil || !c.incoming {
		return ErrNoCall
	}
	select {
	case c.decide <- sip.StatusOK:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Refuse refuses the call that rings with a final status of 300 or above.
func (p *Phone) Refuse(ctx context.Context, status int) error {
	c := p.current()
	if c == nil || !c.incoming || status < 300 {
		return ErrNoCall
	}
	return c.choose(ctx, status)
}

func (c *call) choose(ctx context.Context, status int) error {
	select {
	case c.decide <- status:
		return c.over(ctx)
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (c *call) over(ctx context.Context) error {
	select {
	case <-c.done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// acknowledged waits for the ACKs of our 2xx, or until none will come: before it a callee may not send BYE (RFC 3261 section 15).
func (c *call) acknowledged(ctx context.Context) {
	c.mu.Lock()
	acks := slices.Clone(c.acks)
	c.mu.Unlock()
	for _, ack := range acks {
		select {
		case <-ack.done:
		case <-ack.late:
		case <-c.done:
		case <-ctx.Done():
		}
	}
}

// bye hangs up. The call is over here whatever the other side says.
func (c *call) bye(ctx context.Context) error {
	_, _, err := c.ask(ctx, sip.BYE, nil)
	c.end(Event{Here: true})
	return err
}

// Hold asks the other side not to send and stops our sound; Resume takes it back. A refusal is a *[Refused].
func (p *Phone) Hold(ctx context.Context) error { return p.reinvite(ctx, sdp.SendOnly) }

// Resume ends a Hold.
func (p *Phone) Resume(ctx context.Context) error { return p.reinvite(ctx, sdp.SendRecv) }

func (p *Phone) reinvite(ctx context.Context, dir sdp.Direction) error {
	c := p.current()
	if c == nil {
		return ErrNoCall
	}
	before := c.turn(dir)
	res, sent, err := c.ask(ctx, sip.INVITE, c.offer)
	if err == nil && !res.IsSuccess() {
		err = &Refused{Status: res.StatusCode}
	}
	if err != nil {
		c.turn(before)
		return err
	}
	c.aim(res.Contact())
	c.settle(res.Body()) // before the ACK, which may bring the next offer
	return c.acknowledge(sent)
}

// turn sets the wanted direction and returns the one before.
func (c *call) turn(dir sdp.Direction) sdp.Direction {
	c.mu.Lock()
	defer c.mu.Unlock()
	before := c.dir
	c.dir = dir
	return before
}
