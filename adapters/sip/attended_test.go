package sip

import (
	"context"
	"net/url"
	"strings"
	"testing"

	"github.com/emiago/sipgo/sip"

	"c2d/core/call"
	"c2d/core/fault"
)

// consulting is a phone with two calls through us, leg-1 and leg-2; what it does within a dialog is within the first.
func consulting(t *testing.T) (h *house, c *clicks, p *phone, second *sip.Request) {
	h, c, p = clickable(t)
	h.ring(p, "leg-1", "")
	p.picksUp()
	first := p.inv
	h.ring(p, "leg-2", "")
	p.picksUp()
	second, p.inv = p.inv, first
	h.expect("leg-1", call.EvAnswered)
	h.expect("leg-2", call.EvAnswered)
	return h, c, p, second
}

// named is how a phone names the dialog of an INVITE of ours.
func (p *phone) named(inv *sip.Request) string {
	tag, _ := inv.From().Params.Get("tag")
	return inv.CallID().Value() + ";to-tag=" + tag + ";from-tag=" + p.tag
}

// tells reads the next NOTIFY within the dialog, checks its status line, and takes it.
func (p *phone) tells(line string, last bool) {
	p.t.Helper()
	n := p.passes("NOTIFY").(*sip.Request)
	if string(n.Body()) != line+"\r\n" || strings.HasPrefix(header(n, "Subscription-State"), "terminated") != last {
		p.t.Fatalf("want %q, last: %v\n%s", line, last, n)
	}
	p.reply(n, 200, nil)
}

func TestAttendedTransferIsAskedOfCore(t *testing.T) {
	for _, name := range []string{"Replaces", "replaces"} {
		_, c, p, second := consulting(t)
		p.within("REFER", nil, "Refer-To: <sip:mary@hospital.example?"+name+"="+url.QueryEscape(p.named(second))+">")
		p.gets("202")
		p.tells("SIP/2.0 100 Trying", false)
		if got := <-c.asked; got.Name != "leg-1 and leg-2" {
			t.Errorf("asked for %+v", got)
		}
		p.tells("SIP/2.0 200 OK", true)
	}
}

// The other dialog may be one that the phone has made itself.
func TestAttendedTransferToWhomThePhoneHasCalled(t *testing.T) {
	h, c, p := clickable(t)
	h.ring(p, "leg-1", "")
	p.picksUp()
	p.calls("101", p.offers(), proof)
	p.gets("100")
	leg, _ := h.offered()
	h.do(h.stack.Answer(t.Context(), leg))
	ok := p.gets("200")
	p.follows(ok, "ACK", nil)
	h.expect(leg, call.EvAnswered)
	tag, _ := ok.To().Params.Get("tag")
	p.within("REFER", nil, "Refer-To: <sip:101@hospital.example?Replaces="+p.callID+"%3bfrom-tag%3D"+p.tag+"%3Bto-tag%3D"+tag+">")
	p.gets("202")
	p.tells("SIP/2.0 100 Trying", false)
	if got := <-c.asked; got.Name != "leg-1 and "+leg {
		t.Errorf("asked for %+v", got)
	}
	p.tells("SIP/2.0 200 OK", true)
}

