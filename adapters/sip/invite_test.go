package sip

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"

	"c2d/adapters/sip/dialog"
	"c2d/adapters/sip/sdp"
	"c2d/core/call"
	"c2d/core/fault"
)

func TestRefusals(t *testing.T) {
	for _, c := range []struct {
		name    string
		rings   bool
		status  int
		header  string
		want    call.Reason
		q850    int
		notRung bool
	}{
		{"busy", true, 486, "", call.Busy, 17, false},
		{"declined", true, 603, "", call.Rejected, 21, false},
		{"do not disturb", false, 480, "", call.Unreachable, 18, false},
		{"480 that says no answer", true, 480, "Reason: Q.850;cause=19", call.NoAnswer, 19, false},
		{"unknown", false, 404, "", call.InvalidNumber, 1, false},
		{"503 before it rang", false, 503, "", call.Congestion, 41, true},
		{"503 after it rang", true, 503, "", call.Congestion, 41, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newHouse(t).start()
			p := h.phone("mary")
			h.ring(p, "leg", "")
			inv := p.invited()
			if c.rings {
				p.reply(inv, 180, nil)
				h.expect("leg", call.EvRinging)
			}
			var extra []string
			if c.header != "" {
				extra = append(extra, c.header)
			}
			p.reply(inv, c.status, nil, extra...)
			p.gets("ACK")
			got := h.ended("leg", c.want)
			if got.SIP != c.status || got.Q850 != c.q850 || got.NotRung != c.notRung {
				t.Errorf("cause %+v", got)
			}
		})
	}
}

func TestPhoneSwitchedOffIsUnreachableAtOnce(t *testing.T) {
	h := newHouse(t).start()
	p := h.phone("mary")
	p.conn.Close()
	began := time.Now()
	h.ring(p, "leg", "")
	if got := h.ended("leg", call.Unreachable); !got.NotRung {
		t.Errorf("cause %+v, want proof that it did not ring", got)
	}
	if d := time.Since(began); d > h.stack.waits.silence/2 {
		t.Errorf("noticed after %v", d)
	}
}

// Whoever sends reads the ICMP error that a former datagram left on the socket, and holds the lock of its leg: a phone that
// is switched off must not stop everybody.
func TestErrorOfAnotherPhoneDoesNotBlockASender(t *testing.T) {
	h := newHouse(t).start()
	p := h.phone("mary")
	h.ring(p, "leg", "")
	p.invited()
	l := h.stack.leg("leg")
	l.mu.Lock()
	told := make(chan struct{})
	go func() {
		defer close(told)
		h.stack.refusedPeer(netip.MustParseAddrPort(p.conn.LocalAddr().String()))
	}()
	select {
	case <-told:
	case <-time.After(limit):
		t.Error("it waits for a leg")
	}
	l.mu.Unlock()
	h.ended("leg", call.Unreachable)
}

func TestSilenceIsUnreachableAndLateRepliesAreReleased(t *testing.T) {
	h := newHouse(t).start()
	p := h.phone("mary")
	h.ring(p, "leg", "")
	inv := p.invited()
	if got := h.ended("leg", call.Unreachable); got.NotRung {
		t.Error("silence proves nothing")
	}
	p.reply(inv, 180, nil)
	cancel := p.passes("CANCEL").(*sip.Request)
	if branch(cancel) != branch(inv) {
		t.Error("the CANCEL has another branch")
	}
	p.reply(inv, 200, p.answer(inv))
	p.passes("ACK")
	p.passes("BYE")
}

func branch(r *sip.Request) string { return r.Via().Params.GetOr("branch", "") }

func TestManyProvisionalResponses(t *testing.T) {
	h := newHouse(t).start()
	p := h.phone("mary")
	h.ring(p, "leg", "")
	inv := p.rings()
	for range 30 {
		p.reply(inv, 180, nil)
	}
	p.reply(inv, 200, p.answer(inv))
	p.gets("ACK")
	h.expect("leg", call.EvAnswered) // and not another ringing
}

