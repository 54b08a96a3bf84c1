package sqlstore

import (
	"maps"
	"slices"
	"sync"

	"c2d/core/event"
)

// ringLength is how many recent events of a tenant are kept in memory, for all readers together.
const ringLength = 4096

// rings holds the newest events of each tenant, without gaps, and wakes readers. Safe for concurrent use.
type rings struct {
	mu      sync.RWMutex
	tenants map[string][]event.Event // ascending Seq, each one higher
	changed chan struct{}
}

func newRings() *rings {
	return &rings{tenants: map[string][]event.Event{}, changed: make(chan struct{})}
}

// add takes events that were committed, and wakes those who wait. Where another process has written between, the ring
// begins anew: the store has what is missing.
func (r *rings) add(events []event.Event) {
	if len(events) == 0 {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, e := range events {
		ring := r.tenants[e.Tenant]
		if n := len(ring); n > 0 && ring[n-1].Seq+1 != e.Seq {
			ring = nil
		}
		if len(ring) >= 2*ringLength { // half of it at once, so that adding stays cheap
			ring = slices.Clone(ring[len(ring)-ringLength:])
		}
		r.tenants[e.Tenant] = append(ring, e)
	}
	close(r.changed)
	r.changed = make(chan struct{})
}

// drop forgets events up to seq, which are gone from the store.
func (r *rings) drop(tenant string, seq int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	ring := r.tenants[tenant]
	for len(ring) > 0 && ring[0].Seq <= seq {
		ring = ring[1:]
	}
	r.tenants[tenant] = slices.Clone(ring)
}

func (r *rings) wait() <-chan struct{} {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.changed
}

// read returns the page after seq; false if the ring does not reach back to it. atHead says that seq is the newest
// that this process has seen.
func (r *rings) read(f event.Filter, seq int64, limit int) (page event.Page, atHead, ok bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	ring := r.tenants[f.Tenant]
	if len(ring) == 0 || seq < ring[0].Seq-1 || seq > ring[len(ring)-1].Seq {
		return event.Page{}, false, false
	}
	rest := ring[seq-(ring[0].Seq-1):]
	for _, e := range rest {
		if len(page.Events) == limit {
			break
		}
		seq = e.Seq
		if passes(f, e) {
			e.Data = maps.Clone(e.Data)
			page.Events = append(page.Events, e)
		}
	}
	page.Next = eventCursor(seq)
	return page, len(rest) == 0, true
}

func passes(f event.Filter, e event.Event) bool {
	return (f.Subject == "" || f.Subject == e.Subject) && (f.UserID == "" || f.UserID == e.UserID) &&
		(len(f.Kinds) == 0 || slices.Contains(f.Kinds, e.Kind))
}
