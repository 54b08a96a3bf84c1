package client

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
)

// TestPlayIntoWhileAnotherIsGoing: a bridge whose last sound is going refuses for a moment, and is asked again; not for ever.
func TestPlayIntoWhileAnotherIsGoing(t *testing.T) {
	for name, c := range map[string]struct {
		refusals, status int
		asked            int64
	}{
		"going":           {2, 500, 3},
		"broken":          {1000, 500, 7},
		"no such bridge":  {1000, 404, 1},
		"not in Stasis()": {1000, 409, 1},
	} {
		t.Run(name, func(t *testing.T) {
			var asked atomic.Int64
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				if asked.Add(1) <= int64(c.refusals) {
					w.WriteHeader(c.status)
				}
			}))
			t.Cleanup(s.Close)
			to := New(Config{URL: s.URL})
			t.Cleanup(to.Close)
			err := to.PlayInto(t.Context(), "b", "p", "tone:callwaiting")
			if want := map[bool]int{true: c.status}[c.refusals == 1000]; Status(err) != want || asked.Load() != c.asked {
				t.Errorf("asked %d times, then %v", asked.Load(), err)
			}
		})
	}
}

// TestPlayIntoEndsWithItsContext, also between two refusals.
func TestPlayIntoEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	var asked atomic.Int64
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if w.WriteHeader(http.StatusInternalServerError); asked.Add(1) == 3 {
			cancel()
		}
	}))
	t.Cleanup(s.Close)
	to := New(Config{URL: s.URL})
	t.Cleanup(to.Close)
	if err := to.PlayInto(ctx, "b", "p", "tone:callwaiting"); asked.Load() != 3 || Status(err) != http.StatusInternalServerError && !errors.Is(err, context.Canceled) {
		t.Errorf("asked %d times, then %v", asked.Load(), err)
	}
}
