package call

import (
	"context"
	"errors"
	"slices"
	"time"

	"c2d/core/audit"
	"c2d/core/event"
	"c2d/core/fault"
)

// writing is what the store was given of a call. There is one at a time, so that the store has the versions in order.
type writing struct {
	call  Call
	trail audit.Trail
	doubt bool          // an earlier one may have been stored, or not
	idle  bool          // nobody waits for it; the mailbox's own
	back  chan struct{} // closed when somebody waits after all, for it or for what has come since; nil if somebody did from the start
	done  chan struct{}
	err   error // to be read once done is closed
}

// keep makes next the call. It is written after a lull, with what follows until then, or before an act that needs it.
func (b *box) keep(next Call) {
	b.version++
	next.Version = b.version
	b.unsaved.Events = append(b.unsaved.Events, trail(b.call, next).Events...)
	b.soil(lull)
	b.hold()
	b.accept(next)
}

// soil notes that the store is behind, and must not be for longer than twice within. All calls are due at the same moments, so
// that one commit serves them.
func (b *box) soil(within time.Duration) {
	if !b.dirty {
		b.dirty, b.due = true, b.r.cfg.Now().Truncate(within).Add(2*within)
	}
}

// flush gives the store what it lacks, unless it has not answered yet; then that is done after its answer. It does not wait.
// idle says that nobody else does.
func (b *box) flush(idle bool) {
	if b.writing != nil || !b.dirty {
		return
	}
	w := &writing{call: b.call, trail: b.unsaved, doubt: b.doubt, idle: idle, done: make(chan struct{})}
	if idle {
		w.back = make(chan struct{})
	}
	b.writing, b.unsaved, b.dirty = w, audit.Trail{}, false
	b.r.work.Go(func() { // ends by saveLimit
		ctx, cancel := context.WithTimeout(context.Background(), saveLimit)
		defer cancel()
		w.err = w.save(ctx, b.r.cfg.Store)
		close(w.done)
		b.post(letter{in: stored{}})
	})
}

// save writes. After a write whose outcome is not known it looks first, so that nothing is told twice.
func (w *writing) save(ctx context.Context, s Store) error {
	told := w.trail
	if w.doubt {
		c, err := s.Get(ctx, w.call.Tenant, w.call.ID)
		switch {
		case err != nil:
			return err
		case c.Version >= w.call.Version && c.Node == w.call.Node && c.Epoch == w.call.Epoch:
			return nil
		}
		told.Events = slices.DeleteFunc(slices.Clone(told.Events), func(e event.Event) bool { return e.Version <= c.Version })
	}
	return s.Save(ctx, w.call, told, w.back)
}

// takeBack lets it be stored with what has come since, in one commit, unless the store is at it.
func (w *writing) takeBack() {
	if w.idle {
		w.idle = false
		close(w.back)
	}
}

// written takes the store's answer, once it is there. What was not stored is tried again later; a call that another node
// has, or that is gone, is given up.
func (b *box) written() error {
	w := b.writing
	if w == nil {
		return nil
	}
	select {
	case <-w.done:
	default:
		return nil
	}
	b.writing = nil
	if errors.Is(w.err, ErrTakenBack) {
		b.again(w, 0)
		return nil
	}
	b.doubt = w.err != nil
	if w.err == nil {
		b.show(w.call)
		return nil
	}
	b.r.cfg.Log.Error("call not stored", "call", w.call.ID, "error", w.err)
	if !fault.Is(w.err, fault.CodeConflict, fault.CodeNotFound) {
		b.again(w, retryEvery)
	}
	b.show(b.call)
	return w.err
}

// again lets what was not stored go with the next write, which is due after a while.
func (b *box) again(w *writing, after time.Duration) {
	b.unsaved = audit.Trail{Audit: slices.Concat(w.trail.Audit, b.unsaved.Audit), Events: slices.Concat(w.trail.Events, b.unsaved.Events)}
	b.dirty, b.due = true, b.r.cfg.Now().Add(after)
}

// durable returns once the store has the call as it is, and reports whether that is so. It waits no longer than within, and
// not for an act, whose hurry is given, once somebody ends the call: while the mailbox waits, nobody is let go.
func (b *box) durable(within time.Duration, hurry <-chan struct{}) bool {
	patience := time.NewTimer(within)
	defer patience.Stop()
	for b.dirty || b.writing != nil {
		if hurry != nil && b.hurried() {
			return false
		}
		b.flush(false)
		b.writing.takeBack()
		select {
		case <-b.writing.done:
			if b.written() != nil {
				return false
			}
		case <-hurry:
		case <-patience.C:
			b.r.cfg.Log.Error("the store does not answer", "call", b.call.ID)
			b.show(b.call)
			return false
		}
	}
	return true
}

// hurried reports whether what ends the call waits in the mailbox.
func (b *box) hurried() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.ContainsFunc(b.letters, b.hurries)
}

// hurries reports whether a letter ends the call, in whatever state it is; b.mu is held.
func (b *box) hurries(l letter) bool {
	switch in := l.in.(type) {
	case HangUpOrdered:
		return true
	case LegEvent:
		return in.Kind == EvEnded && (in.Leg == b.call.CallerLeg || in.Leg == b.call.CalleeLeg)
	}
	return false
}

// hold lets others read the call as it is now while it goes on: what they were told to be so is still so after a crash.
func (b *box) hold() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.shown == nil {
		was := b.call
		b.shown = &was
	}
}

// show lets them read c.
func (b *box) show(c Call) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.shown = nil
	if c.Version != b.call.Version {
		b.shown = &c
	}
}

// accept makes next the call, and its legs known to the sinks, before anything is sent.
func (b *box) accept(next Call) {
	b.mu.Lock()
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
	b.r.leave(next.ID, next.needs)
	b.r.wake()
}
