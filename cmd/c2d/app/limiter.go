package app

import (
	"strings"
	"sync"
	"time"

	"c2d/cmd/c2d/config"
	"c2d/core/access"
	"c2d/core/dial"
)

// manyKeys is how many keys, users, numbers or addresses a limiter remembers.
const manyKeys = 100_000

// limiter is one rate, which can be set anew; what was counted stays if it is the same. Safe for concurrent use.
type limiter struct {
	mu   sync.Mutex
	rate config.Rate
	many int
	is   *access.Limiter // nil limits nothing
}

func (l *limiter) set(r config.Rate, many int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.is == nil || r != l.rate || many != l.many {
		l.rate, l.many, l.is = r, many, access.NewLimiter(r.PerSecond, r.Burst, many, time.Now)
	}
}

// Allow implements [dial.Limiter] and the API's.
func (l *limiter) Allow(key string) (bool, time.Duration) {
	l.mu.Lock()
	is := l.is
	l.mu.Unlock()
	if is == nil {
		return true, 0
	}
	return is.Allow(key)
}

// limiters are all that the configuration's limits ask for.
type limiters struct {
	keys, addresses, users, callees limiter

	mu       sync.Mutex
	backends map[string]*limiter // for those that have a limit of their own
}

// set takes limits, also anew.
func (l *limiters) set(limits config.Limits) {
	l.keys.set(limits.Key, manyKeys)
	l.addresses.set(limits.Address, manyKeys)
	l.users.set(limits.User, manyKeys)
	l.callees.set(limits.Callee, manyKeys)
	l.mu.Lock()
	defer l.mu.Unlock()
	all := map[string]*limiter{}
	for name, b := range limits.Backends {
		if all[name] = l.backends[name]; all[name] == nil {
			all[name] = &limiter{}
		}
		all[name].set(config.Rate{PerSecond: b.PerSecond, Burst: b.Burst}, 1)
	}
	l.backends = all
}

func (l *limiters) dial() dial.Limits {
	return dial.Limits{PerUser: &l.users, PerCallee: &l.callees, PerBackend: (*byBackend)(l)}
}

// may reports whether one more call may be sent to a backend now.
func (l *limiters) may(backend string) bool {
	ok, _ := (*byBackend)(l).Allow(backend)
	return ok
}

// byBackend limits by a backend's name.
type byBackend limiters

// Allow implements [dial.Limiter].
func (b *byBackend) Allow(name string) (bool, time.Duration) {
	b.mu.Lock()
	one := b.backends[name]
	b.mu.Unlock()
	if one == nil {
		return true, 0
	}
	return one.Allow(name)
}

// byPrefix sends "key/…" to one limiter and everything else, which is addresses, to another.
type byPrefix limiters

// Allow implements the API's limiter.
func (b *byPrefix) Allow(key string) (bool, time.Duration) {
	if strings.HasPrefix(key, "key/") {
		return b.keys.Allow(key)
	}
	return b.addresses.Allow(key)
}
