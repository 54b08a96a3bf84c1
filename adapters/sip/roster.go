package sip

import (
	"context"
	"reflect"
	"slices"
	"sync"
	"time"
)

// roster is the entries and their trunks now, and those that were and are needed still. Its lock is held for a look only. Safe for
// concurrent use.
type roster struct {
	mu       sync.RWMutex
	entries  []Entry // in the order of the file
	former   []Entry // that are no more, by which their calls go on
	gateways map[string]*gateway
	leaving  []*gateway // until their calls have ended, and they are unregistered
}

// Entries are what a stack shall have; see [Stack.Plan].
type Entries struct {
	all      []Entry
	gateways map[string]*gateway
	fresh    []*gateway // not at work yet
}

// Plan makes other entries ready; nothing has changed yet. Trunks that stay as they are stay at work; one whose account stays keeps
// its registration. Errors: those of [Config.Validate], and of files that cannot be read.
func (s *Stack) Plan(all []Entry) (*Entries, error) {
	cfg := s.cfg
	cfg.Entries = all
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	p := &Entries{all: all, gateways: map[string]*gateway{}}
	for _, e := range all {
		if !e.Trunk() {
			continue
		}
		old := s.gateway(e.Name)
		if old != nil && !old.leaves() && reflect.DeepEqual(old.entry, e) {
			p.gateways[e.Name] = old
			continue
		}
		g, err := s.newGateway(e)
		if err != nil {
			return nil, err
		}
		if old != nil && !old.leaves() && old.entry.account() == e.account() {
			g.reg, g.servers = old.reg, old.servers
		}
		p.gateways[e.Name] = g
		p.fresh = append(p.fresh, g)
	}
	return p, nil
}

// account is by whom a trunk is known where.
func (e Entry) account() [4]string {
	register := ""
	if e.Register {
		register = "register"
	}
	return [4]string{e.Proxy, e.Domain, e.User, register}
}

// Take lets the stack have what was planned: calls from now on go by it. A trunk that is no more keeps its calls, and then gives its
// registration up. It is called after Start, one at a time.
func (s *Stack) Take(p *Entries) {
	r := &s.roster
	r.mu.Lock()
	for _, e := range r.entries {
		if !slices.ContainsFunc(p.all, func(n Entry) bool { return n.Name == e.Name }) {
			r.former = append(r.former, e)
		}
	}
	r.former = slices.DeleteFunc(r.former, func(e Entry) bool {
		return slices.ContainsFunc(p.all, func(n Entry) bool { return n.Name == e.Name })
	})
	var gone []*gateway
	for name, g := range r.gateways {
		if p.gateways[name] != g {
			gone = append(gone, g)
		}
	}
	r.entries, r.gateways = p.all, p.gateways
	r.leaving = append(r.leaving, gone...)
	r.mu.Unlock()
	for _, g := range gone {
		g.retire(s.unjoined())
	}
	for _, g := range p.fresh {
		s.spawn(g.run)
	}
}

// Draining names the trunks that are no more, or are others now, and have calls still.
func (s *Stack) Draining() (names []string) {
	s.roster.mu.RLock()
	defer s.roster.mu.RUnlock()
	for _, g := range s.roster.leaving {
		names = append(names, g.entry.Name)
	}
	return names
}

// gateway returns the trunk of an entry, also of one that is no more and has calls; nil for none.
func (s *Stack) gateway(name string) *gateway {
	s.roster.mu.RLock()
	defer s.roster.mu.RUnlock()
	if g := s.roster.gateways[name]; g != nil {
		return g
	}
	for _, g := range s.roster.leaving {
		if g.entry.Name == name {
			return g
		}
	}
	return nil
}

// trunks are all that are at work, those that leave too.
func (s *Stack) trunks() (all []*gateway) {
	s.roster.mu.RLock()
	defer s.roster.mu.RUnlock()
	for _, g := range s.roster.gateways {
		all = append(all, g)
	}
	return append(all, s.roster.leaving...)
}

// entries are those of the configuration now.
func (s *Stack) entries() []Entry {
	s.roster.mu.RLock()
	defer s.roster.mu.RUnlock()
	return s.roster.entries
}

// entry returns one of a name, also one that is no more.
func (s *Stack) entry(name string) (e Entry, known bool) {
	s.roster.mu.RLock()
	defer s.roster.mu.RUnlock()
	for _, all := range [][]Entry{s.roster.entries, s.roster.former} {
		if i := slices.IndexFunc(all, func(e Entry) bool { return e.Name == name }); i >= 0 {
			return all[i], true
		}
	}
	return Entry{}, false
}

// unjoined are the legs that may yet be joined to one over a trunk that is no more.
func (s *Stack) unjoined() map[*leg]bool {
	found := map[*leg]bool{}
	for _, l := range s.all() {
		if !l.paired() {
			found[l] = true
		}
	}
	return found
}

func (l *leg) paired() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.peer != ""
}

// lastLook is how often a trunk that is no more looks whether its calls have ended.
const lastLook = 250 * time.Millisecond

// retire ends the work of a trunk that is no more. Its own goroutine sees to the rest: see leave. waits are legs whose callee may yet
// be called over it.
func (g *gateway) retire(waits map[*leg]bool) {
	g.waits = waits // read after left is closed
	close(g.left)
}

func (g *gateway) leaves() bool {
	select {
	case <-g.left:
		return true
	default:
		return false
	}
}

// leave waits for the end of the trunk's calls, and takes its binding back.
func (g *gateway) leave() {
	for g.needed() {
		again, stop := after(lastLook)
		select {
		case <-again:
		case <-g.s.ctx.Done():
			stop()
			return // Stop has taken the binding back
		}
	}
	ctx, cancel := context.WithTimeout(g.s.ctx, g.s.waits.carrier)
	defer cancel()
	g.unregister(ctx)
	g.s.roster.mu.Lock()
	defer g.s.roster.mu.Unlock()
	g.s.roster.leaving = slices.DeleteFunc(g.s.roster.leaving, func(other *gateway) bool { return other == g })
	g.s.log.Info("a trunk that is configured no more is left: its last call has ended", "trunk", g.entry.Name)
}

// needed reports whether a call goes over the trunk, or may yet.
func (g *gateway) needed() bool {
	for _, l := range g.s.all() {
		if l.trunk == g || g.waits[l] && !l.paired() {
			return true
		}
	}
	return false
}

// unregister takes the trunk's binding back, as long as ctx allows; one that stays expires. That of its account's next trunk is none of
// its own, whatever that is called: the carrier knows one binding of ours.
func (g *gateway) unregister(ctx context.Context) {
	if g.entry.Register && !g.succeeded() && !g.reg.due(time.Time{}) {
		_ = g.register(ctx, g.homeOf(), 0)
	}
}

// succeeded reports whether a trunk is configured no more, and another has its account now.
func (g *gateway) succeeded() bool {
	if !g.leaves() {
		return false
	}
	g.s.roster.mu.RLock()
	defer g.s.roster.mu.RUnlock()
	for _, other := range g.s.roster.gateways {
		if other != g && other.entry.account() == g.entry.account() {
			return true
		}
	}
	return false
}
