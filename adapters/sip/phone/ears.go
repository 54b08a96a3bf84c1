package phone

import (
	"context"
	"math"
	"net/netip"
	"slices"
	"sync"
	"time"

	"c2d/core/tone"
)

// Sound is a tone that was heard from one address. Hz is within 10 of what was said.
type Sound struct {
	Hz    int
	From  netip.AddrPort
	First time.Time
	Last  time.Time
}

// Expect says which sound is waited for. A zero field allows any.
type Expect struct {
	Hz    int
	From  netip.AddrPort
	After time.Time // it was heard after
}

func (e Expect) matches(s Sound) bool {
	return (e.Hz == 0 || near(e.Hz, s.Hz)) && (!e.From.IsValid() || e.From == s.From) && s.Last.After(e.After)
}

const (
	block   = 50 * time.Millisecond
	step    = 20                     // Hz between the frequencies that are listened for
	loud    = 2500                   // amplitude from which a frequency is a tone; phones and exchanges say 8,000
	silence = 500 * time.Millisecond // a tone that pauses longer is a new sound
)

// near reports whether two frequencies are the same as far as a block can tell.
func near(a, b int) bool { return a-b <= 2*step && b-a <= 2*step }

// ears recognise the tones of a phone's calls. Safe for concurrent use.
type ears struct {
	journal *journal
	pcm     [1024]int16

	mu       sync.Mutex
	from     netip.AddrPort // of the block that is being measured
	detector *tone.Detector
	all      []Sound
	begun    []Sound // of this packet, not yet told
	pressed  uint32  // the time of the last key press
}

func newEars(j *journal) *ears { return &ears{journal: j} }

// hear takes a packet's payload. A packet from another address begins a new block, so that a sound has one address.
func (e *ears) hear(from netip.AddrPort, pt uint8, payload []byte) {
	law := tone.Law(pt)
	if (law != tone.ALaw && law != tone.ULaw) || len(payload) > len(e.pcm) {
		return
	}
	e.mu.Lock()
	if e.detector == nil || e.from != from {
		e.from, e.detector = from, tone.NewDetector(block, frequencies(), e.measured)
	}
	e.detector.Write(law.Decode(e.pcm[:], payload))
	begun := e.begun
	e.begun = nil
	e.mu.Unlock()
	for _, s := range begun {
		e.journal.tell(Event{Kind: Heard, Sound: s})
	}
	e.journal.wake()
}

// press takes a packet of a key press and tells the first of each: those of one press have the same time.
func (e *ears) press(at uint32, payload []byte) {
	if len(payload) < 4 || int(payload[0]) >= len(keyNames) {
		return
	}
	e.mu.Lock()
	known := e.pressed == at
	e.pressed = at
	e.mu.Unlock()
	if !known {
		e.journal.tell(Event{Kind: Pressed, Key: keyNames[payload[0]]})
	}
}

func frequencies() []float64 {
	var all []float64
	for hz := 200; hz <= 3400; hz += step {
		all = append(all, float64(hz))
	}
	return all
}

// measured looks for peaks in the levels of one block; mu is held.
func (e *ears) measured(levels []tone.Level) {
	for i, l := range levels {
		if l.Amplitude < loud || (i > 0 && levels[i-1].Amplitude > l.Amplitude) ||
			(i+1 < len(levels) && levels[i+1].Amplitude >= l.Amplitude) {
			continue
		}
		e.note(peak(levels, i), time.Now())
	}
}

// peak returns the frequency of a peak to within 10 Hz: a parabola through it and its neighbours.
func peak(levels []tone.Level, i int) int {
	hz := levels[i].Hz
	if i > 0 && i+1 < len(levels) {
		left, here, right := levels[i-1].Amplitude, levels[i].Amplitude, levels[i+1].Amplitude
		hz += step * (right - left) / (2 * (2*here - left - right))
	}
	return 10 * int(math.Round(hz/10))
}

// note lengthens the sound that goes on, or begins one.
func (e *ears) note(hz int, now time.Time) {
	for i := len(e.all) - 1; i >= 0; i-- {
		s := &e.all[i]
		if s.From == e.from && near(s.Hz, hz) && now.Sub(s.Last) < silence {
			s.Last = now
			return
		}
	}
	s := Sound{Hz: hz, From: e.from, First: now.Add(-block), Last: now}
	e.all = append(e.all, s)
	e.begun = append(e.begun, s)
}

func (e *ears) sounds() []Sound {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.all)
}

// wait returns the first sound of all that is as expected.
func (e *ears) wait(ctx context.Context, want Expect) (found Sound, err error) {
	err = e.journal.until(ctx, func() bool {
		for _, s := range e.sounds() {
			if want.matches(s) {
				found = s
				return true
			}
		}
		return false
	})
	return found, err
}
