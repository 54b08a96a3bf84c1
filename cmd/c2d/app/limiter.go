package app

import (
	"strings"
	"time"

	"c2d/cmd/c2d/config"
	"c2d/core/access"
)

// manyKeys is how many keys, users, numbers or addresses a limiter remembers.
const manyKeys = 100_000

func newLimiter(r config.Rate) *access.Limiter {
	return access.NewLimiter(r.PerSecond, r.Burst, manyKeys, time.Now)
}

// byBackend has a limiter for each backend that has a limit of its own.
type byBackend map[string]*access.Limiter

func newBackendLimiters(limits config.Limits) byBackend {
	all := byBackend{}
	for name, l := range limits.Backends {
		all[name] = access.NewLimiter(l.PerSecond, l.Burst, 1, time.Now)
	}
	return all
}

// Allow implements [dial.Limiter]; the key is a backend's name.
func (b byBackend) Allow(name string) (bool, time.Duration) {
	if l := b[name]; l != nil {
		return l.Allow(name)
	}
	return true, 0
}

// may reports whether one more call may be sent to a backend now.
func (b byBackend) may(name string) bool {
	ok, _ := b.Allow(name)
	return ok
}

// byPrefix sends "key/…" to one limiter and everything else, which is addresses, to another.
type byPrefix struct{ keys, addresses *access.Limiter }

// Allow implements the API's limiter.
func (b byPrefix) Allow(key string) (bool, time.Duration) {
	if strings.HasPrefix(key, "key/") {
		return b.keys.Allow(key)
	}
	return b.addresses.Allow(key)
}
