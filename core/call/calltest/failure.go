package calltest

import (
	"slices"
	"time"

	"c2d/core/call"
)

// lostAndRestored: the phone system cannot be reached for a while.
func lostAndRestored() []behaviour {
	var rows []behaviour
	for _, state := range states {
		rows = append(rows, behaviour{"backend lost and restored, " + plain(state), func(s *stage) {
			s.needs(s.can.Lose, "a phone system that can be lost")
			sc := s.bring(state)
			if state == call.Queued { // an order that the loss overtakes has failed, and lets this call in
				s.ringing(sc.before, call.CallerSide, 1)
			}
			sc.lose()
			sc.restore()
			sc.goesOn()
		}})
	}
	return append(rows,
		behaviour{"a phone answers while the backend is lost", func(s *stage) {
			s.needs(s.can.Lose, "a phone system that can be lost")
			sc := s.bring(call.RingingCaller)
			sc.lose()
			sc.a.Lift(s.t)
			sc.harness.Restore()
			sc.past, sc.at = append(sc.past, "caller answers"), call.RingingCallee
			s.in(sc.id, call.RingingCallee)
			sc.calleeRings()
			sc.goesOn()
		}},
		behaviour{"a phone hangs up while the backend is lost", func(s *stage) {
			s.needs(s.can.Lose, "a phone system that can be lost")
			sc := s.bring(call.Connected)
			sc.lose()
			sc.b.PutDown(s.t)
			s.idle(sc.b)
			sc.harness.Restore()
			s.in(sc.id, call.Ended)
			told := s.book.story(sc.id) // where the phone system releases the other by itself, nobody knows who hung up
			if end := told[len(told)-1]; end != "ended lost callee backend" && end != "ended lost caller backend" {
				s.t.Errorf("%q", told)
			}
			s.idle(sc.a, sc.b)
		}},
		behaviour{"held by us, and a phone hangs up while the backend is lost", func(s *stage) {
			s.needs(s.can.Lose, "a phone system that can be lost")
			s.canHold()
			sc := s.bring(call.Connected)
			sc.holds(true)
			sc.lose()
			sc.leavesUnheard()
			sc.harness.Restore()
			sc.endsLost()
		}},
		behaviour{"held by us, and a phone hangs up while no process of ours is there", func(s *stage) {
			s.needs(s.can.Outlives, "legs that outlive our process")
			s.canHold()
			sc := s.bring(call.Connected)
			sc.holds(true)
			s.crash()
			sc.leavesUnheard()
			s.up()
			sc.endsLost()
		}},
		behaviour{"cancelled while the backend is lost", func(s *stage) {
			s.needs(s.can.Lose, "a phone system that can be lost")
			sc := s.bring(call.Connected)
			sc.lose()
			sc.cancel(sc.id)
			sc.harness.Restore()
			sc.ends("ended completed - api")
		}},
	)
}

// leavesUnheard lets the caller's phone hang up, which nobody tells us.
func (sc *scene) leavesUnheard() {
	sc.t.Helper()
	sc.a.PutDown(sc.t)
	sc.idle(sc.a)
}

// endsLost waits for an end that nobody has heard of, but perhaps of its last moment.
func (sc *scene) endsLost() {
	sc.t.Helper()
	sc.in(sc.id, call.Ended)
	if told := sc.book.story(sc.id); told[len(told)-1] != "ended completed caller caller" {
		sc.endsOnce(sc.id, "ended lost caller backend")
	}
	sc.idle(sc.b)
}

func (sc *scene) lose() {
	sc.t.Helper()
	sc.harness.Lose()
	sc.unsure(true)
}

func (sc *scene) restore() {
	sc.t.Helper()
	sc.harness.Restore()
	sc.unsure(false)
}

func (sc *scene) unsure(want bool) {
	sc.t.Helper()
	sc.until("the call knows of the loss, or of its end", func() bool {
		c := sc.book.call(sc.id)
		return c.Has(call.Unsure) == want
	})
}

