package tone

import (
	"math"
	"testing"
)

// TestG711KnownValues holds the corners of the tables of ITU-T G.711.
func TestG711KnownValues(t *testing.T) {
	for _, c := range []struct {
		law  Law
		code byte
		pcm  int16
	}{
		{ALaw, 0xD5, 8}, {ALaw, 0x55, -8}, {ALaw, 0xAA, 32256}, {ALaw, 0x2A, -32256}, {ALaw, 0x80, 5504}, {ALaw, 0xC5, 264},
		{ULaw, 0xFF, 0}, {ULaw, 0x7F, 0}, {ULaw, 0x80, 32124}, {ULaw, 0x00, -32124}, {ULaw, 0xEF, 132}, {ULaw, 0xFE, 8},
	} {
		if got := c.law.Decode(make([]int16, 1), []byte{c.code})[0]; got != c.pcm {
			t.Errorf("law %d: %#x is %d, want %d", c.law, c.code, got, c.pcm)
		}
	}
}

func TestG711EveryCodeSurvives(t *testing.T) {
	for _, law := range []Law{ALaw, ULaw} {
		for c := range 256 {
			sample := law.Decode(make([]int16, 1), []byte{byte(c)})
			if got := law.Encode(make([]byte, 1), sample)[0]; got != byte(c) && (law != ULaw || c != 0x7F) { // 0x7F is minus zero
				t.Errorf("law %d: %#x comes back as %#x", law, c, got)
			}
		}
	}
}

// TestG711Error holds that coding costs at most half a step: a 32nd of the value, and 8 or 4 near zero.
func TestG711Error(t *testing.T) {
	for law, floor := range map[Law]float64{ALaw: 16, ULaw: 8} {
		for v := -32000; v <= 32000; v += 7 {
			coded := law.Encode(make([]byte, 1), []int16{int16(v)})
			back := float64(law.Decode(make([]int16, 1), coded)[0])
			if d := math.Abs(back - float64(v)); d > floor+math.Abs(float64(v))/31 {
				t.Fatalf("law %d: %d comes back as %v", law, v, back)
			}
		}
	}
}

func TestG711Extremes(t *testing.T) {
	for _, law := range []Law{ALaw, ULaw} {
		coded := law.Encode(make([]byte, 2), []int16{math.MinInt16, math.MaxInt16})
		back := law.Decode(make([]int16, 2), coded)
		if back[0] > -32000 || back[1] < 32000 {
			t.Errorf("law %d: extremes come back as %v", law, back)
		}
	}
}

func TestLawOf(t *testing.T) {
	if l, ok := LawOf("PCMA"); l != ALaw || !ok {
		t.Error("PCMA")
	}
	if l, ok := LawOf("PCMU"); l != ULaw || !ok {
		t.Error("PCMU")
	}
	if _, ok := LawOf("opus"); ok {
		t.Error("opus")
	}
}
