package storetest

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"c2d/core/audit"
	"c2d/core/event"
	"c2d/core/fault"
)

// emit stores n events of a tenant, one trail each: of two users and two kinds in turn, about subjects s0, s1, s2, a
// minute apart.
func emit(t *testing.T, s Stores, tenant string, n int) {
	t.Helper()
	for i := range n {
		e := event.Event{Tenant: tenant, Kind: event.CallRinging, Subject: fmt.Sprint("s", i%3), UserID: fmt.Sprint("u", i%2),
			Version: int64(i), At: start.Add(time.Duration(i) * time.Minute), Data: map[string]string{"party": "caller", "i": fmt.Sprint(i)}}
		if i%2 == 1 {
			e.Kind = event.CallEnded
		}
		ok(t, s.Record(t.Context(), audit.Trail{Events: []event.Event{e}}))
	}
}

func testEvents(t *testing.T, s Stores) {
	ctx := t.Context()
	t.Run("an empty log", func(t *testing.T) {
		head, err := s.Head(ctx, tenantA)
		ok(t, err)
		for _, after := range []string{"", head} {
			p, err := s.Read(ctx, event.Filter{Tenant: tenantA}, after, 10)
			ok(t, err)
			same(t, p, event.Page{Next: head})
		}
	})
	emit(t, s, tenantA, 12)
	t.Run("as they were", func(t *testing.T) {
		p, err := s.Read(ctx, event.Filter{Tenant: tenantA}, "", 1)
		ok(t, err)
		e := p.Events[0]
		same(t, e, event.Event{Seq: e.Seq, ID: p.Next, Tenant: tenantA, Kind: event.CallRinging, Subject: "s0", UserID: "u0", At: noon,
			Data: map[string]string{"party": "caller", "i": "0"}})
		e.Data["i"] = "changed by a reader"
		p, err = s.Read(ctx, event.Filter{Tenant: tenantA}, "", 1)
		ok(t, err)
		same(t, p.Events[0].Data["i"], "0")
	})
	for _, f := range []struct {
		name   string
		filter event.Filter
		want   []int64
	}{
		{"all", event.Filter{}, []int64{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}},
		{"a subject's", event.Filter{Subject: "s1"}, []int64{1, 4, 7, 10}},
		{"a user's", event.Filter{UserID: "u1"}, []int64{1, 3, 5, 7, 9, 11}},
		{"of a kind", event.Filter{Kinds: []event.Kind{event.CallEnded, event.BackendUp}, Subject: "s1"}, []int64{1, 7}},
		{"of no kind that there is", event.Filter{Kinds: []event.Kind{event.BackendUp}}, nil},
	} {
		t.Run(f.name, func(t *testing.T) {
			f.filter.Tenant = tenantA
			for _, limit := range []int{1, 5, 500} {
				same(t, readOn(t, s, f.filter, "", limit), f.want)
			}
		})
	}
	t.Run("wakes readers", func(t *testing.T) { testWake(t, s) })
	t.Run("bad cursors", func(t *testing.T) {
		badCursors(t, func(after string) error {
			_, err := s.Read(ctx, event.Filter{Tenant: tenantA}, after, 10)
			return err
		})
	})
}

// readOn reads page by page to the head and returns the versions seen; each cursor must move on.
func readOn(t *testing.T, s Stores, f event.Filter, after string, limit int) []int64 {
	t.Helper()
	head, err := s.Head(t.Context(), f.Tenant)
	ok(t, err)
	var seen []int64
	for range 1000 {
		p, err := s.Read(t.Context(), f, after, limit)
		ok(t, err)
		for _, e := range p.Events {
			seen = append(seen, e.Version)
		}
		if p.Reset || len(p.Events) > limit {
			t.Fatalf("a page of %d events, reset %v", len(p.Events), p.Reset)
		}
		if p.Next == head {
			return seen
		}
		after = p.Next
	}
	t.Fatal("the head was not reached")
	return nil
}

func testWake(t *testing.T, s Stores) {
	head, err := s.Head(t.Context(), tenantA)
	ok(t, err)
	changed := s.Changed()
	select {
	case <-changed:
		t.Fatal("woken before anything happened")
	default:
	}
	wantCode(t, s.Save(t.Context(), newCall(tenantA, "nobody", ""), trail(tenantA, "nobody"), nil), fault.CodeNotFound)
	ok(t, s.Record(t.Context(), trail(tenantA, "news")))
	await(t, changed, "the wake-up")
	p, err := s.Read(t.Context(), event.Filter{Tenant: tenantA}, head, 10)
	ok(t, err)
	same(t, len(p.Events), 1)
	same(t, p.Events[0].Subject, "news")
}

// await waits for a channel to be closed.
func await(t *testing.T, c <-chan struct{}, what string) {
	t.Helper()
	select {
	case <-c:
	case <-time.After(20 * time.Second):
		t.Fatalf("%s did not come within 20 s", what)
	}
}

func testRetention(t *testing.T, s Stores) {
	ctx, f := t.Context(), event.Filter{Tenant: tenantA}
	emit(t, s, tenantA, 10)
	emit(t, s, tenantB, 3)
	p, err := s.Read(ctx, f, "", 2)
	ok(t, err)
	old := p.Next
	ok(t, s.Prune(ctx, noon)) // nothing is older
	same(t, readOn(t, s, f, old, 3), []int64{2, 3, 4, 5, 6, 7, 8, 9})

	ok(t, s.Prune(ctx, noon.Add(5*time.Minute)))
	p, err = s.Read(ctx, f, old, 2)
	ok(t, err)
	same(t, p.Reset, true)
	same(t, []int64{p.Events[0].Version, p.Events[1].Version}, []int64{5, 6})
	same(t, readOn(t, s, f, p.Next, 2), []int64{7, 8, 9})
	same(t, readOn(t, s, f, "", 500), []int64{5, 6, 7, 8, 9})

	t.Run("all", func(t *testing.T) {
		ok(t, s.Prune(ctx, noon.Add(time.Hour)))
		p, err := s.Read(ctx, f, old, 2)
		ok(t, err)
		head, err := s.Head(ctx, tenantA)
		ok(t, err)
		same(t, p, event.Page{Next: head, Reset: true})
		same(t, slices.Max(readAfterOne(t, s, head)), 0)
	})
	wantChain(t, s, tenantA, 0)
}

// readAfterOne stores one event and returns what a reader at the cursor then sees.
func readAfterOne(t *testing.T, s Stores, cursor string) []int64 {
	t.Helper()
	emit(t, s, tenantA, 1)
	return readOn(t, s, event.Filter{Tenant: tenantA}, cursor, 10)
}
