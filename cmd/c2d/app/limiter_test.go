package app

import (
	"testing"

	"c2d/cmd/c2d/config"
)

// A limit counts for each backend that has one, and what was counted stays when limits are set anew.
func TestLimitsOfBackends(t *testing.T) {
	limits := config.Limits{Backends: map[string]config.BackendLimits{"ims": {PerSecond: 0.001, Burst: 2}, "line": {PerSecond: 0.001}, "free": {Ringing: 3}}}
	var l limiters
	for _, c := range []struct {
		backend string
		may     bool
	}{{"ims", true}, {"line", true}, {"ims", true}, {"ims", false}, {"line", false}, {"free", true}, {"free", true}, {"house", true}} {
		l.set(limits)
		if l.may(c.backend) != c.may {
			t.Errorf("%s: not %v", c.backend, c.may)
		}
	}
	limits.Backends = map[string]config.BackendLimits{"ims": {PerSecond: 0.001, Burst: 1}}
	l.set(limits)
	if !l.may("ims") || l.may("ims") || !l.may("line") {
		t.Error("the new limits are not those")
	}
}