func TestHangUpWaitsForTheFirstProvisional(t *testing.T) {
	h := newHouse(t).start()
	p := h.phone("mary")
	h.ring(p, "leg", "")
	inv := p.invited()
	h.do(h.stack.HangUp(t.Context(), "leg", call.Cancelled))
	p.reply(p.passes("INVITE").(*sip.Request), 100, nil) // the repeated INVITE comes before any CANCEL
	cancel := p.passes("CANCEL").(*sip.Request)
	if cancel.CSeq().SeqNo != inv.CSeq().SeqNo {
		t.Error("CANCEL has another CSeq")
	}
	p.reply(cancel, 200, nil)
	p.reply(inv, 487, nil)
	p.passes("ACK")
	if got := h.ended("leg", call.Cancelled); got.SIP != 487 {
		t.Errorf("cause %+v", got)
	}
}

func TestAnsweredElsewhereSaysSo(t *testing.T) {
	h := newHouse(t).start()
	p := h.phone("mary")
	h.ring(p, "leg", "")
	inv := p.rings()
	h.do(h.stack.HangUp(t.Context(), "leg", call.AnsweredElsewhere))
	cancel := p.request("CANCEL")
	if r := cancel.GetHeader("Reason"); r == nil || !strings.Contains(r.Value(), "cause=200") {
		t.Errorf("Reason is %v", r)
	}
	p.reply(cancel, 200, nil)
	p.reply(inv, 487, nil)
	h.ended("leg", call.AnsweredElsewhere)
}

// A phone that was lifted at the very moment of the CANCEL must not be left in a call with nobody.
func TestAnswerCrossesCancel(t *testing.T) {
	h := newHouse(t).start()
	p := h.phone("mary")
	h.ring(p, "leg", "")
	inv := p.rings()
	h.do(h.stack.HangUp(t.Context(), "leg", call.Cancelled))
	p.reply(p.request("CANCEL"), 200, nil)
	p.reply(inv, 200, p.answer(inv))
	ack, bye := p.request("ACK"), p.request("BYE")
	if ack.CSeq().SeqNo != inv.CSeq().SeqNo || bye.CSeq().SeqNo <= inv.CSeq().SeqNo {
		t.Errorf("CSeq: INVITE %v, ACK %v, BYE %v", inv.CSeq(), ack.CSeq(), bye.CSeq())
	}
	p.reply(bye, 200, nil)
	h.ended("leg", call.Cancelled)
}

func TestCancelledPhoneThatStaysSilentIsGivenUp(t *testing.T) {
	h := newHouse(t).start()
	p := h.phone("mary")
	h.ring(p, "leg", "")
	inv := p.rings()
	h.do(h.stack.HangUp(t.Context(), "leg", call.Cancelled))
	p.gets("CANCEL")
	h.ended("leg", call.Cancelled)
	p.reply(inv, 200, p.answer(inv)) // years later
	p.passes("ACK")
	p.passes("BYE")
}

func TestForkedAnswerIsReleased(t *testing.T) {
	h := newHouse(t).start()
	p := h.phone("mary")
	h.ring(p, "leg", "")
	inv := p.rings()
	p.reply(inv, 200, p.answer(inv))
	p.gets("ACK")
	h.expect("leg", call.EvAnswered)
	for range 2 { // the fork's 200 is repeated, too
		p.send(p.response(inv, 200, "othertag", p.answer(inv)))
		if ack := p.passes("ACK").(*sip.Request); dialog.Tag(ack.To()) != "othertag" {
			t.Fatalf("ACK to %s", ack.To().Value())
		}
	}
	bye := p.passes("BYE").(*sip.Request)
	if dialog.Tag(bye.To()) != "othertag" {
		t.Fatalf("BYE to %s", bye.To().Value())
	}
	p.reply(bye, 200, nil)
	if infos, _ := h.stack.Snapshot(t.Context()); len(infos) != 1 || infos[0].State != call.LegAnswered {
		t.Errorf("the first answer's leg: %+v", infos)
	}
}

func TestLostAckIsSentAgain(t *testing.T) {
	h := newHouse(t).start()
	a, b := h.phone("harry"), h.phone("mary")
	h.direct(a, b) // so that the dialog's CSeq has gone on
	a.reply(a.inv, 200, []byte(a.sdp.Last))
	ack := a.request("ACK")
	if ack.CSeq().SeqNo != a.inv.CSeq().SeqNo {
		t.Errorf("ACK has CSeq %d, its INVITE %d", ack.CSeq().SeqNo, a.inv.CSeq().SeqNo)
	}
}

