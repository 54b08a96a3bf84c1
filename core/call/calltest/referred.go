package calltest

import (
	"testing"

	"c2d/core/call"
	"c2d/core/fault"
)

// Referrer is a phone that asks its phone system to transfer (SIP REFER), where that obeys by itself: with Abilities.Refers.
type Referrer interface {
	Phone
	Refer(t *testing.T, number string)   // hands whom it talks with to a number
	SetAside(t *testing.T)               // holds its call, so that it can have another
	Consult(t *testing.T, number string) // sets its call aside and dials a number, which the phone system rings by itself
	Attend(t *testing.T)                 // lets the two that it talks with talk with each other
	Leave(t *testing.T)                  // hangs up, both its calls
	Told(t *testing.T) int               // waits until it is told what has become of that: a SIP status
}

// referred: a phone transfers by itself, and the phone system obeys. The call goes on, with whoever takes the phone's place: its
// leg is over when the other one is.
func referred() []behaviour {
	return []behaviour{
		{"a phone transfers by itself", func(s *stage) {
			for _, by := range []call.Side{call.CallerSide, call.CalleeSide} {
				h := s.refers(by)
				h.toThird()
				h.third.PutDown(s.t)
				h.endsBy(by, h.left, h.third)
			}
		}},
		{"a phone transfers by itself, then the other side hangs up", func(s *stage) {
			h := s.refers(call.CallerSide)
			h.toThird()
			h.left.PutDown(s.t)
			h.endsBy(call.CalleeSide, h.left, h.third)
		}},
		{"a phone transfers by itself, then it is hung up over the API", func(s *stage) {
			h := s.refers(call.CalleeSide)
			h.toThird()
			h.cancel(h.id)
			s.idle(h.left, h.third)
		}},
		{"a phone transfers by itself whom it holds", func(s *stage) {
			s.needs(s.can.Holds, "phones that hold")
			h := s.refers(call.CallerSide)
			h.from.Hold(s.t, true)
			s.until("the record says so", func() bool { return h.leg(h.by).Held })
			h.toThird()
			h.cancel(h.id)
			s.idle(h.left, h.third)
		}},
		{"a phone transfers by itself while we hold", referredWhileHeld},
		{"a phone transfers by itself, then we cannot reach who talks", referredOutOfReach},
		{"a phone transfers by itself, then we do", referredThenTransferred},
		{"a phone transfers by itself to nobody", referredToNobody},
		{"a phone transfers by itself, and who waits hangs up", func(s *stage) {
			h := s.refers(call.CallerSide)
			h.to(s.phone(Rings))
			s.until("the third rings", func() bool { return !h.third.Idle() })
			h.left.PutDown(s.t)
			h.endsBy(call.CalleeSide, h.left, h.third)
		}},
		{"transferred by phones, one after another", referredAgain},
		{"both sides transfer by themselves", referredByBoth},
		{"recorded, then a phone transfers by itself", referredWhileRecorded},
		{"an offered leg is transferred by a phone", referredAfterOffer},
		{"a phone transfers by itself while the backend is lost", referredUnheard},
		{"killed, and a phone transfers by itself", referredWhileDead},
		{"transferred by a phone, and our records are lost", referredForgotten},
	}
}

// handed is a call of whose sides one has a phone that transfers.
type handed struct {
	*scene
	by    call.Side
	from  Referrer // who transfers
	left  Phone    // who goes on
	third Phone
}

// refers is a call that talks, with a phone that will transfer.
func (s *stage) refers(by call.Side) *handed {
	s.t.Helper()
	s.needs(s.can.Refers, "phones that transfer by themselves")
	sc := s.bring(call.Connected)
	sc.hearEachOther()
	return sc.handed(by)
}

func (sc *scene) handed(by call.Side) *handed {
	h := &handed{scene: sc, by: by, left: sc.b}
	from := sc.a
	if by == call.CalleeSide {
		from, h.left = sc.b, sc.a
	}
	h.from = from.(Referrer)
	return h
}

