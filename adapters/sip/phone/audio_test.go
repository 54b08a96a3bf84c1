package phone

import (
	"net/netip"
	"testing"

	"github.com/pion/rtp"

	"c2d/adapters/sip/sdp"
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
