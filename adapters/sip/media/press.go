package media

import (
	"encoding/binary"
	"strings"
	"time"
)

// A key press that we send: 100 ms, the packet of its end three times (RFC 4733 section 2.5.1.4), then a pause in which
// nothing is sent.
const (
	pressFrames = 5
	endFrames   = 3
	gapFrames   = 2
)

// keyVolume is what a press is said to sound like: -10 dBm0.
const keyVolume = 10

// press is one key that is sent, frame by frame.
type press struct {
	event byte
	age   int // frames since its begin
}

// Press sends one key press as RTP events, of 0-9 * # A-D, in place of what is forwarded or played. done, if not nil, is
// called once, as with [Endpoint.PlayOnce]. It does nothing and returns false where the remote side did not agree to
// events, or the key is none.
func (e *Endpoint) Press(key byte, done func()) bool {
	event := strings.IndexByte(keyNames, key)
	e.mu.Lock()
	defer e.mu.Unlock()
	if event < 0 || !e.terms.keys || e.closed {
		return false
	}
	e.begin(&player{keys: &press{event: byte(event)}, left: pressFrames + endFrames + gapFrames, done: done})
	return true
}

// stepKey sends the packet of this frame, if there is one. The caller holds mu.
func (e *Endpoint) stepKey(p *player) {
	k := p.keys
	if k.age < pressFrames+endFrames && e.terms.keys && e.remote.target().IsValid() {
		n := e.out.event(time.Now(), k.age == 0)
		e.out.head(p.wire[:], e.terms.keyPT, k.age == 0, n)
		b := p.wire[headerSize : headerSize+4]
		b[0], b[1] = k.event, keyVolume
		if k.age >= pressFrames {
			b[1] |= 0x80
		}
		binary.BigEndian.PutUint16(b[2:], uint16(min(k.age+1, pressFrames)*frame))
		e.send(p.wire[:headerSize+4])
	}
	k.age++
}
