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

// byPrefix sends "key/…" to one limiter and everything else, which is addresses, to another.
type byPrefix struct{ keys, addresses *access.Limiter }

// Allow implements the API's limiter.
func (b byPrefix) Allow(key string) (bool, time.Duration) {
	if strings.HasPrefix(key, "key/") {
		return b.keys.Allow(key)
	}
	return b.addresses.Allow(key)
}
