package tone

import "time"

// plan is what a country's exchanges play. ITU-T E.180 Supplement 2 lists all; here are those that differ from its
// recommendation and where a hospital is likely to ask for them.
type plan struct {
	hz, busyHz             []float64
	ring, busy, congestion []time.Duration // on, off, on, off …
}

const ms = time.Millisecond

func planOf(country string) plan {
	p := plan{
		hz: []float64{425}, busyHz: []float64{425},
		ring: []time.Duration{1000 * ms, 4000 * ms}, busy: []time.Duration{500 * ms, 500 * ms}, congestion: []time.Duration{250 * ms, 250 * ms},
	}
	british := []time.Duration{400 * ms, 200 * ms, 400 * ms, 2000 * ms}
	switch country {
	case "CN", "":
		p.hz, p.busyHz = []float64{450}, []float64{450}
		p.busy, p.congestion = []time.Duration{350 * ms, 350 * ms}, []time.Duration{700 * ms, 700 * ms}
	case "US", "CA":
		p.hz, p.busyHz, p.ring = []float64{440, 480}, []float64{480, 620}, []time.Duration{2000 * ms, 4000 * ms}
	case "HK":
		p.hz, p.busyHz, p.ring = []float64{440, 480}, []float64{480, 620}, []time.Duration{400 * ms, 200 * ms, 400 * ms, 3000 * ms}
	case "GB":
		p.hz, p.busyHz, p.ring = []float64{400, 450}, []float64{400}, british
		p.busy, p.congestion = []time.Duration{375 * ms, 375 * ms}, []time.Duration{400 * ms, 350 * ms, 225 * ms, 525 * ms}
	case "AU":
		p.hz, p.ring = []float64{400, 450}, british
		p.busy, p.congestion = []time.Duration{375 * ms, 375 * ms}, []time.Duration{375 * ms, 375 * ms}
	case "SG":
		p.ring, p.busy = british, []time.Duration{750 * ms, 750 * ms}
	case "DE":
		p.busy, p.congestion = []time.Duration{480 * ms, 480 * ms}, []time.Duration{240 * ms, 240 * ms}
	case "FR":
		p.hz, p.busyHz, p.ring = []float64{440}, []float64{440}, []time.Duration{1500 * ms, 3500 * ms}
	case "JP":
		p.hz, p.busyHz, p.ring = []float64{400}, []float64{400}, []time.Duration{1000 * ms, 2000 * ms}
		p.congestion = p.busy
	}
	return p
}

func cadence(hz []float64, onOff []time.Duration) Tone {
	var t Tone
	for i, d := range onOff {
		if i%2 == 0 {
			t.Segments = append(t.Segments, Segment{Hz: hz, For: d})
		} else {
			t.Segments = append(t.Segments, Segment{For: d})
		}
	}
	return t
}

// RingBack is what a caller hears while the other phone rings. country is an ISO 3166 code in capitals; empty is CN, and
// one that is not known gets the tone that ITU-T E.180 recommends. Busy and Congestion take the same.
func RingBack(country string) Tone {
	p := planOf(country)
	return cadence(p.hz, p.ring)
}

// Busy says that the other phone is in a call.
func Busy(country string) Tone {
	p := planOf(country)
	return cadence(p.busyHz, p.busy)
}

// Congestion says that the network has no way left.
func Congestion(country string) Tone {
	p := planOf(country)
	return cadence(p.busyHz, p.congestion)
}

// SIT is the special information tone: the call cannot be placed, and dialling again does not help (ITU-T E.180).
func SIT() Tone {
	return Tone{Segments: []Segment{
		{Hz: []float64{950}, For: 330 * ms}, {Hz: []float64{1400}, For: 330 * ms}, {Hz: []float64{1800}, For: 330 * ms},
		{For: 1000 * ms},
	}}
}

// KeyPrompt asks for a key: two short beeps, then time to press one.
func KeyPrompt() Tone {
	beep := Segment{Hz: []float64{1000}, For: 150 * ms}
	return Tone{Segments: []Segment{beep, {For: 100 * ms}, beep, {For: 1600 * ms}}}
}

// Hold says that one waits: two short beeps, and a pause.
func Hold(country string) Tone {
	p := planOf(country)
	return cadence(p.hz, []time.Duration{200 * ms, 200 * ms, 200 * ms, 4000 * ms})
}

// Recorded says that one is recorded: a short beep, which is heard through speech (1,400 Hz, 200 ms; 47 CFR 64.501 has the
// like of it every 15 s).
func Recorded() Tone {
	return Tone{Segments: []Segment{{Hz: []float64{1400}, For: 200 * ms}}, Once: true}
}

// Silence keeps a stream flowing with nothing to hear.
func Silence() Tone { return Tone{} }
