package dial

import "sync"

// turns lets those who use one idempotency key in one after the other, so that the second finds what the first has
// stored, and a replay counts against no rate. The zero value is ready. Safe for concurrent use.
type turns struct {
	mu   sync.Mutex
	keys map[string]*turn
}

type turn struct {
	mu    sync.Mutex
	users int
}

// take waits for the key's turn and returns what ends it.
func (t *turns) take(key string) (done func()) {
	t.mu.Lock()
	if t.keys == nil {
		t.keys = map[string]*turn{}
	}
	k := t.keys[key]
	if k == nil {
		k = &turn{}
		t.keys[key] = k
	}
	k.users++
	t.mu.Unlock()
	k.mu.Lock()
	return func() {
		k.mu.Unlock()
		t.mu.Lock()
		defer t.mu.Unlock()
		if k.users--; k.users == 0 {
			delete(t.keys, key)
		}
	}
}
