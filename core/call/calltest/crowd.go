package calltest

import (
	"sync"

	"c2d/core/audit"
	"c2d/core/call"
)

// crowded: many calls at once, each with its own outcome.
func crowded() []behaviour {
	return []behaviour{{"50 calls at once, each with its own outcome", crowd}}
}

// plot is one kind of call of the crowd.
type plot struct {
	caller, callee Does
	end            string
	act            func(s *stage, id string, a, b Phone) // once they talk
}

func plots() []plot {
	return []plot{
		{Answers, Answers, "ended completed callee callee", func(s *stage, _ string, _, b Phone) { b.PutDown(s.t) }},
		{Answers, Busy, "ended busy callee callee", nil},
		{Answers, Rejects, "ended rejected callee callee", nil},
		{Busy, Rings, "ended busy caller caller", nil},
		{Answers, Unknown, "ended invalid_number callee callee", nil},
		{Answers, Answers, "ended completed - api", func(s *stage, id string, _, _ Phone) { s.cancel(id) }},
		{Rejects, Rings, "ended rejected caller caller", nil},
		{Answers, Answers, "ended completed caller caller", func(s *stage, _ string, a, _ Phone) { a.PutDown(s.t) }},
		{Answers, Congested, "ended congestion callee callee", nil},
		{Answers, Offline, "ended unreachable callee *", nil},
	}
}

// crowd places all calls at once; those who talk do so until all the others have ended.
func crowd(s *stage) {
	type one struct {
		plot
		call call.Call
		a, b Phone
	}
	var calls []one
	for i := range 50 {
		p := plots()[i%len(plots())]
		a, b := s.phone(p.caller), s.phone(p.callee)
		calls = append(calls, one{p, s.draft(order{callers: []Phone{a}, callees: []Phone{b}}), a, b})
	}
	var wg sync.WaitGroup
	for _, c := range calls {
		wg.Go(func() {
			if _, err := s.proc.Place(s.t.Context(), c.call, nil, audit.Trail{}); err != nil {
				s.t.Error("place:", err)
			}
		})
	}
	wg.Wait()
	for _, c := range calls {
		if c.act != nil {
			s.in(c.call.ID, call.Connected)
		} else {
			s.in(c.call.ID, call.Ended)
		}
	}
	for _, c := range calls {
		if c.act != nil {
			c.act(s, c.call.ID, c.a, c.b)
		}
		s.until(string(c.caller)+" calls "+string(c.callee)+", "+c.end+" "+c.call.ID, func() bool { return s.book.call(c.call.ID).State == call.Ended })
		told := s.book.story(c.call.ID)
		if got := told[len(told)-1]; got != c.end && !s.vague(got, c.end) {
			s.t.Errorf("%s calls %s: %q, want %q", c.caller, c.callee, got, c.end)
		}
	}
}