// to lets the phone hand the other to a third.
func (h *handed) to(third Phone) {
	h.t.Helper()
	h.third = third
	h.mayRing(third)
	h.from.Refer(h.t, third.Address())
	h.told(h.from, 200)
	h.idle(h.from)
}

func (s *stage) told(p Referrer, want int) {
	s.t.Helper()
	if status := p.Told(s.t); status != want {
		s.t.Errorf("%s is told %d", p.Address(), status)
	}
}

// toThird hands the other to a third, and waits until the two talk.
func (h *handed) toThird() {
	h.t.Helper()
	h.to(h.phone(Rings))
	h.lifts()
}

// lifts lets the third answer, and waits until the two talk.
func (h *handed) lifts() {
	h.t.Helper()
	h.until("the third rings", func() bool { return !h.third.Idle() })
	h.third.Lift(h.t)
	h.talks()
}

// mayRing allows the phone system to ring a phone that we have not ordered.
func (s *stage) mayRing(p Phone) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ordered[p.Address()]++
}

// talks waits until who was handed on talks with the third, and the record says so.
func (h *handed) talks() {
	h.t.Helper()
	h.left.Hears(h.t, h.third)
	h.third.Hears(h.t, h.left)
	h.goneOn()
}

// goneOn waits until the record says that the call goes on with somebody else.
func (h *handed) goneOn() {
	h.t.Helper()
	h.until("the record says that it goes on, and nobody holds", func() bool { return h.leg(h.by).Forwarded && !h.leg(h.by).Held })
	h.in(h.id, call.Connected)
}

func (h *handed) leg(side call.Side) call.Leg {
	c := h.book.call(h.id)
	id := c.CallerLeg
	if side == call.CalleeSide {
		id = c.CalleeLeg
	}
	l, _, _ := c.Find(id)
	return *l
}

// endsBy waits for the end of the call, by a side.
func (h *handed) endsBy(side call.Side, phones ...Phone) {
	h.t.Helper()
	h.in(h.id, call.Ended)
	h.idle(append(phones, h.from)...)
	h.endsOnce(h.id, "ended completed "+string(side)+" "+string(side))
}

// referredWhileHeld: who waits for us talks with nobody who could be handed on.
func referredWhileHeld(s *stage) {
	s.canHold()
	h := s.refers(call.CallerSide)
	h.holds(true)
	h.from.Refer(s.t, s.phone(Rings).Address())
	h.told(h.from, 403)
	h.holds(false)
	h.goesOnAfterHold()
}

// referredOutOfReach: what moves sound between the two is refused, and harms nobody.
func referredOutOfReach(s *stage) {
	h := s.refers(call.CallerSide)
	h.toThird()
	orders := map[string]func() error{
		"hold": func() error { return h.proc.Hold(s.t.Context(), h.id, call.CallerSide, true) },
		"keys": func() error { return h.proc.SendDTMF(s.t.Context(), h.id, call.CalleeSide, "1") },
	}
	for what, order := range orders {
		if err := order(); !fault.Is(err, fault.CodeConflict) {
			s.t.Errorf("%s: %v", what, err)
		}
	}
	if s.proc.wire.Capabilities().Record {
		h.records(true)
		h.recording(call.RecordFailed)
	}
	h.talks()
	h.left.HearsKeys(s.t, "")
	h.third.PutDown(s.t)
	h.endsBy(h.by, h.left, h.third)
}

// referredThenTransferred: whoever has taken a phone's place leaves, by our order.
func referredThenTransferred(s *stage) {
	s.canTransfer()
	h := s.refers(call.CallerSide)
	h.toThird()
	fourth := s.phone(Rings)
	next := h.transfers(fourth)
	s.in(h.id, call.Ended)
	s.idle(h.third)
	s.ringing(next, call.CalleeSide, 1)
	fourth.Lift(s.t)
	s.in(next, call.Connected)
	h.left.Hears(s.t, fourth)
	fourth.PutDown(s.t)
	s.in(next, call.Ended)
	s.idle(h.left, fourth)
	s.endsOnce(h.id, "ended transferred caller caller")
}

