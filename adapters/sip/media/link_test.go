package media

import (
	"bytes"
	"net/netip"
	"testing"

	"github.com/pion/rtp"

	"c2d/adapters/sip/sdp"
	"c2d/core/tone"
)

func TestForwardBothWays(t *testing.T) {
	a, b, alice, bob := pair(t)
	alice.say(a, 8, 1, 2, 3)
	first := bob.hear()
	if first.PayloadType != 8 || !bytes.Equal(first.Payload, []byte{1, 2, 3}) || !first.Marker || first.SSRC == alice.ssrc {
		t.Errorf("bob heard %v", first)
	}
	alice.say(a, 101, 5, 0x0A, 0, 160)
	if p := bob.hear(); p.PayloadType != 96 || p.SequenceNumber != first.SequenceNumber+1 || p.Marker || p.Timestamp != first.Timestamp+frame {
		t.Errorf("bob got the key as %v after %v", p, first)
	}
	bob.say(b, 96, 6, 0x0A, 0, 160)
	if p := alice.hear(); p.PayloadType != 101 || p.Payload[0] != 6 || p.Marker {
		t.Errorf("alice got the key as %v", p)
	}
	bob.say(b, 8, 9)
	if p := alice.hear(); p.PayloadType != 8 || p.Payload[0] != 9 {
		t.Errorf("alice heard %v", p)
	}
	if as, bs := a.Stats(), b.Stats(); as.In != 2 || as.Out != 2 || bs.In != 2 || bs.Out != 2 || as.LastIn.IsZero() {
		t.Errorf("stats a %+v, b %+v", as, bs)
	}
}

func TestACodecThatTheOtherLacksIsDropped(t *testing.T) {
	a, b, alice, bob := pair(t)
	alice.say(a, 0, 1) // PCMU, which bob has not
	alice.say(a, 8, 2)
	if p := bob.hear(); p.Payload[0] != 2 {
		t.Errorf("bob heard %v", p)
	}
	if s := b.Stats(); s.Dropped != 1 || s.Out != 1 {
		t.Errorf("stats %+v", s)
	}
}

func TestExtensionsAndSourcesAreNotPassedOn(t *testing.T) {
	a, _, alice, bob := pair(t)
	head := rtp.Header{Version: 2, PayloadType: 8, SequenceNumber: 1, SSRC: 7, CSRC: []uint32{1, 2}}
	if err := head.SetExtension(1, []byte("secret")); err != nil {
		t.Fatal(err)
	}
	alice.sendAs(alice.rtp, a, head, 1, 2, 3)
	p := bob.hear()
	if p.Extension || len(p.CSRC) != 0 || !bytes.Equal(p.Payload, []byte{1, 2, 3}) {
		t.Errorf("bob got %v", p)
	}
}

// TestToneThenForward is the story of a ringing callee who answers: to the caller it is one stream.
func TestToneThenForward(t *testing.T) {
	a, b, alice, bob := newEndpoint(t), newEndpoint(t), newHandset(t), newHandset(t)
	a.SetRemote(alice.addr(), sdp.DefaultCodecs())
	a.Play(tone.RingBack("CN"))
	b.SetRemote(bob.addr(), sdp.DefaultCodecs())
	last := alice.hear()
	Link(a, b)
	bob.say(b, 8, 0x11)
	for switched := false; !switched; {
		p := alice.hear()
		switched = len(p.Payload) == 1
		if p.SSRC != last.SSRC || p.SequenceNumber != last.SequenceNumber+1 || p.Timestamp-last.Timestamp < frame || p.Timestamp-last.Timestamp > 8000 {
			t.Fatalf("%v after %v", p, last)
		}
		if p.Marker != switched {
			t.Fatalf("marker %t, first of the other source %t", p.Marker, switched)
		}
		last = p
	}
	bob.say(b, 8, 0x12)
	if p := alice.hear(); p.Marker || p.SequenceNumber != last.SequenceNumber+1 || p.Timestamp != last.Timestamp+frame {
		t.Errorf("%v after %v", p, last)
	}
}

