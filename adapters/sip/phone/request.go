package phone

import (
	"context"
	"errors"
	"fmt"

	"github.com/emiago/sipgo/sip"
	"github.com/icholy/digest"
)

// contact is where requests to the phone go.
func (p *Phone) contact() *sip.ContactHeader {
	return &sip.ContactHeader{Address: sip.Uri{Scheme: "sip", User: p.aor.User, Host: p.addr.Addr().String(), Port: int(p.addr.Port())}}
}

// exchange sends a request and returns its final response; one challenge is answered. No request is sent again after
// that: the second refusal stands. answered is the request as it was sent last. repeated, if not nil, is told of each
// copy of a 2xx to it.
func (p *Phone) exchange(ctx context.Context, req *sip.Request, repeated func(*sip.Request)) (res *sip.Response, answered *sip.Request, err error) {
	for try := 0; ; try++ {
		tx, err := p.client.TransactionRequest(ctx, req)
		if err != nil {
			return nil, req, fmt.Errorf("phone: %s: %w", req.Method, err)
		}
		if sent := req; repeated != nil {
			tx.OnRetransmission(func(*sip.Response) { repeated(sent) })
		}
		res, err := final(ctx, tx)
		if err != nil {
			return nil, req, fmt.Errorf("phone: %s: %w", req.Method, err)
		}
		again := p.authorise(req, res)
		if again == nil || try > 0 {
			return res, req, nil
		}
		req = again
	}
}

// final waits for the final response. The transaction lives on, to absorb what is repeated.
func final(ctx context.Context, tx sip.ClientTransaction) (*sip.Response, error) {
	for {
		select {
		case res := <-tx.Responses():
			if !res.IsProvisional() {
				return res, nil
			}
		case <-tx.Done():
			return nil, tx.Err()
		case <-ctx.Done():
			tx.Terminate()
			return nil, ctx.Err()
		}
	}
}

// challenges are the two headers of RFC 3261 section 22 by status, and those that answer them.
var challenges = map[int][2]string{
	sip.StatusUnauthorized:      {"WWW-Authenticate", "Authorization"},
	sip.StatusProxyAuthRequired: {"Proxy-Authenticate", "Proxy-Authorization"},
}

// authorise returns the request with credentials for the first challenge of res that can be answered (RFC 8760 lets
// the server order them), the next CSeq and no Via; nil if there is none.
func (p *Phone) authorise(req *sip.Request, res *sip.Response) *sip.Request {
	names, ok := challenges[res.StatusCode]
	if !ok || p.cfg.Password == "" {
		return nil
	}
	for _, h := range res.GetHeaders(names[0]) {
		cred, err := p.credentials(req, h.Value())
		if err != nil {
			continue
		}
		again := req.Clone()
		again.RemoveHeader("Via")
		again.RemoveHeader(names[1])
		again.AppendHeader(sip.NewHeader(names[1], cred.String()))
		again.CSeq().SeqNo++
		return again
	}
	return nil
}

func (p *Phone) credentials(req *sip.Request, challenge string) (*digest.Credentials, error) {
	c, err := digest.ParseChallenge(challenge)
	if err != nil {
		return nil, err
	}
	if !digest.CanDigest(c) {
		return nil, errors.New("phone: an algorithm that is not supported")
	}
	user := p.cfg.Username
	if user == "" {
		user = p.aor.User
	}
	return digest.Digest(c, digest.Options{Method: string(req.Method), URI: req.Recipient.String(), Username: user, Password: p.cfg.Password})
}

// ask sends an in-dialog request, one at a time, and returns its final response.
func (c *call) ask(ctx context.Context, method sip.RequestMethod, body func() []byte, extra ...sip.Header) (*sip.Response, *sip.Request, error) {
	c.sending.Lock()
	defer c.sending.Unlock()
	req := c.request(method)
	for _, h := range extra {
		req.AppendHeader(h)
	}
	if body != nil {
		req.AppendHeader(sip.NewHeader("Content-Type", "application/sdp"))
		req.SetBody(body())
	}
	var repeated func(*sip.Request)
	if method == sip.INVITE { // the ACK was lost
		repeated = func(sent *sip.Request) { _ = c.acknowledge(sent) }
	}
	res, sent, err := c.phone.exchange(ctx, req, repeated)
	c.mu.Lock()
	c.cseq = max(c.cseq, sent.CSeq().SeqNo)
	c.mu.Unlock()
	return res, sent, err
}

// acknowledge sends the ACK of a 2xx to our INVITE (RFC 3261 section 13.2.2.4).
func (c *call) acknowledge(invite *sip.Request) error {
	c.mu.Lock()
	ack := c.build(sip.ACK, invite.CSeq().SeqNo)
	c.mu.Unlock()
	return c.phone.client.WriteRequest(ack)
}
