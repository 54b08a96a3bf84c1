package esl

import (
	"testing"
	"time"

	"c2d/core/call"
	"c2d/core/call/calltest"
)

// A phone with early media is rung no longer than it may be, and who talks after it talks on, when we are no more.
func TestEarlyMediaWhenWeAreNoMore(t *testing.T) {
	for _, story := range []struct {
		name     string
		callee   calltest.Does
		lifts    bool
		toCaller bool // the caller hears it
	}{{"waits for whom it is to be joined to", calltest.Early, false, false}, {"heard by the caller", calltest.Early, false, true}, {"answered", calltest.Early, true, true}, {"answered without it", calltest.Rings, true, true}} {
		t.Run(story.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, r *rig) {
				a, x := r.rings(calltest.Answers, "")
				r.until(a, call.EvAnswered)
				to := a
				if !story.toCaller {
					to = "suite-n1-nobody"
				}
				b, y := r.rings(story.callee, to)
				if story.callee == calltest.Early {
					r.until(b, call.EvEarlyMedia)
				} else {
					r.until(b, call.EvRinging)
				}
				r.rest()
				if story.lifts {
					y.Lift(t)
					r.until(b, call.EvAnswered)
					if err := r.Join(t.Context(), a, b); err != nil {
						t.Fatal(err)
					}
					r.until(a, call.EvJoined)
				}
				r.Crash(t)
				time.Sleep(31 * time.Second)
				if y.Idle() == story.lifts {
					t.Error("after the ring limit the phone is at rest:", y.Idle())
				}
				time.Sleep(time.Hour)
				if !x.Idle() || !y.Idle() {
					t.Error("after the talk limit somebody is still there")
				}
			})
		})
	}
}

// Who has dialled and waits, held or alone, does not do so for ever when we are no more.
func TestWhoDialledWhenWeAreNoMore(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		p := r.Phone(t, calltest.Rings)
		p.Dial(t, "101")
		ev := r.offered()
		b, y := r.rings(calltest.Answers, ev.Leg)
		r.until(b, call.EvAnswered)
		if err := r.Answer(t.Context(), ev.Leg); err != nil {
			t.Fatal(err)
		}
		r.until(ev.Leg, call.EvAnswered)
		if err := r.Join(t.Context(), ev.Leg, b); err != nil {
			t.Fatal(err)
		}
		r.until(ev.Leg, call.EvJoined)
		if err := r.Part(t.Context(), ev.Leg); err != nil {
			t.Fatal(err)
		}
		r.Crash(t)
		y.PutDown(t)
		time.Sleep(time.Hour)
		if p.Idle() {
			t.Error("the talk limit has become shorter")
		}
		if time.Sleep(time.Minute); !p.Idle() {
			t.Error("it waits for ever")
		}
	})
}
