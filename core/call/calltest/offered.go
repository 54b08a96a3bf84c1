package calltest

import (
	"c2d/core/access"
	"c2d/core/call"
	"c2d/core/identity"
)

// offered: a phone dials by itself, and its leg is handed to us.
func offered() []behaviour {
	return []behaviour{
		{"an offered leg is answered", func(s *stage) {
			sc := s.dialled()
			sc.b.Lift(s.t)
			sc.in(sc.id, call.Connected)
			sc.hearEachOther()
			sc.a.PutDown(s.t)
			sc.past = append(sc.past, "callee answers", "caller answers", "connected")
			sc.ends("ended completed caller caller")
		}},
		{"an offered leg gives up while the callee rings", func(s *stage) {
			sc := s.dialled()
			sc.a.PutDown(s.t)
			sc.ends("ended cancelled caller caller")
		}},
		{"an offered leg is cancelled over the API", func(s *stage) {
			sc := s.dialled()
			sc.cancel(sc.id)
			sc.ends("ended cancelled - api")
		}},
		{"an offered leg is refused", func(s *stage) {
			s.needsOffers()
			a := s.phone(Rings)
			s.offers(func(call.LegEvent) (call.Call, *call.Cause) { return call.Call{}, &call.Cause{Reason: call.Busy} })
			a.Dial(s.t, "101")
			leg := s.offeredLeg()
			s.legEnds(leg, call.Busy)
			s.idle(a)
		}},
		{"an offered leg is given back", func(s *stage) {
			s.needsOffers()
			a := s.phone(Rings)
			s.proc.wire.hold(call.EvOffered) // nobody of ours takes it
			a.Dial(s.t, "101")
			leg := s.offeredLeg()
			if err := s.proc.wire.Backend.GiveBack(s.t.Context(), leg); err != nil {
				s.t.Fatal("give back:", err)
			}
			s.legEnds(leg, call.InvalidNumber)
			s.idle(a)
		}},
	}
}

func (s *stage) needsOffers() {
	s.t.Helper()
	s.needs(s.can.Dials && s.up().wire.Capabilities().Offers, "phones that dial by themselves")
}

// dialled is a call that its caller has dialled, and whose callee rings.
func (s *stage) dialled() *scene {
	s.t.Helper()
	s.needsOffers()
	sc := &scene{stage: s, a: s.phone(Rings), b: s.phone(Rings), at: call.RingingCallee, id: identity.NewID(), past: []string{"created", "callee rings"}}
	s.mu.Lock()
	s.callees[sc.id] = [][]Phone{{sc.b}}
	s.mu.Unlock()
	s.offers(func(ev call.LegEvent) (call.Call, *call.Cause) {
		way := call.Way{Backend: s.harness.Name(), Address: sc.a.Address()}
		leg := call.Leg{ID: ev.Leg, Way: way, Handle: ev.Handle, State: call.LegOffered, CreatedAt: ev.At, Resume: ev.Resume}
		return call.Call{
			ID: sc.id, Tenant: access.MainTenant, Backend: s.harness.Name(), Confirm: call.ConfirmNever, Flags: []call.Flag{call.Adopted}, CallerLeg: ev.Leg,
			Caller: call.Party{RingLimit: seconds(callerRings), Attempts: []call.Attempt{{Targets: []call.Target{{Ways: []call.Way{way}}}, Legs: []call.Leg{leg}}}},
			Callee: call.Party{Number: ev.To, RingLimit: seconds(calleeRings)}, TalkLimit: seconds(talkLimit),
		}, nil
	})
	sc.a.Dial(s.t, "101")
	s.ringing(sc.id, call.CalleeSide, 1)
	return sc
}

func (s *stage) offers(decide func(call.LegEvent) (call.Call, *call.Cause)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.offer = decide
}

// offeredLeg waits for a leg that the backend offers.
func (s *stage) offeredLeg() (leg string) {
	s.t.Helper()
	s.until("a leg is offered", func() bool {
		leg = s.proc.wire.offered()
		return leg != ""
	})
	return leg
}

func (w *wire) offered() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, ev := range w.told {
		if ev.Kind == call.EvOffered {
			return ev.Leg
		}
	}
	return ""
}

// legEnds waits until the backend tells the end of a leg that has no call.
func (s *stage) legEnds(leg string, want call.Reason) {
	s.t.Helper()
	var last call.LegEvent
	s.until("the leg ends", func() bool {
		told := s.proc.wire.heard(leg)
		last = told[len(told)-1]
		return last.Kind == call.EvEnded
	})
	got := last.Cause.Reason
	switch told, known := s.can.Coarse[want]; {
	case got == want:
	case known && got == told:
		s.coarse("%s is told as %s", want, got)
	default:
		s.t.Errorf("the leg ended %s, want %s", got, want)
	}
}
