package sip

import (
	"testing"

	"github.com/emiago/sipgo/sip"

	"c2d/adapters/sip/dialog"
	"c2d/core/call"
)

// forks sends a response of another phone behind the same proxy.
func (p *phone) forks(tag string, req *sip.Request, status int, body []byte, extra ...string) {
	p.t.Helper()
	p.send(p.response(req, status, tag, body, extra...))
}

func TestReliableRingingIsAcknowledgedOnceAndInOrder(t *testing.T) {
	h := newHouse(t).start()
	p := h.phone("mary")
	h.ring(p, "leg", "")
	inv := p.invited()
	p.reply(inv, 180, nil, "Require: 100rel", "RSeq: 7")
	prack := p.request("PRACK")
	if header(prack, "RAck") != "7 1 INVITE" || dialog.Tag(prack.To()) != p.tag || prack.CSeq().SeqNo != 2 {
		t.Errorf("PRACK\n%s", prack)
	}
	p.reply(prack, 200, nil)
	p.reply(inv, 180, nil, "Require: 100rel", "RSeq: 7")            // a repetition
	p.reply(inv, 183, p.answer(inv), "Require: 100rel", "RSeq: 11") // before its turn
	p.reply(inv, 183, p.answer(inv), "Require: 100rel", "RSeq: 8")  // the answer to our offer
	p.reply(p.acks("8 1 INVITE"), 200, nil)
	p.reply(inv, 200, nil) // needs no answer of its own (RFC 3262 section 5)
	if ack := p.request("ACK"); ack.CSeq().SeqNo != inv.CSeq().SeqNo {
		t.Errorf("the ACK has the PRACK's CSeq\n%s", ack)
	}
	h.expect("leg", call.EvRinging, call.EvEarlyMedia, call.EvAnswered)
	h.do(h.stack.HangUp(t.Context(), "leg", call.Completed))
	if bye := p.request("BYE"); bye.CSeq().SeqNo != 4 {
		t.Errorf("BYE after two PRACKs\n%s", bye)
	}
}

// acks waits for the PRACK of one provisional response.
func (p *phone) acks(rack string) *sip.Request {
	p.t.Helper()
	prack := p.request("PRACK")
	if header(prack, "RAck") != rack {
		p.t.Fatalf("PRACK of %q, want %q", header(prack, "RAck"), rack)
	}
	return prack
}

func TestEachForkHasItsOwnEarlyDialog(t *testing.T) {
	h := newHouse(t).start()
	p := h.phone("mary")
	h.ring(p, "leg", "")
	inv := p.invited()
	for _, tag := range []string{"desk", "ward"} {
		p.forks(tag, inv, 180, nil, "Require: 100rel", "RSeq: 1")
		prack := p.acks("1 1 INVITE")
		if dialog.Tag(prack.To()) != tag || prack.CSeq().SeqNo != 2 {
			t.Errorf("PRACK of %s\n%s", tag, prack)
		}
		p.forks(tag, prack, 200, nil)
	}
	p.forks("desk", inv, 183, p.answer(inv), "Require: 100rel", "RSeq: 2") // its answer is not the ward's
	p.forks("desk", p.acks("2 1 INVITE"), 200, nil)
	p.forks("ward", inv, 200, p.answer(inv))
	if ack := p.request("ACK"); dialog.Tag(ack.To()) != "ward" {
		t.Errorf("ACK\n%s", ack)
	}
	h.expect("leg", call.EvRinging, call.EvEarlyMedia, call.EvAnswered)
	p.forks("desk", inv, 200, p.answer(inv)) // lifted too
	for _, m := range []string{"ACK", "BYE"} {
		r := p.request(m)
		if dialog.Tag(r.To()) != "desk" || m == "BYE" && r.CSeq().SeqNo < 4 {
			t.Errorf("%s\n%s", m, r)
		}
	}
}

