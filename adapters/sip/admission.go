package sip

import (
	"net/netip"
	"sync"
	"time"

	"github.com/emiago/sipgo/sip"
)

const (
	mostProven = 1 << 16       // source addresses that have proved something and are remembered at once
	provenFor  = 3 * time.Hour // longer than any registration is granted
)

// admission decides which requests outside our dialogs are looked at. A flood from forged addresses has a new source for
// each request, so all strangers together have a limit too; whoever has proved who he is does not share it, nor their
// table. Safe for concurrent use.
type admission struct {
	known, strangers *limiter // for each source

	mu     sync.Mutex
	rate   float64 // tokens in a second, for all strangers together
	all    bucket
	proven map[netip.Addr]time.Time // since when nothing was proved anew
}

func newAdmission(l Limits) *admission {
	if l.Strangers == 0 {
		l.Strangers = 500
	}
	a := &admission{known: newLimiter(l), strangers: newLimiter(l), rate: l.Strangers, proven: map[netip.Addr]time.Time{}}
	a.all.tokens = a.burst()
	return a
}

// burst is what all strangers together may do at once: every phone of a house begins anew after a power cut.
func (a *admission) burst() float64 { return max(1, 4*a.rate) }

// allow takes a token of the source's own, and for a stranger one of all strangers'. overrun: it was the latter that lacked.
func (a *admission) allow(source netip.Addr, trusted bool, now time.Time) (ok, overrun bool) {
	if trusted || a.knows(source, now) {
		return a.known.allow(source, now), false
	}
	if !a.strangers.allow(source, now) {
		return false, false
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	ok = a.all.take(a.rate, a.burst(), now)
	return ok, !ok
}

func (a *admission) knows(source netip.Addr, now time.Time) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	at, ok := a.proven[site(source)]
	return ok && now.Sub(at) < provenFor
}

// proved notes that a source has shown that it knows a phone's password.
func (a *admission) proved(source netip.Addr, now time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	source = site(source)
	if _, ok := a.proven[source]; !ok && len(a.proven) >= mostProven {
		a.forget(now)
	}
	if _, ok := a.proven[source]; ok || len(a.proven) < mostProven {
		a.proven[source] = now
	}
}

// forget drops what was proved too long ago. a.mu is held.
func (a *admission) forget(now time.Time) {
	for source, at := range a.proven {
		if now.Sub(at) >= provenFor {
			delete(a.proven, source)
		}
	}
}

// admits reports whether a request outside our dialogs is looked at, and answers it if not. Above the limit of all strangers
// datagrams are dropped: the source may be forged, and a real phone repeats itself.
func (s *Stack) admits(req *sip.Request, tx *sip.ServerTx) bool {
	ok, overrun := s.allows(req)
	switch {
	case ok:
	case overrun && req.Transport() == "UDP":
		tx.Terminate()
	default:
		s.busy(req, tx)
	}
	return ok
}

func (s *Stack) allows(req *sip.Request) (ok, overrun bool) {
	g, _ := s.gatewayOf(req)
	return s.limits.allow(source(req).Addr(), g != nil || s.gatewayAt(req.Source()) != nil, time.Now())
}

// vouch notes whom a request came from, once its digest was right.
func (s *Stack) vouch(req *sip.Request) { s.limits.proved(source(req).Addr(), time.Now()) }
