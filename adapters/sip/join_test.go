package sip

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/emiago/sipgo/sip"

	"c2d/adapters/sip/sdp"
	"c2d/core/call"
)

// anchors returns the RTP addresses that the two phones were first offered.
func anchors(a, b *phone) (toA, toB netip.AddrPort) {
	return a.offerOf(a.inv).Audio.AddrPort(), b.offerOf(b.inv).Audio.AddrPort()
}

// hearEachOther proves that audio passes through us, both ways.
func hearEachOther(a, b *phone) {
	toA, toB := anchors(a, b)
	for i := range 3 {
		a.says(toA, uint16(i), 0x11)
		b.says(toB, uint16(i), 0x22)
	}
	a.hears(func(p byte) bool { return p == 0x22 })
	b.hears(func(p byte) bool { return p == 0x11 })
}

// sounds reports whether a sample of PCMA is not silence.
func sounds(p byte) bool { return p != 0x55 && p != 0xd5 }

// stillTalking proves that both legs are there.
func (h *house) stillTalking() {
	h.t.Helper()
	infos, _ := h.stack.Snapshot(h.t.Context())
	for _, i := range infos {
		if i.State != call.LegAnswered || i.JoinedTo == "" {
			h.t.Errorf("leg %+v", i)
		}
	}
	if len(infos) != 2 {
		h.t.Errorf("%d legs", len(infos))
	}
}

func (h *house) join() {
	h.t.Helper()
	h.do(h.stack.Join(h.t.Context(), "leg-a", "leg-b"))
	if ev := h.expect("leg-a", call.EvJoined); ev.Peer != "leg-b" {
		h.t.Errorf("joined to %q", ev.Peer)
	}
}

func (h *house) media(want string) {
	h.t.Helper()
	if ev := h.expect("leg-a", call.EvMedia); ev.Text != want {
		h.t.Fatalf("media is %q, want %q\n%s", ev.Text, want, h.drawn())
	}
}

func TestAudioIsForwardedAtOnceAndPortsAreFreeWhenDirect(t *testing.T) {
	h := newHouse(t).start()
	a, b := h.phone("harry"), h.phone("mary")
	h.talking(a, b)
	h.join()
	hearEachOther(a, b) // before any re-INVITE is answered
	a.redirected()
	b.redirected()
	h.media("direct")
	h.eventually("the RTP ports are free", func() bool { used, _ := h.stack.pool.Usage(); return used == 0 })
}

func TestFirstPhoneRefusesToBeRedirected(t *testing.T) {
	h := newHouse(t).start()
	a, b := h.phone("harry"), h.phone("mary")
	h.talking(a, b)
	h.join()
	a.reply(a.request("INVITE"), 488, nil)
	a.gets("ACK")
	h.media("relay")
	hearEachOther(a, b)
	h.stillTalking()
}

func TestSecondPhoneRefusesAndTheFirstIsBroughtBack(t *testing.T) {
	h := newHouse(t).start()
	a, b := h.phone("harry"), h.phone("mary")
	h.talking(a, b)
	h.join()
	a.redirected()
	b.reply(b.request("INVITE"), 488, nil)
	b.gets("ACK")
	if got, _ := anchors(a, b); a.redirected() != got {
		t.Error("a was not brought back to our address")
	}
	h.media("relay")
	hearEachOther(a, b)
	h.stillTalking()
}

func TestPhoneThatDoesNotAnswerARedirection(t *testing.T) {
	h := newHouse(t).start()
	a, b := h.phone("harry"), h.phone("mary")
	h.talking(a, b)
	h.join()
	first := a.request("INVITE")
	for back := false; !back; { // repetitions of the first, then the one that brings it back
		inv := a.passes("INVITE").(*sip.Request)
		if back = inv.CSeq().SeqNo > first.CSeq().SeqNo; back {
			a.reply(inv, 200, a.answer(inv))
		}
	}
	a.passes("ACK")
	h.media("relay")
	h.stillTalking()
}

