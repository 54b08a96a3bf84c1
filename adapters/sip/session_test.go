package sip

import (
	"strings"
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"

	"c2d/core/call"
)

// quick is a house in which the seconds of a session are 4 ms: 90 of them, the least that we take, are over in 360 ms.
func quick(t *testing.T) *house {
	h := newHouse(t)
	h.stack.waits.second = 4 * time.Millisecond
	h.stack.waits.refresh = 300 * time.Millisecond
	h.stack.waits.takeUp = 10 * time.Millisecond
	return h.start()
}

// answersWith brings a phone into a call of one leg, with more headers in its 200.
func (p *phone) answersWith(leg string, extra ...string) {
	p.t.Helper()
	p.h.ring(p, leg, "")
	inv := p.rings()
	p.reply(inv, 200, p.answer(inv), extra...)
	p.request("ACK")
	p.h.expect(leg, call.EvAnswered)
}

func header(m sip.Message, name string) string {
	for _, h := range m.GetHeaders(name) {
		return h.Value()
	}
	return ""
}

const allows = "Allow: INVITE, ACK, BYE, UPDATE"

func TestOurInviteAsksForASessionTimer(t *testing.T) {
	h := newHouse(t).start()
	p := h.phone("harry")
	h.ring(p, "leg", "")
	inv := p.invited()
	for name, want := range map[string]string{"Supported": "100rel, timer", "Session-Expires": "1800", "Min-SE": "90"} {
		if got := header(inv, name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if !strings.Contains(header(inv, "Allow"), "UPDATE") {
		t.Error("does not say that we take UPDATE")
	}
	p.reply(inv, 486, nil)
	h.ended("leg", call.Busy)
}

func TestSessionIsRefreshedByUpdate(t *testing.T) {
	h := quick(t)
	p := h.phone("harry")
	p.answersWith("leg", "Session-Expires: 90;refresher=uac", "Require: timer", allows)
	for range 2 { // the second only comes if the first was taken as a refresh
		up := p.request("UPDATE")
		if len(up.Body()) != 0 || header(up, "Session-Expires") != "90;refresher=uac" || header(up, "Supported") != "timer" {
			t.Errorf("UPDATE\n%s", up)
		}
		p.reply(up, 200, nil, "Session-Expires: 90;refresher=uac")
	}
}

func TestSessionIsRefreshedByInviteThatChangesNothing(t *testing.T) {
	h := quick(t)
	p := h.phone("harry")
	p.answersWith("leg", "Session-Expires: 90;refresher=uac", "Allow: INVITE, ACK, BYE")
	before := string(p.inv.Body())
	for range 2 {
		inv := p.request("INVITE")
		if string(inv.Body()) != before {
			t.Errorf("the description has changed\n%s\n%s", before, inv.Body())
		}
		p.reply(inv, 200, p.answer(inv), "Session-Expires: 90;refresher=uac")
		p.request("ACK")
	}
}

func TestUpdateThatIsNotTakenBecomesAnInvite(t *testing.T) {
	h := quick(t)
	p := h.phone("harry")
	p.answersWith("leg", "Session-Expires: 90;refresher=uac", allows)
	p.reply(p.request("UPDATE"), 501, nil)
	inv := p.request("INVITE")
	p.reply(inv, 200, p.answer(inv), "Session-Expires: 90;refresher=uac")
	p.request("ACK")
	p.request("INVITE") // and no UPDATE before it
}

func TestRefreshThatIsRefusedIsTriedAgain(t *testing.T) {
	h := quick(t)
	p := h.phone("harry")
	p.answersWith("leg", "Session-Expires: 90;refresher=uac", allows)
	for _, status := range []int{491, 500, 200} {
		p.reply(p.request("UPDATE"), status, nil)
	}
	if got := h.stack.leg("leg"); got == nil {
		t.Error("a call was cut whose phone lives")
	}
}

// What ends a call in whose phone nobody lives any more.
func TestPhoneThatDiedIsNoticed(t *testing.T) {
	const timer = "Session-Expires: 90;refresher="
	for name, c := range map[string]struct {
		answer []string
		asked  string
		says   int // 0 is silence
		cause  int
	}{
		"UPDATE is not answered":              {[]string{timer + "uac", allows}, "UPDATE", 0, 0},
		"UPDATE finds no dialog":              {[]string{timer + "uac", allows}, "UPDATE", 481, 481},
		"a proxy says that the phone is gone": {[]string{timer + "uac", allows}, "UPDATE", 408, 408},
		"re-INVITE is not answered":           {[]string{timer + "uac"}, "INVITE", 0, 0},
		"re-INVITE finds no dialog":           {[]string{timer + "uac"}, "INVITE", 481, 481},
		"the phone's own refresh is missing":  {[]string{timer + "uas"}, "BYE", 200, 0},
		"OPTIONS is not answered":             {nil, "OPTIONS", 0, 0},
		"OPTIONS finds no dialog":             {nil, "OPTIONS", 481, 481},
	} {
		t.Run(name, func(t *testing.T) {
			h := quick(t)
			h.stack.waits.probe = 50 * time.Millisecond
			p := h.phone("harry")
			p.answersWith("leg", c.answer...)
			if asked := p.request(c.asked); c.says != 0 {
				p.reply(asked, c.says, nil)
			}
			if cause := h.ended("leg", call.Lost); cause.SIP != c.cause {
				t.Errorf("ended with %d, want %d", cause.SIP, c.cause)
			}
			if c.asked != "BYE" {
				p.reply(p.passes("BYE").(*sip.Request), 200, nil)
			}
		})
	}
}

func TestPhoneWithoutTimersThatLivesIsLeftAlone(t *testing.T) {
	h := quick(t)
	h.stack.waits.probe = 30 * time.Millisecond
	p := h.phone("harry")
	p.answersWith("leg")
	for _, status := range []int{200, 405, 200} { // baresip says 200; some desk phones know no OPTIONS inside a call
		p.reply(p.request("OPTIONS"), status, nil)
	}
	p.within("BYE", nil)
	p.passes("200")
	h.ended("leg", call.Completed)
}

func TestRefreshesOfThePhoneKeepTheCall(t *testing.T) {
	h := quick(t)
	p := h.phone("harry")
	p.answersWith("leg", "Session-Expires: 90;refresher=uas")
	end := time.Now().Add(500 * time.Millisecond) // the session would be over after 360
	for time.Now().Before(end) {
		p.within("UPDATE", nil, "Supported: timer", "Session-Expires: 90;refresher=uac")
		if ok := p.gets("200"); header(ok, "Session-Expires") != "90;refresher=uac" || header(ok, "Require") != "timer" {
			t.Fatalf("200\n%s", ok)
		}
		waited := time.Now().Add(100 * time.Millisecond)
		h.eventually("a while", func() bool { return time.Now().After(waited) })
	}
	h.ended("leg", call.Lost) // it stops, and that is noticed
}

func TestFirstInviteIsRepeatedWithALongerInterval(t *testing.T) {
	h := newHouse(t).start()
	p := h.phone("harry")
	h.ring(p, "leg", "")
	first := p.invited()
	p.reply(first, 422, nil, "Min-SE: 3600")
	p.request("ACK")
	second := p.invited()
	if branch(first) == branch(second) || second.CSeq().SeqNo != first.CSeq().SeqNo+1 || header(second, "Session-Expires") != "3600" ||
		header(second, "Min-SE") != "3600" || string(second.Body()) != string(first.Body()) {
		t.Errorf("the second INVITE\n%s", second)
	}
	if b := h.blob("leg"); b.Invite.Branch != branch(second) {
		t.Error("after a restart the first INVITE would be cancelled")
	}
	p.reply(second, 180, nil)
	p.reply(second, 200, p.answer(second))
	if ack := p.request("ACK"); ack.CSeq().SeqNo != second.CSeq().SeqNo {
		t.Errorf("ACK\n%s", ack)
	}
}

func TestIntervalThatIsNeverLongEnoughEndsTheLeg(t *testing.T) {
	h := newHouse(t).start()
	p := h.phone("harry")
	h.ring(p, "leg", "")
	for _, least := range []string{"3600", "7200"} {
		p.reply(p.invited(), 422, nil, "Min-SE: "+least)
		p.request("ACK")
	}
	h.ended("leg", call.BackendFailed)
}

// The terms of a call that a phone begins (RFC 4028 section 9, table 2).
func TestTermsOfAnOfferedCall(t *testing.T) {
	for name, c := range map[string]struct {
		asks    []string
		status  string
		expires string // in our 200
		require string
	}{
		"knows no timers":             {nil, "200", "", ""},
		"supports timers":             {[]string{"Supported: timer"}, "200", "1800;refresher=uas", "timer"},
		"in compact form":             {[]string{"k: timer", "x: 600"}, "200", "600;refresher=uas", "timer"},
		"wants to refresh":            {[]string{"Supported: replaces, timer", "Session-Expires: 600;refresher=uac"}, "200", "600;refresher=uac", "timer"},
		"wants us to":                 {[]string{"Supported: timer", "Session-Expires: 600;refresher=uas"}, "200", "600;refresher=uas", "timer"},
		"demands timers":              {[]string{"Require: timer", "Session-Expires: 600"}, "200", "600;refresher=uas", "timer"},
		"a proxy asked for it":        {[]string{"Session-Expires: 600"}, "200", "600;refresher=uas", ""},
		"too short":                   {[]string{"Supported: timer", "Session-Expires: 30"}, "422", "", ""},
		"too short, but knows no 422": {[]string{"Session-Expires: 30"}, "200", "90;refresher=uas", ""},
		"demands something else too":  {[]string{"Require: timer, gruu"}, "420", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t).start()
			p := h.phone("harry")
			p.calls("mary", p.offers(), append(c.asks, "Authorization: yes")...)
			if c.status != "200" {
				refused := p.gets(c.status)
				if c.status == "422" && header(refused, "Min-SE") != "90" || c.status == "420" && header(refused, "Unsupported") != "gruu" {
					t.Errorf("refused\n%s", refused)
				}
				return
			}
			p.gets("100")
			leg, _ := h.offered()
			h.do(h.stack.Answer(t.Context(), leg))
			ok := p.gets("200")
			p.follows(ok, "ACK", nil)
			if got := header(ok, "Session-Expires"); got != c.expires || header(ok, "Require") != c.require {
				t.Errorf("Session-Expires %q, Require %q; want %q, %q", got, header(ok, "Require"), c.expires, c.require)
			}
		})
	}
}

