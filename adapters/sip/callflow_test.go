package sip

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"

	"c2d/adapters/sip/sdp"
	"c2d/core/call"
)

// withFlow calls the phones of a house in a flow.
func withFlow(f Flow) func(*Config) {
	return func(c *Config) { c.Entries[0].Flow = f }
}

// withOther makes two entries: the anchored house, and one with a flow.
func withOther(f Flow) func(*Config) {
	return func(c *Config) { c.Entries = append(c.Entries, Entry{Name: "other", Kind: "sip", Flow: f}) }
}

// callerIn brings a caller in: the audio is nobody's until a callee answers.
func (h *house) callerIn(a *phone) {
	h.t.Helper()
	h.ring(a, "leg-a", "")
	a.picksUp()
	h.expect("leg-a", call.EvAnswered)
	h.do(h.stack.RingBack(h.t.Context(), "leg-a", true))
}

// calleeIn lets a callee answer, whose ACK may wait.
func (h *house) calleeIn(b *phone) {
	h.t.Helper()
	h.ring(b, "leg-b", "leg-a")
	inv := b.rings()
	b.reply(inv, 200, b.answer(inv))
	h.expect("leg-b", call.EvAnswered)
}

// meeting brings both in and orders that they be joined.
func (h *house) meeting(a, b *phone) {
	h.t.Helper()
	h.callerIn(a)
	h.calleeIn(b)
	h.do(h.stack.Join(h.t.Context(), "leg-a", "leg-b"))
}

// joinedAs reads that the two were told as joined, and how their audio goes.
func (h *house) joinedAs(media string) {
	h.t.Helper()
	if ev := h.expect("leg-a", call.EvJoined); ev.Peer != "leg-b" {
		h.t.Errorf("joined to %q", ev.Peer)
	}
	h.media(media)
}

func (h *house) notJoined() {
	h.t.Helper()
	if ev := h.expect("leg-a", call.EvJoinFailed); ev.Cause.Reason != call.MediaFailed || ev.Peer != "leg-b" {
		h.t.Errorf("%+v", ev)
	}
}

// acked returns the answer in the ACK that the phone waits for.
func (p *phone) acked() sdp.Media {
	p.t.Helper()
	ack := p.request("ACK")
	if ack.CSeq().SeqNo != p.inv.CSeq().SeqNo {
		p.t.Errorf("ACK has CSeq %d", ack.CSeq().SeqNo)
	}
	return *p.offerOf(ack).Audio
}

// letsGo ends both legs by order.
func (h *house) letsGo(a, b *phone) {
	h.t.Helper()
	for leg, p := range map[string]*phone{"leg-a": a, "leg-b": b} {
		h.do(h.stack.HangUp(h.t.Context(), leg, call.MediaFailed))
		p.reply(p.passes("BYE").(*sip.Request), 200, nil)
		h.ended(leg, call.MediaFailed)
	}
}

// TestLaddersOfFlows keeps the wire dialogue of each flow, and of an anchored caller whose callee is called in another.
func TestLaddersOfFlows(t *testing.T) {
	for name, change := range map[string]func(*Config){
		"black-hole": withFlow(BlackHole), "III": withFlow(FlowIII), "IV": withFlow(FlowIV), "anchored_and_III": withOther(FlowIII),
		"anchored_and_black-hole": withOther(BlackHole),
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t, change).start()
			a, b := h.phone("harry"), h.phone("mary")
			if len(h.stack.cfg.Entries) > 1 {
				b.entry = "other"
			}
			h.meeting(a, b)
			if got := a.redirected(); got != b.rtp {
				t.Errorf("a was sent to %v", got)
			}
			b.gets("ACK")
			if name == "anchored_and_black-hole" {
				b.redirected()
			}
			h.joinedAs("direct")
			h.eventually("no RTP port is taken", func() bool { used, _ := h.stack.pool.Usage(); return used == 0 })
			b.within("BYE", nil)
			b.gets("200")
			h.ended("leg-b", call.Completed)
			h.do(h.stack.HangUp(t.Context(), "leg-a", call.Completed))
			a.reply(a.request("BYE"), 200, nil)
			h.ended("leg-a", call.Completed)
			h.golden("flow_"+name+".txt", h.told(a, b))
		})
	}
}

