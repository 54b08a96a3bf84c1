package calltest

import (
	"slices"
	"time"

	"c2d/core/call"
)

func talks() []behaviour {
	return []behaviour{
		{"happy path", func(s *stage) { s.bring(call.RingingCaller).goesOn() }},
		{"sound both ways", func(s *stage) {
			s.needs(s.can.Sound, "phones that hear")
			s.bring(call.RingingCaller).goesOn()
		}},
		{"the caller hears ring-back", func(s *stage) {
			s.needs(s.can.Sound && s.can.Anchored, "a caller whose sound is with the backend")
			sc := s.bring(call.RingingCallee)
			sc.a.HearsTone(s.t)
			sc.goesOn()
		}},
		{"the caller hears early media", earlyMediaIsHeard},
		{"the next phone's early media is heard after the first's", nextEarlyMediaIsHeard},
		{"the callee's first way is out of service", firstWayFails},
		{"the callee's first phone is silent, and rings late", ringsTooLate},
		{"the callee is forwarded", func(s *stage) {
			s.needs(s.can.Forwards, "being told of a forwarding")
			a, b := s.phone(Rings), s.phone(Forwards)
			sc := &scene{stage: s, a: a, b: b, past: []string{"created", "caller rings"}, at: call.RingingCaller}
			sc.id = s.place(order{callers: []Phone{a}, callees: []Phone{b}})
			s.ringing(sc.id, call.CallerSide, 1)
			sc.goesOn()
			if l := callee(s.book.call(sc.id)); !l.Forwarded {
				s.t.Error("the record does not say that the call was forwarded")
			}
		}},
	}
}

// firstWayFails: it has rung nobody, so the second is tried, and the caller hears ring-back all the time.
func firstWayFails(s *stage) {
	sc := &scene{stage: s, a: s.phone(Rings), b: s.phone(Rings), past: []string{"created", "caller rings", "caller answers"}, at: call.RingingCallee}
	sc.id = s.place(order{callers: []Phone{sc.a}, callees: []Phone{s.phone(Congested)}, second: sc.b})
	s.ringing(sc.id, call.CallerSide, 1)
	sc.a.Lift(s.t)
	s.until("the second way rings", func() bool { return sc.b.Rang() == 1 })
	sc.calleeRings()
	if s.can.Sound && s.can.Anchored {
		sc.a.HearsTone(s.t)
	}
	if did := s.proc.wire.ringBacks(s.book.call(sc.id).CallerLeg); !slices.Equal(did, []bool{true}) {
		s.t.Errorf("the caller's ring-back was switched: %v", did)
	}
	sc.goesOn()
	legs := s.book.call(sc.id).Callee.Attempts[0].Legs
	if len(legs) != 2 || legs[0].Rang || legs[0].End.Reason != call.Congestion || !legs[0].End.NotRung {
		s.t.Errorf("the callee's legs: %+v", legs)
	}
}

// ringsTooLate: of two phones that ring after all, the one that was given up stops at once, and the caller never notices.
func ringsTooLate(s *stage) {
	first := s.phone(Late)
	sc := &scene{stage: s, a: s.phone(Rings), b: s.phone(Rings), past: []string{"created", "caller rings", "caller answers"}, at: call.RingingCallee}
	sc.id = s.place(order{callers: []Phone{sc.a}, callees: []Phone{first}, then: []Phone{sc.b}})
	s.ringing(sc.id, call.CallerSide, 1)
	sc.a.Lift(s.t)
	s.until("the first phone is called", func() bool { return first.Rang() == 1 })
	s.skip(sc.id, calleeRings)
	sc.calleeRings()
	began := time.Now()
	first.Wake(s.t)
	s.idle(first)
	if took := time.Since(began); took > atOnce {
		s.t.Errorf("the first phone rang on for %v", took)
	}
	if sc.b.Idle() {
		s.t.Error("the second phone has stopped too")
	}
	if s.can.Sound && s.can.Anchored {
		sc.a.HearsTone(s.t)
	}
	sc.goesOn()
	if l := callee(s.book.call(sc.id)); l.Rang || l.End == nil || l.End.Reason != call.Unreachable {
		s.t.Errorf("the first phone's leg: %+v", l)
	}
}

// atOnce is how long a phone may ring that nobody wants to ring any more, on a busy machine.
const atOnce = 3 * time.Second

func callee(c call.Call) call.Leg { return c.Callee.Attempts[0].Legs[0] }