func TestGlareIsTriedAgain(t *testing.T) {
	h := newHouse(t).start()
	a, b := h.phone("harry"), h.phone("mary")
	h.talking(a, b)
	h.join()
	for range 2 {
		a.reply(a.request("INVITE"), 491, nil)
		a.gets("ACK")
	}
	if got := a.redirected(); got != b.rtp {
		t.Errorf("redirected to %v", got)
	}
	b.redirected()
	h.media("direct")
}

func TestAddressThatMovesNeedsOneMoreRound(t *testing.T) {
	h := newHouse(t).start()
	a, b := h.phone("harry"), h.phone("mary")
	h.talking(a, b)
	h.join()
	a.redirected()
	b.rtp = netip.AddrPortFrom(b.rtp.Addr(), b.rtp.Port()+2)
	b.redirected()
	if got := a.redirected(); got != b.rtp {
		t.Errorf("a was sent to %v, want %v", got, b.rtp)
	}
	h.media("direct")
}

func TestOneCodecAndARisingVersion(t *testing.T) {
	h := newHouse(t).start()
	a, b := h.phone("harry"), h.phone("mary")
	h.direct(a, b)
	var versions []string
	seen := map[string]bool{} // a busy machine lets us repeat one
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, m := range h.ladder {
		if m.Sent && m.CallID == "leg-a" && strings.HasPrefix(m.StartLine, "INVITE") && !seen[m.CSeq] {
			seen[m.CSeq] = true
			parsed, err := sip.ParseMessage(m.Raw)
			if err != nil {
				t.Fatal(err)
			}
			d := a.offerOf(parsed)
			versions = append(versions, d.Origin.ID+" "+d.Origin.Version)
			if speech := len(d.Audio.Codecs); len(versions) == 2 && speech != 2 {
				t.Errorf("re-INVITE offers %+v", d.Audio.Codecs)
			}
		}
	}
	if len(versions) != 2 || versions[0] >= versions[1] {
		t.Errorf("o= lines %q", versions)
	}
}

func TestRelayByConfiguration(t *testing.T) {
	h := newHouse(t, func(c *Config) { c.Relay = true }).start()
	a, b := h.phone("harry"), h.phone("mary")
	h.talking(a, b)
	h.join()
	h.media("relay")
	hearEachOther(a, b)
}

func TestRelayOfOneEntry(t *testing.T) {
	h := newHouse(t, func(c *Config) { c.Entries[0].Relay = true }).start()
	a, b := h.phone("harry"), h.phone("mary")
	h.talking(a, b)
	h.join()
	h.media("relay")
}

func TestByeGoesToTheRefreshedContact(t *testing.T) {
	h := newHouse(t).start()
	a, b, moved := h.phone("harry"), h.phone("mary"), h.phone("moved")
	h.talking(a, b)
	h.join()
	inv := a.request("INVITE")
	a.reply(inv, 200, a.answer(inv), "Contact: <sip:harry@"+moved.conn.LocalAddr().String()+">")
	moved.gets("ACK")
	b.redirected()
	h.media("direct")
	h.do(h.stack.HangUp(t.Context(), "leg-a", call.Completed))
	a.reply(moved.request("BYE"), 200, nil)
	h.ended("leg-a", call.Completed)
}

func TestHoldWhileDirectIsPassedThrough(t *testing.T) {
	h := newHouse(t).start()
	a, b := h.phone("harry"), h.phone("mary")
	h.direct(a, b)
	hold := a.sdp.Offer(a.rtp, sdp.DefaultCodecs(), sdp.SendOnly)
	a.within("INVITE", hold)
	inv := b.request("INVITE")
	if got := b.offerOf(inv).Audio; got.Direction != sdp.SendOnly || got.AddrPort() != a.rtp {
		t.Errorf("passed on %+v", got)
	}
	offer := b.offerOf(inv)
	b.reply(inv, 200, b.sdp.Answer(offer, b.rtp, offer.Audio.Codecs, sdp.SendRecv))
	b.gets("ACK")
	ok := a.passes("200")
	if got := a.offerOf(ok).Audio; got.Direction != sdp.RecvOnly || got.AddrPort() != b.rtp {
		t.Errorf("brought back %+v", got)
	}
	a.ackOf(ok)
	h.expect("leg-a", call.EvHeld)
	a.within("INVITE", a.sdp.Offer(a.rtp, sdp.DefaultCodecs(), sdp.SendRecv))
	b.redirected()
	a.ackOf(a.passes("200"))
	h.expect("leg-a", call.EvResumed)
}

