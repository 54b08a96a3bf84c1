package calltest

import "c2d/core/call"

// consulted: a phone lets two that it talks with talk with each other, and the phone system obeys by itself.
func consulted() []behaviour {
	return []behaviour{
		{"a phone lets the other talk with a third", func(s *stage) {
			for _, by := range []call.Side{call.CallerSide, call.CalleeSide} {
				h := s.refers(by)
				h.consults()
				h.attends()
				h.third.PutDown(s.t)
				h.endsBy(by, h.left, h.third)
			}
		}},
		{"a phone lets the other talk with a third, then it is hung up over the API", func(s *stage) {
			h := s.refers(call.CallerSide)
			h.consults()
			h.attends()
			h.cancel(h.id)
			s.idle(h.left, h.third)
		}},
		{"a phone lets the other talk with a third, and hangs up at once", func(s *stage) {
			for range 3 {
				h := s.refers(call.CallerSide)
				h.consults()
				h.from.Attend(s.t)
				h.from.Leave(s.t)
				h.talks()
				h.third.PutDown(s.t)
				h.endsBy(call.CallerSide, h.left, h.third)
			}
		}},
		{"a phone lets the other talk with a third who still rings", func(s *stage) {
			h := s.refers(call.CallerSide)
			h.rings()
			h.from.Attend(s.t)
			h.told(h.from, 200)
			h.goneOn()
			h.third.Lift(s.t)
			h.talks()
			h.left.PutDown(s.t)
			h.endsBy(call.CalleeSide, h.left, h.third)
		}},
		{"a phone lets the other talk with a third who still rings, and hangs up at once", func(s *stage) {
			h := s.refers(call.CallerSide)
			h.rings()
			h.from.Attend(s.t)
			h.from.Leave(s.t)
			h.goneOn()
			h.third.Lift(s.t)
			h.talks()
			h.cancel(h.id)
			s.idle(h.left, h.third)
		}},
		{"a phone lets the other talk with a third who then does not answer", func(s *stage) {
			h := s.refers(call.CallerSide)
			h.rings()
			h.from.Attend(s.t)
			h.told(h.from, 200)
			h.goneOn()
			h.third.PutDown(s.t)
			h.endsBy(h.by, h.left, h.third)
		}},
		{"a phone lets two talk with each other while the backend is lost", func(s *stage) {
			s.needs(s.can.Lose, "a phone system that can be lost")
			h := s.refers(call.CallerSide)
			h.consults()
			h.lose()
			h.from.Attend(s.t)
			h.told(h.from, 200)
			h.restore()
			h.talks()
			h.left.PutDown(s.t)
			h.endsBy(call.CalleeSide, h.left, h.third)
		}},
		{"a phone joins two calls of ours", joinsOurs},
		{"a phone joins two calls of ours, then we are killed", joinsOursThenKilled},
		{"a phone joins two calls of ours, and one is hung up over the API", joinsOursThenCancelled},
	}
}

// rings lets the phone put its call aside and ring a third.
func (h *handed) rings() {
	h.t.Helper()
	h.third = h.phone(Rings)
	h.mayRing(h.third)
	h.from.Consult(h.t, h.third.Address())
	h.until("the third rings", func() bool { return !h.third.Idle() })
}

// consults lets the phone put its call aside and talk with a third.
func (h *handed) consults() {
	h.t.Helper()
	h.rings()
	h.third.Lift(h.t)
	h.third.Hears(h.t, h.from)
}

// attends lets the phone join the two, and waits until they talk.
func (h *handed) attends() {
	h.t.Helper()
	h.from.Attend(h.t)
	h.told(h.from, 200)
	h.talks()
}

// joinsOurs are two calls of one phone, which has let the two others talk with each other.
func (s *stage) joinsOurs() (one, two *handed) {
	s.t.Helper()
	one = s.refers(call.CallerSide)
	one.from.SetAside(s.t)
	sc := &scene{stage: s, a: one.a, b: s.phone(Rings), past: []string{"created", "caller rings"}, at: call.RingingCaller}
	sc.id = s.place(order{callers: []Phone{sc.a}, callees: []Phone{sc.b}})
	s.ringing(sc.id, call.CallerSide, 1)
	for sc.at != call.Connected {
		sc.next()
	}
	sc.hearEachOther()
	two = sc.handed(call.CallerSide)
	one.third, two.third = two.left, one.left
	one.attends()
	two.goneOn()
	return one, two
}

func joinsOurs(s *stage) {
	for _, first := range []bool{true, false} {
		one, two := s.joinsOurs()
		if !first {
			one, two = two, one
		}
		one.left.PutDown(s.t)
		one.endsBy(call.CalleeSide, one.left)
		two.endsBy(call.CallerSide, two.left)
	}
}

func joinsOursThenKilled(s *stage) {
	one, two := s.joinsOurs()
	s.crash()
	s.up()
	one.talks()
	two.goneOn()
	two.left.PutDown(s.t)
	two.endsBy(call.CalleeSide, two.left)
	one.endsBy(call.CallerSide, one.left)
}

// joinsOursThenCancelled: whoever is left of the other call is let go.
func joinsOursThenCancelled(s *stage) {
	one, two := s.joinsOurs()
	s.cancel(two.id)
	s.idle(one.left, two.left)
	one.endsBy(call.CallerSide, one.left)
}
