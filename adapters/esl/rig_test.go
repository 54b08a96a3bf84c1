package esl

import (
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"c2d/adapters/esl/freeswitchtest"
	"c2d/core/call"
	"c2d/core/call/calltest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// heard is a sink that keeps what is told.
type heard chan call.LegEvent

func (h heard) Leg(ev call.LegEvent) { h <- ev }
func (heard) Link(string, bool)      {}

// rig is a backend at a scripted FreeSWITCH, in a bubble.
type rig struct {
	*ward
	*Backend
	t    *testing.T
	told heard
}

// inBubble runs a test with a backend that is connected.
func inBubble(t *testing.T, run func(*testing.T, *rig)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := &ward{freeswitch: freeswitchtest.New(t)}
		run(t, w.starts(t))
	})
}

// starts starts a process of ours, which takes up what a former one has left.
func (w *ward) starts(t *testing.T, open ...call.OpenLeg) *rig {
	t.Helper()
	r := &rig{ward: w, Backend: w.Open(t).(*Backend), t: t, told: make(heard, 1000)}
	if err := r.Start(t.Context(), r.told, open); err != nil {
		t.Fatal(err)
	}
	return r
}

// rings rings a phone and returns its leg.
func (r *rig) rings(does calltest.Does, joinTo string) (leg string, p calltest.Phone) {
	r.t.Helper()
	p = r.Phone(r.t, does)
	leg = r.origin.LegID()
	o := call.Originate{Leg: leg, Way: call.Way{Address: p.Address()}, JoinTo: joinTo, RingLimit: 30 * time.Second, TalkLimit: time.Hour}
	if err := r.Originate(r.t.Context(), o, nil); err != nil {
		r.t.Fatal(err)
	}
	return leg, p
}

// until waits for something of a leg, and returns it. What else is told is passed over.
func (r *rig) until(leg string, kind call.LegEventKind) call.LegEvent {
	r.t.Helper()
	for limit := time.After(10 * time.Second); ; {
		select {
		case ev := <-r.told:
			if ev.Leg == leg && ev.Kind == kind {
				return ev
			}
		case <-limit:
			r.t.Fatalf("%s is never told of %s", kind, leg)
		}
	}
}

// offered waits for a leg that the dialplan has handed us.
func (r *rig) offered() call.LegEvent {
	r.t.Helper()
	for limit := time.After(10 * time.Second); ; {
		select {
		case ev := <-r.told:
			if ev.Kind == call.EvOffered {
				return ev
			}
		case <-limit:
			r.t.Fatal("nothing is offered")
		}
	}
}

// rest returns what is told until nothing more is, for a while.
func (r *rig) rest() (all []call.LegEvent) {
	for {
		select {
		case ev := <-r.told:
			all = append(all, ev)
		case <-time.After(5 * time.Second):
			return all
		}
	}
}

// talk are two who talk.
func (r *rig) talk() (a, b string, x, y calltest.Phone) {
	r.t.Helper()
	a, x = r.rings(calltest.Answers, "")
	r.until(a, call.EvAnswered)
	b, y = r.rings(calltest.Answers, a)
	r.until(b, call.EvAnswered)
	if err := r.Join(r.t.Context(), a, b); err != nil {
		r.t.Fatal(err)
	}
	r.until(a, call.EvJoined)
	x.Hears(r.t, y)
	return a, b, x, y
}

// connected waits until FreeSWITCH can be reached.
func (r *rig) connected() {
	r.t.Helper()
	for end := time.After(10 * time.Second); r.Health(r.t.Context()) != nil; {
		select {
		case <-time.After(time.Millisecond):
		case <-end:
			r.t.Fatal("it is never connected again")
		}
	}
}
