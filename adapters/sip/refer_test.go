package sip

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"

	"c2d/core/call"
	"c2d/core/fault"
)

// clicks is a core that places what it is asked for, and tells what the test says.
type clicks struct {
	asked  chan call.Asked
	err    error
	states chan call.Call
}

func (c *clicks) Click(_ context.Context, a call.Asked) (call.Call, error) {
	c.asked <- a
	return call.Call{ID: "call"}, c.err
}

func (c *clicks) Transfer(_ context.Context, leg string, a call.Asked) (call.Call, error) {
	a.Name += " from " + leg
	c.asked <- a
	return call.Call{}, c.err
}

func (c *clicks) Attend(_ context.Context, leg, other string) (call.Call, error) {
	c.asked <- call.Asked{Name: leg + " and " + other}
	return call.Call{}, c.err
}

func (c *clicks) Follow(ctx context.Context, _ string, tell func(call.Call) bool) {
	for {
		select {
		case now := <-c.states:
			if !tell(now) {
				return
			}
		case <-ctx.Done():
			return
		}
	}
}

// clickable is a house whose phones may ask for calls.
func clickable(t *testing.T) (*house, *clicks, *phone) {
	h := newHouse(t)
	c := &clicks{asked: make(chan call.Asked, 1), states: make(chan call.Call, 8)}
	h.stack.Use(c)
	return h.start(), c, h.phone("harry")
}

// refers sends a REFER outside a dialog.
func (p *phone) refers(to string, extra ...string) {
	p.t.Helper()
	p.cseq++
	p.callID = newTag()
	p.send(p.calling("REFER", "c2d", newBranch(), nil, append(extra, "Refer-To: "+to)...))
}

// told reads the next NOTIFY, checks its status line and whether it is the last, and takes it.
func (p *phone) told(line string, last bool) {
	p.t.Helper()
	n := p.request("NOTIFY")
	state := header(n, "Subscription-State")
	if string(n.Body()) != line+"\r\n" || strings.HasPrefix(state, "terminated") != last || header(n, "Event") != "refer" ||
		!strings.HasPrefix(header(n, "Content-Type"), "message/sipfrag") || len(n.GetHeaders("Content-Type")) != 1 {
		p.t.Fatalf("want %q, last: %v\n%s", line, last, n)
	}
	p.reply(n, 200, nil)
}

func TestReferDrivesTheStory(t *testing.T) {
	_, c, p := clickable(t)
	p.refers("<sip:Mary@hospital.example>", proof)
	ok := p.gets("202").(*sip.Response)
	p.told("SIP/2.0 100 Trying", false)
	if got := <-c.asked; got != (call.Asked{From: p.aor, To: "sip:Mary@hospital.example", Name: "Mary"}) {
		t.Errorf("asked for %+v", got)
	}
	now := call.Call{State: call.RingingCaller}
	c.states <- now
	now.State = call.RingingCallee
	now.Callee.Attempts = []call.Attempt{{Legs: []call.Leg{{ID: "b", Rang: true}}, Targets: []call.Target{{}}}}
	c.states <- now
	p.told("SIP/2.0 180 Ringing", false)
	now.State = call.Connecting
	c.states <- now // nothing new
	now.State, now.ConnectedAt = call.Connected, now.ConnectedAt.Add(1)
	c.states <- now
	p.told("SIP/2.0 200 OK", true)
	if ok.Contact() == nil || ok.To().Params.GetOr("tag", "") == "" {
		t.Errorf("202\n%s", ok)
	}
}

func TestReferWhoseCallEnds(t *testing.T) {
	for line, end := range map[string]call.End{
		"SIP/2.0 486 Busy Here":               {Cause: call.Cause{Reason: call.Busy, SIP: 486}},
		"SIP/2.0 480 Temporarily Unavailable": {Cause: call.Cause{Reason: call.NoAnswer}},
		"SIP/2.0 487 Request Terminated":      {Cause: call.Cause{Reason: call.Cancelled, SIP: 200}},
		"SIP/2.0 433 Failed":                  {Cause: call.Cause{Reason: call.Rejected, SIP: 433}},
	} {
		_, c, p := clickable(t)
		p.refers("<sip:Mary@hospital.example>", proof)
		p.gets("202")
		p.told("SIP/2.0 100 Trying", false)
		c.states <- call.Call{State: call.Ended, End: &end}
		p.told(line, true)
	}
}

