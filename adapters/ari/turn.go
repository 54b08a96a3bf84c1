package ari

import "context"

// turn is whose turn it is to do something to one bridge. A bridge's name follows from its legs, so that the next process
// finds it: an order to remove it must not overtake, or be overtaken by, one to make it for the same two.
type turn struct {
	place chan struct{} // holds whoever has it
	users int           // that have it or wait for it; guarded by the backend's mutex
}

// inTurn does something to a bridge, after whatever is being done to it. Errors: those of ctx, while it waits; those of do.
func (b *Backend) inTurn(ctx context.Context, bridge string, do func() error) error {
	b.mu.Lock()
	t := b.turns[bridge]
	if t == nil {
		t = &turn{place: make(chan struct{}, 1)}
		b.turns[bridge] = t
	}
	t.users++
	b.mu.Unlock()
	defer b.done(bridge, t)
	select {
	case t.place <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-t.place }()
	return do()
}

func (b *Backend) done(bridge string, t *turn) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if t.users--; t.users == 0 {
		delete(b.turns, bridge)
	}
}
