package calltest

import (
	"c2d/core/audit"
	"c2d/core/call"
)

// attended: two calls become one. Which phone has left them is nothing to a backend, so each scene has one of its own.
func attended() []behaviour {
	return []behaviour{
		{"attended transfer", func(s *stage) { s.meet(nil) }},
		{"attended transfer of who is held", func(s *stage) {
			s.needs(s.can.Holds, "phones that hold")
			s.meet(func(one, _ *scene) {
				one.a.Hold(s.t, true)
				s.until("the record says so", func() bool {
					c := s.book.call(one.id)
					l, _, _ := c.Find(c.CallerLeg)
					return l.Held
				})
			})
		}},
		{"attended transfer of who waits", func(s *stage) {
			s.canHold()
			s.meet(func(one, two *scene) {
				one.holds(true)
				two.holds(true)
			})
		}},
		{"a side hangs up during an attended transfer", leavesDuringTransfer},
		{"an attended transfer is hung up over the API", hungUpDuringTransfer},
		{"killed right after an attended transfer", func(s *stage) {
			one, two := s.twoCalls()
			next := s.meets(one, two)
			s.crash()
			s.up()
			s.togetherIn(next, one, two)
		}},
		{"killed right after a blind transfer", func(s *stage) {
			s.canTransfer()
			sc := s.bring(call.Connected)
			next := sc.transfers(s.phone(Rings))
			s.crash()
			s.up()
			s.in(next, call.Ended)
			s.idle(sc.a, sc.b)
			if c := s.book.call(next); c.End.Reason != call.Lost {
				s.t.Errorf("the new call ended as %s", c.End.Reason)
			}
		}},
	}
}

// twoCalls are two that talk.
func (s *stage) twoCalls() (one, two *scene) {
	s.t.Helper()
	s.canTransfer()
	one, two = s.bring(call.Connected), s.bring(call.Connected)
	one.hearEachOther()
	two.hearEachOther()
	return one, two
}

// meet lets the callees of two calls talk with each other, after something else.
func (s *stage) meet(before func(one, two *scene)) {
	s.t.Helper()
	one, two := s.twoCalls()
	if before != nil {
		before(one, two)
	}
	s.togetherIn(s.meets(one, two), one, two)
}

// meets hands the callees of two calls to each other, and returns the id of the call that follows.
func (s *stage) meets(one, two *scene) string {
	s.t.Helper()
	next := one.taken()
	y := two.taken()
	next.CalleeLeg, next.CalleeAnsweredAt, next.Callee = y.CallerLeg, y.CallerAnsweredAt, y.Caller
	c, err := s.proc.Transfer(s.t.Context(), next, []string{one.id, two.id}, audit.Trail{})
	if err != nil {
		s.t.Fatal("attended transfer:", err)
	}
	return c.ID
}

// togetherIn waits until the two talk and who left is at rest, and brings their call to its end.
func (s *stage) togetherIn(next string, one, two *scene) {
	s.t.Helper()
	s.in(next, call.Connected)
	s.transferredBy(one, two)
	if s.can.Sound {
		one.b.Hears(s.t, two.b)
		two.b.Hears(s.t, one.b)
	}
	two.b.PutDown(s.t)
	s.in(next, call.Ended)
	s.idle(one.b, two.b)
	s.endsOnce(next, "ended completed callee callee")
}

// transferredBy waits for the ends of the calls that were left.
func (s *stage) transferredBy(all ...*scene) {
	s.t.Helper()
	for _, sc := range all {
		s.in(sc.id, call.Ended)
		s.idle(sc.a)
		s.endsOnce(sc.id, "ended transferred caller caller")
	}
}

func (s *stage) endsOnce(id, end string) {
	s.t.Helper()
	if told := s.book.story(id); told[len(told)-1] != end || countEnds(told) != 1 {
		s.t.Errorf("%q, want its last %q", told, end)
	}
}

// leavesDuringTransfer: each of the two that stay goes before they are joined. The other is let go.
func leavesDuringTransfer(s *stage) {
	for _, first := range []bool{true, false} {
		one, two := s.twoCalls()
		s.proc.wire.hold(call.EvJoined)
		next := s.meets(one, two)
		p, end := two.b, "ended cancelled callee callee"
		if first {
			p, end = one.b, "ended cancelled caller caller"
		}
		s.until("the backend has joined them", s.proc.wire.holds(1))
		p.PutDown(s.t)
		s.in(next, call.Ended)
		s.idle(one.b, two.b)
		s.proc.wire.release()
		s.endsOnce(next, end)
		s.transferredBy(one, two)
	}
}

func hungUpDuringTransfer(s *stage) {
	one, two := s.twoCalls()
	s.proc.wire.hold(call.EvJoined)
	next := s.meets(one, two)
	if c := s.cancel(next); c.End.Reason != call.Cancelled {
		s.t.Errorf("it ended as %s", c.End.Reason)
	}
	s.idle(one.b, two.b)
	s.proc.wire.release()
	s.endsOnce(next, "ended cancelled - api")
	s.transferredBy(one, two)
}
