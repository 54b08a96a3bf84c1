package access

import (
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func TestLimiter(t *testing.T) {
	clock := time.Unix(0, 0)
	l := NewLimiter(2, 3, 10, func() time.Time { return clock })
	for i, step := range []struct {
		after time.Duration
		key   string
		ok    bool
		retry time.Duration
	}{
		{0, "a", true, 0}, {0, "a", true, 0}, {0, "a", true, 0},
		{0, "a", false, 500 * time.Millisecond}, {0, "a", false, 500 * time.Millisecond}, // asking costs nothing
		{0, "b", true, 0},
		{200 * time.Millisecond, "a", false, 300 * time.Millisecond},
		{300 * time.Millisecond, "a", true, 0}, {0, "a", false, 500 * time.Millisecond},
		{-time.Hour, "a", false, 500 * time.Millisecond},
		{time.Hour, "a", true, 0}, {0, "a", true, 0}, {0, "a", true, 0}, {0, "a", false, 500 * time.Millisecond},
	} {
		clock = clock.Add(step.after)
		if ok, retry := l.Allow(step.key); ok != step.ok || retry.Round(time.Microsecond) != step.retry {
			t.Errorf("step %d: %v, %v", i, ok, retry)
		}
	}
}

func TestLimiterForgetsTheKeyThatWasLeastRecentlyUsed(t *testing.T) {
	clock := time.Unix(0, 0)
	l := NewLimiter(0.1, 1, 3, func() time.Time { return clock })
	l.Allow("kept")
	for i := range 100 {
		l.Allow(strconv.Itoa(i))
		if ok, _ := l.Allow("kept"); ok {
			t.Fatal("a key in use was forgotten")
		}
	}
	if len(l.buckets) != 3 || l.recent.Len() != 3 {
		t.Errorf("%d keys and %d buckets are remembered", len(l.buckets), l.recent.Len())
	}
}

func TestLimiterWithoutRateAllowsAll(t *testing.T) {
	l := NewLimiter(0, 1, 1, time.Now)
	for range 10 {
		if ok, _ := l.Allow("a"); !ok {
			t.Fatal("refused")
		}
	}
}

func TestLimiterInParallel(t *testing.T) {
	clock := time.Unix(0, 0)
	l := NewLimiter(1, 50, 10, func() time.Time { return clock })
	var allowed atomic.Int64
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 20 {
				if ok, _ := l.Allow("a"); ok {
					allowed.Add(1)
				}
			}
		})
	}
	wg.Wait()
	if allowed.Load() != 50 {
		t.Errorf("%d of a burst of 50 were allowed", allowed.Load())
	}
}
