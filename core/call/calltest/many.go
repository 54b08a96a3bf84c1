package calltest

import (
	"fmt"

	"c2d/core/call"
)

// together: several devices of a party ring at once.
func together() []behaviour {
	var rows []behaviour
	for _, side := range []call.Side{call.CallerSide, call.CalleeSide} {
		rows = append(rows,
			behaviour{fmt.Sprintf("several devices of the %s, one answers", side), func(s *stage) { s.several(side, 1) }},
			behaviour{fmt.Sprintf("several devices of the %s, two answer at once", side), func(s *stage) { s.several(side, 2) }},
			behaviour{fmt.Sprintf("several devices of the %s, all refuse", side), func(s *stage) { s.noneOfSeveral(side) }},
		)
	}
	return rows
}

// several rings three devices of a party, of which some answer at once: one wins, the others stop.
func (s *stage) several(side call.Side, lifted int) {
	devices := []Phone{s.phone(Rings), s.phone(Rings), s.phone(Rings)}
	s.race(side, devices, devices, lifted)
}

// race rings what is called, which are these phones. Some answer at once: one wins, the others stop.
func (s *stage) race(side call.Side, called, devices []Phone, lifted int) {
	other := s.phone(Rings)
	id := s.partyOf(side, called, other)
	s.ringing(id, side, len(devices))
	s.proc.wire.hold(call.EvAnswered) // so that no answer is known before the other is given
	for _, p := range devices[:lifted] {
		p.Lift(s.t)
	}
	s.until("the answers are on their way", s.proc.wire.holds(lifted))
	s.proc.wire.release()
	if side == call.CallerSide {
		s.ringing(id, call.CalleeSide, 1)
		other.Lift(s.t)
	}
	s.in(id, call.Connected)
	s.until("one device is in the call", func() bool { return busy(devices) == 1 })
	if lifted == 1 && devices[0].Idle() {
		s.t.Error("who answered is not in the call")
	}
	s.cancel(id)
	s.tells(id, "created", "caller rings", "caller answers", "callee rings", "callee answers", "connected", "ended completed - api")
	s.until("the others were answered elsewhere", func() bool { return s.elsewhere(id, side) == len(devices)-1 })
}

// partyOf places a call with the devices on one side; when it is the callee's, the caller has answered.
func (s *stage) partyOf(side call.Side, devices []Phone, other Phone) string {
	s.t.Helper()
	if side == call.CallerSide {
		return s.place(order{callers: devices, callees: []Phone{other}})
	}
	id := s.place(order{callers: []Phone{other}, callees: devices})
	s.ringing(id, call.CallerSide, 1)
	other.Lift(s.t)
	return id
}

func busy(phones []Phone) (n int) {
	for _, p := range phones {
		if !p.Idle() {
			n++
		}
	}
	return n
}

func (s *stage) elsewhere(id string, side call.Side) (n int) {
	c := s.book.call(id)
	for _, l := range c.Party(side).Attempts[0].Legs {
		if l.End != nil && l.End.Reason == call.AnsweredElsewhere {
			n++
		}
	}
	return n
}

// noneOfSeveral: what tells the other side most is the outcome.
func (s *stage) noneOfSeveral(side call.Side) {
	devices, other := []Phone{s.phone(Rings), s.phone(Busy), s.phone(Unknown)}, s.phone(Rings)
	id := s.partyOf(side, devices, other)
	s.ringing(id, side, 1)
	s.until("the others have refused", func() bool { return s.over(id, side) == 2 })
	devices[0].PutDown(s.t)
	told := []string{"created", "caller rings"}
	if side == call.CalleeSide {
		told = append(told, "caller answers", "callee rings")
	}
	s.tells(id, append(told, fmt.Sprintf("ended busy %s %s", side, side))...)
}

// over counts the legs of a party that have ended.
func (s *stage) over(id string, side call.Side) (n int) {
	c := s.book.call(id)
	for _, l := range c.Party(side).Attempts[0].Legs {
		if !l.Open() {
			n++
		}
	}
	return n
}
