package sip

import (
	"fmt"
	"strings"
	"testing"

	"github.com/emiago/sipgo/sip"

	"c2d/core/call"
)

// TestTrunkProvesWhoWeAreWithinTheDialog: each method is challenged, twice, since a nonce is too old; the next request has the
// next CSeq, and the ACK of an INVITE says what the INVITE said.
func TestTrunkProvesWhoWeAreWithinTheDialog(t *testing.T) {
	h, p := carried(t)
	p.up()
	h.do(h.through("leg-a", "+8613800138000"))
	inv := p.challenges(p.request("INVITE"), "n1")
	p.reply(inv, 200, p.answer(inv))
	p.request("ACK")
	h.expect("leg-a", call.EvAnswered)
	l := h.stack.leg("leg-a")
	for _, method := range []sip.RequestMethod{sip.OPTIONS, sip.INFO, sip.UPDATE, sip.INVITE} {
		answered := make(chan *sip.Response, 1)
		go func() { // waited for below
			body := noBody
			if method == sip.INVITE {
				body = func(l *leg) []byte { return []byte(l.local.Last) }
			}
			res, _ := l.ask(t.Context(), method, body)
			answered <- res
		}()
		req := p.challenges(p.request(string(method)), "n2", "n3")
		var body []byte
		if method == sip.INVITE {
			body = p.answer(req)
		}
		p.reply(req, 200, body)
		if res := <-answered; res == nil || res.StatusCode != 200 {
			t.Errorf("%s: %v", method, res)
		}
		if method == sip.INVITE {
			p.acknowledged(req)
			p.reply(req, 200, body) // the ACK was lost
			p.acknowledged(req)
		}
	}
	h.do(h.stack.HangUp(t.Context(), "leg-a", call.Completed))
	p.reply(p.challenges(p.request("BYE"), "n4", "n5"), 200, nil)
	h.ended("leg-a", call.Completed)
}

// acknowledged waits for the ACK of an INVITE, which says what the INVITE said of who we are (RFC 3261 section 22.1).
func (p *phone) acknowledged(inv *sip.Request) {
	p.t.Helper()
	ack := p.passes("ACK").(*sip.Request)
	said, want := ack.GetHeader("Proxy-Authorization"), inv.GetHeader("Proxy-Authorization")
	if said == nil || said.Value() != want.Value() || ack.CSeq().SeqNo != inv.CSeq().SeqNo {
		p.t.Errorf("ACK\n%s\nof\n%s", ack, inv)
	}
}

// TestTrunkChallengesPRACK: the CSeqs of what follows go on after the one that answered the challenge, in the early dialog and
// once it is answered.
func TestTrunkChallengesPRACK(t *testing.T) {
	h, p := carried(t)
	p.up()
	h.do(h.through("leg-a", "+8613800138000"))
	inv := p.challenges(p.request("INVITE"), "n1")
	p.inv = inv
	last := inv.CSeq().SeqNo
	for i := range 2 {
		p.reply(inv, 183, nil, "Require: 100rel", fmt.Sprint("RSeq: ", 7+i))
		prack := p.challenges(p.request("PRACK"), fmt.Sprint("p", i))
		if got, want := prack.GetHeader("RAck").Value(), fmt.Sprintf("%d %d INVITE", 7+i, inv.CSeq().SeqNo); got != want {
			t.Errorf("RAck %q, want %q", got, want)
		}
		if got := prack.CSeq().SeqNo; got != last+2 {
			t.Errorf("CSeq %d after %d", got, last)
		}
		last = prack.CSeq().SeqNo
		p.reply(prack, 200, nil)
	}
	p.reply(inv, 200, p.answer(inv))
	p.request("ACK")
	h.expect("leg-a", call.EvTrying, call.EvAnswered)
	h.do(h.stack.HangUp(t.Context(), "leg-a", call.Completed))
	bye := p.request("BYE")
	if bye.CSeq().SeqNo <= last {
		t.Errorf("BYE has CSeq %d after %d", bye.CSeq().SeqNo, last)
	}
	p.reply(bye, 200, nil)
	h.ended("leg-a", call.Completed)
}

// TestTrunkChallengesOptions, as the far end itself and with several challenges: the first that we know of each realm is
// answered. CANCEL is never challenged; one that is all the same is not sent again.
func TestTrunkChallengesOptions(t *testing.T) {
	h, p := carried(t)
	first := p.request("OPTIONS")
	p.reply(first, 401, nil, `WWW-Authenticate: Digest realm="r", nonce="a", algorithm=AKAv1-MD5`,
		`WWW-Authenticate: Digest realm="r", nonce="b", algorithm=SHA-256, qop="auth"`, `WWW-Authenticate: Digest realm="r", nonce="c", algorithm=MD5`,
		`WWW-Authenticate: Digest realm="other", nonce="d", algorithm=MD5-sess, qop="auth"`)
	second := p.request("OPTIONS")
	var said []string
	for _, a := range second.GetHeaders("Authorization") {
		said = append(said, a.Value())
	}
	if len(said) != 2 || !strings.Contains(said[0], `nonce="b"`) || !strings.Contains(said[1], "MD5-sess") || second.CSeq().SeqNo != first.CSeq().SeqNo+1 {
		t.Errorf("the answer is\n%s", second)
	}
	p.reply(second, 200, nil)
	h.eventually("the trunk is up", func() bool { return h.stack.EntryHealth(t.Context(), "carrier") == nil })
	h.do(h.through("leg-a", "+8613800138000"))
	inv := p.request("INVITE")
	p.reply(inv, 180, nil)
	h.expect("leg-a", call.EvRinging)
	h.do(h.stack.HangUp(t.Context(), "leg-a", call.Cancelled))
	p.reply(p.request("CANCEL"), 407, nil, "Proxy-Authenticate: "+fmt.Sprintf(challenge, "n"))
	p.reply(inv, 487, nil)
	p.request("ACK")
	h.ended("leg-a", call.Cancelled)
}
