package tone

import (
	"math"
	"testing"
	"time"
)

// pcm returns the first d of a tone.
func pcm(t Tone, d time.Duration) []int16 {
	out := make([]int16, Samples(d))
	NewSource(t).Read(out)
	return out
}

// edges returns when sound begins and ends, by blocks of 10 ms.
func edges(pcm []int16) []time.Duration {
	var at []time.Duration
	loud := false
	for i := 0; i+80 <= len(pcm); i += 80 {
		peak := 0.0
		for _, v := range pcm[i : i+80] {
			peak = max(peak, math.Abs(float64(v)))
		}
		if now := peak > 1000; now != loud {
			loud = now
			at = append(at, time.Duration(i)*time.Second/Rate)
		}
	}
	return at
}

func near(a, b time.Duration) bool { return (a - b).Abs() <= 10*time.Millisecond }

func TestCadences(t *testing.T) {
	for name, c := range map[string]struct {
		tone Tone
		hz   []float64
		ms   []int // when it begins, ends, begins …
	}{
		"ring-back CN":          {RingBack("CN"), []float64{450}, []int{0, 1000, 5000, 6000}},
		"ring-back by default":  {RingBack(""), []float64{450}, []int{0, 1000, 5000, 6000}},
		"ring-back US":          {RingBack("US"), []float64{440, 480}, []int{0, 2000, 6000, 8000}},
		"ring-back GB":          {RingBack("GB"), []float64{400, 450}, []int{0, 400, 600, 1000, 3000, 3400}},
		"ring-back DE":          {RingBack("DE"), []float64{425}, []int{0, 1000, 5000, 6000}},
		"ring-back unknown":     {RingBack("XX"), []float64{425}, []int{0, 1000, 5000, 6000}},
		"busy CN":               {Busy("CN"), []float64{450}, []int{0, 350, 700, 1050, 1400}},
		"busy US":               {Busy("US"), []float64{480, 620}, []int{0, 500, 1000, 1500}},
		"congestion CN":         {Congestion("CN"), []float64{450}, []int{0, 700, 1400, 2100}},
		"special information":   {SIT(), []float64{950}, []int{0, 990, 1990, 2980}},
		"the request for a key": {KeyPrompt(), []float64{1000}, []int{0, 150, 250, 400, 2000, 2150}},
	} {
		t.Run(name, func(t *testing.T) {
			sound := pcm(c.tone, 10*time.Second)
			got := edges(sound)
			for i, want := range c.ms {
				if i >= len(got) || !near(got[i], time.Duration(want)*time.Millisecond) {
					t.Fatalf("edges %v, want %v ms", got, c.ms)
				}
			}
			for _, l := range Measure(sound[:Samples(c.tone.Segments[0].For)], c.hz...) {
				if want := loud / math.Sqrt(float64(len(c.hz))); math.Abs(l.Amplitude-want) > want/50 {
					t.Errorf("%v Hz at %v, want %v", l.Hz, l.Amplitude, want)
				}
			}
		})
	}
}

func TestEveryCountryHasAllTones(t *testing.T) {
	for _, c := range []string{"", "CN", "US", "CA", "HK", "GB", "AU", "SG", "DE", "FR", "JP", "XX"} {
		for kind, tone := range map[string]Tone{"ring-back": RingBack(c), "busy": Busy(c), "congestion": Congestion(c)} {
			if n := len(edges(pcm(tone, 10*time.Second))); n < 3 {
				t.Errorf("%s %q changes %d times in 10 s", kind, c, n)
			}
		}
	}
}

func TestOnceEnds(t *testing.T) {
	s := NewSource(Tone{Once: true, Segments: []Segment{{Hz: []float64{1000}, For: 30 * time.Millisecond}}})
	frame := make([]int16, 160)
	if !s.Read(frame) {
		t.Error("over after 20 ms")
	}
	if s.Read(frame) {
		t.Error("not over after 40 ms")
	}
	if frame[79] == 0 && frame[78] == 0 || frame[80] != 0 || frame[159] != 0 {
		t.Error("sound does not end after 30 ms")
	}
}

func TestSilenceAndEmptySegments(t *testing.T) {
	empty := Tone{Segments: []Segment{{Hz: []float64{1000}}, {Hz: []float64{1000}, For: -time.Second}}}
	for name, tone := range map[string]Tone{"silence": Silence(), "empty segments": empty} {
		frame := []int16{1, 2, 3}
		if !NewSource(tone).Read(frame) || frame[0] != 0 || frame[2] != 0 {
			t.Errorf("%s: %v", name, frame)
		}
	}
	empty.Once = true
	if NewSource(empty).Read(make([]int16, 1)) {
		t.Error("a tone of no length goes on")
	}
}

func TestReadDoesNotAllocate(t *testing.T) {
	s, frame := NewSource(RingBack("US")), make([]int16, 160)
	if n := testing.AllocsPerRun(100, func() { s.Read(frame) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestDetectorTellsTonesApart(t *testing.T) {
	var blocks [][]Level
	d := NewDetector(100*time.Millisecond, []float64{425, 440, 480, 880}, func(l []Level) {
		blocks = append(blocks, append([]Level(nil), l...))
	})
	second := pcm(Tone{Segments: []Segment{{Hz: []float64{440}, For: time.Second}}}, 250*time.Millisecond)
	d.Write(second[:7])
	d.Write(second[7:])
	d.Write(pcm(Tone{Segments: []Segment{{Hz: []float64{880}, For: time.Second}}}, 150*time.Millisecond))
	if len(blocks) != 4 {
		t.Fatalf("%d blocks of 100 ms in 400 ms", len(blocks))
	}
	expect(t, blocks[0], 1, 480)
	expect(t, blocks[3], 3, 0)
}

// expect holds that only one frequency is heard. The neighbour at 15 Hz, closer than a block of 100 ms can part, is not asked.
func expect(t *testing.T, got []Level, loudest int, quiet float64) {
	t.Helper()
	if a := got[loudest].Amplitude; a < 7800 || a > 8200 {
		t.Errorf("%v Hz at %v, want 8000", got[loudest].Hz, a)
	}
	for i, l := range got {
		if i != loudest && (l.Hz == quiet || quiet == 0) && l.Amplitude > 100 {
			t.Errorf("%v Hz at %v where only %v Hz sounds", l.Hz, l.Amplitude, got[loudest].Hz)
		}
	}
}
