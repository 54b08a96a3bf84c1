package registrar

import (
	"net/netip"
	"sync"
	"time"
)

const mostSources = 1 << 14 // source addresses remembered at once

// failures counts failed authentications per source address in windows of fixed length. Safe for concurrent use.
type failures struct {
	limit  int
	window time.Duration
	most   int
	now    func() time.Time

	mu sync.Mutex
	by map[netip.Addr]tally
}

type tally struct {
	count int
	until time.Time // end of the window
}

func newFailures(limit int, window time.Duration, now func() time.Time) *failures {
	return &failures{limit: limit, window: window, most: mostSources, now: now, by: map[netip.Addr]tally{}}
}

// blocked returns how long the source is shut out yet; 0 if it is not.
func (f *failures) blocked(source netip.Addr) time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	t, now := f.by[site(source)], f.now()
	if t.count < f.limit || !now.Before(t.until) {
		return 0
	}
	return t.until.Sub(now)
}

// note counts a failure, and reports whether it is the one that shuts the source out.
func (f *failures) note(source netip.Addr) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	key, now := site(source), f.now()
	t, ok := f.by[key]
	if !ok {
		f.makeRoom(now)
	}
	if !ok || !now.Before(t.until) {
		t = tally{until: now.Add(f.window)}
	}
	t.count++
	f.by[key] = t
	return t.count == f.limit
}

// makeRoom forgets the windows that have ended, and if none has, one source: whoever has that many addresses is not
// stopped by a limit per address.
func (f *failures) makeRoom(now time.Time) {
	if len(f.by) < f.most {
		return
	}
	for key, t := range f.by {
		if !now.Before(t.until) {
			delete(f.by, key)
		}
	}
	for key := range f.by {
		if len(f.by) < f.most {
			return
		}
		delete(f.by, key)
	}
}

// site is what one subscriber of a network holds: an IPv4 address, an IPv6 /64.
func site(a netip.Addr) netip.Addr {
	a = a.Unmap().WithZone("")
	if a.Is6() {
		p, _ := a.Prefix(64) // 64 bits fit every IPv6 address
		return p.Addr()
	}
	return a
}
