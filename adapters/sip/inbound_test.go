package sip

import (
	"strings"
	"testing"

	"github.com/emiago/sipgo/sip"

	"c2d/adapters/sip/sdp"
	"c2d/core/call"
	"c2d/core/fault"
)

const proof = "Authorization: yes"

func TestPhoneCallsThroughUs(t *testing.T) {
	h := newHouse(t).start()
	a, b := h.phone("harry"), h.phone("mary")
	a.calls("101", a.offers(), proof)
	a.gets("100")
	leg, ev := h.offered()
	if ev.From != a.aor || ev.To != "101" {
		t.Errorf("offered from %q to %q", ev.From, ev.To)
	}
	h.ring(b, "leg-b", leg)
	inv := b.rings()
	if f := inv.MaxForwards(); f.Val() != 69 {
		t.Errorf("Max-Forwards %d: each pass through us costs one", f.Val())
	}
	h.do(h.stack.Ring(t.Context(), leg))
	a.gets("180")
	b.reply(inv, 200, b.answer(inv))
	b.gets("ACK")
	h.expect("leg-b", call.EvAnswered)
	h.do(h.stack.Answer(t.Context(), leg))
	ok := a.gets("200")
	a.follows(ok, "ACK", nil)
	h.expect(leg, call.EvAnswered)
	h.do(h.stack.Join(t.Context(), leg, "leg-b"))
	h.expect(leg, call.EvJoined)
	if got := a.redirected(); got != b.rtp {
		t.Errorf("redirected to %v", got)
	}
	b.redirected()
	h.expect(leg, call.EvMedia)
	a.follows(ok, "BYE", nil)
	a.gets("200")
	h.ended(leg, call.Completed)
	b.within("BYE", nil)
	b.gets("200")
	h.ended("leg-b", call.Completed)
}

// A phone that has not acknowledged our 200 may not have read it: it is not asked to talk directly before.
func TestNoReinviteBeforeTheAck(t *testing.T) {
	h := newHouse(t).start()
	a, b := h.phone("harry"), h.phone("mary")
	a.calls("101", a.offers(), proof)
	leg, _ := h.offered()
	h.ring(b, "leg-b", leg)
	b.picksUp()
	h.expect("leg-b", call.EvAnswered)
	h.do(h.stack.Answer(t.Context(), leg))
	ok := a.passes("200")
	h.expect(leg, call.EvAnswered)
	h.do(h.stack.Join(t.Context(), leg, "leg-b"))
	h.expect(leg, call.EvJoined)
	for range 3 { // the 200 is repeated, and nothing else comes
		if m := <-a.in; what(m) != "200" {
			t.Fatalf("%s before the ACK\n%s", what(m), h.drawn())
		}
	}
	a.follows(ok, "ACK", nil)
	inv := a.passes("INVITE").(*sip.Request)
	a.reply(inv, 200, a.answer(inv))
	a.passes("ACK")
	b.redirected()
	h.expect(leg, call.EvMedia)
}

func TestStrangersAreChallengedThenRefused(t *testing.T) {
	h := newHouse(t).start()
	p := h.phone("stranger")
	p.calls("101", p.offers())
	p.gets("407")
	p.calls("101", p.offers(), "Authorization: no")
	p.passes("403") // the 407 comes again, since nobody acknowledged it
	if len(h.sink.order) != 0 {
		t.Error("it was offered to core")
	}
}

func TestATagThatIsNobodysIsNoWayAroundTheLimit(t *testing.T) {
	h := newHouse(t, func(c *Config) { c.Limits = Limits{Rate: 0.001, Burst: 1} }).start()
	p := h.phone("stranger")
	p.send(p.new("OPTIONS"))
	p.gets("200")
	p.send(strings.Replace(p.new("INFO"), "@hospital.example>\n", "@hospital.example>;tag=x\n", 1))
	p.send(p.new("OPTIONS"))
	if res := p.gets("503").(*sip.Response); res.CSeq().MethodName != sip.OPTIONS {
		t.Errorf("answered beyond the limit:\n%s", res)
	}
}