// A callee whose caller has a flow and whose own entry is anchored: each learns of the other at once all the same.
func TestCallerWithAFlowAndAnchoredCallee(t *testing.T) {
	for _, f := range []Flow{BlackHole, FlowIII, FlowIV} {
		h := newHouse(t, withOther(f)).start()
		a, b := h.phone("harry"), h.phone("mary")
		a.entry = "other"
		h.meeting(a, b)
		b.gets("ACK")
		if a.redirected() != b.rtp || b.redirected() != a.rtp {
			t.Errorf("%s: they were not shown each other", f)
		}
		h.joinedAs("direct")
	}
}

// The caller's phone refuses the callee's address, and takes ours: we forward.
func TestFlowsFallBackOnAnAnchor(t *testing.T) {
	for _, f := range []Flow{BlackHole, FlowIII, FlowIV} {
		t.Run(string(f), func(t *testing.T) {
			h := newHouse(t, withFlow(f)).start()
			a, b := h.phone("harry"), h.phone("mary")
			h.meeting(a, b)
			if f == BlackHole {
				b.gets("ACK")
			}
			a.reply(a.request("INVITE"), 488, nil)
			a.gets("ACK")
			toB := h.sheltered(b, f)
			toA := a.redirected()
			h.joinedAs("relay")
			a.says(toA, 1, 0x11)
			b.says(toB, 1, 0x22)
			a.hears(func(p byte) bool { return p == 0x22 })
			b.says(toB, 2, 0x22)
			a.says(toA, 2, 0x11)
			b.hears(func(p byte) bool { return p == 0x11 })
			h.stillTalking()
		})
	}
}

// sheltered returns the address of ours that a callee is given.
func (h *house) sheltered(b *phone, f Flow) netip.AddrPort {
	h.t.Helper()
	if f == BlackHole {
		return b.redirected()
	}
	return b.acked().AddrPort()
}

// The caller's phone refuses all that it is offered: the two cannot be joined, and each is let go.
func TestCallerRefusesBoth(t *testing.T) {
	h := newHouse(t, withFlow(FlowIII)).start()
	a, b := h.phone("harry"), h.phone("mary")
	h.meeting(a, b)
	for range 2 {
		a.reply(a.request("INVITE"), 488, nil)
		a.gets("ACK")
	}
	b.acked()
	h.notJoined()
	h.letsGo(a, b)
}

// The caller's phone is silent: the callee's ACK does not wait for it.
func TestCallerIsSilentToTheReInvite(t *testing.T) {
	h := newHouse(t, withFlow(FlowIV)).start()
	h.stack.waits.meet = 150 * time.Millisecond
	a, b := h.phone("harry"), h.phone("mary")
	h.meeting(a, b)
	b.acked()
	h.notJoined()
	h.letsGo(a, b)
}

// 491: the caller's phone was about to ask for something itself.
func TestFlowMeetsGlare(t *testing.T) {
	h := newHouse(t, withFlow(FlowIII)).start()
	a, b := h.phone("harry"), h.phone("mary")
	h.meeting(a, b)
	for range 2 {
		a.reply(a.request("INVITE"), 491, nil)
		a.gets("ACK")
	}
	a.redirected()
	if got := b.acked().AddrPort(); got != a.rtp {
		t.Errorf("b was answered %v", got)
	}
	h.joinedAs("direct")
}

// The caller's address moved when he was shown the callee's: the callee learns of it.
func TestBlackHoleWhenTheCallerMoves(t *testing.T) {
	h := newHouse(t, withFlow(BlackHole)).start()
	a, b := h.phone("harry"), h.phone("mary")
	h.meeting(a, b)
	b.gets("ACK")
	if got := b.offerOf(b.inv).Audio.AddrPort(); got != a.rtp {
		t.Errorf("b was offered %v", got)
	}
	a.rtp = netip.AddrPortFrom(a.rtp.Addr(), a.rtp.Port()+2)
	a.redirected()
	if got := b.redirected(); got != a.rtp {
		t.Errorf("b was shown %v", got)
	}
	h.joinedAs("direct")
}

