package media

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"c2d/adapters/sip/sdp"
	"c2d/core/tone"
)

// TestPaceDoesNotDrift holds that packets leave at absolute times: a slow one delays nothing after it.
func TestPaceDoesNotDrift(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start, n := time.Now(), 0
		pace(nil, func() bool {
			if late := time.Since(start) - time.Duration(n)*period; late != 0 && n%7 != 1 && n%7 != 2 {
				t.Fatalf("packet %d is %v late", n, late)
			}
			if n%7 == 0 {
				time.Sleep(50 * time.Millisecond) // two and a half periods: made up for at once
			}
			n++
			return n < 504
		})
		if d := time.Since(start); d != 503*period {
			t.Errorf("504 packets took %v", d)
		}
	})
}

func TestPaceDoesNotBurstAfterAStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var at []time.Time
		pace(nil, func() bool {
			at = append(at, time.Now())
			if len(at) == 2 {
				time.Sleep(10 * time.Second)
			}
			return len(at) < 5
		})
		if d := at[4].Sub(at[2]); d != 2*period {
			t.Errorf("after the stop three packets took %v, want %v", d, 2*period)
		}
	})
}

func TestPaceStops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stop, ended := make(chan struct{}), make(chan struct{})
		go func() {
			pace(stop, func() bool { return true })
			close(ended)
		}()
		time.Sleep(time.Second)
		close(stop)
		<-ended
	})
}

// played returns the sound of n packets of a tone, as a phone hears it, without waiting for real time.
func played(t *testing.T, tn tone.Tone, codecs []sdp.Codec, law tone.Law, n int) []int16 {
	t.Helper()
	e, h := newEndpoint(t), newHandset(t)
	e.SetRemote(h.addr(), codecs)
	p := &player{source: tone.NewSource(tn), left: -1, stop: make(chan struct{})}
	e.mu.Lock()
	e.player = p
	e.mu.Unlock()
	var pcm []int16
	for range n {
		if !e.step(p) {
			t.Fatal("the tone ended")
		}
		pcm = append(pcm, law.Decode(make([]int16, frame), h.hear().Payload)...)
	}
	return pcm
}

func loudness(pcm []int16, hz float64, from, to time.Duration) float64 {
	return tone.Measure(pcm[tone.Samples(from):tone.Samples(to)], hz)[0].Amplitude
}

func TestRingBackIsHeard(t *testing.T) {
	for name, c := range map[string]struct {
		codecs []sdp.Codec
		law    tone.Law
	}{"PCMA": {[]sdp.Codec{keys96, pcma}, tone.ALaw}, "PCMU": {[]sdp.Codec{pcmu, pcma}, tone.ULaw}} {
		t.Run(name, func(t *testing.T) {
			pcm := played(t, tone.RingBack("CN"), c.codecs, c.law, 300) // 6 s
			for _, w := range []struct {
				from, to time.Duration
				loud     bool
			}{{0, time.Second, true}, {time.Second, 5 * time.Second, false}, {5 * time.Second, 6 * time.Second, true}} {
				if a := loudness(pcm, 450, w.from, w.to); w.loud && (a < 7500 || a > 8500) || !w.loud && a > 20 {
					t.Errorf("450 Hz from %v to %v at %v", w.from, w.to, a)
				}
			}
			if a := loudness(pcm, 425, 0, time.Second); a > 100 {
				t.Errorf("425 Hz at %v in a tone of 450 Hz", a)
			}
		})
	}
}

func TestPlayOnTheWire(t *testing.T) {
	e, h := newEndpoint(t), newHandset(t)
	e.SetRemote(h.addr(), sdp.DefaultCodecs())
	e.Play(tone.RingBack("CN"))
	first, start := h.hear(), time.Now()
	for i := 1; i <= 25; i++ {
		p := h.hear()
		if p.SSRC != first.SSRC || p.SequenceNumber != first.SequenceNumber+uint16(i) || p.Marker || p.PayloadType != 8 || len(p.Payload) != frame {
			t.Fatalf("packet %d: %v", i, p)
		}
	}
	if d := time.Since(start); d < 400*time.Millisecond {
		t.Errorf("half a second of sound came in %v", d)
	}
	if !first.Marker || first.CSRC != nil || first.Extension {
		t.Errorf("first packet %v", first)
	}
	e.Stop()
	if s := e.Stats(); s.Out < 26 || s.In != 0 {
		t.Errorf("stats %+v", s)
	}
}

