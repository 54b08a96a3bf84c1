package media

import (
	"slices"
	"strings"
	"time"

	"c2d/core/tone"
)

// Sound is a packet of G.711 on its way to a phone.
type Sound struct {
	Law       tone.Law
	SSRC      uint32 // of who says it, as are the timestamps
	Timestamp uint32
	Payload   []byte // the receiver's own
	At        time.Time
}

// Tap sets what is told the speech that the linked phone says to this one, as it came: also while a tone is played over it,
// and not while either does not listen. nil for nothing. It must return at once, and must not call the endpoint. Codecs
// other than G.711 are not told.
func (e *Endpoint) Tap(heard func(Sound)) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.closed {
		e.tap = heard
	}
}

// overhear tells the tap of a packet. The caller holds mu.
func (e *Endpoint) overhear(p *packet, now time.Time) {
	if law, ok := lawOf(p); ok && e.tap != nil {
		e.tap(Sound{Law: law, SSRC: p.ssrc, Timestamp: p.ts, Payload: slices.Clone(p.wire[headerSize:]), At: now})
	}
}

func lawOf(p *packet) (tone.Law, bool) {
	law, ok := tone.LawOf(strings.ToUpper(p.codec.Name))
	return law, ok && p.codec.Rate == tone.Rate
}

// flowing is how long after a packet another is expected.
const flowing = 10 * period

// Beep lets the phone hear a short tone, and the other through it: it is mixed into what is forwarded, or played where
// nothing is. It returns false, and does nothing, while something else is played: a key press must not be cut.
func (e *Endpoint) Beep(t tone.Tone) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	switch flows := e.peer != nil && time.Since(e.passed) < flowing; {
	case e.closed || e.player != nil || flows && e.beep != nil:
		return false
	case flows:
		e.beep = tone.NewSource(t)
	default:
		e.beep = nil
		e.begin(&player{source: tone.NewSource(t), left: -1})
	}
	return true
}

// mix adds the beep to a packet of G.711. The caller holds mu.
func (e *Endpoint) mix(p *packet) {
	law, ok := lawOf(p)
	if e.beep == nil || !ok {
		return
	}
	payload := p.wire[headerSize:]
	pcm, beep := law.Decode(make([]int16, len(payload)), payload), make([]int16, len(payload))
	if !e.beep.Read(beep) {
		e.beep = nil
	}
	for i, v := range beep {
		pcm[i] = int16(min(max(int(pcm[i])+int(v), -32768), 32767))
	}
	law.Encode(payload, pcm)
}