func TestStrangersAreLimited(t *testing.T) {
	h := newHouse(t, func(c *Config) { c.Limits = Limits{Rate: 0.001, Burst: 3} }).start()
	p := h.phone("stranger")
	for range 3 {
		p.calls("101", p.offers())
		p.passes("407")
	}
	p.calls("101", p.offers())
	if res := p.passes("503").(*sip.Response); res.GetHeader("Retry-After") == nil {
		t.Error("503 without Retry-After")
	}
}

func TestRefusingAnOfferedLeg(t *testing.T) {
	for why, status := range map[call.Reason]string{
		call.Busy: "486", call.Rejected: "603", call.NoAnswer: "480", call.InvalidNumber: "404", call.Blocked: "403",
		call.Congestion: "503", call.Cancelled: "480",
	} {
		t.Run(string(why), func(t *testing.T) {
			h := newHouse(t).start()
			p := h.phone("harry")
			p.calls("101", p.offers(), proof)
			leg, _ := h.offered()
			h.do(h.stack.Refuse(t.Context(), leg, why))
			p.passes(status)
			h.ended(leg, why)
		})
	}
}

func TestGivingBack(t *testing.T) {
	h := newHouse(t).start()
	p := h.phone("harry")
	p.calls("101", p.offers(), proof)
	leg, _ := h.offered()
	h.do(h.stack.GiveBack(t.Context(), leg))
	p.passes("404")
	h.ended(leg, call.InvalidNumber)
}

func TestCallerCancelsAnOfferedLeg(t *testing.T) {
	h := newHouse(t).start()
	p := h.phone("harry")
	invite := p.calls("101", p.offers(), proof)
	p.gets("100")
	leg, _ := h.offered()
	p.send(cancelOf(p, invite))
	p.passes("487")
	h.ended(leg, call.Cancelled)
	h.do(h.stack.Answer(t.Context(), leg)) // core did not know yet
}

func TestCallerSaysByeBeforeTheAnswer(t *testing.T) {
	h := newHouse(t).start()
	p := h.phone("harry")
	p.calls("101", p.offers(), proof)
	leg, _ := h.offered()
	h.do(h.stack.Ring(t.Context(), leg))
	ringing := p.passes("180")
	p.follows(ringing, "UPDATE", p.offers()) // its first offer is still open
	p.passes("491")
	p.follows(ringing, "BYE", nil)
	p.passes("487")
	h.ended(leg, call.Completed)
}

// cancelOf returns the CANCEL of an INVITE of the phone's own.
func cancelOf(p *phone, invite string) string {
	_, rest, _ := strings.Cut(invite, "branch=")
	branch, _, _ := strings.Cut(rest, ";")
	return p.calling("CANCEL", "101", branch, nil)
}

func TestCancelOvertakesItsInvite(t *testing.T) {
	h := newHouse(t).start()
	p := h.phone("harry")
	p.cseq, p.callID = p.cseq+1, newTag()
	branch := newBranch()
	p.send(p.calling("CANCEL", "101", branch, nil))
	p.gets("481")
	p.send(p.calling("INVITE", "101", branch, p.offers(), proof))
	p.gets("487")
	if len(h.sink.order) != 0 {
		t.Error("it was offered to core")
	}
}

func TestRepeatedInviteIsOfferedOnce(t *testing.T) {
	h := newHouse(t).start()
	p := h.phone("harry")
	invite := p.calls("101", p.offers(), proof)
	p.gets("100")
	leg, _ := h.offered()
	for range 3 {
		p.send(invite)
		p.gets("100")
	}
	h.do(h.stack.Answer(t.Context(), leg))
	p.follows(p.passes("200"), "ACK", nil)
	h.expect(leg, call.EvAnswered)
	if n := len(h.sink.order); n != 1 {
		t.Errorf("%d legs were offered", n)
	}
}

func TestAnswerIsRepeatedUntilItsAck(t *testing.T) {
	h := newHouse(t).start()
	p := h.phone("harry")
	p.calls("101", p.offers(), proof)
	leg, _ := h.offered()
	h.do(h.stack.Answer(t.Context(), leg))
	p.passes("200")
	p.passes("200")
	p.follows(p.passes("200"), "ACK", nil)
	h.expect(leg, call.EvAnswered)
}

