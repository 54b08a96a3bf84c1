package calltest

import (
	"slices"
	"time"

	"c2d/core/call"
)

// scene is one call between two phones, somewhere on its way.
type scene struct {
	*stage
	id   string
	a, b Phone
	at   call.State
	past []string // what its events have told

	before string // the call that a queued one waits for
}

// states in which something can happen to a call, in order.
var states = []call.State{call.Queued, call.RingingCaller, call.Confirming, call.RingingCallee, call.Connecting, call.Connected}

// bring places a call and brings it to a state, in which it stays.
func (s *stage) bring(to call.State) *scene {
	s.t.Helper()
	if to == call.Queued {
		return s.queued()
	}
	s.needs(to != call.Confirming || s.canConfirm(), "asking for a key press")
	sc := &scene{stage: s, a: s.phone(Rings), b: s.phone(Rings)}
	o := order{callers: []Phone{sc.a}, callees: []Phone{sc.b}}
	if to == call.Confirming {
		o.confirm = call.ConfirmAlways
	}
	sc.id, sc.past = s.place(o), []string{"created"}
	sc.ringing(sc.id, call.CallerSide, 1)
	sc.past, sc.at = append(sc.past, "caller rings"), call.RingingCaller
	for sc.at != to {
		sc.next()
	}
	return sc
}

func (s *stage) canConfirm() bool { return s.up().wire.Capabilities().Confirm && s.can.Keys }

// queued is a call that waits for the place of another.
func (s *stage) queued() *scene {
	s.t.Helper()
	s.gates = map[string]int{s.harness.Name(): 1}
	first := s.phone(Rings)
	before := s.place(order{callers: []Phone{first}})
	sc := &scene{stage: s, a: s.phone(Rings), b: s.phone(Rings), at: call.Queued, past: []string{"created"}, before: before}
	sc.id = s.place(order{callers: []Phone{sc.a}, callees: []Phone{sc.b}})
	s.in(sc.id, call.Queued)
	return sc
}

// next brings the call one state on.
func (sc *scene) next() {
	sc.t.Helper()
	switch sc.at {
	case call.Queued:
		sc.vacate()
		sc.ringing(sc.id, call.CallerSide, 1)
		sc.at, sc.past = call.RingingCaller, append(sc.past, "caller rings")
	case call.RingingCaller:
		sc.a.Lift(sc.t)
		sc.past = append(sc.past, "caller answers")
		sc.until("the caller has answered", func() bool { return sc.book.call(sc.id).State != call.RingingCaller })
		if sc.at = sc.book.call(sc.id).State; sc.at == call.RingingCallee {
			sc.calleeRings()
		}
	case call.Confirming:
		sc.presses("1", func() bool { return sc.book.call(sc.id).State != call.Confirming })
		sc.in(sc.id, call.RingingCallee)
		sc.at = call.RingingCallee
		sc.calleeRings()
	case call.RingingCallee:
		sc.proc.wire.hold(call.EvJoined)
		sc.b.Lift(sc.t)
		sc.until("the backend has joined them", sc.proc.wire.holds(1))
		sc.at, sc.past = call.Connecting, append(sc.past, "callee answers")
	case call.Connecting:
		sc.proc.wire.release()
		sc.in(sc.id, call.Connected)
		sc.at, sc.past = call.Connected, append(sc.past, "connected")
	default:
		sc.t.Fatalf("the call is %s on its way\n%s", sc.at, sc.all())
	}
}

// presses lets the caller press a key, and again if that has come to nothing: one that is pressed before the phone's sound has
// found its way to us is lost.
func (sc *scene) presses(key string, taken func() bool) {
	sc.t.Helper()
	var pressed time.Time
	sc.until("the key "+key+" is taken", func() bool {
		if taken() {
			return true
		}
		if time.Since(pressed) > keyPatience {
			sc.a.Press(sc.t, key)
			pressed = time.Now()
		}
		return false
	})
}

const keyPatience = 2 * time.Second

func (sc *scene) calleeRings() {
	sc.t.Helper()
	sc.ringing(sc.id, call.CalleeSide, 1)
	sc.past = append(sc.past, "callee rings")
}

// ends waits for the end and checks all that was told, then that the phones are at rest.
func (sc *scene) ends(end string) {
	sc.t.Helper()
	sc.tells(sc.id, append(slices.Clone(sc.past), end)...)
	sc.idle(sc.a, sc.b)
}

// goesOn brings a call to its natural end: the two talk, and the caller hangs up.
func (sc *scene) goesOn() {
	sc.t.Helper()
	for sc.at != call.Connected {
		sc.next()
	}
	sc.hearEachOther()
	sc.a.PutDown(sc.t)
	sc.ends("ended completed caller caller")
}

func (sc *scene) hearEachOther() {
	sc.t.Helper()
	if sc.can.Sound {
		sc.a.Hears(sc.t, sc.b)
		sc.b.Hears(sc.t, sc.a)
	}
}

// cancel hangs up over the API.
func (s *stage) cancel(id string) call.Call {
	s.t.Helper()
	c, err := s.proc.HangUp(s.t.Context(), id, call.HangUpOrdered{By: call.ByAPI})
	if err != nil {
		s.t.Fatal("hang up:", err)
	}
	return c
}

// vacate ends every call that a scene has beside its own.
func (sc *scene) vacate() {
	sc.t.Helper()
	for _, c := range sc.book.all() {
		if c.ID != sc.id && c.State != call.Ended {
			sc.cancel(c.ID)
		}
	}
}
