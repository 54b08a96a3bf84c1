package e2e

import (
	"testing"
	"time"

	"c2d/cmd/c2d/client"
	"c2d/test/pbx"
)

// outcomes are what a phone can say instead of answering, and what the record says then.
var outcomes = []struct {
	name, scenario, status string
	reason                 string
	sip                    int
}{
	{"busy", pbx.Refuse, "486 Busy Here", "busy", 486},
	{"busy everywhere", pbx.RefuseAtOnce, "600 Busy Everywhere", "busy", 600},
	{"rejects", pbx.Refuse, "603 Decline", "rejected", 603},
	{"unavailable", pbx.Refuse, "480 Temporarily Unavailable", "unreachable", 480},
	{"not found", pbx.RefuseAtOnce, "404 Not Found", "invalid_number", 404},
	{"congestion", pbx.RefuseAtOnce, "503 Service Unavailable", "congestion", 503},
}

// TestTheCalleeDoesNotAnswer: Harry hears why, and is released.
func TestTheCalleeDoesNotAnswer(t *testing.T) {
	h := open(t)
	h.addBoth()
	harry := h.harry(true)
	for _, o := range outcomes {
		t.Run(o.name, func(t *testing.T) {
			mary := pbx.StartSIPp(t, h.phone("mary", 0, false), o.scenario, o.status)
			c := h.ended(h.click(), o.reason, "callee", "callee")
			if c.End.SIP != o.sip {
				t.Errorf("SIP status %d, want %d", c.End.SIP, o.sip)
			}
			mary.Done(soon)
			harry.Await("CALL_CLOSED", soon)
			h.released(c)
		})
	}
}

// TestTheCallerDoesNotAnswer: nobody else is rung.
func TestTheCallerDoesNotAnswer(t *testing.T) {
	h := open(t)
	h.addBoth()
	mary := h.mary(true)
	for _, o := range outcomes {
		t.Run(o.name, func(t *testing.T) {
			harry := pbx.StartSIPp(t, h.phone("harry", 0, false), o.scenario, o.status)
			c := h.ended(h.click(), o.reason, "caller", "caller")
			if c.End.SIP != o.sip || len(c.Callee.Legs()) != 0 {
				t.Errorf("SIP status %d, want %d; legs of the callee %v", c.End.SIP, o.sip, c.Callee.Legs())
			}
			harry.Done(soon)
		})
	}
	if n := mary.Count("CALL_INCOMING") + mary.Count("CALL_ESTABLISHED"); n != 0 {
		t.Errorf("Mary's phone told %d events of calls", n)
	}
}

func TestNobodyAnswers(t *testing.T) {
	h := open(t)
	h.addBoth()
	limits := map[string]any{"caller_ring_s": 2, "callee_ring_s": 2}
	ring := func() client.Call {
		t.Helper()
		var c client.Call
		h.post("/v1/calls", map[string]any{"caller": "harry", "callee": "Mary", "limits": limits}, &c)
		return c
	}
	t.Run("caller", func(t *testing.T) {
		phone := pbx.StartSIPp(t, h.phone("harry", 0, false), pbx.RingOn, "")
		h.ended(ring(), "no_answer", "caller", "system")
		phone.Done(soon)
	})
	t.Run("callee", func(t *testing.T) {
		harry := pbx.StartBaresip(t, h.phone("harry", harryTone, true))
		mary := pbx.StartSIPp(t, h.phone("mary", 0, false), pbx.RingOn, "")
		c := h.ended(ring(), "no_answer", "callee", "system")
		mary.Done(soon)
		harry.Await("CALL_CLOSED", soon)
		h.released(c)
	})
}

// TestTheCalleeLeavesAtOnce: an answer and a BYE in one breath, while the two are being joined.
func TestTheCalleeLeavesAtOnce(t *testing.T) {
	h := open(t)
	h.addBoth()
	harry := h.harry(true)
	mary := h.sipp("mary", pbx.Leave, "")
	c := h.state(h.click(), "ended")
	if c.End.Side != "callee" || c.End.By != "callee" || c.End.Reason != "completed" && c.End.Reason != "cancelled" {
		t.Errorf("the call ended %+v", *c.End)
	}
	mary.Done(soon)
	harry.Await("CALL_CLOSED", soon)
	h.released(c)
}

func TestTheCallerHangsUpWhileTheCalleeRings(t *testing.T) {
	h := open(t)
	h.addBoth()
	harry, mary := h.harry(true), h.sipp("mary", pbx.RingOn, "")
	c := h.until(h.click(), "Mary rings", calleeRings)
	harry.HangUp()
	mary.Done(soon)
	h.ended(c, "cancelled", "caller", "caller")
	h.released(c)
}

func calleeRings(c client.Call) bool {
	legs := c.Callee.Legs()
	return len(legs) == 1 && legs[0].State == "ringing"
}

// TestTheAPICancels ends the call while the caller's phone rings, and while the callee's does.
func TestTheAPICancels(t *testing.T) {
	h := open(t)
	h.addBoth()
	cancel := func(c client.Call) {
		t.Helper()
		got, err := h.api.HangUp(t.Context(), c.ID)
		if err != nil || got.End == nil || got.End.Reason != "cancelled" || got.End.By != "api" {
			t.Errorf("hang-up: %v, %+v", err, got.End)
		}
	}
	t.Run("caller rings", func(t *testing.T) {
		harry := pbx.StartSIPp(t, h.phone("harry", 0, false), pbx.RingOn, "")
		c := h.until(h.click(), "Harry rings", func(c client.Call) bool { return c.Caller.Legs()[0].State == "ringing" })
		cancel(c)
		harry.Done(soon)
		h.released(c)
	})
	t.Run("at once", func(t *testing.T) {
		harry := pbx.StartSIPp(t, h.phone("harry", 0, false), pbx.RingOn, "")
		c := h.click()
		cancel(c)
		harry.Done(soon)
		h.released(c)
	})
	t.Run("callee rings", func(t *testing.T) {
		harry := pbx.StartBaresip(t, h.phone("harry", harryTone, true))
		mary := pbx.StartSIPp(t, h.phone("mary", 0, false), pbx.RingOn, "")
		c := h.until(h.click(), "Mary rings", calleeRings)
		cancel(c)
		mary.Done(soon)
		harry.Await("CALL_CLOSED", soon)
		h.released(c)
	})
}

func TestOffline(t *testing.T) {
	h := open(t)
	h.addBoth()
	if code := h.refused(map[string]any{"caller": "harry", "callee": "Mary"}); code != "caller_offline" {
		t.Errorf("an offline caller: %s", code)
	}
	harry := h.harry(true)
	c := h.ended(h.click(), "unreachable", "callee", "system")
	harry.Await("CALL_CLOSED", soon)
	h.released(c)
	harry.Stop() // un-registers
	if code := h.refused(map[string]any{"caller": "harry", "callee": "Mary"}); code != "caller_offline" {
		t.Errorf("a caller who has gone: %s", code)
	}
}

// TestThePhoneDies is a phone that is registered and does not exist any more: its machine says so (ICMP), at once.
func TestThePhoneDies(t *testing.T) {
	h := open(t)
	h.addBoth()
	harry, mary := h.harry(true), h.mary(true)
	mary.Kill()
	began := time.Now()
	c := h.state(h.click(), "ended")
	if c.End.Reason != "unreachable" || c.End.Side != "callee" {
		t.Errorf("the call ended %+v", *c.End)
	}
	if d := time.Since(began); d > 10*time.Second {
		t.Errorf("known after %s only", d)
	}
	harry.Await("CALL_CLOSED", soon)
	h.released(c)
}
