package app

import (
	"testing"

	"c2d/cmd/c2d/config"
)

// TestABackendHasItsOwnRate is a backend that takes two calls at once, beside one that takes all.
func TestABackendHasItsOwnRate(t *testing.T) {
	l := newBackendLimiters(config.Limits{Backends: map[string]config.BackendLimits{"pbx": {PerSecond: 0.001, Burst: 2}, "box": {Ringing: 3}}})
	for i, want := range []bool{true, true, false} {
		if ok, _ := l.Allow("pbx"); ok != want {
			t.Errorf("call %d over pbx: %v", i+1, ok)
		}
	}
	for range 100 {
		for _, name := range []string{"box", "house"} {
			if ok, _ := l.Allow(name); !ok {
				t.Fatalf("%s is limited", name)
			}
		}
	}
}
