package media

import (
	"net/netip"
	"testing"

	"github.com/pion/rtp"

	"c2d/adapters/sip/sdp"
)

func TestStrangersAreDropped(t *testing.T) {
	a, b, alice, bob := pair(t)
	alice.say(a, 8, 1)
	bob.hear()
	eve := newHandset(t) // on the same host, but the source was proved by now
	eve.say(a, 8, 66)
	far, err := listen(netip.MustParseAddr("127.0.78.1"), 0)
	if err != nil {
		t.Fatal(err)
	}
	defer far.Close()
	eve.sendAs(far, a, rtp.Header{Version: 2, PayloadType: 8, SequenceNumber: 1}, 66)
	until(t, "both strangers", func() bool { return a.Stats().Strangers == 2 })
	alice.say(a, 8, 2)
	if p := bob.hear(); p.Payload[0] != 2 {
		t.Errorf("bob heard %v", p)
	}
	if s := b.Stats(); s.Out != 2 {
		t.Errorf("stats %+v", s)
	}
}

func TestNobodyIsHeardBeforeSetRemote(t *testing.T) {
	e, h := newEndpoint(t), newHandset(t)
	h.say(e, 8, 1)
	until(t, "the stranger", func() bool { return e.Stats().Strangers == 1 })
	if s := e.Stats(); s.In != 0 {
		t.Errorf("stats %+v", s)
	}
}

// TestLatch is a phone behind a router: its SDP names one port, its packets come from another, and its sound goes there.
func TestLatch(t *testing.T) {
	a, b, alice, bob := pair(t)
	router := newHandset(t)
	router.sendAs(router.rtp, b, rtp.Header{Version: 0, PayloadType: 8}, 1) // no RTP: must not move anything
	until(t, "the bad packet", func() bool { return b.Stats().Dropped == 1 })
	router.say(b, 8, 1)
	alice.hear()
	alice.say(a, 8, 2)
	if p := router.hear(); p.Payload[0] != 2 {
		t.Errorf("heard %v", p)
	}
	bob.say(b, 8, 3) // the port of the SDP: too late
	until(t, "the stranger", func() bool { return b.Stats().Strangers == 1 })
	b.SetRemote(bob.addr(), []sdp.Codec{pcma}) // a re-INVITE that moves nothing
	bob.say(b, 8, 3)
	until(t, "the stranger again", func() bool { return b.Stats().Strangers == 2 })
	moved := newHandset(t)
	b.SetRemote(moved.addr(), []sdp.Codec{pcma}) // one that moves
	moved.say(b, 8, 4)
	if p := alice.hear(); p.Payload[0] != 4 {
		t.Errorf("after the move alice heard %v", p)
	}
}

func TestUnreadablePacketsAreDropped(t *testing.T) {
	e, h := newEndpoint(t), newHandset(t)
	e.SetRemote(h.addr(), []sdp.Codec{pcma})
	for i, b := range [][]byte{
		{}, {0x80}, make([]byte, 12), // STUN has version 0
		append([]byte{0x8F, 8}, make([]byte, 20)...),  // 15 sources, but no room for them
		append([]byte{0x90, 8}, make([]byte, 12)...),  // extension cut
		append([]byte{0xA0, 8}, make([]byte, 11)...),  // padding of nothing
		append([]byte{0x80, 8}, make([]byte, 10)...),  // no payload
		append([]byte{0xA0, 8, 11: 0}, 9, 3),          // more padding than payload
		append([]byte{0x80, 50}, make([]byte, 20)...), // a type that nobody explained
		make([]byte, maxPacket+10),
	} {
		before := e.Stats()
		var head rtp.Header
		e.receive(&head, b, h.addr())
		if s := e.Stats(); s.Dropped != before.Dropped+1 || s.In != 0 {
			t.Errorf("packet %d: %+v", i, s)
		}
	}
}

func TestPaddingIsTakenOff(t *testing.T) {
	a, _, alice, bob := pair(t)
	if _, err := alice.rtp.WriteToUDPAddrPort([]byte{0xA0, 8, 0, 1, 0, 0, 0, 0, 0, 0, 0, 7, 42, 0, 0, 3}, a.Addr()); err != nil {
		t.Fatal(err)
	}
	if p := bob.hear(); p.Padding || len(p.Payload) != 1 || p.Payload[0] != 42 {
		t.Errorf("bob heard %v", p)
	}
}

// TestTypesOfOurOffer is a phone that answered with other payload types than we offered, and sends by our offer.
func TestTypesOfOurOffer(t *testing.T) {
	e, h := newEndpoint(t), newHandset(t)
	e.SetRemote(h.addr(), []sdp.Codec{pcma, keys96})
	pressed := make(chan byte, 2)
	e.OnDTMF(func(d byte) { pressed <- d })
	h.say(e, 101, 1, 0, 0, 160)
	h.say(e, 96, 2, 0, 0, 160)
	if a, b := <-pressed, <-pressed; a != '1' || b != '2' {
		t.Errorf("pressed %c %c", a, b)
	}
}

func TestForwardDoesNotAllocate(t *testing.T) {
	a, b, alice, bob := pair(t)
	send := voice(t, a, alice)
	if n := testing.AllocsPerRun(100, send); n != 0 {
		t.Errorf("%v allocations a packet", n)
	}
	if s := b.Stats(); s.Out < 100 {
		t.Errorf("stats %+v to %v", s, bob.addr())
	}
}

// voice returns a function that hands the next packet of a phone to its endpoint, as the reader does.
func voice(t testing.TB, a *Endpoint, h *handset) func() {
	t.Helper()
	var head rtp.Header
	wire, err := (&rtp.Packet{Header: rtp.Header{Version: 2, PayloadType: 8, SSRC: 7}, Payload: make([]byte, frame)}).Marshal()
	if err != nil {
		t.Fatal(err)
	}
	buf, seq, from := make([]byte, len(wire)), uint16(0), h.addr()
	return func() {
		copy(buf, wire)
		seq++
		buf[2], buf[3] = byte(seq>>8), byte(seq)
		a.receive(&head, buf, from)
	}
}

func BenchmarkForward(b *testing.B) {
	x, _, alice, _ := pair(b)
	send := voice(b, x, alice)
	b.ReportAllocs()
	for b.Loop() {
		send()
	}
}
