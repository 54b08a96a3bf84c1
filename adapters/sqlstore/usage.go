package sqlstore

import (
	"context"
	"sync"
)

// keyID names a key.
type keyID struct{ tenant, id string }

// usage notes when keys were last used until a transaction takes the notes along: no request waits for the disk to
// have been seen. Safe for concurrent use.
type usage struct {
	mu sync.Mutex
	at map[keyID]int64 // milliseconds
}

func newUsage() *usage { return &usage{at: map[keyID]int64{}} }

func (u *usage) note(k keyID, at int64) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.at[k] = max(u.at[k], at)
}

// noted returns a note that is not stored yet, 0 if there is none.
func (u *usage) noted(k keyID) int64 {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.at[k]
}

func (u *usage) some() bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	return len(u.at) > 0
}

// all returns the notes, which stay until stored says that they are.
func (u *usage) all() map[keyID]int64 {
	u.mu.Lock()
	defer u.mu.Unlock()
	notes := make(map[keyID]int64, len(u.at))
	for k, at := range u.at {
		notes[k] = at
	}
	return notes
}

// stored forgets notes, but for those that were renewed since.
func (u *usage) stored(notes map[keyID]int64) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for k, at := range notes {
		if u.at[k] == at {
			delete(u.at, k)
		}
	}
}

// touch stores notes; one of a key that is gone changes nothing.
func (t *tx) touch(ctx context.Context, notes map[keyID]int64) error {
	for k, at := range notes {
		_, err := t.exec(ctx, "UPDATE access_keys SET last_used_at = ? WHERE tenant = ? AND id = ? AND last_used_at < ?", at, k.tenant, k.id, at)
		if err != nil {
			return err
		}
	}
	return nil
}