// restarted: our own process is killed in each state, and the next one comes up.
func restarted() []behaviour {
	var rows []behaviour
	for _, state := range states {
		rows = append(rows, behaviour{"killed and restarted, " + plain(state), func(s *stage) {
			sc := s.bring(state)
			s.crash()
			s.up()
			switch state {
			case call.Connecting: // is joined again
				s.in(sc.id, call.Connected)
				sc.past, sc.at = append(sc.past, "connected"), call.Connected
				sc.goesOn()
			case call.Connected:
				sc.goesOn()
			default:
				sc.ends("ended lost - system")
			}
		}})
	}
	return append(rows,
		behaviour{"killed while they talk, hung up over the API after", func(s *stage) {
			sc := s.bring(call.Connected)
			s.crash()
			s.up()
			sc.cancel(sc.id)
			sc.ends("ended completed - api")
		}},
		behaviour{"killed while the caller hears why the callee cannot be reached", toldAndKilled},
		behaviour{"started on an empty store over ten talking calls", emptyStore},
	)
}

// toldAndKilled: the call has ended already, so the next process says nothing of it; it only lets the caller go.
func toldAndKilled(s *stage) {
	s.bends = withoutItsEnd
	a, b := s.phone(Rings), s.phone(Busy)
	id := s.place(order{callers: []Phone{a}, callees: []Phone{b}})
	s.ringing(id, call.CallerSide, 1)
	a.Lift(s.t)
	s.in(id, call.Ended)
	if a.Idle() {
		s.t.Error("the caller is not told why")
	}
	s.crash()
	began := time.Now()
	s.up()
	s.idle(a, b)
	if took := time.Since(began); took > told {
		s.t.Errorf("the caller was let go after %v", took)
	}
	s.tells(id, "created", "caller rings", "caller answers", "ended busy callee callee")
}

// told is less than core gives a caller who hears why and of whom nothing more is heard.
const told = 5 * time.Second

// withoutItsEnd lets the caller hear why for as long as core allows.
func withoutItsEnd(ev call.LegEvent) []call.LegEvent {
	if ev.Kind == call.EvPromptDone {
		return nil
	}
	return []call.LegEvent{ev}
}

// emptyStore: who talks is never cut; where the phone system outlives us, it is in a record again. What rings, or is
// alone, is released.
func emptyStore(s *stage) {
	var talking []*scene
	for range 10 {
		sc := s.bring(call.Connected)
		if talking = append(talking, sc); !s.can.Outlives { // what we forward ends with us, and can go on with our records only
			s.legTells(s.book.call(sc.id).CallerLeg, call.EvMedia)
		}
	}
	rings, alone := s.bring(call.RingingCaller), s.bring(call.RingingCallee)
	s.crash()
	s.store, s.book = s.open(s.t), newBook()
	s.up()
	if !s.can.Outlives {
		for _, sc := range talking {
			sc.hearEachOther()
			sc.a.PutDown(s.t)
			sc.b.PutDown(s.t)
		}
		for _, sc := range []*scene{rings, alone} {
			sc.a.PutDown(s.t)
		}
		alone.b.PutDown(s.t)
		s.settle()
		s.needs(false, "legs that outlive our records; who talked went on talking")
	}
	s.until("ten calls are in a record again", func() bool { return len(s.recovered()) == len(talking) })
	s.idle(rings.a, rings.b, alone.a, alone.b)
	for _, sc := range talking {
		sc.hearEachOther()
		sc.a.PutDown(s.t)
		s.idle(sc.a, sc.b)
	}
	for _, c := range s.book.all() {
		s.in(c.ID, call.Ended)
		if end := s.book.story(c.ID); !slices.Contains(end, "ended completed caller caller") {
			s.t.Errorf("%q", end)
		}
	}
}

// recovered are the calls that talk and were found without a record.
func (s *stage) recovered() (found []call.Call) {
	for _, c := range s.book.all() {
		if c.Has(call.Recovered) && c.State == call.Connected {
			found = append(found, c)
		}
	}
	return found
}
