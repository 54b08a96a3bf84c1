package access

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"c2d/core/fault"
)

// memory is a Store in memory that remembers what would be audited.
type memory struct {
	mu   sync.Mutex
	keys []Key
	acts []string // "act by key id"
	used int
	down bool
	hung chan struct{} // no look-up of a key ends before it is closed; nil hangs none
}

var errDown = fault.Wrap(fault.CodeStoreUnavailable, errors.New("disk gone"), "the store is down")

func (m *memory) PutKey(_ context.Context, k Key, a Actor, act string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.down {
		return errDown
	}
	m.acts = append(m.acts, act+" by "+a.KeyID)
	m.keys = append(slices.DeleteFunc(m.keys, func(o Key) bool { return o.Tenant == k.Tenant && o.ID == k.ID }), k)
	return nil
}

func (m *memory) find(is func(Key) bool) (Key, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.down {
		return Key{}, errDown
	}
	if i := slices.IndexFunc(m.keys, is); i >= 0 {
		return m.keys[i], nil
	}
	return Key{}, fault.New(fault.CodeNotFound, "no such key")
}

func (m *memory) KeyByHash(_ context.Context, hash []byte) (Key, error) {
	if m.hung != nil {
		<-m.hung
	}
	return m.find(func(k Key) bool { return string(k.Hash) == string(hash) })
}

func (m *memory) Key(_ context.Context, tenant, id string) (Key, error) {
	return m.find(func(k Key) bool { return k.Tenant == tenant && k.ID == id })
}

func (m *memory) Keys(_ context.Context, tenant string) ([]Key, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.down {
		return nil, errDown
	}
	return slices.DeleteFunc(slices.Clone(m.keys), func(k Key) bool { return k.Tenant != tenant }), nil
}

func (m *memory) Used(_ context.Context, tenant, id string, at time.Time) error {
	if m.hung != nil {
		<-m.hung
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.used++
	for i := range m.keys {
		if m.keys[i].Tenant == tenant && m.keys[i].ID == id {
			m.keys[i].LastUsedAt = at
		}
	}
	return nil
}

// office is a service with its first keys, and a clock that the test moves.
type office struct {
	*Service
	store   *memory
	clock   time.Time
	secrets map[Role]string
}

func newOffice(t *testing.T) *office {
	t.Helper()
	o := &office{store: &memory{}, clock: time.Date(2026, 11, 22, 8, 15, 30, 0, time.UTC)}
	o.Service = NewService(o.store)
	o.now = func() time.Time { return o.clock }
	var err error
	if o.secrets, err = o.Bootstrap(t.Context(), MainTenant); err != nil || len(o.secrets) != 3 {
		t.Fatal(o.secrets, err)
	}
	return o
}

// as returns the actor of a secret.
func (o *office) as(t *testing.T, secret string) Actor {
	t.Helper()
	a, err := o.Authenticate(t.Context(), secret, local, "")
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// issue creates a key and returns its secret, too.
func (o *office) issued(t *testing.T, by Role, k Key) (Key, string) {
	t.Helper()
	k, secret, err := o.Issue(t.Context(), o.as(t, o.secrets[by]), k)
	if err != nil {
		t.Fatal(err)
	}
	return k, secret
}