func TestRefusedPassThroughLeavesTheCallAsItWas(t *testing.T) {
	h := newHouse(t).start()
	a, b := h.phone("harry"), h.phone("mary")
	h.direct(a, b)
	a.within("INVITE", a.sdp.Offer(a.rtp, sdp.DefaultCodecs(), sdp.SendOnly))
	b.reply(b.request("INVITE"), 488, nil)
	b.gets("ACK")
	a.passes("488")
	h.stillTalking()
}

func TestHoldWhileRelayedIsAnsweredHere(t *testing.T) {
	h := newHouse(t, func(c *Config) { c.Relay = true }).start()
	a, b := h.phone("harry"), h.phone("mary")
	h.talking(a, b)
	h.join()
	h.media("relay")
	a.within("INVITE", a.sdp.Offer(a.rtp, sdp.DefaultCodecs(), sdp.SendOnly))
	ok := a.passes("200")
	if toA, _ := anchors(a, b); a.offerOf(ok).Audio.AddrPort() != toA || a.offerOf(ok).Audio.Direction != sdp.RecvOnly {
		t.Errorf("answered %+v", a.offerOf(ok).Audio)
	}
	a.ackOf(ok)
	h.expect("leg-a", call.EvHeld)
	a.within("UPDATE", a.sdp.Offer(a.rtp, sdp.DefaultCodecs(), sdp.SendRecv))
	a.passes("200")
	h.expect("leg-a", call.EvResumed)
	hearEachOther(a, b)
}

func TestPhonesOwnReInviteWhileOursIsPending(t *testing.T) {
	h := newHouse(t).start()
	a, b := h.phone("harry"), h.phone("mary")
	h.talking(a, b)
	h.join()
	ours := a.request("INVITE")
	a.within("INVITE", a.sdp.Offer(a.rtp, sdp.DefaultCodecs(), sdp.SendRecv))
	a.passes("491")
	a.reply(ours, 200, a.answer(ours))
	a.passes("ACK")
	b.redirected()
	h.media("direct")
}

func TestReInviteWithoutAnOffer(t *testing.T) {
	h := newHouse(t).start()
	a, b := h.phone("harry"), h.phone("mary")
	h.direct(a, b)
	a.within("INVITE", nil)
	ok := a.passes("200")
	if got := a.offerOf(ok).Audio.AddrPort(); got != b.rtp {
		t.Errorf("offered %v, want the peer's %v", got, b.rtp)
	}
	a.rtp = netip.AddrPortFrom(a.rtp.Addr(), a.rtp.Port()+2)
	a.ackOf(ok, a.sdp.Answer(a.offerOf(ok), a.rtp, sdp.DefaultCodecs(), sdp.SendRecv)...)
	if got := b.redirected(); got != a.rtp {
		t.Errorf("the peer was told %v, want %v", got, a.rtp)
	}
}

func TestBothHangUpAtOnce(t *testing.T) {
	h := newHouse(t).start()
	a, b := h.phone("harry"), h.phone("mary")
	h.direct(a, b)
	h.do(h.stack.HangUp(t.Context(), "leg-a", call.Completed))
	bye := a.request("BYE")
	a.within("BYE", nil)
	a.passes("200")
	a.reply(bye, 481, nil)
	h.ended("leg-a", call.Completed)
	h.do(h.stack.HangUp(t.Context(), "leg-a", call.Completed)) // an ended leg
}

func TestByeWithoutAnAnswerEndsTheLeg(t *testing.T) {
	h := newHouse(t).start()
	a, b := h.phone("harry"), h.phone("mary")
	h.direct(a, b)
	h.do(h.stack.HangUp(t.Context(), "leg-a", call.MaxDuration))
	a.reply(a.request("BYE"), 100, nil) // a provisional is no answer
	h.ended("leg-a", call.MaxDuration)
}

