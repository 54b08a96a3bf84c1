package call

import (
	"context"
	"slices"
	"time"

	"c2d/core/audit"
	"c2d/core/fault"
)

// commit makes next the call, durably. When the store fails, a transition that would ring or join is not made: the call
// ends instead, and false is returned; one that only lets go is kept in memory and written when the store is back.
func (b *box) commit(next Call, later []Action) bool {
	if len(later) == 0 {
		b.save(next, trail(b.call, next))
		return true
	}
	if b.trySave(next) == nil {
		return true
	}
	ended, actions, _ := step(b.call, NotDurable{}, b.r.cfg.Now())
	b.release(ended, actions)
	b.save(ended, trail(b.call, ended))
	return false
}

// trySave writes next or leaves everything as it was.
func (b *box) trySave(next Call) error {
	t := trail(b.call, next)
	next.Version = b.stored + 1
	err := b.write(next, b.merged(t, next.Version))
	if err != nil {
		b.r.cfg.Log.Error("call not stored", "call", next.ID, "error", err)
		return err
	}
	b.accept(next)
	b.stored, b.unsaved, b.dirty = next.Version, audit.Trail{}, false
	return nil
}

// save makes next the call whatever the store says, and tries again later what it did not take.
func (b *box) save(next Call, t audit.Trail) {
	next.Version = b.stored + 1
	all := b.merged(t, next.Version)
	err := b.write(next, all)
	b.accept(next)
	if err != nil {
		b.r.cfg.Log.Error("call not stored, will be tried again", "call", next.ID, "error", err)
		b.unsaved = all
		b.dirty = b.again(err)
		return
	}
	b.stored, b.unsaved, b.dirty = next.Version, audit.Trail{}, false
}

// again reports whether a write that failed is to be tried again. A conflict comes from an earlier write of ours whose
// commit was done and whose answer was lost: then the next one goes on top of it, and tells what that has not told. The
// call of another node is given up.
func (b *box) again(err error) bool {
	if !fault.Is(err, fault.CodeConflict, fault.CodeNotFound) {
		return true
	}
	ctx, cancel := context.WithTimeout(context.Background(), saveLimit)
	defer cancel()
	stored, err := b.r.cfg.Store.Get(ctx, b.call.Tenant, b.call.ID)
	if err != nil {
		return !fault.Is(err, fault.CodeNotFound)
	}
	if stored.Node != b.call.Node || stored.Epoch != b.call.Epoch || stored.Version <= b.stored {
		return false
	}
	b.stored, b.unsaved.Events = stored.Version, trail(stored, b.call).Events
	return true
}

// merged is what is not stored yet and t. It shares nothing with a write that was given up and may still be under way.
func (b *box) merged(t audit.Trail, version int64) audit.Trail {
	all := audit.Trail{Audit: b.unsaved.Audit, Events: slices.Concat(b.unsaved.Events, t.Events)}
	for i := range all.Events {
		all.Events[i].Version = version
	}
	return all
}

// write waits for the store, but not for long: while the mailbox waits, nobody is hung up. A write that is given up may
// still be done; then the next one meets a conflict, and again sorts it out.
func (b *box) write(c Call, t audit.Trail) error {
	done := make(chan error, 1)
	b.r.work.Go(func() { // ends by saveLimit
		ctx, cancel := context.WithTimeout(context.Background(), saveLimit)
		defer cancel()
		done <- b.r.cfg.Store.Save(ctx, c, t)
	})
	patience := time.NewTimer(savePatience)
	defer patience.Stop()
	select {
	case err := <-done:
		return err
	case <-patience.C:
		return fault.New(fault.CodeStoreUnavailable, "the store does not answer")
	}
}

// accept makes next visible, and its legs known to the sinks, before anything is sent.
func (b *box) accept(next Call) {
	b.mu.Lock()
	before := b.call
	b.call = next
	b.wakeFollowers()
	b.mu.Unlock()
	b.r.mu.Lock()
	defer b.r.mu.Unlock()
	for l := range next.Legs {
		if b.r.legs[l.ID] == nil { // else it was handed over to another call
			b.r.legs[l.ID] = b
		}
	}
	if waits(before.State) && !waits(next.State) {
		b.r.leave(&next)
	}
	b.r.wake()
}
