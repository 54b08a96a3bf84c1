package call

import "slices"

// gate bounds how many calls ring at once on a backend, and how often one more is sent there. Who is to ring first waits in
// order of arrival; a leg that follows is refused, so that its next way can be tried. It is guarded by the runner's lock.
type gate struct {
	limit   int // 0 is none
	allow   func() bool
	inside  map[string]bool
	waiting []string
}

// newGate returns that of a backend.
func (r *Runner) newGate(name string, limit int) *gate {
	g := &gate{limit: limit, allow: func() bool { return true }, inside: map[string]bool{}}
	if r.cfg.Allow != nil {
		g.allow = func() bool { return r.cfg.Allow(name) }
	}
	return g
}

// Limit sets how many calls ring at once on each backend, of those that it has; 0 is no limit. Who waits is let in as far as there
// is a place now; who rings goes on.
func (r *Runner) Limit(limits map[string]int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for name, g := range r.gates {
		g.limit = limits[name]
		for len(g.waiting) > 0 && !g.full() {
			next := g.waiting[0]
			g.waiting = g.waiting[1:]
			g.inside[next] = true
			r.admit(next)
		}
	}
}

// admit tells a call that it has its place; the caller holds r.mu.
func (r *Runner) admit(id string) {
	if b := r.calls[id]; b != nil {
		b.post(letter{in: Admitted{}})
	}
}

// enter takes a place; false puts the call in the queue.
func (g *gate) enter(id string) bool {
	if !g.inside[id] && g.full() {
		g.waiting = append(g.waiting, id)
		return false
	}
	g.inside[id] = true
	return true
}

// take takes a place for a call that is under way, unless it has one; false if there is none, or one more is too soon.
func (g *gate) take(id string) bool {
	if !g.inside[id] && (g.full() || !g.allow()) {
		return false
	}
	g.inside[id] = true
	return true
}

func (g *gate) full() bool { return g.limit > 0 && len(g.inside) >= g.limit }

// leave gives the place back, or the place in the queue up, and returns the call that is let in instead, if any.
func (g *gate) leave(id string) (next string) {
	if i := slices.Index(g.waiting, id); i >= 0 {
		g.waiting = slices.Delete(g.waiting, i, i+1)
		return ""
	}
	if !g.inside[id] {
		return ""
	}
	delete(g.inside, id)
	if len(g.waiting) == 0 {
		return ""
	}
	next, g.waiting = g.waiting[0], g.waiting[1:]
	g.inside[next] = true
	return next
}

// admits takes a place on a backend for a leg of a call that is under way; false if there is none.
func (r *Runner) admits(id, backend string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	g := r.gates[backend]
	return g == nil || g.take(id)
}

// fared tells, once it is known, whether a backend could carry a leg; nothing of one that we have ended.
func (b *box) fared(in Input) {
	ev, tells := in.(LegEvent)
	if !tells || b.r.cfg.Outcome == nil {
		return
	}
	l, _, _ := b.call.Find(ev.Leg)
	if l == nil || !l.Open() || l.Rang || l.State == LegAnswered || l.State == LegOffered || l.HangUp != "" {
		return
	}
	switch ev.Kind {
	case EvRinging, EvEarlyMedia, EvAnswered:
		b.r.cfg.Outcome(l.Way.Backend, nil)
	case EvEnded:
		b.r.cfg.Outcome(l.Way.Backend, &ev.Cause)
	}
}

// leave frees the places of a call on the backends that it needs no more; the caller holds r.mu.
func (r *Runner) leave(id string, needs func(backend string) bool) {
	for name, g := range r.gates {
		if needs(name) {
			continue
		}
		if next := g.leave(id); next != "" {
			r.admit(next)
		}
	}
}

// gate names the backend on which the call's first phone rings.
func (c *Call) gate() string {
	if len(c.Caller.Attempts) == 0 || len(c.Caller.Attempts[0].Targets) == 0 {
		return c.Backend
	}
	return c.Caller.Attempts[0].Targets[0].Ways[0].Backend
}

// needs reports whether a call has a place on a backend, or waits for one: until the two talk, where it has a leg.
func (c *Call) needs(backend string) bool {
	switch c.State {
	case Queued:
		return backend == c.gate()
	case Connected, Ended:
		return false
	}
	for l := range c.Legs {
		if l.Open() && l.Way.Backend == backend {
			return true
		}
	}
	return false
}

// backends are all that a call has used, that of the caller first.
func (c *Call) backends() []string {
	all := []string{c.Backend}
	for l := range c.Legs {
		if !slices.Contains(all, l.Way.Backend) {
			all = append(all, l.Way.Backend)
		}
	}
	return all
}