func TestReferThatCoreRefuses(t *testing.T) {
	for code, line := range map[fault.Code]string{
		fault.CodeCalleeUnknown:    "SIP/2.0 404 Not Found",
		fault.CodeAmbiguous:        "SIP/2.0 485 Ambiguous",
		fault.CodeBlocked:          "SIP/2.0 403 Forbidden",
		fault.CodeEmergencyNumber:  "SIP/2.0 403 Forbidden",
		fault.CodeCallerBusy:       "SIP/2.0 486 Busy Here",
		fault.CodeStoreUnavailable: "SIP/2.0 503 Service Unavailable",
	} {
		_, c, p := clickable(t)
		c.err = fault.New(code, "no")
		p.refers("<sip:Mary@hospital.example>", proof)
		p.gets("202")
		p.told("SIP/2.0 100 Trying", false)
		p.told(line, true)
	}
}

// Every code of core has a status of its own choosing; only what is nobody's fault is 503.
func TestRefusalOfEveryCode(t *testing.T) {
	for _, code := range fault.Codes() {
		if status := refusalOf(fault.New(code, "no")); status < 400 || status >= 700 || phrases[status] == "" {
			t.Errorf("%s: %d", code, status)
		}
	}
}

func TestWhomAReferNames(t *testing.T) {
	for to, want := range map[string]call.Asked{
		`"Mary" <sip:+16328300101@hospital.example>`:            {To: "+16328300101", Name: "+16328300101"},
		"sip:101@hospital.example":                              {To: "101", Name: "101"},
		"<tel:+16328300101>":                                    {To: "tel:+16328300101"},
		"<sip:%E7%8E%8B%E8%8A%B3@hospital.example>":             {To: "sip:%E7%8E%8B%E8%8A%B3@hospital.example", Name: "王芳"},
		"<sip:mary@elsewhere.example>":                          {To: "sip:mary@elsewhere.example"},
		"<sip:Mary@hospital.example;method=INVITE?Subject=now>": {To: "sip:Mary@hospital.example", Name: "Mary"},
	} {
		_, c, p := clickable(t)
		p.refers(to, proof)
		p.gets("202")
		p.told("SIP/2.0 100 Trying", false)
		want.From = p.aor
		if got := <-c.asked; got != want {
			t.Errorf("%s: %+v, want %+v", to, got, want)
		}
	}
}

func TestRefersThatAreRefusedAtOnce(t *testing.T) {
	_, c, p := clickable(t)
	for _, r := range []struct {
		what, to, status string
		extra            []string
	}{
		{"a stranger", "<sip:Mary@hospital.example>", "407", nil},
		{"a wrong password", "<sip:Mary@hospital.example>", "403", []string{"Authorization: no"}},
		{"two targets", "<sip:Mary@hospital.example>", "400", []string{proof, "Refer-To: <sip:Ann@hospital.example>"}},
		{"not UTF-8", "<sip:%ff@hospital.example>", "400", []string{proof}},
		{"nobody", "<sip:hospital.example>", "400", []string{proof}},
		{"another method", "<sip:Mary@hospital.example;method=BYE>", "403", []string{proof}},
	} {
		p.refers(r.to, r.extra...)
		if got := what(p.passes(r.status)); got != r.status {
			t.Errorf("%s: %s", r.what, got)
		}
	}
	select {
	case a := <-c.asked:
		t.Errorf("core was asked for %+v", a)
	default:
	}
}

func TestReferWithoutNotify(t *testing.T) {
	h, c, p := clickable(t)
	p.refers("<sip:Mary@hospital.example>", proof, "Refer-Sub: false")
	if ok := p.gets("202"); header(ok, "Refer-Sub") != "false" {
		t.Errorf("202\n%s", ok)
	}
	<-c.asked
	c.states <- call.Call{State: call.Ended, End: &call.End{Cause: call.Cause{Reason: call.Busy}}}
	if strings.Contains(h.drawn(), "NOTIFY") {
		t.Error("a phone that wants no NOTIFY got one")
	}
}

// A phone that refuses a NOTIFY gets no more of them; its call goes on.
func TestPhoneThatKnowsNoSubscription(t *testing.T) {
	h, c, p := clickable(t)
	p.refers("<sip:Mary@hospital.example>", proof)
	p.gets("202")
	p.reply(p.request("NOTIFY"), 481, nil)
	<-c.asked
	c.states <- call.Call{State: call.Connected, ConnectedAt: time.Now()}
	h.eventually("the outcome was taken", func() bool { return len(c.states) == 0 })
	if strings.Count(h.drawn(), "NOTIFY sip:") != 1 {
		t.Errorf("it was told more\n%s", h.drawn())
	}
}
