package calltest

import (
	"fmt"
	"testing"

	"c2d/core/call"
)

// Twins is a [Harness] of a phone system at which several phones have one address: with Abilities.Twins.
type Twins interface {
	Harness
	Twin(t *testing.T, of Phone, does Does) Phone // adds a phone at the address of another
}

// atOneAddress: the phones of one address ring at once, as several devices do.
func atOneAddress() []behaviour {
	var rows []behaviour
	for _, side := range []call.Side{call.CallerSide, call.CalleeSide} {
		rows = append(rows,
			behaviour{fmt.Sprintf("two phones at one address of the %s, one answers", side), func(s *stage) { s.twinsAnswer(side, 1) }},
			behaviour{fmt.Sprintf("two phones at one address of the %s, both answer at once", side), func(s *stage) { s.twinsAnswer(side, 2) }},
			behaviour{fmt.Sprintf("two phones at one address of the %s, one is busy", side), func(s *stage) { s.beside(side, Busy) }},
			behaviour{fmt.Sprintf("two phones at one address of the %s, one cannot be reached", side), func(s *stage) { s.beside(side, Congested) }},
			behaviour{fmt.Sprintf("two phones at one address of the %s, neither can be reached", side), func(s *stage) { s.neither(side) }},
			behaviour{fmt.Sprintf("two phones at one address of the %s, cancelled over the API", side), func(s *stage) {
				id, told := s.bothRing(side)
				s.cancel(id)
				s.tells(id, append(told, "ended cancelled - api")...)
			}},
			behaviour{fmt.Sprintf("two phones at one address of the %s, killed and restarted", side), func(s *stage) {
				id, told := s.bothRing(side)
				s.crash()
				s.up()
				s.tells(id, append(told, "ended lost - system")...)
			}},
		)
	}
	return append(rows, behaviour{"two phones at one address of the callee, the caller hangs up", func(s *stage) {
		both, other := s.twins(Rings, Rings), s.phone(Rings)
		id := s.partyOf(call.CalleeSide, both[:1], other)
		s.ringing(id, call.CalleeSide, 2)
		other.PutDown(s.t)
		s.tells(id, "created", "caller rings", "caller answers", "callee rings", "ended cancelled caller caller")
	}})
}

// twins are two phones at one address. A way to the first is a way to both.
func (s *stage) twins(one, other Does) (both []Phone) {
	s.t.Helper()
	s.needs(s.can.Twins, "several phones at one address")
	first := s.phone(one)
	p := s.harness.(Twins).Twin(s.t, first, other)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.phones = append(s.phones, p)
	return []Phone{first, p}
}

// twinsAnswer: some answer, one wins, and the other stops.
func (s *stage) twinsAnswer(side call.Side, lifted int) {
	both := s.twins(Rings, Rings)
	s.race(side, both[:1], both, lifted)
}

// bothRing is a call in which the phones of one address ring, and what was told so far.
func (s *stage) bothRing(side call.Side) (id string, told []string) {
	s.t.Helper()
	both := s.twins(Rings, Rings)
	id = s.partyOf(side, both[:1], s.phone(Rings))
	s.ringing(id, side, 2)
	for _, p := range both {
		if p.Rang() != 1 {
			s.t.Errorf("one of the two at %s was rung %d times", p.Address(), p.Rang())
		}
	}
	if told = []string{"created", "caller rings"}; side == call.CalleeSide {
		told = append(told, "caller answers", "callee rings")
	}
	return id, told
}

// beside: one phone of an address is not to be had, the other rings on and is answered.
func (s *stage) beside(side call.Side, one Does) {
	both, other := s.twins(one, Rings), s.phone(Rings)
	id := s.partyOf(side, both[:1], other)
	s.ringing(id, side, 1)
	s.until("the one is not to be had", func() bool { return s.over(id, side) == 1 })
	both[1].Lift(s.t)
	s.getTalking(id, side, both[1], other)
	s.cancel(id)
}

// neither: none rings, and each was tried once.
func (s *stage) neither(side call.Side) {
	both, other := s.twins(Congested, Congested), s.phone(Rings)
	id := s.partyOf(side, both[:1], other)
	told := []string{"created"}
	if side == call.CalleeSide {
		told = append(told, "caller rings", "caller answers")
	}
	s.tells(id, append(told, fmt.Sprintf("ended congestion %s %s", side, side))...)
	if n := s.over(id, side); n != 2 {
		s.t.Errorf("%d were tried", n)
	}
}

// getTalking lets who has answered and the other side talk.
func (s *stage) getTalking(id string, side call.Side, winner, other Phone) {
	s.t.Helper()
	if side == call.CallerSide {
		s.ringing(id, call.CalleeSide, 1)
		other.Lift(s.t)
	}
	s.in(id, call.Connected)
	if s.can.Sound {
		winner.Hears(s.t, other)
		other.Hears(s.t, winner)
	}
}
