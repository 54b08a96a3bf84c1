package media

// keys tells the presses in a stream of RFC 4733 packets. All packets of one press have the same timestamp, the end is
// sent three times, and any of them may be lost, late or doubled: a press is told at the first that arrives.
type keys struct {
	begun bool
	ssrc  uint32
	ts    uint32
	event byte
	ended bool
}

const (
	// lateKey is how far back, in samples, a packet of a former press may come from: 10 s. Beyond, the phone's clock
	// began anew.
	lateKey = 80000
	// longest is the duration at which a press that is held goes on in a new segment (RFC 4733 section 2.5.1.3).
	longest = 0xFFFF
)

// press returns the key if the packet is the first of a press, else 0.
func (k *keys) press(p *packet) byte {
	payload := p.wire[headerSize:]
	if len(payload) < 4 {
		return 0
	}
	event, end := payload[0], payload[1]&0x80 != 0
	known := k.begun && k.ssrc == p.ssrc
	if d := int32(p.ts - k.ts); known && d <= 0 && d > -lateKey {
		k.ended = k.ended || d == 0 && end
		return 0
	}
	goesOn := known && !k.ended && event == k.event && p.ts == k.ts+longest
	*k = keys{begun: true, ssrc: p.ssrc, ts: p.ts, event: event, ended: end}
	if goesOn {
		return 0
	}
	return digit(event)
}

// keyNames are the keys by their event codes.
const keyNames = "0123456789*#ABCD"

// digit returns the key of an event code (RFC 4733 section 3.2), 0 for those that are no key, such as a hook flash.
func digit(event byte) byte {
	if int(event) >= len(keyNames) {
		return 0
	}
	return keyNames[event]
}
