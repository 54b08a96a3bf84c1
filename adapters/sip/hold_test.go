package sip

import (
	"strings"
	"testing"

	"c2d/adapters/sip/sdp"
	"c2d/core/call"
	"c2d/core/fault"
)

// comesBack answers a re-INVITE and returns what it offered.
func (p *phone) comesBack() sdp.Media {
	p.t.Helper()
	inv := p.request("INVITE")
	offer := *p.offerOf(inv).Audio
	p.reply(inv, 200, p.answer(inv))
	p.gets("ACK")
	return offer
}

// Who waits is told so on the wire and hears a tone; both phones send to us, and nothing passes between them.
func TestHoldOfTwoThatTalkDirectly(t *testing.T) {
	h := newHouse(t).start()
	a, b := h.phone("harry"), h.phone("mary")
	h.direct(a, b)
	h.do(h.stack.Hold(t.Context(), "leg-a", true))
	h.expect("leg-a", call.EvHeld)
	if m := a.comesBack(); m.AddrPort() == b.rtp || m.Direction != sdp.SendRecv {
		t.Errorf("who holds was offered %+v", m)
	}
	if m := b.comesBack(); m.AddrPort() == a.rtp || m.Direction != sdp.SendOnly {
		t.Errorf("who waits was offered %+v", m)
	}
	b.hears(sounds)
	h.media("relay")
	h.do(h.stack.Hold(t.Context(), "leg-a", false))
	h.expect("leg-a", call.EvResumed)
	if m := b.comesBack(); m.AddrPort() == a.rtp || m.Direction != sdp.SendRecv {
		t.Errorf("who waited was offered %+v", m)
	}
	if to := a.redirected(); to != b.rtp {
		t.Errorf("a sends to %v, want %v", to, b.rtp)
	}
	if to := b.redirected(); to != a.rtp {
		t.Errorf("b sends to %v, want %v", to, a.rtp)
	}
	h.media("direct")
}

// What the phone itself does meanwhile ends no hold of ours, and a refresh of the phone that waits does not either.
func TestPhonesSpeakWhileWeHold(t *testing.T) {
	h := newHouse(t, func(c *Config) { c.Relay = true }).start()
	a, b := h.phone("harry"), h.phone("mary")
	h.talking(a, b)
	h.join()
	h.media("relay")
	h.do(h.stack.Hold(t.Context(), "leg-a", true))
	h.expect("leg-a", call.EvHeld)
	b.comesBack()
	h.media("relay")
	b.within("INVITE", b.sdp.Offer(b.rtp, sdp.DefaultCodecs(), sdp.SendRecv))
	ok := b.passes("200")
	if got := b.offerOf(ok).Audio.Direction; got != sdp.SendOnly {
		t.Errorf("who waits was answered %v", got)
	}
	b.ackOf(ok)
	for _, d := range []sdp.Direction{sdp.SendOnly, sdp.SendRecv} {
		a.within("INVITE", a.sdp.Offer(a.rtp, sdp.DefaultCodecs(), d))
		a.ackOf(a.passes("200"))
	}
	h.do(h.stack.Hold(t.Context(), "leg-a", false))
	h.eventually("it is told as resumed once", func() bool { return h.next("leg-a").Kind == call.EvResumed })
	b.comesBack()
	h.media("relay")
	hearEachOther(a, b)
}

func TestOrdersForWhoTalksWithNobody(t *testing.T) {
	h := newHouse(t).start()
	a := h.phone("harry")
	h.ring(a, "leg-a", "")
	a.picksUp()
	h.expect("leg-a", call.EvAnswered)
	faultIs(t, h.stack.Hold(t.Context(), "leg-a", true), fault.CodeConflict)
	faultIs(t, h.stack.SendDTMF(t.Context(), "leg-a", "1"), fault.CodeConflict)
	h.do(h.stack.Hold(t.Context(), "leg-gone", true))
	h.do(h.stack.SendDTMF(t.Context(), "leg-gone", "1"))
}

// A hold that finds a redirection under way leaves neither phone where it was sent.
func TestHoldWhileTheyAreRedirected(t *testing.T) {
	h := newHouse(t).start()
	a, b := h.phone("harry"), h.phone("mary")
	h.talking(a, b)
	h.join()
	inv := a.request("INVITE") // to b
	h.do(h.stack.Hold(t.Context(), "leg-a", true))
	a.reply(inv, 200, a.answer(inv))
	a.gets("ACK")
	to := map[*phone]sdp.Media{}
	to[b] = b.comesBack()
	to[a] = a.comesBack()
	if to[a].AddrPort() == b.rtp || to[b].AddrPort() == a.rtp || to[b].Direction != sdp.SendOnly {
		t.Errorf("after all a sends to %v, b is offered %+v", to[a].AddrPort(), to[b])
	}
	b.hears(sounds)
}

// A second redirection of the same two, begun by another order, finds them direct and nothing to let go.
func TestRedirectedTwice(t *testing.T) {
	h := newHouse(t).start()
	a, b := h.phone("harry"), h.phone("mary")
	h.direct(a, b)
	p := &pair{a: h.stack.leg("leg-a"), b: h.stack.leg("leg-b")}
	p.begin()
	if !p.commit(t.Context()) {
		t.Error("the second is not done")
	}
	h.stillTalking()
}

// Keys for a phone that takes no RTP events go by INFO, one after the other.
func TestKeysByInfo(t *testing.T) {
	h := newHouse(t).start()
	a, b := h.phone("harry"), h.phone("mary")
	a.codecs, b.codecs = sdp.DefaultCodecs()[:1], sdp.DefaultCodecs()[:1]
	h.direct(a, b)
	h.do(h.stack.SendDTMF(t.Context(), "leg-b", "7"))
	h.do(h.stack.SendDTMF(t.Context(), "leg-b", "#"))
	for _, key := range []string{"7", "#"} {
		r := b.request("INFO")
		if got := string(r.Body()); !strings.HasPrefix(got, "Signal="+key+"\r\n") || header(r, "Content-Type") != "application/dtmf-relay" {
			t.Errorf("INFO\n%s", r)
		}
		b.reply(r, 200, nil)
	}
	h.stillTalking()
	faultIs(t, h.stack.SendDTMF(t.Context(), "leg-b", strings.Repeat("1", mostKeys+1)), fault.CodeCongestion)
}
