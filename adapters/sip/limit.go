package sip

import (
	"net/netip"
	"sync"
	"time"
)

const mostSources = 4096 // source addresses that are remembered at once

// limiter is a token bucket for each source address, in bounded memory: when the table is full, the addresses whose
// bucket is full again are forgotten, since they are like new ones; if none is, strangers share one bucket.
// Safe for concurrent use.
type limiter struct {
	rate  float64 // tokens in a second
	burst float64

	mu      sync.Mutex
	buckets map[netip.Addr]*bucket
	shared  bucket
	swept   time.Time
}

type bucket struct {
	tokens float64
	at     time.Time
}

func newLimiter(l Limits) *limiter {
	lim := &limiter{rate: l.Rate, burst: float64(l.Burst), buckets: map[netip.Addr]*bucket{}}
	if lim.rate == 0 {
		lim.rate = 50
	}
	if lim.burst == 0 {
		lim.burst = 200
	}
	lim.shared.tokens = lim.burst
	return lim
}

// allow takes one token of the source's bucket, and reports whether there was one.
func (l *limiter) allow(source netip.Addr, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.bucket(site(source), now).take(l.rate, l.burst, now)
}

// take takes a token, and reports whether there was one.
func (b *bucket) take(rate, burst float64, now time.Time) bool {
	b.tokens = min(burst, b.tokens+rate*now.Sub(b.at).Seconds())
	b.at = now
	if b.tokens < 1 {
		return false
	}
	b.tokens--
	return true
}

// site counts the /64 of an IPv6 address as one source: a single host has all of it.
func site(source netip.Addr) netip.Addr {
	if p, err := source.Prefix(64); err == nil && source.Is6() && !source.Is4In6() {
		return p.Addr()
	}
	return source
}

func (l *limiter) bucket(source netip.Addr, now time.Time) *bucket {
	if b := l.buckets[source]; b != nil {
		return b
	}
	if len(l.buckets) >= mostSources {
		l.forget(now)
	}
	if len(l.buckets) >= mostSources {
		return &l.shared
	}
	b := &bucket{tokens: l.burst, at: now}
	l.buckets[source] = b
	return b
}

// forget drops the full buckets, once in a second at most: a flood from forged addresses must not make each packet
// cost a walk over the table.
func (l *limiter) forget(now time.Time) {
	if now.Sub(l.swept) < time.Second {
		return
	}
	l.swept = now
	for a, b := range l.buckets {
		if b.tokens+l.rate*now.Sub(b.at).Seconds() >= l.burst {
			delete(l.buckets, a)
		}
	}
}
