package access

import (
	"sync"
	"time"

	"c2d/core/fault"
)

const (
	keptSeen = time.Hour // that a key is good for, while the store is away, after it was last found there
	mostSeen = 4096      // keys remembered at once
)

// seen remembers the keys that were found in the store lately, for the time that the store is away: whoever began a
// call must be able to end it then. Safe for concurrent use.
type seen struct {
	mu sync.Mutex
	by map[string]sighting // by the key's hash
}

type sighting struct {
	key Key
	at  time.Time
}

// judge takes what the store said of a hash, and returns what holds: the same, or, if the store is away, the key as it
// was when it was last found.
func (s *seen) judge(hash []byte, k Key, err error, now time.Time) (Key, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case err == nil && k.RevokedAt.IsZero():
		s.put(string(hash), sighting{k, now})
	case err == nil, fault.Is(err, fault.CodeNotFound):
		delete(s.by, string(hash))
	case fault.Is(err, fault.CodeStoreUnavailable):
		if old, ok := s.by[string(hash)]; ok && now.Sub(old.at) < keptSeen {
			return old.key, nil
		}
	}
	return k, err
}

// has reports whether a key was found in the store at some time.
func (s *seen) has(hash []byte) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, ok := s.by[string(hash)]
	return ok
}

// put makes room first: by those that are too old, else by any. s.mu is held.
func (s *seen) put(hash string, what sighting) {
	if _, known := s.by[hash]; !known && len(s.by) >= mostSeen {
		for h, old := range s.by {
			if what.at.Sub(old.at) >= keptSeen {
				delete(s.by, h)
			}
		}
		for h := range s.by {
			if len(s.by) < mostSeen {
				break
			}
			delete(s.by, h)
		}
	}
	s.by[hash] = what
}

// forget is for a key that was revoked here.
func (s *seen) forget(hash []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.by, string(hash))
}