// referredToNobody: who was handed to a phone that does not take the call is let go.
func referredToNobody(s *stage) {
	for _, does := range []Does{Busy, Rejects, Unknown, Offline} {
		h := s.refers(call.CallerSide)
		h.to(s.phone(does))
		h.endsBy(h.by, h.left)
	}
}

// referredAgain: the third hands the other on to a fourth.
func referredAgain(s *stage) {
	h := s.refers(call.CallerSide)
	h.toThird()
	h.from = h.third.(Referrer)
	h.toThird()
	h.third.PutDown(s.t)
	h.endsBy(h.by, h.left, h.third)
}

// referredByBoth: both have given the other away. The two who talk then are nobody's of ours.
func referredByBoth(s *stage) {
	h := s.refers(call.CallerSide)
	h.toThird()
	stays := h.third
	h.from, h.third = h.left.(Referrer), s.phone(Rings)
	h.mayRing(h.third)
	h.from.Refer(s.t, h.third.Address())
	h.told(h.from, 200)
	s.in(h.id, call.Ended)
	s.until("the fourth rings", func() bool { return !h.third.Idle() })
	h.third.Lift(s.t)
	stays.Hears(s.t, h.third)
	h.third.Hears(s.t, stays)
	stays.PutDown(s.t)
	s.idle(h.from, stays, h.third)
}

// referredWhileRecorded: the recording ends, and who was not asked is not recorded.
func referredWhileRecorded(s *stage) {
	for _, by := range []call.Side{call.CallerSide, call.CalleeSide} {
		s.needs(s.can.Refers, "phones that transfer by themselves")
		sc, name := s.inRecord()
		h := sc.handed(by)
		h.to(s.phone(Rings))
		sc.recording(call.RecordEnded)
		h.lifts()
		h.third.PutDown(s.t)
		h.endsBy(by, h.left, h.third)
		sc.holdsBoth(name)
	}
}

// referredAfterOffer: a call that a phone has dialled.
func referredAfterOffer(s *stage) {
	for _, by := range []call.Side{call.CallerSide, call.CalleeSide} {
		s.needs(s.can.Refers, "phones that transfer by themselves")
		sc := s.dialled()
		sc.b.Lift(s.t)
		sc.in(sc.id, call.Connected)
		sc.hearEachOther()
		h := sc.handed(by)
		h.toThird()
		h.left.PutDown(s.t)
		other := call.CalleeSide
		if by == call.CalleeSide {
			other = call.CallerSide
		}
		h.endsBy(other, h.left, h.third)
	}
}

// referredUnheard: nobody is there to hear of it.
func referredUnheard(s *stage) {
	s.needs(s.can.Lose, "a phone system that can be lost")
	h := s.refers(call.CallerSide)
	h.lose()
	h.to(s.phone(Rings))
	h.restore()
	s.until("the third rings", func() bool { return !h.third.Idle() })
	h.third.Lift(s.t)
	h.talks()
	h.third.PutDown(s.t)
	h.endsBy(h.by, h.left, h.third)
}

// referredWhileDead: while no process of ours is there. The next one finds who goes on, and so does the one after it.
func referredWhileDead(s *stage) {
	h := s.refers(call.CalleeSide)
	third := s.phone(Rings)
	s.crash()
	h.to(third)
	s.until("the third rings", func() bool { return !third.Idle() })
	third.Lift(s.t)
	third.Hears(s.t, h.left)
	for range 2 {
		s.up()
		h.talks()
		s.crash()
	}
	s.up()
	h.talks()
	h.left.PutDown(s.t)
	h.endsBy(call.CallerSide, h.left, third)
}

// referredForgotten: two who talk, of whom one was ours, are not cut.
func referredForgotten(s *stage) {
	s.needs(s.can.Outlives, "legs that outlive our records")
	h := s.refers(call.CallerSide)
	h.toThird()
	s.crash()
	s.store, s.book = s.open(s.t), newBook()
	s.up()
	alone := s.bring(call.Connected)
	alone.goesOn()
	h.left.Hears(s.t, h.third)
	h.third.Hears(s.t, h.left)
	h.third.PutDown(s.t)
	s.idle(h.left, h.third)
}
