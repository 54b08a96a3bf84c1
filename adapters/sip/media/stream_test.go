package media

import (
	"testing"
	"time"
)

// begin is a fixed instant; streams only look at differences.
var begin = time.Date(2026, 11, 22, 8, 0, 0, 0, time.UTC)

func from(ssrc uint32, seq uint16, ts uint32) *packet {
	return &packet{codec: pcma, ssrc: ssrc, seq: seq, ts: ts}
}

func relayed(t *testing.T, s *stream, p *packet, at time.Time) number {
	t.Helper()
	n, ok := s.relay(p, at)
	if !ok {
		t.Fatalf("packet %d of source %x was dropped", p.seq, p.ssrc)
	}
	return n
}

func TestOwnPacketsFollowEachOther(t *testing.T) {
	s := newStream()
	s.seq = 65534 // across the wrap
	first := s.next(begin)
	if !first.first {
		t.Error("the first packet has no marker")
	}
	for i := 1; i <= 5; i++ {
		jitter := time.Duration(i%3-1) * 15 * time.Millisecond
		n := s.next(begin.Add(time.Duration(i)*period + jitter))
		if n.first || n.seq != first.seq+uint16(i) || n.ts != first.ts+uint32(i*frame) {
			t.Fatalf("packet %d: %+v after %+v", i, n, first)
		}
	}
}

func TestAPauseMovesTheTimestampOn(t *testing.T) {
	s := newStream()
	a := s.next(begin)
	b := s.next(begin.Add(3 * time.Second))
	if b.seq != a.seq+1 || b.ts != a.ts+24000 {
		t.Errorf("%+v, then %+v after 3 s", a, b)
	}
}

func TestFromToneToForwardAndBack(t *testing.T) {
	s := newStream()
	tone := s.next(begin)
	s.cut()
	a := relayed(t, &s, from(1, 500, 9000), begin.Add(100*time.Millisecond))
	if !a.first || a.seq != tone.seq+1 || a.ts != tone.ts+800 {
		t.Errorf("forward %+v after tone %+v and 100 ms", a, tone)
	}
	b := relayed(t, &s, from(1, 501, 9160), begin.Add(120*time.Millisecond))
	if b.first || b.seq != a.seq+1 || b.ts != a.ts+160 {
		t.Errorf("%+v after %+v", b, a)
	}
	other := relayed(t, &s, from(2, 7, 0), begin.Add(140*time.Millisecond))
	if !other.first || other.seq != b.seq+1 || other.ts != b.ts+160 {
		t.Errorf("another source %+v after %+v", other, b)
	}
	s.cut()
	back := s.next(begin.Add(180 * time.Millisecond))
	if !back.first || back.seq != other.seq+1 || back.ts != other.ts+320 {
		t.Errorf("tone %+v after %+v", back, other)
	}
}

func TestForwardKeepsTheSourcesOrderAndGaps(t *testing.T) {
	s := newStream()
	s.next(begin)
	s.cut()
	base := relayed(t, &s, from(1, 65530, 0), begin)
	for _, d := range []uint16{1, 3, 2, 2, 300, 299} { // lost, reordered, doubled, and over the wrap
		n := relayed(t, &s, from(1, 65530+d, uint32(d)*frame), begin.Add(time.Duration(d)*period))
		if n.seq != base.seq+d || n.ts != base.ts+uint32(d)*frame || n.first {
			t.Fatalf("packet +%d is %+v after %+v", d, n, base)
		}
	}
}

func TestLateFromBeforeTheSwitchIsDropped(t *testing.T) {
	s := newStream()
	s.next(begin)
	s.cut()
	relayed(t, &s, from(1, 1000, 8000), begin)
	if n, ok := s.relay(from(1, 998, 7680), begin); ok {
		t.Errorf("packet of before the switch was sent as %+v", n)
	}
	if n := relayed(t, &s, from(1, 1001, 8160), begin); n.first {
		t.Error("the late packet made a new source of the next")
	}
}

func TestASourceThatBeginsAnewIsRenumbered(t *testing.T) {
	for name, jump := range map[string]uint16{"far ahead": 20000, "far back": 1 << 15} {
		t.Run(name, func(t *testing.T) {
			s := newStream()
			a := relayed(t, &s, from(1, 100, 0), begin)
			b := relayed(t, &s, from(1, 100+jump, 5), begin.Add(period))
			if !b.first || b.seq != a.seq+1 || b.ts != a.ts+160 {
				t.Errorf("%+v after %+v", b, a)
			}
		})
	}
}

// TestKeyPressesDoNotHoldTheClock holds that a tone after a long key press, whose packets all share the time of its begin,
// goes on from now.
func TestKeyPressesDoNotHoldTheClock(t *testing.T) {
	s := newStream()
	voice := relayed(t, &s, from(1, 10, 1600), begin)
	for i := range 50 {
		relayed(t, &s, from(1, uint16(11+i), 1760), begin.Add(time.Duration(i+1)*period))
	}
	s.cut()
	if n := s.next(begin.Add(52 * period)); n.ts != voice.ts+52*frame {
		t.Errorf("tone %d samples after the voice, want %d", n.ts-voice.ts, 52*frame)
	}
}

func TestALongForwardNeverLosesItsFloor(t *testing.T) {
	s := newStream()
	base := relayed(t, &s, from(1, 0, 0), begin)
	for i := 1; i < 100_000; i++ {
		n := relayed(t, &s, from(1, uint16(i), uint32(i)*frame), begin.Add(time.Duration(i)*period))
		if n.seq != base.seq+uint16(i) || n.first {
			t.Fatalf("packet %d: %+v", i, n)
		}
	}
}

// TestConverging is the phone that keeps its place over a change of source: whatever the numbers of the ring-back and of
// the peer, it must hear no number that is not ahead of the last, up to and over the switch to the peer's own packets.
func TestConverging(t *testing.T) {
	for _, start := range []uint16{0, 1, 500, 499, 501, 30000, 33000, 33300, 40000, 65535} {
		for _, peer := range []uint16{500, 0, 65530} {
			s := newStream()
			s.seq = start - 1
			heard := s.next(begin).seq
			s.cut()
			s.converges = true
			jumps, i := 0, 0
			for ; !s.converged(); i++ {
				if i > 60 {
					t.Fatalf("ring-back at %d, peer at %d: not settled after 60 packets", start, peer)
				}
				n := relayed(t, &s, from(1, peer+uint16(i), uint32(i)*frame), begin.Add(time.Duration(i)*period))
				if ahead := int16(n.seq - heard); ahead <= 0 {
					t.Fatalf("ring-back at %d, peer at %d: packet %d is %d behind the last", start, peer, i, -ahead)
				}
				if n.seq != heard+1 {
					jumps++
				}
				heard = n.seq
			}
			if next := peer + uint16(i); next != heard+1 || jumps > 3 {
				t.Errorf("ring-back at %d, peer at %d: the peer goes on at %d after %d, %d jumps", start, peer, next, heard, jumps)
			}
		}
	}
}

func TestAStreamThatSentNothingTakesTheSourcesNumbers(t *testing.T) {
	s := newStream()
	if n := relayed(t, &s, from(1, 4711, 0), begin); n.seq != 4711 || s.converged() {
		t.Fatalf("%+v", n)
	}
}
