package dial

import (
	"maps"
	"sync"

	"c2d/core/call"
)

// Plan is the part of the configuration that can be another one while calls go on. Times and limits of nothing are the defaults.
type Plan struct {
	Entries   []Entry
	Routes    []Route // empty: every number to every entry, in order
	Ring      call.Seconds
	Talk      call.Seconds
	Limits    Limits
	Emergency bool // place emergency numbers by click
}

// Limits bound how often calls are placed; nil does not.
type Limits struct {
	PerUser    Limiter
	PerCallee  Limiter
	PerBackend Limiter // by the configured name of the backend of the caller's phone; call.Config.Allow asks for others
}

// plans are the one that is followed and, of each entry that is in it no more, the last that had it: who is called by a call that began
// there is still found. Safe for concurrent use.
type plans struct {
	mu     sync.Mutex
	now    *course
	former map[string]*course // by entry
}

// course is a Plan that does not change.
type course struct {
	Plan
	entries map[string]Entry
}

// Change lets calls that are placed from now on follow another plan. Those that were placed go on.
func (s *Service) Change(p Plan) {
	if p.Ring == 0 {
		p.Ring = 45
	}
	if p.Talk == 0 {
		p.Talk = 4 * 3600
	}
	next := &course{p, map[string]Entry{}}
	for _, e := range p.Entries {
		next.entries[e.Name] = e
	}
	s.plans.follow(next)
}

func (p *plans) follow(next *course) {
	p.mu.Lock()
	defer p.mu.Unlock()
	former := maps.Clone(p.former)
	if former == nil {
		former = map[string]*course{}
	}
	if p.now != nil {
		for name := range p.now.entries {
			former[name] = p.now
		}
	}
	for name := range next.entries {
		delete(former, name)
	}
	p.now, p.former = next, former
}

// course returns the one that is followed.
func (s *Service) course() *course {
	s.plans.mu.Lock()
	defer s.plans.mu.Unlock()
	return s.plans.now
}

// courseOf returns the plan for a call on an entry: that which is followed, unless it has the entry no more.
func (s *Service) courseOf(entry string) *course {
	s.plans.mu.Lock()
	defer s.plans.mu.Unlock()
	if old := s.plans.former[entry]; old != nil {
		return old
	}
	return s.plans.now
}

// entry returns a configured entry, or what one was that is configured no more: calls may go on there.
func (s *Service) entry(name string) Entry { return s.courseOf(name).entries[name] }

// route returns the entries for a number that are one phone system with the entry near, in the route's order.
func (s *Service) route(number, near string) []Entry {
	p := s.courseOf(near)
	var fit []Entry
	for _, n := range p.names(number) {
		if e := p.entries[n]; e.Backend != nil && e.Backend == p.entries[near].Backend {
			fit = append(fit, e)
		}
	}
	return fit
}

// names returns what a number's route says.
func (p *course) names(number string) (names []string) {
	for _, r := range p.Routes {
		if r.Match.MatchString(number) {
			return r.Backends
		}
	}
	if len(p.Routes) == 0 {
		for _, e := range p.Entries {
			names = append(names, e.Name)
		}
	}
	return names
}