func TestAnswerThatIsNeverAcknowledgedIsReleased(t *testing.T) {
	h := newHouse(t).start()
	p := h.phone("harry")
	p.calls("101", p.offers(), proof)
	leg, _ := h.offered()
	h.do(h.stack.Answer(t.Context(), leg))
	p.reply(p.passes("BYE").(*sip.Request), 481, nil)
	h.ended(leg, call.Completed)
}

func TestCallWithoutAnOffer(t *testing.T) {
	h := newHouse(t).start()
	p := h.phone("harry")
	p.calls("101", nil, proof)
	leg, _ := h.offered()
	h.do(h.stack.Answer(t.Context(), leg))
	ok := p.passes("200")
	p.follows(ok, "ACK", p.sdp.Answer(p.offerOf(ok), p.rtp, sdp.DefaultCodecs(), sdp.SendRecv))
	h.expect(leg, call.EvAnswered)
	h.eventually("the answer in the ACK is taken", func() bool {
		l := h.stack.leg(leg)
		l.mu.Lock()
		defer l.mu.Unlock()
		return l.remote.AddrPort() == p.rtp
	})
}

func TestWhatIsNotServed(t *testing.T) {
	h := newHouse(t).start()
	p := h.phone("harry")
	video := []byte("v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 9000 RTP/AVP 96\r\na=rtpmap:96 opus/48000/2\r\n")
	for _, c := range []struct {
		name, text, want string
	}{
		{"options", p.new("OPTIONS"), "200"},
		{"subscribe", p.new("SUBSCRIBE"), "489"},
		{"message", p.new("MESSAGE"), "501"},
		{"refer", p.new("REFER"), "501"},
		{"unheard-of", p.new("DANCE"), "501"},
		{"bye of nothing", p.new("BYE"), "481"},
		{"in no dialog", strings.Replace(p.new("INFO"), "@hospital.example>\n", "@hospital.example>;tag=x\n", 1), "481"},
		{"an extension", p.new("OPTIONS", "Require: 100rel"), "420"},
		{"no codec in common", p.new("INVITE", proof, string(video)), "488"},
		{"loop", strings.Replace(p.new("INVITE", proof), "Max-Forwards: 70", "Max-Forwards: 0", 1), "483"},
		{"method of another", strings.Replace(p.new("OPTIONS"), "OPTIONS\n", "INFO\n", 1), "400"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p.send(c.text)
			p.gets(c.want)
		})
	}
	if len(h.sink.order) != 0 {
		t.Error("something was offered to core")
	}
}

// new returns a request outside any dialog; an extra that begins with v= is the body.
func (p *phone) new(method string, extra ...string) string {
	p.cseq++
	p.callID = newTag()
	var body []byte
	var lines []string
	for _, x := range extra {
		if strings.HasPrefix(x, "v=0") {
			body = []byte(x)
		} else {
			lines = append(lines, x)
		}
	}
	return p.calling(method, "101", newBranch(), body, lines...)
}

func TestOurOwnInviteThatComesBack(t *testing.T) {
	h := newHouse(t).start()
	p := h.phone("mary")
	h.ring(p, "leg", "")
	inv := p.invited()
	inv.Via().Params.Add("branch", newBranch()) // as a proxy would
	p.send(strings.ReplaceAll(inv.String(), "\r\n", "\n"))
	p.passes("482")
}

func TestInDialogRequestsOfOthers(t *testing.T) {
	h := newHouse(t).start()
	a, b := h.phone("harry"), h.phone("mary")
	h.direct(a, b)
	right := a.tag
	a.tag = "guessed"
	a.within("BYE", nil)
	a.gets("481")
	a.tag = right
	h.stillTalking()
	a.within("UPDATE", nil)
	a.gets("200")
	a.cseq -= 10
	a.within("UPDATE", nil) // out of order
	a.gets("500")
}

func TestOperationsOnOfferedLegsOnly(t *testing.T) {
	h := newHouse(t).start()
	p := h.phone("mary")
	h.ring(p, "leg", "")
	p.picksUp()
	faultIs(t, h.stack.Answer(t.Context(), "leg"), fault.CodeConflict)
	h.do(h.stack.Ring(t.Context(), "gone"))
	h.do(h.stack.Tell(t.Context(), "gone", call.Busy))
}