func TestKeysByInfoAndByRTP(t *testing.T) {
	h := newHouse(t).start()
	a := h.phone("harry")
	h.ring(a, "leg-a", "")
	a.picksUp()
	h.expect("leg-a", call.EvAnswered)
	h.do(h.stack.AskKey(t.Context(), "leg-a"))
	a.within("INFO", nil) // a keepalive
	a.passes("200")
	a.send(strings.Replace(a.info("Signal=1\nDuration=160"), "application/sdp", "application/dtmf-relay", 1))
	a.passes("200")
	if ev := h.expect("leg-a", call.EvDTMF); ev.Digit != '1' {
		t.Errorf("key %q", ev.Digit)
	}
	h.expect("leg-a", call.EvPromptDone)
	to := a.offerOf(a.inv).Audio.AddrPort()
	event := []byte{0x80, 0x80 | 101, 0, 1, 0, 0, 0, 1, 9, 9, 9, 9, 7, 0x80, 3, 32}
	if _, err := a.ear.WriteToUDPAddrPort(event, to); err != nil {
		t.Fatal(err)
	}
	if ev := h.expect("leg-a", call.EvDTMF); ev.Digit != '7' {
		t.Errorf("key %q", ev.Digit)
	}
}

func TestTellIsHeardOnce(t *testing.T) {
	h := newHouse(t).start()
	a := h.phone("harry")
	h.ring(a, "leg-a", "")
	a.picksUp()
	h.expect("leg-a", call.EvAnswered)
	h.do(h.stack.Tell(t.Context(), "leg-a", call.Busy))
	a.hears(sounds)
	h.expect("leg-a", call.EvPromptDone)
}

func TestJoinWithALegThatIsGone(t *testing.T) {
	h := newHouse(t).start()
	a := h.phone("harry")
	h.ring(a, "leg-a", "")
	a.picksUp()
	h.expect("leg-a", call.EvAnswered)
	h.do(h.stack.Join(t.Context(), "leg-a", "gone"))
	h.expect("leg-a", call.EvJoinFailed)
	h.do(h.stack.Join(t.Context(), "gone", "leg-a"))
}

// A redirection that is under way when a call is hung up does not go on: its INVITE would come after the BYE.
func TestNoInviteAfterTheBye(t *testing.T) {
	h := newHouse(t).start()
	a, b := h.phone("harry"), h.phone("mary")
	h.talking(a, b)
	h.do(h.stack.Join(t.Context(), "leg-a", "leg-b"))
	inv := a.request("INVITE")
	h.do(h.stack.HangUp(t.Context(), "leg-b", call.Completed))
	bye := b.request("BYE")
	a.reply(inv, 200, a.answer(inv))
	a.request("ACK")
	a.redirected() // brought back to us
	b.reply(bye, 200, nil)
	h.ended("leg-b", call.Completed)
	if strings.Contains(h.drawn(), "[3 INVITE, leg-b]") {
		t.Errorf("INVITE after BYE\n%s", h.drawn())
	}
}

// A phone whose ACK was lost and that asks for the next thing has our answer. One whose ACK is to bring an answer is
// waited for.
func TestTheNextInviteTellsThatOurAnswerArrived(t *testing.T) {
	h := newHouse(t, func(c *Config) { c.Relay = true }).start()
	a, b := h.phone("harry"), h.phone("mary")
	h.talking(a, b)
	h.join()
	h.media("relay")
	for _, d := range []sdp.Direction{sdp.SendOnly, sdp.SendRecv, sdp.SendOnly} {
		a.within("INVITE", a.sdp.Offer(a.rtp, sdp.DefaultCodecs(), d))
		a.passes("200")
	}
	a.within("INVITE", nil)
	asked := a.cseq
	for seq := 0; seq != asked; { // past the repetitions for the one before
		seq = int(a.passes("200").CSeq().SeqNo)
	}
	a.within("INVITE", a.sdp.Offer(a.rtp, sdp.DefaultCodecs(), sdp.SendRecv))
	a.passes("491")
}
