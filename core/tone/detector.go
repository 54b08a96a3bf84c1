package tone

import (
	"math"
	"time"
)

// Level is how loud one frequency was in a block: the amplitude of its sine, of 32767.
type Level struct {
	Hz        float64
	Amplitude float64
}

// Detector measures a set of frequencies in a stream of PCM, block after block, by Goertzel's algorithm under a Hann
// window. Two frequencies are told apart if they are at least 2/block apart: 20 Hz for a block of 100 ms. It is not safe
// for concurrent use.
type Detector struct {
	bins   []bin
	window []float64
	n      int
	sum    float64
	heard  func([]Level)
	levels []Level
}

type bin struct{ hz, coeff, s1, s2 float64 }

// NewDetector returns a detector that calls heard after each block with the levels of hz, in that order. The slice is
// valid until heard returns.
func NewDetector(block time.Duration, hz []float64, heard func([]Level)) *Detector {
	d := &Detector{heard: heard, window: hann(max(2, Samples(block))), levels: make([]Level, len(hz))}
	for _, w := range d.window {
		d.sum += w
	}
	for _, f := range hz {
		d.bins = append(d.bins, bin{hz: f, coeff: 2 * math.Cos(2*math.Pi*f/Rate)})
	}
	return d
}

func hann(n int) []float64 {
	w := make([]float64, n)
	for i := range w {
		w[i] = 0.5 - 0.5*math.Cos(2*math.Pi*float64(i)/float64(n))
	}
	return w
}

// Write takes the next samples.
func (d *Detector) Write(pcm []int16) {
	for _, v := range pcm {
		x := float64(v) * d.window[d.n]
		for i := range d.bins {
			b := &d.bins[i]
			b.s1, b.s2 = x+b.coeff*b.s1-b.s2, b.s1
		}
		if d.n++; d.n == len(d.window) {
			d.block()
		}
	}
}

func (d *Detector) block() {
	for i := range d.bins {
		b := &d.bins[i]
		power := b.s1*b.s1 + b.s2*b.s2 - b.coeff*b.s1*b.s2
		d.levels[i] = Level{Hz: b.hz, Amplitude: 2 * math.Sqrt(max(0, power)) / d.sum}
		b.s1, b.s2 = 0, 0
	}
	d.n = 0
	d.heard(d.levels)
}

// Measure returns the levels of hz over all of pcm, as one block.
func Measure(pcm []int16, hz ...float64) []Level {
	var out []Level
	d := NewDetector(time.Duration(len(pcm))*time.Second/Rate, hz, func(l []Level) { out = append(out, l...) })
	d.Write(pcm)
	return out
}
