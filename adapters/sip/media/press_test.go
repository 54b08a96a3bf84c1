package media

import (
	"testing"

	"github.com/pion/rtp"
)

// A press is one event for who receives it: one time, a rising duration, its end thrice; speech goes on after it.
func TestPress(t *testing.T) {
	a, b, alice, bob := pair(t)
	Link(a, b)
	alice.say(a, 8, 1)
	before := bob.hear()
	done := make(chan struct{})
	if !b.Press('#', func() { close(done) }) {
		t.Fatal("not pressed")
	}
	var k keys
	var told []byte
	ends := 0
	for i := range pressFrames + endFrames {
		p := bob.hear()
		if p.PayloadType != 96 || p.SSRC != before.SSRC || p.SequenceNumber != before.SequenceNumber+1+uint16(i) || p.Marker != (i == 0) {
			t.Errorf("packet %d: %+v", i, p.Header)
		}
		if d := int(p.Payload[2])<<8 | int(p.Payload[3]); d != min(i+1, pressFrames)*frame {
			t.Errorf("packet %d lasts %d", i, d)
		}
		if p.Payload[1]&0x80 != 0 {
			ends++
		}
		if d := k.press(asPacket(p)); d != 0 {
			told = append(told, d)
		}
	}
	if string(told) != "#" || ends != endFrames {
		t.Errorf("told %q with %d ends", told, ends)
	}
	<-done
	alice.say(a, 8, 2)
	if p := bob.hear(); p.PayloadType != 8 || int32(p.Timestamp-before.Timestamp) < pressFrames*frame || !p.Marker {
		t.Errorf("speech after the press: %+v", p.Header)
	}
}

func asPacket(p *rtp.Packet) *packet {
	return &packet{ssrc: p.SSRC, ts: p.Timestamp, wire: append(make([]byte, headerSize), p.Payload...)}
}

func TestAPressThatCannotBe(t *testing.T) {
	_, b, _, bob := pair(t)
	if b.Press('E', nil) {
		t.Error("pressed E")
	}
	b.SetRemote(bob.addr(), nil)
	if b.Press('1', nil) {
		t.Error("pressed towards a phone that takes no events")
	}
	_ = b.Close()
	if b.Press('1', nil) {
		t.Error("pressed after the end")
	}
}