// A copy of the 200 may be read by another goroutine before the 200 itself is: it is no second phone, and gets no BYE.
func TestRepeatedAnswerThatOvertakesTheFirst(t *testing.T) {
	h := newHouse(t).start()
	p := h.phone("mary")
	h.ring(p, "leg", "")
	inv := p.rings()
	answer := p.answer(inv)
	m, err := sip.ParseMessage([]byte(strings.ReplaceAll(p.response(inv, 200, p.tag, answer), "\n", "\r\n")))
	h.do(err)
	h.stack.leg("leg").again(m.(*sip.Response))
	p.reply(inv, 200, answer)
	p.gets("ACK") // and nothing before it
	h.expect("leg", call.EvAnswered)
	h.do(h.stack.HangUp(t.Context(), "leg", call.Completed))
	if bye := p.request("BYE"); bye.CSeq().SeqNo != inv.CSeq().SeqNo+1 {
		t.Errorf("CSeq %d: somebody else has ended the dialog before", bye.CSeq().SeqNo)
	} else {
		p.reply(bye, 200, nil)
	}
	h.ended("leg", call.Completed)
}

// A phone may read what follows a BYE before it, and then refuses the BYE as out of order (RFC 3261 section 12.2.2).
func TestNothingFollowsABye(t *testing.T) {
	h := newHouse(t).start()
	p := h.phone("mary")
	h.ring(p, "leg", "")
	p.picksUp()
	h.expect("leg", call.EvAnswered)
	l := h.stack.leg("leg")
	h.do(h.stack.HangUp(t.Context(), "leg", call.Completed))
	bye := p.request("BYE")
	_, _, err := l.send(sip.INVITE, func(l *leg) []byte { return []byte(l.local.Last) })
	faultIs(t, err, fault.CodeConflict)
	p.reply(bye, 200, nil)
	h.ended("leg", call.Completed)
	for len(p.in) > 0 {
		if m := <-p.in; what(m) != "BYE" {
			t.Errorf("%s after the BYE", what(m))
		}
	}
}

func TestRingLimit(t *testing.T) {
	h := newHouse(t).start()
	p := h.phone("mary")
	h.do(h.tryRing(p, call.Originate{Leg: "leg", RingLimit: 150 * time.Millisecond}))
	inv := p.rings()
	p.reply(p.request("CANCEL"), 200, nil)
	p.reply(inv, 487, nil)
	h.ended("leg", call.NoAnswer)
}

func TestAnswerWithoutUsableAudio(t *testing.T) {
	for name, body := range map[string]string{
		"none":         "",
		"refused line": "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 0 RTP/AVP 8\r\n",
		"rubbish":      "hello",
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t).start()
			p := h.phone("mary")
			h.ring(p, "leg", "")
			inv := p.rings()
			p.reply(inv, 200, []byte(body))
			p.gets("ACK")
			p.reply(p.request("BYE"), 200, nil)
			h.ended("leg", call.MediaFailed)
		})
	}
}

func TestByeRightAfterTheAnswer(t *testing.T) {
	h := newHouse(t).start()
	p := h.phone("mary")
	h.ring(p, "leg", "")
	inv := p.rings()
	p.within("BYE", nil) // the library may read it first
	p.reply(inv, 200, p.answer(inv))
	p.passes("ACK")
	h.ended("leg", call.Completed)
}

func TestEarlyMediaReplacesRingBack(t *testing.T) {
	h := newHouse(t).start()
	a, b := h.phone("harry"), h.phone("mary")
	h.ring(a, "leg-a", "")
	a.picksUp()
	h.expect("leg-a", call.EvAnswered)
	h.do(h.stack.RingBack(t.Context(), "leg-a", true))
	a.hears(sounds) // the country's tone
	h.ring(b, "leg-b", "leg-a")
	inv := b.invited()
	b.reply(inv, 183, b.answer(inv))
	h.expect("leg-b", call.EvTrying, call.EvEarlyMedia)
	for range 5 {
		a.hears(sounds) // nothing was sent yet: no silence
	}
	h.do(h.stack.RingBack(t.Context(), "leg-a", true)) // core may still want it
	anchor := b.offerOf(inv).Audio.AddrPort()
	for i := range 5 {
		b.says(anchor, uint16(i), 0x2a)
	}
	a.hears(func(p byte) bool { return p == 0x2a })
	b.reply(inv, 486, nil)
	h.ended("leg-b", call.Busy)
	a.hears(func(p byte) bool { return sounds(p) && p != 0x2a }) // the tone is back
}