// TestEarlyMediaThatIsOnlyAnnounced: the ring-back goes on until there really is something else to hear.
func TestEarlyMediaThatIsOnlyAnnounced(t *testing.T) {
	a, b, alice, bob := newEndpoint(t), newEndpoint(t), newHandset(t), newHandset(t)
	a.SetRemote(alice.addr(), sdp.DefaultCodecs())
	b.SetRemote(bob.addr(), sdp.DefaultCodecs())
	a.Play(tone.RingBack("CN"))
	last := alice.hear()
	LinkEarly(a, b)
	for range 5 {
		p := alice.hear()
		if p.SequenceNumber != last.SequenceNumber+1 || p.Marker || len(p.Payload) != frame {
			t.Fatalf("%v after %v", p, last)
		}
		last = p
	}
	bob.say(b, 101, 1, 0, 0, 160)
	bob.say(b, 8, 0x11)
	for last.PayloadType != 101 {
		last = alice.hear()
	}
	if p := alice.hear(); len(p.Payload) != 1 || p.SequenceNumber != last.SequenceNumber+1 {
		t.Errorf("alice heard %v after the early media had begun", p)
	}
	a.Play(tone.Silence())
	if p := alice.hear(); len(p.Payload) != frame || !p.Marker {
		t.Errorf("alice heard %v", p)
	}
	bob.say(b, 8, 0x12)
	until(t, "the drop", func() bool { return a.Stats().Dropped == 1 })
}

func TestAToneGoesBeforeWhatIsForwarded(t *testing.T) {
	a, b, alice, bob := pair(t)
	a.Play(tone.Silence())
	bob.say(b, 8, 1)
	until(t, "the drop", func() bool { return a.Stats().Dropped == 1 })
	a.Stop()
	bob.say(b, 8, 2)
	for {
		if p := alice.hear(); len(p.Payload) == 1 {
			if p.Payload[0] != 2 || !p.Marker {
				t.Errorf("alice heard %v", p)
			}
			return
		}
	}
}

func TestUnlink(t *testing.T) {
	a, b, alice, bob := pair(t)
	alice.say(a, 8, 1)
	bob.hear()
	b.Unlink()
	b.Unlink()
	alice.say(a, 8, 2)
	bob.say(b, 8, 2)
	until(t, "receiving", func() bool { return a.Stats().In == 2 && b.Stats().In == 1 })
	if as, bs := a.Stats(), b.Stats(); as.Out != 0 || bs.Out != 1 {
		t.Errorf("stats a %+v, b %+v", as, bs)
	}
}

func TestLinkReplacesTheFormerLink(t *testing.T) {
	a, b, alice, bob := pair(t)
	c, carol := newEndpoint(t), newHandset(t)
	c.SetRemote(carol.addr(), sdp.DefaultCodecs())
	Link(a, c)
	Link(a, a)
	Link(c, a) // again: changes nothing
	alice.say(a, 8, 1)
	carol.hear()
	bob.say(b, 8, 1)
	until(t, "receiving", func() bool { return b.Stats().In == 1 })
	carol.say(c, 8, 3)
	if p := alice.hear(); p.Payload[0] != 3 {
		t.Errorf("alice heard %v of the former link", p)
	}
	if s := b.Stats(); s.Out != 0 {
		t.Errorf("the former link got %d packets", s.Out)
	}
}

func TestLinkWithAClosedEndpoint(t *testing.T) {
	a, b, alice, _ := pair(t)
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	Link(a, b)
	alice.say(a, 8, 1)
	until(t, "receiving", func() bool { return a.Stats().In == 1 })
	if s := b.Stats(); s.Out != 0 {
		t.Errorf("stats %+v", s)
	}
}

func TestHold(t *testing.T) {
	a, b, alice, bob := pair(t)
	alice.say(a, 8, 1)
	bob.hear()
	for _, black := range []string{"0.0.0.0:9", "[::]:9", "127.0.0.1:0", "224.0.0.1:9"} {
		b.SetRemote(netip.MustParseAddrPort(black), []sdp.Codec{pcma})
		sent := b.Stats().Out
		dropped := b.Stats().Dropped
		alice.say(a, 8, 2)
		until(t, "the drop for "+black, func() bool { return b.Stats().Dropped == dropped+1 })
		if b.Stats().Out != sent {
			t.Errorf("sent to %s", black)
		}
	}
	bob.say(b, 8, 7) // it may still speak, or press a key
	if p := alice.hear(); p.Payload[0] != 7 {
		t.Errorf("alice heard %v", p)
	}
	b.SetRemote(bob.addr(), []sdp.Codec{pcma})
	alice.say(a, 8, 3)
	if p := bob.hear(); p.Payload[0] != 3 {
		t.Errorf("after the hold bob heard %v", p)
	}
}

// TestOurOwnPortsAreNoRemote: two phones that name each other's anchor would make two endpoints feed each other for ever.
func TestOurOwnPortsAreNoRemote(t *testing.T) {
	p := newPool(t, 21040, 21047)
	a, err := p.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	b, err := p.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	a.SetRemote(b.Addr(), sdp.DefaultCodecs())
	done := make(chan struct{})
	a.PlayOnce(tone.Silence(), period, func() { close(done) })
	<-done
	if s := a.Stats(); s.Out != 0 {
		t.Errorf("sent %d packets to ourselves", s.Out)
	}
}