func TestPlayAnotherToneGoesOn(t *testing.T) {
	e, h := newEndpoint(t), newHandset(t)
	e.SetRemote(h.addr(), sdp.DefaultCodecs())
	e.Play(tone.Silence())
	last := h.hear()
	e.Play(tone.Busy("CN"))
	loud := false
	for !loud {
		p := h.hear()
		if p.SequenceNumber != last.SequenceNumber+1 || p.Timestamp-last.Timestamp < frame || p.Marker {
			t.Fatalf("%v after %v", p, last)
		}
		pcm := tone.ALaw.Decode(make([]int16, frame), p.Payload)
		loud = loudness(pcm, 450, 0, period) > 5000
		last = p
	}
}

func TestPlayOnceTellsOnce(t *testing.T) {
	beep := tone.Tone{Once: true, Segments: []tone.Segment{{Hz: []float64{1000}, For: 50 * time.Millisecond}}}
	for name, c := range map[string]struct {
		tone tone.Tone
		d    time.Duration
		end  func(e *Endpoint)
	}{
		"the time is over":   {tone.SIT(), 60 * time.Millisecond, func(*Endpoint) {}},
		"the tone is over":   {beep, time.Hour, func(*Endpoint) {}},
		"no limit":           {beep, 0, func(*Endpoint) {}},
		"stopped":            {tone.SIT(), time.Hour, (*Endpoint).Stop},
		"replaced":           {tone.SIT(), time.Hour, func(e *Endpoint) { e.Play(tone.Silence()) }},
		"closed":             {tone.SIT(), time.Hour, func(e *Endpoint) { _ = e.Close() }},
		"linked":             {tone.SIT(), time.Hour, func(e *Endpoint) { Link(e, newEndpoint(t)) }},
		"nothing to play in": {tone.SIT(), 40 * time.Millisecond, func(e *Endpoint) { e.SetRemote(e.Addr(), nil) }},
		"put on hold":        {tone.SIT(), 40 * time.Millisecond, func(e *Endpoint) { e.SetRemote(unmap(e.Addr()), []sdp.Codec{pcma}) }},
	} {
		t.Run(name, func(t *testing.T) {
			e, h := newEndpoint(t), newHandset(t)
			e.SetRemote(h.addr(), sdp.DefaultCodecs())
			done := make(chan struct{}, 2)
			e.PlayOnce(c.tone, c.d, func() {
				_ = e.Close() // allowed, and must not wait for itself
				done <- struct{}{}
			})
			c.end(e)
			select {
			case <-done:
			case <-time.After(5 * time.Second):
				t.Fatal("done was not called")
			}
			if e.Stop(); len(done) != 0 {
				t.Error("done was called twice")
			}
		})
	}
}

func TestPlayOnceOnAClosedEndpoint(t *testing.T) {
	e := newEndpoint(t)
	_ = e.Close()
	var calls atomic.Int32
	e.PlayOnce(tone.SIT(), time.Second, func() { calls.Add(1) })
	e.Play(tone.SIT())
	until(t, "done", func() bool { return calls.Load() == 1 })
}

func TestNothingIsPlayedInACodecThatWeLack(t *testing.T) {
	e, h := newEndpoint(t), newHandset(t)
	e.SetRemote(h.addr(), []sdp.Codec{{PT: 9, Name: "G722", Rate: 8000}, keys96})
	done := make(chan struct{})
	e.PlayOnce(tone.SIT(), 100*time.Millisecond, func() { close(done) })
	<-done
	if s := e.Stats(); s.Out != 0 {
		t.Errorf("%d packets were sent", s.Out)
	}
}
