package calltest

import (
	"slices"
	"strings"
	"time"

	"c2d/core/call"
)

// patience is how long anything is waited for.
const patience = 15 * time.Second

// until waits for a condition; every look is at what has been stored or told by then.
func (s *stage) until(what string, is func() bool) {
	s.t.Helper()
	end := time.After(patience)
	for !is() {
		select {
		case <-time.After(2 * time.Millisecond):
		case <-end:
			s.t.Fatalf("never: %s\n%s", what, s.all())
		}
	}
}

// all tells every call, for a test that fails.
func (s *stage) all() string {
	var b strings.Builder
	for _, c := range s.book.all() {
		b.WriteString(c.ID + " is " + string(c.State) + ": " + strings.Join(s.book.story(c.ID), ", ") + "\n")
		for l := range c.Legs {
			b.WriteString("  " + l.ID + " " + string(l.State))
			if l.End != nil {
				b.WriteString(" " + string(l.End.Reason) + " " + l.End.Text)
			}
			b.WriteString("\n")
		}
	}
	return b.String()
}

// in waits until a call is stored in a state.
func (s *stage) in(id string, state call.State) {
	s.t.Helper()
	s.until("the call is "+string(state), func() bool {
		c := s.book.call(id)
		if c.State == call.Ended && state != call.Ended {
			s.t.Fatalf("ended on the way to %s\n%s", state, s.all())
		}
		return c.State == state
	})
}

// ringing waits until n legs of a party ring.
func (s *stage) ringing(id string, side call.Side, n int) {
	s.t.Helper()
	s.until(string(side)+" rings", func() bool {
		c, rings := s.book.call(id), 0
		for _, a := range c.Party(side).Attempts {
			for _, l := range a.Legs {
				if l.State == call.LegRinging || l.State == call.LegEarly {
					rings++
				}
			}
		}
		return rings == n
	})
}

// tells waits for the end of a call and compares what the event log tells of it.
func (s *stage) tells(id string, want ...string) {
	s.t.Helper()
	s.in(id, call.Ended)
	got := s.book.story(id)
	if len(got) != len(want) {
		s.t.Fatalf("events  %s\nwant    %s", strings.Join(got, ", "), strings.Join(want, ", "))
	}
	for i := range want {
		if got[i] != want[i] && !s.vague(got[i], want[i]) {
			s.t.Fatalf("event %d is %q, want %q, of\n%s", i+1, got[i], want[i], strings.Join(got, ", "))
		}
	}
}

// vague reports whether what was told is what was wanted as far as the backend can tell. A * allows any word.
func (s *stage) vague(got, want string) bool {
	g, w := strings.Fields(got), strings.Fields(want)
	if len(g) != len(w) {
		return false
	}
	for i := range w {
		told, known := s.can.Coarse[call.Reason(w[i])]
		switch {
		case g[i] == w[i] || w[i] == "*":
		case known && i == 1 && g[i] == string(told):
			s.coarse("%s is told as %s", w[i], told)
		default:
			return false
		}
	}
	return true
}

// idle waits until phones neither ring nor talk.
func (s *stage) idle(phones ...Phone) {
	s.t.Helper()
	for _, p := range phones {
		s.until(p.Address()+" is at rest", p.Idle)
	}
}

// settle is what every behaviour ends with: nothing is left of any call, and no phone was rung twice.
func (s *stage) settle() {
	s.t.Helper()
	p := s.up()
	p.wire.release()
	s.until("the runner carries nothing", func() bool { return p.Active() == 0 })
	for _, c := range s.book.all() {
		s.finished(c)
	}
	s.idle(s.phones...)
	s.until("the backend has no leg", func() bool {
		legs, err := p.wire.Backend.Snapshot(s.t.Context())
		return err == nil && len(legs) == 0
	})
	s.once()
	p.end(s.t)
}

func (s *stage) finished(c call.Call) {
	s.t.Helper()
	if c.Open() || c.End == nil {
		s.t.Errorf("the record is not closed\n%s", s.all())
	}
	ends := slices.DeleteFunc(s.book.story(c.ID), func(e string) bool { return !strings.HasPrefix(e, "ended") })
	if len(ends) != 1 {
		s.t.Errorf("%d ends are told: %q", len(ends), ends)
	}
}

// once checks that no leg was ordered twice, and no phone rung more often than ordered.
func (s *stage) once() {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	for leg, n := range s.originated {
		if n != 1 {
			s.t.Errorf("leg %s was originated %d times", leg, n)
		}
	}
	for _, p := range s.phones {
		if p.Rang() > s.ordered[p.Address()] {
			s.t.Errorf("%s was rung %d times, ordered %d", p.Address(), p.Rang(), s.ordered[p.Address()])
		}
	}
}
