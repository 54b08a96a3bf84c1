package calltest

import (
	"context"
	"sync"

	"c2d/core/audit"
	"c2d/core/call"
	"c2d/core/fault"
)

// Memory is a [call.Store] that forgets with the process, for backends whose tests may not use a real one.
type Memory struct {
	mu    sync.Mutex
	calls map[string]call.Call
	keys  map[string]call.Idempotency
}

var _ call.Store = (*Memory)(nil)

// NewMemory returns an empty store.
func NewMemory() *Memory {
	return &Memory{calls: map[string]call.Call{}, keys: map[string]call.Idempotency{}}
}

// Create implements [call.Store].
func (m *Memory) Create(_ context.Context, c call.Call, idem *call.Idempotency, _ audit.Trail) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if idem != nil {
		k := idem.Tenant + "\x00" + idem.KeyID + "\x00" + idem.Key
		if row, used := m.keys[k]; used {
			return &call.Replay{Row: row}
		}
		m.keys[k] = *idem
	}
	m.calls[c.ID] = c
	return nil
}

// Save implements [call.Store].
func (m *Memory) Save(_ context.Context, c call.Call, _ audit.Trail, _ <-chan struct{}) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.follows(c); err != nil {
		return err
	}
	m.calls[c.ID] = c
	return nil
}

// TakeOver implements [call.Store].
func (m *Memory) TakeOver(_ context.Context, c call.Call, from []call.Call, _ audit.Trail) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, old := range from {
		if err := m.follows(old); err != nil {
			return err
		}
	}
	for _, one := range append(from, c) {
		m.calls[one.ID] = one
	}
	return nil
}

// follows reports, by nil, that c is a later version of its call; m.mu is held.
func (m *Memory) follows(c call.Call) error {
	if was := m.calls[c.ID]; was.Version >= c.Version || was.Node != c.Node || was.Epoch != c.Epoch {
		return fault.New(fault.CodeConflict, "version %d over %d", c.Version, was.Version)
	}
	return nil
}

// Get implements [call.Store].
func (m *Memory) Get(_ context.Context, tenant, id string) (call.Call, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if c, ok := m.calls[id]; ok && c.Tenant == tenant {
		return c, nil
	}
	return call.Call{}, fault.New(fault.CodeNotFound, "no such call")
}

// List implements [call.Store]: all that are active, or all, in no order and on one page.
func (m *Memory) List(_ context.Context, q call.Query) (items []call.Call, next string, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, c := range m.calls {
		if c.Tenant == q.Tenant && (!q.Active || c.State != call.Ended) {
			items = append(items, c)
		}
	}
	return items, "", nil
}

// Replayed implements [call.Store].
func (m *Memory) Replayed(_ context.Context, tenant, keyID, key string) (call.Idempotency, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if row, ok := m.keys[tenant+"\x00"+keyID+"\x00"+key]; ok {
		return row, nil
	}
	return call.Idempotency{}, fault.New(fault.CodeNotFound, "the key was not used")
}

// Open implements [call.Store].
func (m *Memory) Open(_ context.Context, node string) ([]call.Call, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var open []call.Call
	for _, c := range m.calls {
		if c.Node == node && c.Open() {
			open = append(open, c)
		}
	}
	return open, nil
}
