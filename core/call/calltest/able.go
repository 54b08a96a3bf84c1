package calltest

import "c2d/core/call"

// able: what only some backends can.
func able() []behaviour {
	return []behaviour{
		{"keys are told in order", func(s *stage) {
			s.needs(s.can.Keys && s.can.Anchored, "phones with keys, and a caller whose sound is with the backend")
			sc := s.bring(call.RingingCallee)
			sc.a.Press(s.t, "12#")
			s.keys(s.book.call(sc.id).CallerLeg, "12#")
			sc.goesOn()
		}},
		{"a phone holds and resumes", func(s *stage) {
			s.needs(s.can.Holds, "phones that hold")
			sc := s.bring(call.Connected)
			sc.hearEachOther()
			for _, on := range []bool{true, false} {
				sc.a.Hold(s.t, on)
				s.until("the record says so", func() bool {
					c := s.book.call(sc.id)
					l, _, _ := c.Find(c.CallerLeg)
					return l.Held == on
				})
			}
			sc.goesOnAfterHold()
		}},
		{"a reason is played to the caller, then he is released", func(s *stage) {
			a, b := s.phone(Rings), s.phone(Busy)
			id := s.place(order{callers: []Phone{a}, callees: []Phone{b}})
			s.ringing(id, call.CallerSide, 1)
			a.Lift(s.t)
			s.in(id, call.Ended)
			s.legTells(s.book.call(id).CallerLeg, call.EvPromptDone)
			s.idle(a)
		}},
		{"we send keys", weSendKeys},
		{"we hold and resume", weHold},
		{"held by us, then a side hangs up", heldThenOver},
		{"restart while we hold", restartWhileHeld},
		{"blind transfer", blindTransfer},
		{"blind transfer of who waits", transferOfWhoWaits},
		{"blind transfer to a phone that is busy", transferToBusy},
		{"recording", recorded},
		{"recorded, held by us and resumed", recordedWhileHeld},
		{"recorded, then a side hangs up", recordedThenOver},
		{"a recording that fails", recordingFails},
		{"restart while recorded", restartWhileRecorded},
		{"recorded, then handed to a third", recordedThenTransferred},
	}
}

// goesOnAfterHold ends a call that was held; the sound has to come back first.
func (sc *scene) goesOnAfterHold() {
	sc.t.Helper()
	sc.hearEachOther()
	sc.a.PutDown(sc.t)
	sc.in(sc.id, call.Ended)
	told := sc.book.story(sc.id)
	if got := told[len(told)-1]; got != "ended completed caller caller" {
		sc.t.Errorf("%q", got)
	}
}

// keys waits until the backend has told that keys were pressed, in order.
func (s *stage) keys(leg, want string) {
	s.t.Helper()
	s.until("the keys "+want+" are told", func() bool { return s.pressed(leg) == want })
}

// pressed returns the keys that the backend has told of a leg.
func (s *stage) pressed(leg string) (keys string) {
	for _, ev := range s.proc.wire.heard(leg) {
		if ev.Kind == call.EvDTMF {
			keys += string(ev.Digit)
		}
	}
	return keys
}

// legTells waits until the backend has told something of a leg.
func (s *stage) legTells(leg string, k call.LegEventKind) {
	s.t.Helper()
	s.until("the backend tells "+string(k), func() bool {
		for _, ev := range s.proc.wire.heard(leg) {
			if ev.Kind == k {
				return true
			}
		}
		return false
	})
}
