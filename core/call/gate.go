package call

import "slices"

// gate bounds how many calls ring at once on a backend: the rest wait in order of arrival. The zero limit is none.
// It is guarded by the runner's lock.
type gate struct {
	limit   int
	inside  map[string]bool
	waiting []string
}

// enter takes a place; false puts the call in the queue.
func (g *gate) enter(id string) bool {
	if g.limit == 0 || g.inside[id] {
		return true
	}
	if len(g.inside) >= g.limit {
		g.waiting = append(g.waiting, id)
		return false
	}
	g.inside[id] = true
	return true
}

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
