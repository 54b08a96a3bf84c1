package sip

import (
	"errors"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"c2d/core/call"
	"c2d/core/fault"
)

// server is one address of a trunk's proxy.
type server struct {
	transport string // udp, tcp, tls
	addr      string // ip:port
}

// host is what one SRV record names: servers that are as good as each other. All hosts of a lower rank are tried first;
// among those of one rank the weight says how often each is the first (RFC 2782).
type host struct {
	rank, weight int
	servers      []server
}

// servers are the addresses of a proxy and what is known of each. What calls find out and what the trunk's own goroutine
// does is kept in one place, so that the two never disagree. Safe for concurrent use.
type servers struct {
	mu     sync.Mutex
	hosts  []host
	former []server             // that DNS names no more: calls may still talk there
	up     map[server]bool      // the last sign of life came
	until  map[string]time.Time // by address: it asked not to be called before then (Retry-After)
	home   server               // where we are registered
	err    error                // why no calls can go at all; nil when they can
}

// mostFormer bounds what is remembered of a carrier that goes from address to address.
const mostFormer = 32

// mostWays bounds how many addresses of one proxy a call tries.
const mostWays = 5

// found takes what DNS says now. What is known of an address that stays is kept.
func (s *servers) found(hosts []host) {
	s.mu.Lock()
	defer s.mu.Unlock()
	before := s.all()
	s.hosts = hosts
	all := s.all()
	gone := slices.DeleteFunc(before, func(at server) bool { return slices.Contains(all, at) })
	s.former = append(gone, slices.DeleteFunc(s.former, func(at server) bool { return slices.Contains(gone, at) })...)
	s.former = s.former[:min(len(s.former), mostFormer)]
	maps.DeleteFunc(s.up, func(at server, _ bool) bool { return !slices.Contains(all, at) })
}

// every returns all addresses, as DNS orders them.
func (s *servers) every() []server {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.all()
}

// has reports whether an address is the proxy's, or was.
func (s *servers) has(addr string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	its := func(at server) bool { return at.addr == addr }
	return slices.ContainsFunc(s.all(), its) || slices.ContainsFunc(s.former, its)
}

// all is every. s.mu is held.
func (s *servers) all() (all []server) {
	for _, h := range s.hosts {
		all = append(all, h.servers...)
	}
	return all
}

// inOrder returns the addresses as one call, or one REGISTER, tries them: where we are registered first, since many
// carriers know us there only; then by rank and weight. s.mu is held.
func (s *servers) inOrder() []server {
	var all []server
	for _, h := range weighed(s.hosts, rand.IntN) {
		all = append(all, h.servers...)
	}
	if i := slices.Index(all, s.home); i > 0 {
		all = slices.Insert(slices.Delete(all, i, i+1), 0, s.home)
	}
	return all
}

// weighed orders hosts by rank, and within one rank by weight and chance (RFC 2782): one of weight 0 is seldom the first.
func weighed(hosts []host, chance func(n int) int) []host {
	left := slices.Clone(hosts)
	slices.SortStableFunc(left, func(a, b host) int { return a.rank - b.rank })
	for i := range left {
		sum := 0
		for _, h := range left[i:] {
			if h.rank == left[i].rank {
				sum += h.weight + 1 // so that nobody is never the first
			}
		}
		at, pick := i, chance(sum)
		for pick -= left[at].weight + 1; pick >= 0; pick -= left[at].weight + 1 {
			at++
		}
		first := left[at]
		left = slices.Insert(slices.Delete(left, at, at+1), i, first)
	}
	return left
}

// trying returns the addresses to register at, those that gave a sign of life last first, without those that asked to be
// left alone.
func (s *servers) trying() []server {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := slices.DeleteFunc(s.inOrder(), func(at server) bool { return time.Now().Before(s.until[at.addr]) })
	slices.SortStableFunc(all, func(a, b server) int {
		switch {
		case s.up[a] == s.up[b]:
			return 0
		case s.up[a]:
			return -1
		}
		return 1
	})
	return all
}

// takes reports whether calls may go to an address. s.mu is held.
func (s *servers) takes(at server) bool { return s.up[at] && !time.Now().Before(s.until[at.addr]) }

// ready returns the addresses that calls may go to, in the order of trying. Errors: fault.CodeBackendUnavailable when
// there is none.
func (s *servers) ready() ([]server, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return nil, fault.Wrap(fault.CodeBackendUnavailable, s.err, "the trunk is down")
	}
	ready := slices.DeleteFunc(s.inOrder(), func(at server) bool { return !s.takes(at) })
	if len(ready) == 0 {
		return nil, fault.New(fault.CodeBackendUnavailable, "every address of the trunk is out of service")
	}
	return ready, nil
}

func (s *servers) health() error {
	_, err := s.ready()
	return err
}

// at returns the server that a way names, or for a way that names none the first that takes calls. Errors:
// fault.CodeBackendUnavailable when it takes none now.
func (s *servers) at(w call.Way) (server, error) {
	ready, err := s.ready()
	if err != nil || w.Contact == "" {
		return first(ready), err
	}
	c, err := decodeContact(w.Contact)
	if err != nil {
		return server{}, err
	}
	at := server{transport: c.Transport, addr: c.Source}
	if !slices.Contains(ready, at) {
		return server{}, fault.New(fault.CodeBackendUnavailable, "this address of the trunk is out of service")
	}
	return at, nil
}

func first(all []server) (at server) {
	if len(all) > 0 {
		at = all[0]
	}
	return at
}

// heard notes whether an address gave a sign of life.
func (s *servers) heard(at server, alive bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.up == nil {
		s.up = map[server]bool{}
	}
	s.up[at] = alive
}

// fell notes that nobody is at an address.
func (s *servers) fell(addr string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	maps.DeleteFunc(s.up, func(at server, _ bool) bool { return at.addr == addr })
}

// longestOut bounds for how long an answer can keep an address out.
const longestOut = time.Hour

// avoid keeps an address out for as long as it asked (RFC 3261 section 21.5.4).
func (s *servers) avoid(addr string, d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.until == nil {
		s.until = map[string]time.Time{}
	}
	now := time.Now()
	maps.DeleteFunc(s.until, func(_ string, t time.Time) bool { return now.After(t) })
	s.until[addr] = now.Add(min(d, longestOut))
}

func (s *servers) isUp(at server) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.up[at]
}

// homeOf returns where we are registered.
func (s *servers) homeOf() server {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.home
}

// settle notes where we are registered now.
func (s *servers) settle(at server) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.home = at
}

// stands notes why no calls can go, nil when they can, and reports whether that is news: another sentence is, another cause
// below it, such as another port, is not.
func (s *servers) stands(err error) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	changed := (s.err == nil) != (err == nil) || sentence(s.err) != sentence(err)
	s.err = err
	return changed
}

// sentence is what a fault says without its cause.
func sentence(err error) string {
	var f *fault.Error
	if !errors.As(err, &f) {
		return ""
	}
	return f.Message
}
