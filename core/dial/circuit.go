package dial

import (
	"context"
	"slices"
	"sync"
	"time"

	"c2d/core/call"
	"c2d/core/fault"
)

const (
	failuresInARow = 5                // open a circuit
	openFor        = 10 * time.Second // then a call may try again
)

// circuits remember of each entry how its last calls went. After some in a row that it could not carry its circuit is open:
// others of the route are used, without the wait for a refusal. After a pause it is half-open: its health is asked anew, and one call
// at a time tries it. The first that it carries closes the circuit, the first that it cannot opens it anew. The zero value is ready.
// Safe for concurrent use.
type circuits struct {
	mu  sync.Mutex
	all map[string]*circuit
}

type circuit struct {
	failures int       // in a row
	until    time.Time // it is open, and half-open after; zero is closed
	probe    string    // the call that tries it
}

// fared takes an outcome; changed says that the circuit has been opened, or closed again.
func (c *circuits) fared(entry string, well bool, now time.Time) (changed bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if well {
		was := c.all[entry]
		delete(c.all, entry)
		return was != nil && !was.until.IsZero()
	}
	if c.all == nil {
		c.all = map[string]*circuit{}
	}
	if c.all[entry] == nil {
		c.all[entry] = &circuit{}
	}
	one := c.all[entry]
	one.failures++
	if one.failures < failuresInARow || now.Before(one.until) {
		return false
	}
	changed = one.until.IsZero()
	one.until, one.probe = now.Add(openFor), ""
	return changed
}

func (c *circuits) open(entry string, now time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	one := c.all[entry]
	return one != nil && now.Before(one.until)
}

// half reports whether a circuit is half-open, and which call tries the entry; empty is none.
func (c *circuits) half(entry string, now time.Time) (probe string, is bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	one := c.all[entry]
	if one == nil || one.until.IsZero() || now.Before(one.until) {
		return "", false
	}
	return one.probe, true
}

// try lets a call try an entry in the place of one that does so no more; false if another has taken it, or it is open again.
func (c *circuits) try(entry, was, id string, now time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	one := c.all[entry]
	switch {
	case one == nil:
		return true
	case now.Before(one.until) || one.probe != was:
		return false
	}
	one.probe = id
	return true
}

// Outcome takes how a leg fared on an entry: nil when its phone rang or answered, else why it ended without. It is
// call.Config.Outcome.
func (s *Service) Outcome(entry string, why *call.Cause) {
	well, counts := s.verdict(entry, why)
	if !counts || !s.circuits.fared(entry, well, s.cfg.Now()) {
		return
	}
	if well {
		s.cfg.Log.Info("backend carries calls again", "backend", entry)
	} else {
		s.cfg.Log.Warn("backend has carried none of the last calls: others of a route are tried instead", "backend", entry, "calls", failuresInARow)
	}
}

// verdict reads an outcome. A phone that is busy proves that its phone system works; silence, and our own limits, say nothing. What
// a phone that is registered here answers is the phone's, not the entry's.
func (s *Service) verdict(entry string, why *call.Cause) (well, counts bool) {
	switch {
	case why == nil:
		return true, true
	case why.NotRung && (why.Reason == call.BackendFailed || why.SIP == 503):
		return false, why.SIP == 0 || !s.entry(entry).Registered
	case slices.Contains([]call.Reason{call.Busy, call.Rejected, call.NoAnswer, call.InvalidNumber, call.Forbidden}, why.Reason):
		return true, true
	}
	return false, false
}

// Open returns nil unless the circuit of an entry is open: its last calls have all failed there. Errors:
// fault.CodeBackendUnavailable.
func (s *Service) Open(entry string) error {
	if !s.circuits.open(entry, s.cfg.Now()) {
		return nil
	}
	return fault.New(fault.CodeBackendUnavailable, "the last %d calls have failed there: for %v the others of a route are tried", failuresInARow, openFor)
}

// lets reports whether a call may go to an entry, as far as its circuit knows. A half-open one is tried by one call at a time. Where
// another entry comes before, it is the last resort of whom that cannot carry: to try costs no more than to refuse. Without a call
// nothing is tried.
func (s *Service) lets(entry, id string, behind bool) bool {
	now := s.cfg.Now()
	if s.circuits.open(entry, now) {
		return false
	}
	probe, half := s.circuits.half(entry, now)
	switch {
	case !half || behind || probe == id && id != "":
		return true
	case probe != "" && s.tries(probe, entry): // the carrier is not asked under the circuits' lock: it tells us of outcomes under its own
		return false
	}
	return id == "" || s.circuits.try(entry, probe, id, now)
}

// tries reports whether a call may yet have an outcome on an entry: of one that is over, was given up, or went elsewhere, none comes.
func (s *Service) tries(id, entry string) bool {
	c, open := s.carrier.Get(id)
	if !open || c.State == call.Connected || c.State == call.Ended {
		return false
	}
	for _, a := range c.Callee.Attempts {
		for _, l := range a.Legs {
			if l.Open() && l.HangUp == "" && l.Way.Backend == entry {
				return true
			}
		}
	}
	return len(c.Callee.Attempts) == 0 // its callee is being looked up
}

// Well returns nil when calls can go over an entry now, as far as its phone system knows; else why not.
func (e Entry) Well(ctx context.Context) error {
	if e.Health != nil {
		return e.Health(ctx)
	}
	return e.Backend.Health(ctx)
}