func TestOfferHasTheCodecsOfTheCallersPhone(t *testing.T) {
	h := newHouse(t).start()
	a, b := h.phone("harry"), h.phone("mary")
	h.ring(a, "leg-a", "")
	inv := a.rings()
	pcmu := []sdp.Codec{{PT: 0, Name: "PCMU", Rate: 8000}}
	a.reply(inv, 200, a.sdp.Answer(a.offerOf(inv), a.rtp, pcmu, sdp.SendRecv))
	a.gets("ACK")
	h.expect("leg-a", call.EvAnswered)
	h.ring(b, "leg-b", "leg-a")
	got := b.offerOf(b.rings()).Audio.Codecs
	if len(got) != 1 || got[0].Name != "PCMU" {
		t.Errorf("offered %+v", got)
	}
}

func TestBadInputNeverReachesTheWire(t *testing.T) {
	h := newHouse(t).start()
	p := h.phone("mary")
	for field, show := range map[string]call.Shown{
		"name with CRLF":   {Name: "Mary\r\nX-Evil: 1"},
		"name with NUL":    {Name: "Mary\x00"},
		"name not UTF-8":   {Name: "Mary\xff"},
		"number with CRLF": {Number: "1\r\nX-Evil: 1"},
		"number in quotes": {Number: `1"`},
	} {
		t.Run(field, func(t *testing.T) {
			faultIs(t, h.tryRing(p, call.Originate{Leg: "leg", Show: show}), fault.CodeBadCharacter)
		})
	}
	h.do(h.tryRing(p, call.Originate{Leg: "leg", RingLimit: limit, Show: call.Shown{Name: `Mary "Pop" \`, Number: "101"}}))
	if got := p.invited().From().Value(); !strings.HasPrefix(got, `"Mary \"Pop\" \\" <sip:101@`) {
		t.Errorf("From is %s", got)
	}
}

func TestRequestsLeaveFromTheListeningPort(t *testing.T) {
	h := newHouse(t).start()
	p := h.phone("mary")
	h.ring(p, "leg", "")
	inv := p.invited()
	if inv.Via().Port != int(h.stack.Addr().Port()) || inv.Contact().Address.Port != int(h.stack.Addr().Port()) {
		t.Errorf("Via %s, Contact %s", inv.Via().Value(), inv.Contact().Value())
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.ladder[0].Local != h.stack.Addr() || !h.ladder[0].Sent {
		t.Errorf("sent from %v", h.ladder[0].Local)
	}
}

func TestUnsolicitedAnswerIsIgnored(t *testing.T) {
	h := newHouse(t).start()
	p, victim := h.phone("mary"), h.phone("victim")
	h.ring(p, "leg", "")
	inv := p.rings()
	inv.Via().Params.Add("branch", newBranch())
	id := sip.CallIDHeader("nobody")
	inv.ReplaceHeader(&id)
	p.send(p.response(inv, 200, "x", nil, "Contact: <sip:victim@"+victim.conn.LocalAddr().String()+">"))
	select {
	case m := <-victim.in:
		t.Errorf("the victim got %s", what(m))
	case <-time.After(100 * time.Millisecond):
	}
}

// A phone that registered through a proxy is called through it (RFC 3327).
func TestPhoneBehindAProxyIsCalledThroughIt(t *testing.T) {
	h := newHouse(t).start()
	p := h.phone("mary")
	h.reg.mu.Lock()
	b := &h.reg.bindings[p.aor][0]
	b.Contact, b.Path = "sip:mary@127.0.0.9:5070", []string{"<sip:edge@" + p.conn.LocalAddr().String() + ";lr>;x=y", "<sip:127.0.0.8;lr>"}
	h.reg.mu.Unlock()
	h.ring(p, "leg", "")
	inv := p.invited()
	var routes []string
	for _, r := range inv.GetHeaders("Route") {
		routes = append(routes, r.Value())
	}
	want := []string{"<sip:edge@" + p.conn.LocalAddr().String() + ";lr>", "<sip:127.0.0.8;lr>"}
	if !slices.Equal(routes, want) || inv.Recipient.String() != "sip:mary@127.0.0.9:5070" {
		t.Errorf("INVITE\n%s", inv)
	}
	p.reply(inv, 486, nil)
	h.ended("leg", call.Busy)
}