func TestUpdateInAnEarlyDialog(t *testing.T) {
	h := newHouse(t).start()
	p := h.phone("mary")
	h.ring(p, "leg", "")
	inv := p.rings()
	update := func(status string, body []byte) {
		t.Helper()
		p.within("UPDATE", body)
		p.gets(status)
	}
	update("200", nil)
	update("491", p.offers()) // our own offer is not answered yet
	p.reply(inv, 183, p.answer(inv), "Require: 100rel", "RSeq: 1")
	p.reply(p.request("PRACK"), 200, nil)
	h.expect("leg", call.EvEarlyMedia)
	update("200", p.offers())
	p.send(p.inside("UPDATE", p.cseq, nil)) // out of order
	p.gets("500")
	p.reply(inv, 200, p.answer(inv))
	p.request("ACK")
	update("200", p.offers())
}

func TestReliable180ForACallerWhoDemandsIt(t *testing.T) {
	h := newHouse(t).start()
	p := h.phone("harry")
	p.calls("mary", p.offers(), proof, "Require: 100rel")
	p.gets("100")
	leg, _ := h.offered()
	h.do(h.stack.Ring(t.Context(), leg))
	ring := p.gets("180")
	if header(ring, "RSeq") != "1" || header(ring, "Require") != "100rel" {
		t.Errorf("180\n%s", ring)
	}
	p.gets("180") // until it is acknowledged
	prack := func(rack string, body []byte) {
		p.cseq++
		p.send(p.followup(ring, "PRACK", p.cseq, body, "RAck: "+rack))
	}
	invite := ring.CSeq().SeqNo
	prack(dialog.RAck{RSeq: 2, CSeq: invite, Method: "INVITE"}.Header().Value, nil)
	p.passes("481")
	prack(dialog.RAck{RSeq: 1, CSeq: invite, Method: "INVITE"}.Header().Value, p.offers())
	p.passes("488")
	prack(dialog.RAck{RSeq: 1, CSeq: invite, Method: "INVITE"}.Header().Value, nil)
	p.passes("200")
	h.do(h.stack.Answer(t.Context(), leg))
	ok := p.passes("200")
	p.follows(ok, "ACK", nil)
	h.expect(leg, call.EvAnswered)
}

func TestReliable180WithoutPrackEndsTheCall(t *testing.T) {
	h := newHouse(t).start()
	p := h.phone("harry")
	p.calls("mary", p.offers(), proof, "Require: 100rel")
	p.gets("100")
	leg, _ := h.offered()
	h.do(h.stack.Ring(t.Context(), leg))
	p.passes("504")
	h.ended(leg, call.Unreachable)
}

func TestPrackOfNothing(t *testing.T) {
	h := newHouse(t).start()
	p := h.phone("harry")
	h.ring(p, "leg", "")
	p.picksUp()
	p.within("PRACK", nil, "RAck: 1 1 INVITE")
	p.gets("481")
}

func TestRedirectionIsNotFollowed(t *testing.T) {
	h := newHouse(t).start()
	p := h.phone("mary")
	h.ring(p, "leg", "")
	p.reply(p.invited(), 302, nil, "Contact: <sip:+8613800001234@elsewhere.example>")
	p.request("ACK")
	if c := h.ended("leg", call.Forwarded); c.Text != "Whatever, to 34" {
		t.Errorf("cause %+v", c)
	}
}

func TestEarlyMediaInA180(t *testing.T) {
	h := newHouse(t).start()
	p := h.phone("mary")
	h.ring(p, "leg", "")
	inv := p.invited()
	p.reply(inv, 180, p.answer(inv))
	h.expect("leg", call.EvRinging, call.EvEarlyMedia)
	p.reply(inv, 200, nil) // some phones leave the answer out then
	p.request("ACK")
	h.expect("leg", call.EvAnswered)
}

// Forwarding along the way is told, once, and the phone that it leads to still has to ring.
func TestCallIsBeingForwarded(t *testing.T) {
	h := newHouse(t).start()
	p := h.phone("mary")
	h.ring(p, "leg", "")
	inv := p.invited()
	p.reply(inv, 181, nil)
	h.expect("leg", call.EvForwarded)
	p.reply(inv, 180, nil)
	h.expect("leg", call.EvRinging)
	h.do(h.stack.HangUp(t.Context(), "leg", call.Cancelled))
	p.reply(p.request("CANCEL"), 200, nil)
	p.reply(inv, 487, nil)
	h.ended("leg", call.Cancelled)
}
