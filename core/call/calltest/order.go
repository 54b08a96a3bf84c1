package calltest

import (
	"c2d/core/audit"
	"c2d/core/call"
)

func weSendKeys(s *stage) {
	s.needs(s.up().wire.Capabilities().SendDTMF, "sending keys")
	sc := s.bring(call.Connected)
	sc.hearEachOther()
	for _, keys := range []string{"12", "#*0A"} {
		if err := s.proc.SendDTMF(s.t.Context(), sc.id, call.CalleeSide, keys); err != nil {
			s.t.Fatal("send keys:", err)
		}
	}
	sc.b.HearsKeys(s.t, "12#*0A")
	sc.a.HearsKeys(s.t, "")
	sc.goesOnAfterHold()
}

// holds orders a hold or its end, and waits until the record says so.
func (sc *scene) holds(on bool) {
	sc.t.Helper()
	if err := sc.proc.Hold(sc.t.Context(), sc.id, call.CallerSide, on); err != nil {
		sc.t.Fatal("hold:", err)
	}
	sc.until("the record says so", func() bool {
		c := sc.book.call(sc.id)
		l, _, _ := c.Find(c.CallerLeg)
		return l.Held == on
	})
	if on && sc.can.Sound {
		sc.b.HearsTone(sc.t)
	}
}

func (s *stage) canHold() {
	s.t.Helper()
	s.needs(s.up().wire.Capabilities().Hold, "hold by us")
}

func weHold(s *stage) {
	s.canHold()
	sc := s.bring(call.Connected)
	sc.hearEachOther()
	for range 2 {
		sc.holds(true)
		sc.holds(false)
		sc.hearEachOther()
	}
	sc.goesOnAfterHold()
}

func heldThenOver(s *stage) {
	s.canHold()
	for _, waits := range []bool{true, false} {
		sc := s.bring(call.Connected)
		sc.holds(true)
		p, end := sc.a, "ended completed caller caller"
		if waits {
			p, end = sc.b, "ended completed callee callee"
		}
		p.PutDown(s.t)
		s.in(sc.id, call.Ended)
		if told := s.book.story(sc.id); told[len(told)-1] != end {
			s.t.Errorf("%q", told)
		}
		s.idle(sc.a, sc.b)
	}
}

// restartWhileHeld: whoever waited goes on waiting, and can be talked to again.
func restartWhileHeld(s *stage) {
	s.canHold()
	sc := s.bring(call.Connected)
	sc.holds(true)
	s.crash()
	s.up()
	if s.can.Sound {
		sc.b.HearsTone(s.t)
	}
	sc.holds(false)
	sc.goesOnAfterHold()
}

// transfers hands the callee of a connected call to the phones, and returns the id of the call that follows.
func (sc *scene) transfers(to ...Phone) string {
	sc.t.Helper()
	c, err := sc.proc.Transfer(sc.t.Context(), sc.taken(to...), []string{sc.id}, audit.Trail{})
	if err != nil {
		sc.t.Fatal("transfer:", err)
	}
	return c.ID
}

// taken is the draft of a call whose caller is the callee of this one.
func (sc *scene) taken(to ...Phone) call.Call {
	sc.t.Helper()
	old := sc.book.call(sc.id)
	leg, _, target := old.Find(old.CalleeLeg)
	next := sc.draft(order{callees: to})
	stays := *leg
	stays.Target, stays.WayIndex, stays.Held = 0, 0, false
	next.CallerLeg, next.CallerAnsweredAt = leg.ID, sc.proc.now()
	next.Caller.Attempts = []call.Attempt{{Targets: []call.Target{*target}, Legs: []call.Leg{stays}}}
	return next
}

func (s *stage) canTransfer() {
	s.t.Helper()
	s.needs(s.up().wire.Capabilities().Part, "transfer")
}

func blindTransfer(s *stage) { transferred(s, false) }

func transferOfWhoWaits(s *stage) {
	s.needs(s.up().wire.Capabilities().Hold, "hold by us")
	transferred(s, true)
}

// transferred: the callee goes on to a third phone, and the phone that handed it over is at rest.
func transferred(s *stage, held bool) {
	s.canTransfer()
	sc := s.bring(call.Connected)
	sc.hearEachOther()
	if held {
		sc.holds(true)
	}
	third := s.phone(Rings)
	next := sc.transfers(third)
	s.in(sc.id, call.Ended)
	s.idle(sc.a)
	s.ringing(next, call.CalleeSide, 1)
	if s.can.Sound {
		sc.b.HearsTone(s.t)
	}
	third.Lift(s.t)
	s.in(next, call.Connected)
	if s.can.Sound {
		third.Hears(s.t, sc.b)
		sc.b.Hears(s.t, third)
	}
	sc.b.PutDown(s.t)
	s.in(next, call.Ended)
	s.idle(sc.b, third)
	for id, end := range map[string]string{sc.id: "ended transferred caller caller", next: "ended completed caller caller"} {
		if told := s.book.story(id); told[len(told)-1] != end || countEnds(told) != 1 {
			s.t.Errorf("%q, want its last %q", told, end)
		}
	}
}

// transferToBusy: whom the third does not take hears so, and is let go.
func transferToBusy(s *stage) {
	s.canTransfer()
	sc := s.bring(call.Connected)
	next := sc.transfers(s.phone(Busy))
	s.in(sc.id, call.Ended)
	s.in(next, call.Ended)
	if c := s.book.call(next); c.End.Reason != call.Busy {
		s.t.Errorf("the new call ended as %s", c.End.Reason)
	}
	s.idle(sc.a, sc.b)
}

func countEnds(told []string) int {
	n := 0
	for _, line := range told {
		if len(line) > 5 && line[:5] == "ended" {
			n++
		}
	}
	return n
}
