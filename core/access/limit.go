package access

import (
	"container/list"
	"sync"
	"time"
)

// Limiter is a token bucket for each key, such as an API key's or a user's id, in bounded memory: the key that was
// asked for longest ago is forgotten first. Safe for concurrent use; nothing runs in the background.
type Limiter struct {
	rate  float64 // tokens that a bucket gains in a second
	burst float64 // tokens that a bucket holds
	most  int
	now   func() time.Time

	mu      sync.Mutex
	buckets map[string]*list.Element
	recent  *list.List // of *bucket, the most recently used first
}

type bucket struct {
	key    string
	tokens float64
	at     time.Time // when tokens was right
}

// NewLimiter returns a limiter that allows rate acts a second for each key, and burst at once; it remembers most
// keys, and reads the time from now. A rate of 0 or less allows everything; burst and most are at least 1.
func NewLimiter(rate float64, burst, most int, now func() time.Time) *Limiter {
	return &Limiter{rate: rate, burst: float64(max(burst, 1)), most: max(most, 1), now: now, buckets: map[string]*list.Element{}, recent: list.New()}
}

// Allow takes a token of the key. If there is none, ok is false and retryAfter says when there will be one; asking
// too early costs nothing.
func (l *Limiter) Allow(key string) (ok bool, retryAfter time.Duration) {
	if l.rate <= 0 {
		return true, 0
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	b := l.bucket(key, now)
	if passed := now.Sub(b.at).Seconds(); passed > 0 { // a clock that was set back gives nothing and takes nothing
		b.tokens = min(l.burst, b.tokens+passed*l.rate)
	}
	b.at = now
	if b.tokens >= 1 {
		b.tokens--
		return true, 0
	}
	wait := (1 - b.tokens) / l.rate
	return false, max(time.Duration(wait*float64(time.Second)), time.Nanosecond)
}

// bucket returns the bucket of the key, full if it is new or forgotten.
func (l *Limiter) bucket(key string, now time.Time) *bucket {
	if e, ok := l.buckets[key]; ok {
		l.recent.MoveToFront(e)
		return e.Value.(*bucket)
	}
	if len(l.buckets) >= l.most {
		oldest := l.recent.Remove(l.recent.Back()).(*bucket)
		delete(l.buckets, oldest.key)
	}
	b := &bucket{key: key, tokens: l.burst, at: now}
	l.buckets[key] = l.recent.PushFront(b)
	return b
}
