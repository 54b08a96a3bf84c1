// Package tone makes and recognises the sounds of telephony in 8 kHz linear PCM, and turns PCM into G.711 and back.
// It is pure: no I/O, no clock.
//
// Media plays its tones to phones; the software phone of the demo, and the tests, hear with its Detector who speaks.
package tone

import (
	"math"
	"time"
)

// Rate is the sampling rate of everything here, in Hz.
const Rate = 8000

// Tone is a cadence: segments one after the other, then from the start again, unless Once. One without segments is silence.
type Tone struct {
	Segments []Segment
	Once     bool
}

// Segment is a part of a cadence: up to four frequencies together, or silence if there is none.
type Segment struct {
	Hz  []float64
	For time.Duration
}

const (
	maxHz = 4
	// loud is the amplitude of a single frequency, of 32767: -9 dBm0, what exchanges play (ITU-T Q.35, E.180).
	// Several together carry the same power.
	loud = 8000
)

// Source makes the samples of one tone. It is not safe for concurrent use.
type Source struct {
	tone  Tone
	index int
	left  int // samples left of the segment
	n     int // samples since the segment began: the phase
	ended bool
}

// NewSource returns a source at the start of t.
func NewSource(t Tone) *Source {
	s := &Source{tone: t, index: -1}
	s.next()
	return s
}

// Read fills pcm. It returns false when the tone was over before pcm was full; the rest of pcm is silence then.
// It does not allocate.
func (s *Source) Read(pcm []int16) bool {
	for i := range pcm {
		pcm[i] = s.sample()
	}
	return !s.ended
}

func (s *Source) sample() int16 {
	if s.left == 0 && !s.ended {
		s.next()
	}
	if s.ended || s.index < 0 {
		return 0
	}
	seg := &s.tone.Segments[s.index]
	v := wave(seg.Hz, s.n)
	s.n++
	s.left--
	return v
}

// next goes to the following segment that lasts at least a sample.
func (s *Source) next() {
	for range s.tone.Segments {
		s.index++
		if s.index == len(s.tone.Segments) {
			if s.tone.Once {
				s.ended = true
				return
			}
			s.index = 0
		}
		s.n, s.left = 0, Samples(s.tone.Segments[s.index].For)
		if s.left > 0 {
			return
		}
	}
	s.index, s.ended = -1, s.tone.Once
}

// Samples returns how many samples last for d, none if d is negative.
func Samples(d time.Duration) int { return max(0, int(d*Rate/time.Second)) }

// wave returns sample n of the frequencies together.
func wave(hz []float64, n int) int16 {
	hz = hz[:min(len(hz), maxHz)]
	if len(hz) == 0 {
		return 0
	}
	sum := 0.0
	for _, f := range hz {
		sum += math.Sin(2 * math.Pi * f * float64(n) / Rate)
	}
	return int16(sum * loud / math.Sqrt(float64(len(hz))))
}
