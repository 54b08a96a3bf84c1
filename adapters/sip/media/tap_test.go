package media

import (
	"bytes"
	"net/netip"
	"slices"
	"testing"
	"time"

	"c2d/adapters/sip/sdp"
	"c2d/core/tone"
)

// speech is a frame of one level.
func speech(law tone.Law, level int16) []byte {
	return law.Encode(make([]byte, frame), slices.Repeat([]int16{level}, frame))
}

// taps returns what the tap of an endpoint is told.
func taps(e *Endpoint) <-chan Sound {
	told := make(chan Sound, 100)
	e.Tap(func(s Sound) { told <- s })
	return told
}

func TestTapHearsWhatIsSaidToAPhone(t *testing.T) {
	a, b, alice, bob := pair(t)
	Link(a, b)
	told := taps(b)
	alice.say(a, 8, speech(tone.ALaw, 1000)...)
	bob.hear()
	s := <-told
	if s.Law != tone.ALaw || s.SSRC != alice.ssrc || s.Timestamp != alice.ts || !bytes.Equal(s.Payload, speech(tone.ALaw, 1000)) || time.Since(s.At) > time.Minute {
		t.Errorf("%+v", s)
	}
	alice.say(a, 101, 1, 10, 0, 160) // a key press is no speech
	b.PlayOnce(tone.Hold(""), time.Minute, nil)
	alice.say(a, 8, speech(tone.ALaw, 2000)...) // a tone over it
	if s := <-told; !bytes.Equal(s.Payload, speech(tone.ALaw, 2000)) {
		t.Errorf("under a tone: %+v", s)
	}
	b.SetRemote(netip.AddrPort{}, []sdp.Codec{pcma, keys96}) // bob does not listen
	alice.say(a, 8, speech(tone.ALaw, 3000)...)
	until(t, "it is dropped", func() bool { return b.Stats().Dropped >= 2 })
	b.Tap(nil)
	_ = b.Close()
	b.Tap(func(Sound) { t.Error("told after the end") })
	if len(told) != 0 {
		t.Errorf("told %+v", <-told)
	}
}

// Beeps goes into speech, which is heard through it; nothing is left out and nothing comes between.
func TestBeepIsMixedIn(t *testing.T) {
	a, b, alice, bob := pair(t)
	Link(a, b)
	alice.say(a, 8, speech(tone.ALaw, 1000)...)
	last := bob.hear()
	told := taps(b)
	if !b.Beep(tone.Recorded()) {
		t.Fatal("no beep")
	}
	var pcm []int16
	for range 20 {
		alice.say(a, 8, speech(tone.ALaw, 1000)...)
		p := bob.hear()
		if p.SequenceNumber != last.SequenceNumber+1 || p.Timestamp != last.Timestamp+frame || p.Marker {
			t.Errorf("%+v after %+v", p.Header, last.Header)
		}
		last = p
		pcm = append(pcm, tone.ALaw.Decode(make([]int16, frame), p.Payload)...)
		if s := <-told; !bytes.Equal(s.Payload, speech(tone.ALaw, 1000)) {
			t.Fatal("the beep is in what was said")
		}
	}
	if l := loudness(pcm, 1400, 0, 200*time.Millisecond); l < 7000 {
		t.Errorf("the beep has %v", l)
	}
	if l := loudness(pcm, 1400, 220*time.Millisecond, 400*time.Millisecond); l > 100 {
		t.Errorf("after it there is %v", l)
	}
	sum := 0
	for _, v := range pcm[:10*frame] {
		sum += int(v)
	}
	if mean := sum / (10 * frame); mean < 800 || mean > 1200 {
		t.Errorf("the speech under it has %d", mean)
	}
}

// Where the other says nothing, the beep is heard all the same; a key press and a tone are not cut by it.
func TestBeepAlone(t *testing.T) {
	a, b, _, bob := pair(t)
	Link(a, b)
	if !b.Beep(tone.Recorded()) {
		t.Fatal("no beep")
	}
	var pcm []int16
	for range 10 {
		pcm = append(pcm, tone.ALaw.Decode(make([]int16, frame), bob.hear().Payload)...)
	}
	if l := loudness(pcm, 1400, 0, 200*time.Millisecond); l < 7000 {
		t.Errorf("the beep has %v", l)
	}
	b.Play(tone.Hold(""))
	if b.Beep(tone.Recorded()) {
		t.Error("it is heard over a tone")
	}
	_ = b.Close()
	if b.Beep(tone.Recorded()) {
		t.Error("after the end")
	}
}
