package calltest

import (
	"sync"
	"time"

	"c2d/core/call"
)

// disordered: what a backend tells comes twice, late, or in another order.
func disordered() []behaviour {
	return []behaviour{
		{"every event comes twice", func(s *stage) {
			s.bends = func(ev call.LegEvent) []call.LegEvent { return []call.LegEvent{ev, ev} }
			s.bring(call.RingingCaller).goesOn()
		}},
		{"every event comes again after the end", func(s *stage) {
			s.bends = again()
			s.bring(call.RingingCaller).goesOn()
		}},
		{"the answer comes before the ringing", answeredFirst},
		{"the end of a leg comes before its answer", func(s *stage) {
			sc := s.bring(call.RingingCaller)
			s.proc.wire.hold(call.EvAnswered)
			sc.a.Lift(s.t)
			s.until("the answer is on its way", s.proc.wire.holds(1))
			sc.a.PutDown(s.t)
			s.in(sc.id, call.Ended)
			s.proc.wire.release()
			sc.ends("ended cancelled caller caller")
		}},
		{"an answer crosses the hang-up", func(s *stage) {
			sc := s.bring(call.RingingCaller)
			s.proc.wire.hold(call.EvAnswered)
			sc.a.Lift(s.t)
			s.until("the answer is on its way", s.proc.wire.holds(1))
			sc.cancel(sc.id)
			s.proc.wire.release()
			sc.ends("ended cancelled - api")
		}},
	}
}

// again tells, after a leg's end, everything that was told of it before once more.
func again() func(call.LegEvent) []call.LegEvent {
	var mu sync.Mutex
	past := map[string][]call.LegEvent{}
	return func(ev call.LegEvent) []call.LegEvent {
		mu.Lock()
		defer mu.Unlock()
		past[ev.Leg] = append(past[ev.Leg], ev)
		if ev.Kind == call.EvEnded {
			return append([]call.LegEvent{ev}, past[ev.Leg]...)
		}
		return []call.LegEvent{ev}
	}
}

// answeredFirst keeps each ringing back until after its answer: then nobody is told that it rang.
func answeredFirst(s *stage) {
	a, b := s.phone(Rings), s.phone(Rings)
	s.proc.wire.hold(call.EvRinging)
	id := s.place(order{callers: []Phone{a}, callees: []Phone{b}})
	s.until("the caller's phone rings", s.proc.wire.holds(1))
	a.Lift(s.t)
	s.in(id, call.RingingCallee)
	s.until("the callee's phone rings", func() bool { return b.Rang() == 1 })
	b.Lift(s.t)
	s.in(id, call.Connected)
	s.proc.wire.release()
	a.PutDown(s.t)
	s.tells(id, "created", "caller answers", "callee answers", "connected", "ended completed caller caller")
	s.idle(a, b)
}

// limited: timers of ours.
func limited() []behaviour {
	row := func(state call.State, after time.Duration, end string) func(*stage) {
		return func(s *stage) {
			sc := s.bring(state)
			s.skip(sc.id, after)
			sc.ends(end)
		}
	}
	return []behaviour{
		{"ring limit of the caller", row(call.RingingCaller, callerRings, "ended no_answer caller system")},
		{"ring limit of the callee", row(call.RingingCallee, calleeRings, "ended no_answer callee system")},
		{"talk limit", row(call.Connected, talkLimit, "ended max_duration - system")},
		{"confirmed by a key press", func(s *stage) { s.bring(call.Confirming).goesOn() }},
		{"another key does not confirm", func(s *stage) {
			sc := s.bring(call.Confirming)
			leg := s.book.call(sc.id).CallerLeg
			sc.presses("7", func() bool { return s.pressed(leg) == "7" })
			sc.goesOn()
		}},
		{"not confirmed", row(call.Confirming, confirmTime, "ended not_confirmed caller system")},
	}
}
