package numbering

import (
	"sync"

	"c2d/core/identity"
)

const (
	mostRecent    = 1024
	longestRecent = 64 // bytes of a number that is kept
)

// recent keeps what was read lately, since a call reads the same number twice or more, and each reading tries dozens of regular
// expressions of the national plans. The zero value is empty. Safe for concurrent use.
type recent struct {
	mu sync.Mutex
	by map[string]identity.Number // by what was typed
}

func (r *recent) get(typed string) (n identity.Number, known bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	n, known = r.by[typed]
	return n, known
}

// put forgets all when it is full: what is asked for is soon there again.
func (r *recent) put(n identity.Number) {
	if len(n.Typed) > longestRecent {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.by == nil || len(r.by) >= mostRecent {
		r.by = make(map[string]identity.Number)
	}
	r.by[n.Typed] = n
}
