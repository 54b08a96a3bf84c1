package office

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"

	"c2d/core/audit"
	"c2d/core/call"
	"c2d/core/call/calltest"
	"c2d/core/event"
)

// Store counts how often the end of a call is told. It outlives the processes that write to it. Safe for concurrent use.
type Store struct {
	*calltest.Memory
	mu    sync.Mutex
	calls map[string]call.Call // as it was told
	ends  map[string]int
}

// NewStore returns an empty store.
func NewStore() *Store {
	return &Store{Memory: calltest.NewMemory(), calls: map[string]call.Call{}, ends: map[string]int{}}
}

// Call returns a call as it is stored, and how often its end was told.
func (s *Store) Call(id string) (call.Call, int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls[id], s.ends[id]
}

func (s *Store) note(c call.Call, t audit.Trail) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls[c.ID] = c
	for _, ev := range t.Events {
		if ev.Kind == event.CallEnded {
			s.ends[c.ID]++
		}
	}
}

// pen is one process's hand on the store: once the process is killed, nothing that it writes comes there.
type pen struct {
	*Store
	dead atomic.Bool
}

var errDead = errors.New("the process is dead")

func (p *pen) Create(ctx context.Context, c call.Call, idem *call.Idempotency, t audit.Trail) error {
	if p.dead.Load() {
		return errDead
	}
	err := p.Memory.Create(ctx, c, idem, t)
	if err == nil {
		p.note(c, t)
	}
	return err
}

func (p *pen) Save(ctx context.Context, c call.Call, t audit.Trail, back <-chan struct{}) error {
	if p.dead.Load() {
		return errDead
	}
	err := p.Memory.Save(ctx, c, t, back)
	if err == nil {
		p.note(c, t)
	}
	return err
}
