package sip

import (
	"slices"

	"github.com/emiago/sipgo/sip"

	"c2d/adapters/sip/dialog"
	"c2d/adapters/sip/trunk"
	"c2d/core/call"
)

// claim is what a request says of who we are, as a trunk's challenges have asked for (RFC 3261 section 22).
type claim struct {
	headers []dialog.Header
	tries   int
}

// mostTries bounds the challenges to one request: a 401, a 407, and a nonce that was too old for each.
const mostTries = 4

// questions are the headers of a challenge and of its answer by status.
var questions = map[int][2]string{
	sip.StatusUnauthorized:      {"WWW-Authenticate", "Authorization"},
	sip.StatusProxyAuthRequired: {"Proxy-Authenticate", "Proxy-Authorization"},
}

// proofs are those of a request's headers that answer a challenge.
func proofs(headers []dialog.Header) (all []dialog.Header) {
	for _, h := range headers {
		if h.Name == "Authorization" || h.Name == "Proxy-Authorization" {
			all = append(all, h)
		}
	}
	return all
}

// answer prepares for the next try of a request that was challenged; false when the response stands: it is no challenge,
// we have no credentials, or what we said was wrong.
func (p *claim) answer(c *trunk.Credentials, req *sip.Request, res *sip.Response) bool {
	names, challenged := questions[res.StatusCode]
	if !challenged || c == nil || p.tries == mostTries {
		return false
	}
	var asked []string
	for _, h := range res.GetHeaders(names[0]) {
		asked = append(asked, h.Value())
	}
	answers, stale := c.Answer(asked, trunk.Question{Method: string(req.Method), URI: req.Recipient.String(), Body: req.Body()})
	said := func(h dialog.Header) bool { return h.Name == names[1] }
	if len(answers) == 0 || !stale && slices.ContainsFunc(p.headers, said) {
		return false
	}
	p.tries++
	p.headers = slices.DeleteFunc(p.headers, said)
	for _, a := range answers {
		p.headers = append(p.headers, dialog.Header{Name: names[1], Value: a})
	}
	return true
}

// put adds what is claimed to a request.
func (p *claim) put(req *sip.Request) {
	for _, h := range p.headers {
		req.AppendHeader(sip.NewHeader(h.Name, h.Value))
	}
}

// credentials are those of the trunk that the leg goes through, nil for a phone's.
func (l *leg) credentials() *trunk.Credentials { return l.gateway().credentials() }

// prove sends the INVITE again, with what the trunk's challenge asks for; false when the response stands. Its CSeq and
// branch follow from those that are stored, so that a next process can cancel it too, even if we die before this is.
func (r *ringing) prove(res *sip.Response) bool {
	req := r.tx.Origin()
	r.mu.Lock()
	ordered := r.why != ""
	r.mu.Unlock()
	if ordered || !r.claim.answer(r.credentials(), req, res) {
		return false
	}
	r.mu.Lock()
	r.invite = r.invite.Again()
	r.tell(call.LegEvent{Kind: call.EvResume, Resume: r.resume()})
	inv := r.invite
	r.mu.Unlock()
	r.progressed = false
	return r.sendAgain(inv, req.Body())
}

// proved sends a request of nobody's dialog again when the trunk that it went to challenged it, and returns the last
// response.
func (s *Stack) proved(req *sip.Request, res *sip.Response) *sip.Response {
	var p claim
	for res != nil && p.answer(s.gatewayAt(req.Destination()).credentials(), req, res) {
		again := req.Clone()
		for _, name := range []string{"Authorization", "Proxy-Authorization"} {
			for again.RemoveHeader(name) {
			}
		}
		again.CSeq().SeqNo++
		again.Via().Params.Add("branch", newBranch())
		again.SetDestination(req.Destination())
		again.Laddr = req.Laddr
		p.put(again)
		res, _ = s.exchange(s.ctx, again)
		req = again
	}
	return res
}
