package sqlstore_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"c2d/adapters/sqlstore"
	"c2d/core/audit"
	"c2d/core/call"
	"c2d/core/event"
	"c2d/core/fault"
	"c2d/test/pbx"
)

// TestSharedDatabase has three stores, as of three processes, write to one PostgreSQL database from its first
// migration on, in tenants that they take in different orders, while a reader follows the log on a fourth.
func TestSharedDatabase(t *testing.T) {
	const writers, each = 3, 100
	url := pbx.Postgres(t)
	stores := openTogether(t, url, writers+1)
	seen := make(chan []int64, 1)
	go func() { seen <- followLog(t, stores[writers], writers*each) }()
	var wg sync.WaitGroup
	for w := range writers {
		for i := range each {
			wg.Go(func() {
				if err := stores[w].Record(t.Context(), trailOf(w, i)); err != nil {
					t.Errorf("store %d: %v", w, err)
				}
			})
		}
	}
	wg.Wait()
	for i, seq := range <-seen {
		if seq != int64(i+1) {
			t.Fatalf("event %d has the number %d: one was passed by", i+1, seq)
		}
	}
	for _, tenant := range []string{"x", "y"} {
		if n, broken, err := audit.Verify(t.Context(), stores[0], tenant); n != writers*each || broken != 0 || err != nil {
			t.Errorf("the chain of %s has %d entries, broken at %d, %v", tenant, n, broken, err)
		}
	}
	testRulesHoldAcross(t, stores)
}

func openTogether(t *testing.T, url string, n int) []*sqlstore.Store {
	t.Helper()
	stores := make([]*sqlstore.Store, n)
	var wg sync.WaitGroup
	for i := range stores {
		wg.Go(func() {
			s, err := sqlstore.Open(t.Context(), url, sqlstore.Options{})
			if err != nil {
				t.Error(err)
				return
			}
			stores[i] = s
			t.Cleanup(func() { _ = s.Close() })
		})
	}
	wg.Wait()
	if t.Failed() {
		t.FailNow()
	}
	return stores
}

// trailOf is of both tenants; which comes first differs.
func trailOf(w, i int) audit.Trail {
	first, second := "x", "y"
	if (w+i)%2 == 0 {
		first, second = second, first
	}
	id := fmt.Sprint(w, "-", i)
	return audit.Trail{
		Audit:  []audit.Entry{{Tenant: first, Action: "a", Target: id}, {Tenant: second, Action: "b", Target: id}},
		Events: []event.Event{{Tenant: second, Kind: event.CallChanged, Subject: id}, {Tenant: first, Kind: event.CallChanged, Subject: id}},
	}
}

// followLog reads the log of one tenant until it has seen that many events; commits of other processes do not wake it.
func followLog(t *testing.T, s *sqlstore.Store, want int) (seqs []int64) {
	cursor, deadline := "", time.After(30*time.Second)
	for len(seqs) < want {
		page, err := s.Read(t.Context(), event.Filter{Tenant: "x"}, cursor, 9)
		if err != nil {
			t.Error(err)
			return seqs
		}
		for _, e := range page.Events {
			seqs = append(seqs, e.Seq)
		}
		if cursor = page.Next; len(page.Events) > 0 {
			continue
		}
		select {
		case <-s.Changed():
		case <-time.After(5 * time.Millisecond): // a reader's own poll, in a hurry
		case <-deadline:
			t.Errorf("saw %d of %d events", len(seqs), want)
			return seqs
		}
	}
	return seqs
}

// testRulesHoldAcross creates the same caller's call in all processes at once.
func testRulesHoldAcross(t *testing.T, stores []*sqlstore.Store) {
	errs := make([]error, len(stores))
	var wg sync.WaitGroup
	for i, s := range stores {
		wg.Go(func() {
			c := call.Call{ID: fmt.Sprint(i), Tenant: "x", Version: 1, State: call.RingingCaller, Caller: call.Party{UserID: "harry"}}
			errs[i] = s.Create(t.Context(), c, nil, audit.Trail{})
		})
	}
	wg.Wait()
	busy := 0
	for _, err := range errs {
		if fault.Is(err, fault.CodeCallerBusy) {
			busy++
		}
	}
	if busy != len(stores)-1 {
		t.Errorf("the calls got %v", errors.Join(errs...))
	}
}
