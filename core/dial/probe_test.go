package dial

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"c2d/core/call"
)

// halfOpen is a hospital whose first carrier's circuit is half-open.
type halfOpen struct {
	t    *testing.T
	s    *Service
	w    *world
	pass func(time.Duration)
	over func() (id string, names []string)
}

func newHalfOpen(t *testing.T) *halfOpen {
	s, w, a := hospital(t)
	var ahead atomic.Int64
	now := s.cfg.Now()
	s.cfg.Now = func() time.Time { return now.Add(time.Duration(ahead.Load())) }
	change(s, func(p *Plan) {
		p.Entries = append(p.Entries, Entry{Name: "ims", Backend: w.house}, Entry{Name: "line", Backend: w.house})
	})
	h := &halfOpen{t: t, s: s, w: w, pass: func(d time.Duration) { ahead.Add(int64(d)) }}
	h.over = func() (string, []string) {
		c, _, err := s.Place(t.Context(), a, Request{Caller: Ref{Name: "harry"}, Callee: Ref{Number: "+4930123456"}})
		if err != nil {
			t.Error(err)
			return "", nil
		}
		found, err := s.LookUp(t.Context(), c)
		if err != nil || len(found.Attempts) != 1 {
			t.Errorf("%v %+v", err, found)
			return "", nil
		}
		var names []string
		for _, w := range found.Attempts[0].Targets[0].Ways {
			names = append(names, w.Backend)
		}
		return c.ID, names
	}
	repeat(s, "ims", refused, failuresInARow)
	h.pass(openFor)
	return h
}

// goes places a call, which stays as it is.
func (h *halfOpen) goes(want ...string) (id string) {
	h.t.Helper()
	id, got := h.over()
	if !slices.Equal(got, want) {
		h.t.Errorf("goes over %v, want %v", got, want)
	}
	return id
}

// becomes changes the record of a call.
func (h *halfOpen) becomes(id string, change func(*call.Call)) {
	h.w.mu.Lock()
	defer h.w.mu.Unlock()
	c := h.w.calls[id]
	change(&c)
	h.w.calls[id] = c
}

// leg is one of the callee's, over an entry.
func leg(entry string, change ...func(*call.Leg)) []call.Attempt {
	l := call.Leg{ID: "l", Way: call.Way{Backend: entry}, State: call.LegTrying}
	for _, f := range change {
		f(&l)
	}
	return []call.Attempt{{Legs: []call.Leg{l}}}
}

// TestOneCallTriesAHalfOpenCarrier, and the others go where calls are carried, until it was carried or was not.
func TestOneCallTriesAHalfOpenCarrier(t *testing.T) {
	h := newHalfOpen(t)
	h.goes("ims", "line")
	h.goes("line")
	h.s.Outcome("ims", refused)
	h.goes("line") // open anew
	h.pass(openFor)
	h.goes("ims", "line")
	h.goes("line")
	h.s.Outcome("ims", nil)
	h.goes("ims", "line")
	h.goes("ims", "line")
}

// TestATryWithoutAnOutcomeBlocksNobody: whatever becomes of the call that tries, another does once it tries no more.
func TestATryWithoutAnOutcomeBlocksNobody(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*call.Call)
		free   bool
	}{
		"it is looked up":           {func(c *call.Call) { c.State = call.RingingCallee }, false},
		"its leg is sent":           {func(c *call.Call) { c.State, c.Callee.Attempts = call.RingingCallee, leg("ims") }, false},
		"it was hung up":            {func(c *call.Call) { c.State = call.Ended }, true},
		"its leg is given up":       {func(c *call.Call) { c.Callee.Attempts = leg("ims", func(l *call.Leg) { l.HangUp = call.Cancelled }) }, true},
		"its leg was silent":        {func(c *call.Call) { c.Callee.Attempts = leg("ims", func(l *call.Leg) { l.State = call.LegEnded }) }, true},
		"it rings elsewhere":        {func(c *call.Call) { c.Callee.Attempts = leg("line") }, true},
		"it talks to who knows who": {func(c *call.Call) { c.State, c.Callee.Attempts = call.Connected, leg("ims") }, true},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHalfOpen(t)
			h.becomes(h.goes("ims", "line"), c.change)
			if c.free {
				h.goes("ims", "line")
			}
			h.goes("line")
		})
	}
	h := newHalfOpen(t)
	id := h.goes("ims", "line")
	h.w.mu.Lock()
	delete(h.w.calls, id) // nobody knows it any more
	h.w.mu.Unlock()
	h.goes("ims", "line")
}

// TestTheHealthOfAHalfOpenCarrierIsAskedAnew, before a call tries it.
func TestTheHealthOfAHalfOpenCarrierIsAskedAnew(t *testing.T) {
	h := newHalfOpen(t)
	down := errors.New("no answer to OPTIONS")
	change(h.s, func(p *Plan) {
		i := slices.IndexFunc(p.Entries, func(e Entry) bool { return e.Name == "ims" })
		p.Entries[i].Health = func(context.Context) error { return down }
	})
	h.goes("line")
	down = nil
	h.goes("ims", "line")
}

// TestAHalfOpenCarrierIsALastResort: behind one that carries, whoever needs it goes there; to refuse would be no better.
func TestAHalfOpenCarrierIsALastResort(t *testing.T) {
	h := newHalfOpen(t)
	change(h.s, func(p *Plan) { slices.Reverse(p.Entries) })
	h.goes("line", "ims")
	h.goes("line", "ims")
}

// TestWhoAsksOnlyTriesNothing: to resolve a number leaves the try to the next call.
func TestWhoAsksOnlyTriesNothing(t *testing.T) {
	h := newHalfOpen(t)
	if _, err := h.s.ways(t.Context(), "main", "+4930123456", "house"); err != nil {
		t.Fatal(err)
	}
	h.goes("ims", "line")
}

// TestOfManyAtOnceOneTries.
func TestOfManyAtOnceOneTries(t *testing.T) {
	h := newHalfOpen(t)
	var tried atomic.Int32
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			if _, names := h.over(); slices.Contains(names, "ims") {
				tried.Add(1)
			}
		})
	}
	all.Wait()
	if n := tried.Load(); n != 1 {
		t.Errorf("%d calls try it", n)
	}
}