// A repeated 200 gets its ACK again, with the same answer; and none before there is one.
func TestAckWithItsAnswerIsRepeated(t *testing.T) {
	h := newHouse(t, withFlow(FlowIII)).start()
	a, b := h.phone("harry"), h.phone("mary")
	h.callerIn(a)
	h.calleeIn(b)
	body := b.offers()
	b.reply(b.inv, 200, body)
	b.within("OPTIONS", nil)
	b.gets("200") // and no ACK before
	h.do(h.stack.Join(t.Context(), "leg-a", "leg-b"))
	a.redirected()
	first := b.acked()
	b.reply(b.inv, 200, body)
	if again := b.acked(); !again.Same(first) || again.AddrPort() != a.rtp {
		t.Errorf("first %+v, then %+v", first, again)
	}
}

// Nobody joins the callee: its ACK goes all the same, and the two can be joined later.
func TestAckDoesNotWaitForEver(t *testing.T) {
	h := newHouse(t, withFlow(FlowIII)).start()
	h.stack.waits.meet = 500 * time.Millisecond
	a, b := h.phone("harry"), h.phone("mary")
	h.callerIn(a)
	h.calleeIn(b)
	if m := b.acked(); !m.Black() {
		t.Errorf("answered %+v", m)
	}
	h.do(h.stack.Join(t.Context(), "leg-a", "leg-b"))
	if a.redirected() != b.rtp || b.redirected() != a.rtp {
		t.Error("they were not shown each other")
	}
	h.joinedAs("direct")
}

// A callee that is hung up while its ACK waits, or answers when it was cancelled, gets a refusal of its media, then BYE.
func TestHangUpWhileTheAckWaits(t *testing.T) {
	h := newHouse(t, withFlow(FlowIV)).start()
	a, b, c := h.phone("harry"), h.phone("mary"), h.phone("ida")
	h.callerIn(a)
	h.calleeIn(b)
	h.do(h.stack.HangUp(t.Context(), "leg-b", call.AnsweredElsewhere))
	if m := b.acked(); m.Port != 0 {
		t.Errorf("answered %+v", m)
	}
	b.reply(b.request("BYE"), 200, nil)
	h.ended("leg-b", call.AnsweredElsewhere)
	h.ring(c, "leg-c", "leg-a")
	inv := c.rings()
	h.do(h.stack.HangUp(t.Context(), "leg-c", call.Cancelled))
	c.reply(c.request("CANCEL"), 200, nil)
	c.reply(inv, 200, c.answer(inv))
	if m := c.acked(); m.Port != 0 {
		t.Errorf("answered %+v", m)
	}
	c.gets("BYE")
}

// The callee hangs up while its ACK waits.
func TestCalleeHangsUpWhileTheAckWaits(t *testing.T) {
	h := newHouse(t, withFlow(FlowIII)).start()
	a, b := h.phone("harry"), h.phone("mary")
	h.meeting(a, b)
	inv := a.request("INVITE")
	b.within("BYE", nil)
	b.gets("200")
	h.ended("leg-b", call.Completed)
	a.reply(inv, 200, a.answer(inv))
	a.gets("ACK")
	h.do(h.stack.HangUp(t.Context(), "leg-a", call.Completed))
	a.reply(a.passes("BYE").(*sip.Request), 200, nil)
	h.ended("leg-a", call.Completed)
}

