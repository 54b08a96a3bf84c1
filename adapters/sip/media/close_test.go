package media

import (
	"sync"
	"testing"
	"time"

	"c2d/adapters/sip/sdp"
	"c2d/core/tone"
)

func TestCloseIsIdempotentAndFinal(t *testing.T) {
	p := newPool(t, 21050, 21051)
	e, err := p.Open()
	if err != nil {
		t.Fatal(err)
	}
	e.SetRemote(newHandset(t).addr(), sdp.DefaultCodecs())
	e.Play(tone.RingBack("CN"))
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			if err := e.Close(); err != nil {
				t.Error(err)
			}
			if used, _ := p.Usage(); used != 0 {
				t.Errorf("%d pairs lent after Close", used)
			}
		})
	}
	all.Wait()
	out := e.Stats().Out
	e.Play(tone.SIT())
	e.Stop()
	e.Unlink()
	if e.Stats().Out != out {
		t.Error("sent after Close")
	}
}

// TestEverythingAtOnce is for the race detector, and for the leak check of TestMain.
func TestEverythingAtOnce(t *testing.T) {
	a, b, alice, bob := pair(t)
	c := newEndpoint(t)
	c.SetRemote(newHandset(t).addr(), sdp.DefaultCodecs())
	a.OnDTMF(func(byte) { b.Stats() })
	var all sync.WaitGroup
	end := time.Now().Add(200 * time.Millisecond)
	for _, f := range []func(){
		func() { Link(a, b) }, func() { LinkEarly(b, c) }, func() { LinkEarly(b, a) }, func() { Link(c, a) }, b.Unlink,
		func() { a.Play(tone.Busy("US")) }, func() { a.PlayOnce(tone.SIT(), period, a.Stop) }, a.Stop,
		func() { b.SetRemote(bob.addr(), []sdp.Codec{pcma}) },
		func() { alice.say(a, 101, 1, 0, 0, 160) }, func() { bob.say(b, 8, 1) },
	} {
		all.Go(func() {
			for time.Now().Before(end) {
				f()
			}
		})
	}
	all.Wait()
	for _, e := range []*Endpoint{a, b, c} {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	}
}