func earlyMediaIsHeard(s *stage) {
	s.needs(s.can.Sound && s.can.Anchored, "a caller whose sound is with the backend")
	a, b := s.phone(Rings), s.phone(Early)
	id := s.place(order{callers: []Phone{a}, callees: []Phone{b}})
	s.ringing(id, call.CallerSide, 1)
	a.Lift(s.t)
	a.Hears(s.t, b)
	s.skip(id, calleeRings)
	s.tells(id, "created", "caller rings", "caller answers", "callee rings", "ended no_answer callee system")
}

func nextEarlyMediaIsHeard(s *stage) {
	s.needs(s.can.Sound && s.can.Anchored, "a caller whose sound is with the backend")
	a, first, next := s.phone(Rings), s.phone(Early), s.phone(Early) // the two say different things
	id := s.place(order{callers: []Phone{a}, callees: []Phone{first}, then: []Phone{next}})
	s.ringing(id, call.CallerSide, 1)
	a.Lift(s.t)
	a.Hears(s.t, first)
	s.skip(id, calleeRings)
	a.Hears(s.t, next)
	s.skip(id, calleeRings)
	s.tells(id, "created", "caller rings", "caller answers", "callee rings", "ended no_answer callee system")
}

// outcome is how a call ends whose one party cannot be reached.
type outcome struct {
	name   string
	does   Does
	reason string
	by     string // the party itself, if empty
	rings  bool
	limit  bool // nothing happens before the ring limit
	put    bool // its owner refuses
}

func outcomes() []outcome {
	return []outcome{
		{name: "is busy", does: Busy, reason: "busy"},
		{name: "rejects", does: Rings, reason: "rejected", rings: true, put: true},
		{name: "does not answer", does: Rings, reason: "no_answer", by: "system", rings: true, limit: true},
		{name: "is offline", does: Offline, reason: "unreachable", by: "*"},
		{name: "is an unknown number", does: Unknown, reason: "invalid_number"},
		{name: "is congested", does: Congested, reason: "congestion"},
		{name: "sends early media only", does: Early, reason: "no_answer", by: "system", rings: true, limit: true},
		{name: "redirects", does: Redirects, reason: "forwarded"},
		{name: "is silent", does: Silent, reason: "unreachable", by: "*", limit: true},
	}
}

// reached are the outcomes of each side.
func reached() []behaviour {
	var rows []behaviour
	for _, o := range outcomes() {
		rows = append(rows, behaviour{"the caller " + o.name, func(s *stage) { s.callerFails(o) }})
	}
	for _, o := range outcomes() {
		rows = append(rows, behaviour{"the callee " + o.name, func(s *stage) { s.calleeFails(o) }})
	}
	return rows
}

func (o outcome) end(side call.Side) string {
	by := o.by
	if by == "" {
		by = string(side)
	}
	return "ended " + o.reason + " " + string(side) + " " + by
}

func (s *stage) callerFails(o outcome) {
	a, b := s.phone(o.does), s.phone(Rings)
	if targets, err := s.targets(s.t.Context(), []Phone{a}); err != nil || len(targets) == 0 {
		if err != nil || o.does != Offline {
			s.t.Fatal("locate:", err)
		}
		return // known to be offline: the call is refused before anything rings
	}
	id := s.place(order{callers: []Phone{a}, callees: []Phone{b}})
	told := s.fails(id, a, call.CallerSide, callerRings, o, []string{"created"})
	s.tells(id, told...)
	if b.Rang() != 0 {
		s.t.Error("the callee was rung")
	}
}

func (s *stage) calleeFails(o outcome) {
	a, b := s.phone(Rings), s.phone(o.does)
	id := s.place(order{callers: []Phone{a}, callees: []Phone{b}})
	s.ringing(id, call.CallerSide, 1)
	a.Lift(s.t)
	told := []string{"created", "caller rings", "caller answers"}
	s.until("the callee is looked up", func() bool { c := s.book.call(id); return len(c.Callee.Attempts) > 0 || c.State == call.Ended })
	told = s.fails(id, b, call.CalleeSide, calleeRings, o, told)
	s.tells(id, told...)
	s.idle(a, b) // the caller hears why, and is released
}

// fails plays the party that cannot be reached, and returns what is told by then.
func (s *stage) fails(id string, p Phone, side call.Side, limit time.Duration, o outcome, told []string) []string {
	s.t.Helper()
	if o.rings {
		s.ringing(id, side, 1)
		told = append(told, string(side)+" rings")
	}
	if o.put {
		p.PutDown(s.t)
	}
	if o.limit {
		s.skip(id, limit)
	}
	return append(told, o.end(side))
}
