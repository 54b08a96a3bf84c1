package phone

import (
	"math"
	"net/netip"
	"testing"
	"time"

	"github.com/pion/rtp"

	"c2d/adapters/sip/sdp"
	"c2d/core/tone"
)

// TestKeyPress reads the packets of one key: one timestamp, growing durations, the end three times (RFC 4733).
func TestKeyPress(t *testing.T) {
	m := newMouth(600)
	keys := make(chan byte, 1)
	to := route{addr: netip.MustParseAddrPort("127.0.0.1:9"), codecs: sdp.DefaultCodecs()}
	send := func() (p rtp.Packet) {
		m.next(keys)
		if err := p.Unmarshal(m.packet(to)); err != nil {
			t.Fatal(err)
		}
		return p
	}
	if p := send(); p.PayloadType != 8 || !p.Marker || len(p.Payload) != perFrame {
		t.Fatalf("first packet: %v", p)
	}
	keys <- '#'
	first := send()
	if first.PayloadType != 101 || !first.Marker || first.Payload[0] != 11 || first.Payload[1]&0x80 != 0 {
		t.Fatalf("first of the key: %v", first)
	}
	ends := 0
	for p := send(); p.PayloadType == 101; p = send() {
		if p.Timestamp != first.Timestamp || p.Marker {
			t.Errorf("a packet of the key: %v", p)
		}
		if p.Payload[1]&0x80 != 0 {
			ends++
		}
	}
	if ends != 3 {
		t.Errorf("%d ends", ends)
	}
}

func TestNothingIsSentWithoutAnAddress(t *testing.T) {
	m := newMouth(600)
	m.next(nil)
	if b := m.packet(route{codecs: sdp.DefaultCodecs()}); b != nil {
		t.Errorf("%d bytes", len(b))
	}
}

// TestEarsTellTonesApart hears pure tones, two at once, and silence.
func TestEarsTellTonesApart(t *testing.T) {
	from := netip.MustParseAddrPort("127.0.0.1:9")
	for name, said := range map[string][]float64{"450": {450}, "605": {605}, "1000": {1000}, "two": {440, 1000}, "silence": nil} {
		t.Run(name, func(t *testing.T) {
			e := newEars(newJournal(nil))
			var pcm [perFrame]int16
			var coded [perFrame]byte
			source := tone.NewSource(tone.Tone{Segments: []tone.Segment{{Hz: said, For: time.Minute}}})
			for range 10 {
				source.Read(pcm[:])
				e.hear(from, uint8(tone.ALaw), tone.ALaw.Encode(coded[:], pcm[:]))
			}
			heard := e.sounds()
			if len(heard) != len(said) {
				t.Fatalf("heard %v", heard)
			}
			for i, s := range heard {
				if math.Abs(float64(s.Hz)-said[i]) > 10 || s.From != from {
					t.Errorf("%v is heard as %v", said[i], s)
				}
			}
		})
	}
}