func TestAttendedTransfersThatAreRefused(t *testing.T) {
	_, c, p, second := consulting(t)
	right := p.named(second)
	escaped := url.QueryEscape
	for what, r := range map[string]string{
		"no tags":      "abc",
		"one tag":      escaped(strings.Split(right, ";from-tag")[0]),
		"a tag twice":  escaped(right + ";to-tag=x"),
		"nothing":      "",
		"bad escape":   "%zz",
		"two of them":  escaped(right) + "&replaces=" + escaped(right),
		"an empty tag": escaped(strings.Split(right, ";from-tag")[0] + ";from-tag="),
		"no Call-ID":   escaped(right[len("leg-2"):]),
	} {
		p.within("REFER", nil, "Refer-To: <sip:mary@hospital.example?Replaces="+r+">")
		t.Log(what)
		p.gets("400")
	}
	for what, r := range map[string]string{
		"another's Call-ID": "x" + right,
		"another's tag":     right + "0",
		"our tag for its":   strings.NewReplacer("to-tag", "from-tag", "from-tag", "to-tag").Replace(right),
	} {
		p.within("REFER", nil, "Refer-To: <sip:mary@hospital.example?Replaces="+url.QueryEscape(r)+">")
		p.gets("202")
		p.tells("SIP/2.0 100 Trying", false)
		t.Log(what)
		p.tells("SIP/2.0 481 Call/Transaction Does Not Exist", true)
	}
	for code, line := range map[fault.Code]string{
		fault.CodeConflict:     "SIP/2.0 603 Decline", // the other still rings
		fault.CodeForbidden:    "SIP/2.0 403 Forbidden",
		fault.CodeNotSupported: "SIP/2.0 501 Not Implemented",
	} {
		c.err = fault.New(code, "no")
		p.within("REFER", nil, "Refer-To: <sip:mary@hospital.example?Replaces="+url.QueryEscape(right)+">")
		p.gets("202")
		p.tells("SIP/2.0 100 Trying", false)
		<-c.asked
		p.tells(line, true)
	}
	p.within("OPTIONS", nil)
	p.gets("200") // it goes on talking
}

// slowly is a core that takes its time with a transfer.
type slowly struct {
	*clicks
	decide chan error
}

func (c slowly) Attend(ctx context.Context, leg, other string) (call.Call, error) {
	_, _ = c.clicks.Attend(ctx, leg, other)
	select {
	case err := <-c.decide:
		return call.Call{}, err
	case <-ctx.Done():
		return call.Call{}, ctx.Err()
	}
}

func (c slowly) Transfer(ctx context.Context, leg string, a call.Asked) (call.Call, error) {
	_, _ = c.clicks.Transfer(ctx, leg, a)
	return call.Call{}, <-c.decide
}

func TestByeThatOvertakesABlindTransfer(t *testing.T) {
	h, c, p := clickable(t)
	core := slowly{c, make(chan error)}
	h.stack.Use(core)
	h.ring(p, "leg", "")
	p.picksUp()
	h.expect("leg", call.EvAnswered)
	p.within("REFER", nil, "Refer-To: <sip:Ann@hospital.example>")
	p.gets("202")
	<-c.asked
	p.within("BYE", nil)
	p.passes("200")
	if ev, told := h.sink.take("leg"); told {
		t.Fatalf("%s before it is decided", ev.Kind)
	}
	core.decide <- nil
	h.ended("leg", call.Completed)
}

// A phone that says BYE as soon as it has the 202 does not end what is handed over: core learns of it when that is decided.
func TestByeThatOvertakesATransfer(t *testing.T) {
	for _, refused := range []error{nil, fault.New(fault.CodeConflict, "no")} {
		h, c, p, second := consulting(t)
		core := slowly{c, make(chan error)}
		h.stack.Use(core)
		p.within("REFER", nil, "Refer-To: <sip:mary@hospital.example?Replaces="+url.QueryEscape(p.named(second))+">")
		p.gets("202")
		<-c.asked
		p.within("BYE", nil)
		p.passes("200")
		first := p.inv
		p.inv = second
		p.within("BYE", nil)
		p.passes("200")
		p.inv = first
		for _, leg := range []string{"leg-1", "leg-2"} {
			if ev, told := h.sink.take(leg); told {
				t.Fatalf("%s: %s before it is decided", leg, ev.Kind)
			}
		}
		core.decide <- refused
		h.ended("leg-1", call.Completed)
		h.ended("leg-2", call.Completed)
	}
}