// A phone whose offer has nothing that we know, or none at all, is let go as its media cannot be used.
func TestOfferInTheAnswerCannotBeUsed(t *testing.T) {
	opus := []sdp.Codec{{PT: 96, Name: "opus", Rate: 48000, Channels: 2}}
	for name, body := range map[string]func(*phone) []byte{
		"no codec of ours": func(p *phone) []byte { return p.sdp.Offer(p.rtp, opus, sdp.SendRecv) },
		"none":             func(*phone) []byte { return nil },
	} {
		h := newHouse(t, withFlow(FlowIII)).start()
		a := h.phone("harry")
		h.ring(a, "leg-a", "")
		a.reply(a.rings(), 200, body(a))
		ack := a.request("ACK")
		if d, err := sdp.Parse(ack.Body()); name != "none" && (err != nil || d.Audio.Port != 0) || name == "none" && len(ack.Body()) > 0 {
			t.Errorf("%s: ACK\n%s", name, ack)
		}
		a.reply(a.request("BYE"), 200, nil)
		h.ended("leg-a", call.MediaFailed)
	}
}

// Two phones without a codec in common: nothing is transcoded.
func TestPhonesOfFlowsWithoutACommonCodec(t *testing.T) {
	for _, f := range []Flow{FlowIII, FlowIV} {
		h := newHouse(t, withFlow(f)).start()
		a, b := h.phone("harry"), h.phone("mary")
		a.codecs, b.codecs = sdp.DefaultCodecs()[:1], sdp.DefaultCodecs()[1:2]
		h.meeting(a, b)
		if f == FlowIV { // what harry has is not known before
			for range 2 {
				a.reply(a.request("INVITE"), 488, nil)
				a.gets("ACK")
			}
		}
		h.notJoined()
		h.letsGo(a, b)
	}
}

// A configuration that keeps the audio with us does so in each flow.
func TestFlowWithRelay(t *testing.T) {
	h := newHouse(t, withFlow(FlowIII), func(c *Config) { c.Entries[0].Relay = true }).start()
	a, b := h.phone("harry"), h.phone("mary")
	h.meeting(a, b)
	if b.acked().AddrPort() == a.rtp || a.redirected() == b.rtp {
		t.Error("they were shown each other")
	}
	h.joinedAs("relay")
}

// Under black-hole no address is shown where the audio is to stay with us.
func TestBlackHoleWithRelayShowsNobody(t *testing.T) {
	h := newHouse(t, withFlow(BlackHole), func(c *Config) { c.Relay = true }).start()
	a, b := h.phone("harry"), h.phone("mary")
	h.meeting(a, b)
	b.gets("ACK")
	if m := b.offerOf(b.inv).Audio; !m.Black() {
		t.Errorf("b was offered %+v", m)
	}
	b.redirected()
	a.redirected()
	h.joinedAs("relay")
}

// Who is alone in a flow and must hear us is asked to send to us; what he offers himself before goes nowhere.
func TestWhoIsAloneInAFlow(t *testing.T) {
	for _, f := range []Flow{BlackHole, FlowIII, FlowIV} {
		t.Run(string(f), func(t *testing.T) {
			h := newHouse(t, withFlow(f)).start()
			a := h.phone("harry")
			h.callerIn(a)
			a.within("INVITE", a.sdp.Offer(a.rtp, sdp.DefaultCodecs(), sdp.SendRecv))
			ok := a.passes("200")
			if m := a.offerOf(ok).Audio; !m.Black() || m.Port == 0 {
				t.Errorf("answered %+v", m)
			}
			a.ackOf(ok)
			h.do(h.stack.AskKey(t.Context(), "leg-a"))
			to := a.redirected()
			a.hears(sounds)
			h.expect("leg-a", call.EvPromptDone)
			event := []byte{0x80, 0x80 | 101, 0, 1, 0, 0, 0, 1, 9, 9, 9, 9, 1, 0x80, 3, 32}
			if _, err := a.ear.WriteToUDPAddrPort(event, to); err != nil {
				t.Fatal(err)
			}
			if ev := h.expect("leg-a", call.EvDTMF); ev.Digit != '1' {
				t.Errorf("key %q", ev.Digit)
			}
			h.do(h.stack.Tell(t.Context(), "leg-a", call.Busy))
			h.expect("leg-a", call.EvPromptDone)
		})
	}
}