func TestBriefRefreshIsRefused(t *testing.T) {
	h := quick(t)
	p := h.phone("harry")
	p.answersWith("leg", "Session-Expires: 90;refresher=uas")
	p.within("UPDATE", nil, "Supported: timer", "Session-Expires: 20")
	if res := p.gets("422"); header(res, "Min-SE") != "90" {
		t.Errorf("422\n%s", res)
	}
}

func TestRefreshesGoOnAfterARestart(t *testing.T) {
	h := quick(t)
	a, b := h.phone("harry"), h.phone("mary")
	a.answersWith("leg-a", "Session-Expires: 90;refresher=uac", allows)
	b.answersWith("leg-b", "Session-Expires: 90;refresher=uas", allows)
	h.restarted()
	up := a.passes("UPDATE").(*sip.Request)
	if up.CSeq().SeqNo < 1000 || header(up, "Session-Expires") != "90;refresher=uac" {
		t.Errorf("UPDATE\n%s", up)
	}
	a.reply(up, 200, nil, "Session-Expires: 90;refresher=uac")
	b.within("UPDATE", nil, "Supported: timer", "Session-Expires: 90;refresher=uac")
	b.gets("200")
	a.reply(a.request("UPDATE"), 481, nil)
	h.ended("leg-a", call.Lost)
	h.ended("leg-b", call.Lost)
}
