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
	openFor        = 10 * time.Second // then the next call may try again
)

// circuits remember of each entry how its last calls went. After some in a row that it could not carry its circuit is open:
// others of the route are used, without the wait for a refusal. After a pause calls may go there again; the first that it carries
// closes the circuit, the first that it cannot opens it anew. The zero value is ready. Safe for concurrent use.
type circuits struct {
	mu  sync.Mutex
	all map[string]*circuit
}

type circuit struct {
	failures int       // in a row
	until    time.Time // it is open
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
	one.until = now.Add(openFor)
	return changed
}

func (c *circuits) open(entry string, now time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	one := c.all[entry]
	return one != nil && now.Before(one.until)
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

// eligible are the entries over which a call can go now, in order.
func (s *Service) eligible(ctx context.Context, entries []Entry) []Entry {
	var well []Entry
	for _, e := range entries {
		if s.Open(e.Name) == nil && e.Well(ctx) == nil {
			well = append(well, e)
		}
	}
	return well
}

// Well returns nil when calls can go over an entry now, as far as its phone system knows; else why not.
func (e Entry) Well(ctx context.Context) error {
	if e.Health != nil {
		return e.Health(ctx)
	}
	return e.Backend.Health(ctx)
}
