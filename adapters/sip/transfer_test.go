package sip

import (
	"strings"
	"testing"

	"c2d/core/call"
	"c2d/core/fault"
)

func TestBlindTransferIsAskedOfCore(t *testing.T) {
	h, c, p := clickable(t)
	h.ring(p, "leg", "")
	p.picksUp()
	p.within("REFER", nil, "Refer-To: <sip:Ann@hospital.example>")
	p.gets("202")
	for _, line := range []string{"SIP/2.0 100 Trying", "SIP/2.0 200 OK"} {
		n := p.request("NOTIFY")
		if string(n.Body()) != line+"\r\n" || !strings.HasPrefix(header(n, "Event"), "refer;id=") {
			t.Errorf("want %q\n%s", line, n)
		}
		p.reply(n, 200, nil)
	}
	if got := <-c.asked; got != (call.Asked{From: p.aor, To: "sip:Ann@hospital.example", Name: "Ann from leg"}) {
		t.Errorf("asked for %+v", got)
	}
}

func TestTransfersThatAreRefused(t *testing.T) {
	h, c, p := clickable(t)
	h.ring(p, "leg", "")
	p.picksUp()
	c.err = fault.New(fault.CodeAmbiguous, "two")
	p.within("REFER", nil, "Refer-To: <sip:Bob@hospital.example>")
	p.gets("202")
	p.reply(p.request("NOTIFY"), 200, nil)
	<-c.asked
	n := p.request("NOTIFY")
	if string(n.Body()) != "SIP/2.0 485 Ambiguous\r\n" {
		t.Errorf("NOTIFY\n%s", n)
	}
	p.reply(n, 200, nil)
	p.within("REFER", nil)
	p.gets("400")
	p.within("OPTIONS", nil)
	p.gets("200") // it goes on talking
}

// A leg whose audio was direct comes back to us, and can be joined to another.
func TestPartedLegIsJoinedAgain(t *testing.T) {
	for _, relay := range []bool{false, true} {
		h := newHouse(t, func(c *Config) { c.Relay = relay }).start()
		a, b, c := h.phone("harry"), h.phone("mary"), h.phone("ann")
		if relay {
			h.talking(a, b)
			h.join()
			h.media("relay")
		} else {
			h.direct(a, b)
		}
		h.do(h.stack.Part(t.Context(), "leg-b"))
		h.do(h.stack.RingBack(t.Context(), "leg-b", true))
		if back := b.redirected(); back == a.rtp {
			t.Errorf("after parting b sends to a still")
		}
		b.hears(func(byte) bool { return true })
		h.do(h.stack.HangUp(t.Context(), "leg-a", call.Transferred))
		a.reply(a.request("BYE"), 200, nil)
		h.ring(c, "leg-c", "leg-b")
		c.picksUp()
		h.expect("leg-c", call.EvAnswered)
		h.do(h.stack.Join(t.Context(), "leg-b", "leg-c"))
		if !relay {
			if to := b.redirected(); to != c.rtp {
				t.Errorf("b was sent to %v, want %v", to, c.rtp)
			}
			if to := c.redirected(); to != b.rtp {
				t.Errorf("c was sent to %v, want %v", to, b.rtp)
			}
		} else {
			hearEachOther(b, c)
		}
	}
}

func TestPartOfWhatDoesNotTalk(t *testing.T) {
	h := newHouse(t).start()
	p := h.phone("mary")
	h.ring(p, "leg", "")
	p.rings()
	faultIs(t, h.stack.Part(t.Context(), "leg"), fault.CodeConflict)
	h.do(h.stack.Part(t.Context(), "nobody"))
}
