package calltest

import (
	"context"
	"fmt"
	"sync"

	"c2d/core/audit"
	"c2d/core/call"
	"c2d/core/event"
	"c2d/core/fault"
)

// ledger is a store, and what was written into it. One process of ours writes through it until it is killed.
type ledger struct {
	call.Store
	book *book
	dead func() bool // the same moment as for the wire: what fails at one must not be written at the other
}

// book is what all processes have written.
type book struct {
	mu     sync.Mutex
	calls  map[string]call.Call
	events map[string][]event.Event
}

func newBook() *book { return &book{calls: map[string]call.Call{}, events: map[string][]event.Event{}} }

func (b *book) note(c call.Call, t audit.Trail) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.calls[c.ID] = c
	for _, e := range t.Events {
		b.events[e.Subject] = append(b.events[e.Subject], e)
	}
}

func (b *book) call(id string) call.Call {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.calls[id]
}

// all returns every call.
func (b *book) all() []call.Call {
	b.mu.Lock()
	defer b.mu.Unlock()
	var calls []call.Call
	for _, c := range b.calls {
		calls = append(calls, c)
	}
	return calls
}

// story tells the events of a call, each in a few words, but for call.changed: how finely a backend tells the progress of
// a leg is its own affair.
func (b *book) story(id string) []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	var lines []string
	for _, e := range b.events[id] {
		if e.Kind != event.CallChanged {
			lines = append(lines, words(e))
		}
	}
	return lines
}

func words(e event.Event) string {
	switch e.Kind {
	case event.CallCreated:
		return "created"
	case event.CallRinging:
		return e.Data["party"] + " rings"
	case event.CallAnswered:
		return e.Data["party"] + " answers"
	case event.CallConnected:
		return "connected"
	case event.CallRecording:
		return "recording " + e.Data["recording_state"]
	case event.CallEnded:
		side := e.Data["side"]
		if side == "" {
			side = "-"
		}
		return fmt.Sprintf("ended %s %s %s", e.Data["reason"], side, e.Data["by"])
	}
	return string(e.Kind)
}

// Create implements [call.Store].
func (l *ledger) Create(ctx context.Context, c call.Call, idem *call.Idempotency, t audit.Trail) error {
	return l.write(c, t, func() error { return l.Store.Create(ctx, c, idem, t) })
}

// Save implements [call.Store].
func (l *ledger) Save(ctx context.Context, c call.Call, t audit.Trail, back <-chan struct{}) error {
	return l.write(c, t, func() error { return l.Store.Save(ctx, c, t, back) })
}

// TakeOver implements [call.Store].
func (l *ledger) TakeOver(ctx context.Context, c call.Call, from []call.Call, t audit.Trail) error {
	err := l.write(c, t, func() error { return l.Store.TakeOver(ctx, c, from, t) })
	for _, old := range from {
		if err == nil {
			l.book.note(old, audit.Trail{})
		}
	}
	return err
}

func (l *ledger) write(c call.Call, t audit.Trail, do func() error) error {
	if l.dead() {
		return fault.New(fault.CodeStoreUnavailable, "the process was killed")
	}
	err := do()
	if err == nil {
		l.book.note(c, t)
	}
	return err
}