// A phone that does not answer the first NOTIFY does not hold its transfer up, and a second one beside it is not taken.
func TestPhoneThatIsSlowToTakeNotify(t *testing.T) {
	h, c, p, second := consulting(t)
	core := slowly{c, make(chan error)}
	h.stack.Use(core)
	to := "Refer-To: <sip:mary@hospital.example?Replaces=" + url.QueryEscape(p.named(second)) + ">"
	p.within("REFER", nil, to)
	p.gets("202")
	n := p.request("NOTIFY")
	<-c.asked
	p.within("REFER", nil, to)
	p.passes("491")
	core.decide <- nil
	p.reply(n, 200, nil)
	p.tells("SIP/2.0 200 OK", true)
}

// Our BYE comes after the NOTIFY that says why.
func TestByeAfterTheNotify(t *testing.T) {
	h, c, p, second := consulting(t)
	core := slowly{c, make(chan error)}
	h.stack.Use(core)
	p.within("REFER", nil, "Refer-To: <sip:mary@hospital.example?Replaces="+url.QueryEscape(p.named(second))+">")
	p.gets("202")
	p.tells("SIP/2.0 100 Trying", false)
	<-c.asked
	for _, leg := range []string{"leg-1", "leg-2"} {
		h.do(h.stack.HangUp(t.Context(), leg, call.Transferred))
	}
	core.decide <- nil
	p.tells("SIP/2.0 200 OK", true)
	for range 2 {
		p.reply(p.request("BYE"), 200, nil)
	}
	h.ended("leg-1", call.Transferred)
	h.ended("leg-2", call.Transferred)
}

// A phone that never takes the NOTIFY gets its BYE all the same.
func TestByeWithoutTheNotify(t *testing.T) {
	h, c, p, second := consulting(t)
	p.within("REFER", nil, "Refer-To: <sip:mary@hospital.example?Replaces="+url.QueryEscape(p.named(second))+">")
	<-c.asked
	h.do(h.stack.HangUp(t.Context(), "leg-1", call.Transferred))
	p.reply(p.passes("BYE").(*sip.Request), 200, nil)
	h.ended("leg-1", call.Transferred)
}

// Without NOTIFY the outcome is the BYE (RFC 4488).
func TestTransferWithoutNotify(t *testing.T) {
	h, c, p := clickable(t)
	h.ring(p, "leg", "")
	p.picksUp()
	p.within("REFER", nil, "Refer-To: <sip:Ann@hospital.example>", "Refer-Sub: false")
	if ok := p.gets("202"); header(ok, "Refer-Sub") != "false" {
		t.Errorf("202\n%s", ok)
	}
	<-c.asked
	h.do(h.stack.HangUp(t.Context(), "leg", call.Transferred))
	p.reply(p.request("BYE"), 200, nil)
	if strings.Contains(h.drawn(), "NOTIFY") {
		t.Error("a phone that wants no NOTIFY got one")
	}
}

// Two that talked with one phone talk with each other: directly again, or through us.
func TestTwoPartedLegsAreJoined(t *testing.T) {
	for _, relay := range []bool{false, true} {
		h := newHouse(t, func(c *Config) { c.Relay = relay }).start()
		a, x, b, y := h.phone("harry"), h.phone("mary"), h.phone("harry2"), h.phone("ann")
		h.talkingAs(a, x, "leg-a", "leg-x")
		h.do(h.stack.Join(t.Context(), "leg-a", "leg-x"))
		h.talkingAs(b, y, "leg-b", "leg-y")
		h.do(h.stack.Join(t.Context(), "leg-b", "leg-y"))
		for leg, pair := range map[string][2]*phone{"leg-a": {a, x}, "leg-b": {b, y}} {
			if !relay {
				pair[0].redirected()
				pair[1].redirected()
			}
			h.expect(leg, call.EvJoined, call.EvMedia)
		}
		h.do(h.stack.Part(t.Context(), "leg-x"))
		h.do(h.stack.Part(t.Context(), "leg-y"))
		h.do(h.stack.Join(t.Context(), "leg-x", "leg-y"))
		if relay {
			x.redirected()
			y.redirected()
			hearEachOther(x, y)
			continue
		}
		if first := x.redirected(); first == y.rtp || first == a.rtp {
			t.Errorf("x was sent to %v first, not to us", first)
		}
		y.redirected()
		if to := x.redirected(); to != y.rtp {
			t.Errorf("x was sent to %v, want %v", to, y.rtp)
		}
		if to := y.redirected(); to != x.rtp {
			t.Errorf("y was sent to %v, want %v", to, x.rtp)
		}
		h.do(h.stack.HangUp(t.Context(), "leg-a", call.Transferred))
		a.reply(a.request("BYE"), 200, nil)
	}
}