// A phone that refuses to listen is played to all the same: the prompt is over in its time.
func TestWhoRefusesToListen(t *testing.T) {
	h := newHouse(t, withFlow(FlowIV)).start()
	a := h.phone("harry")
	h.callerIn(a)
	h.do(h.stack.Tell(t.Context(), "leg-a", call.Busy))
	a.reply(a.request("INVITE"), 488, nil)
	a.gets("ACK")
	h.expect("leg-a", call.EvPromptDone)
}

// Early media of a callee who was asked for an offer: told, but heard by nobody; an anchored caller hears our ring-back on.
func TestEarlyMediaInAFlow(t *testing.T) {
	h := newHouse(t, withOther(FlowIII)).start()
	a, b := h.phone("harry"), h.phone("mary")
	b.entry = "other"
	h.callerIn(a)
	h.ring(b, "leg-b", "leg-a")
	inv := b.invited()
	if s := header(inv, "Supported"); s != "timer" {
		t.Errorf("Supported: %s", s)
	}
	b.reply(inv, 183, b.offers())
	h.expect("leg-b", call.EvTrying, call.EvEarlyMedia)
	a.hears(sounds)
	b.reply(inv, 200, b.offers())
	h.expect("leg-b", call.EvAnswered)
	h.do(h.stack.Join(t.Context(), "leg-a", "leg-b"))
	a.redirected()
	b.acked()
	h.joinedAs("direct")
}

// The ACK to a trunk repeats what its INVITE has claimed, and a trunk is taken at its word where its media is.
func TestFlowThroughATrunk(t *testing.T) {
	h, p := carried(t, func(e *Entry) { e.Flow = FlowIII })
	p.up()
	a := h.phone("harry")
	h.callerIn(a)
	p.rtp = netip.AddrPortFrom(netip.MustParseAddr("127.0.0.7"), p.rtp.Port())
	o := call.Originate{Leg: "leg-b", JoinTo: "leg-a", Way: call.Way{Backend: "carrier", Address: "+8613800138000"}, RingLimit: limit}
	blob, err := h.stack.Prepare(t.Context(), o)
	h.do(err)
	h.do(h.stack.Originate(t.Context(), o, blob))
	p.inv = p.challenges(p.request("INVITE"), "n1")
	p.reply(p.inv, 200, p.answer(p.inv))
	h.expect("leg-b", call.EvAnswered)
	h.do(h.stack.Join(t.Context(), "leg-a", "leg-b"))
	if got := a.redirected(); got != p.rtp {
		t.Errorf("a was sent to %v", got)
	}
	ack := p.request("ACK")
	if len(ack.GetHeaders("Proxy-Authorization")) != 1 || p.offerOf(ack).Audio.AddrPort() != a.rtp {
		t.Errorf("ACK\n%s", ack)
	}
	h.joinedAs("direct")
}

// ackWaits: mary's phone has answered, and waits for harry's answer.
func ackWaits(w *witness) {
	w.callerIn(w.a)
	w.calleeIn(w.b)
}

func watchAckWaits(w *witness) {
	body := w.a.sdp.Last
	w.a.reply(w.a.inv, 200, []byte(body)) // its ACK was lost
	w.sees(w.a)
	w.do(w.stack.Join(w.t.Context(), "leg-a", "leg-b"))
	inv := w.request(w.a)
	w.a.reply(inv, 200, w.a.answer(inv))
	w.sees(w.a)
	w.sees(w.b)
	w.tells("leg-a")
	w.over()
}

// asked: mary's phone rings, and is to make the offer.
func asked(w *witness) {
	w.ring(w.b, "leg-b", "")
	w.b.rings()
}

func watchAsked(w *witness) {
	w.b.reply(w.request(w.b), 200, nil)
	w.tells("leg-b")
	w.note(fmt.Sprint("BYE of the early dialog ", w.request(w.b).Method))
	w.b.reply(w.b.inv, 200, []byte(w.b.sdp.Offer(w.b.rtp, sdp.DefaultCodecs(), sdp.SendRecv)))
	w.sees(w.b)
}