// Nobody takes over a call of ours by INVITE.
func TestInviteWithReplaces(t *testing.T) {
	_, _, p, second := consulting(t)
	for _, r := range []struct {
		status string
		extra  []string
	}{
		{"603", []string{"Replaces: " + p.named(second)}},
		{"603", []string{"Replaces: " + p.named(second) + ";early-only"}},
		{"481", []string{"Replaces: x;to-tag=1;from-tag=2"}},
		{"400", []string{"Replaces: x"}},
		{"400", []string{"Replaces: " + p.named(second), "Replaces: " + p.named(p.inv)}},
		{"420", []string{"Replaces: " + p.named(second), "Require: replaces"}},
	} {
		p.calls("101", p.offers(), append(r.extra, proof)...)
		p.refused(r.status)
	}
	p.calls("101", p.offers(), "Replaces: "+p.named(second))
	p.refused("407") // a stranger learns nothing of our dialogs
}

// refused reads on to the answer to the phone's last INVITE: those to the others are repeated, since it sends no ACK.
func (p *phone) refused(status string) {
	p.t.Helper()
	for {
		m := <-p.in
		if res, is := m.(*sip.Response); !is || int(res.CSeq().SeqNo) != p.cseq {
			continue
		}
		if what(m) != status {
			p.t.Fatalf("%s got %s, want %s", p.name, what(m), status)
		}
		return
	}
}

// A click does not take another call's place.
func TestReferOutsideADialogWithReplaces(t *testing.T) {
	_, _, p, second := consulting(t)
	p.refers("<sip:Mary@hospital.example?Replaces="+url.QueryEscape(p.named(second))+">", proof)
	p.gets("501")
}

func FuzzReplaces(f *testing.F) {
	f.Add("98732@sip.example.com;from-tag=r33th4x0r;to-tag=ff87ff")
	f.Add("a;to-tag=1;from-tag=2;early-only")
	f.Add(";to-tag=;from-tag")
	f.Fuzz(func(t *testing.T, s string) {
		r, ok := parseReplaces(s)
		if !ok {
			return
		}
		again, ok := parseReplaces(r.callID + ";to-tag=" + r.to + ";from-tag=" + r.from)
		if !ok || again != r {
			t.Errorf("%q is %+v, and then %+v", s, r, again)
		}
	})
}

// What a phone demands of a request inside its dialog is done, or refused; a BYE is taken whatever it demands.
func TestRequireInsideADialog(t *testing.T) {
	h, c, p := clickable(t)
	h.ring(p, "leg", "")
	p.picksUp()
	for _, method := range []string{"INVITE", "UPDATE", "REFER"} {
		p.within(method, p.offers(), "Refer-To: <sip:Ann@hospital.example>", "Require: precondition")
		if no := p.gets("420"); header(no, "Unsupported") != "precondition" {
			t.Errorf("%s\n%s", method, no)
		}
		if method == "INVITE" {
			p.send(p.inside("ACK", p.cseq, nil))
		}
	}
	p.within("REFER", nil, "Refer-To: <sip:Ann@hospital.example>", "Refer-Sub: false", "Require: norefersub")
	p.gets("202")
	<-c.asked
	p.within("BYE", nil, "Require: precondition")
	p.gets("200")
	h.ended("leg", call.Completed)
}
