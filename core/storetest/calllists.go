package storetest

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"c2d/core/audit"
	"c2d/core/call"
	"c2d/core/fault"
)

func testCallLists(t *testing.T, s Stores) {
	ctx := t.Context()
	long := strings.Repeat("延", 3000)
	for i := range 7 { // two each at one time, so that ids decide
		c := newCall(tenantA, fmt.Sprint(i), fmt.Sprint("u", i%3))
		c.State, c.CreatedAt = call.Connected, noon.Add(time.Duration(i/2)*time.Second)
		c.Context = map[string]string{"visit": fmt.Sprint("V", i%2), "ward": "7", "note": long}
		if i == 6 {
			c.State = call.Ended
		}
		ok(t, s.Create(ctx, c, nil, audit.Trail{}))
	}
	for _, l := range []struct {
		name  string
		query call.Query
		ids   string
	}{
		{"all, newest first", call.Query{}, "6 5 4 3 2 1 0"},
		{"active", call.Query{Active: true}, "5 4 3 2 1 0"},
		{"a user's", call.Query{UserID: "u0"}, "6 3 0"},
		{"of a context", call.Query{Context: map[string]string{"visit": "V1"}}, "5 3 1"},
		{"of all of a context", call.Query{Context: map[string]string{"visit": "V1", "ward": "7"}, UserID: "u2"}, "5"},
		{"of a long context", call.Query{Context: map[string]string{"note": long}, UserID: "u1"}, "4 1"},
		{"of a context that nothing has", call.Query{Context: map[string]string{"visit": "7", "ward": "V1"}}, ""},
	} {
		t.Run(l.name, func(t *testing.T) {
			l.query.Tenant = tenantA
			for _, limit := range []int{1, 2, 3, 500} {
				l.query.Limit = limit
				wantListed(t, s, l.query, strings.Fields(l.ids)...)
			}
		})
	}
	t.Run("too many of a context", func(t *testing.T) {
		q := call.Query{Tenant: tenantA, Limit: 1, Context: map[string]string{"1": "", "2": "", "3": "", "4": "", "5": ""}}
		_, _, err := s.List(ctx, q)
		wantField(t, err, fault.CodeInvalid, "context")
	})
	t.Run("bad cursors", func(t *testing.T) {
		badCursors(t, func(after string) error {
			_, _, err := s.List(ctx, call.Query{Tenant: tenantA, After: after, Limit: 1})
			return err
		})
	})
}

// wantListed reads a list page by page; a limit of 0 is one page of all.
func wantListed(t *testing.T, s Stores, q call.Query, ids ...string) {
	t.Helper()
	if q.Limit == 0 {
		q.Limit = 500
	}
	seen := pages(t, q.Limit, func(after string) ([]call.Call, string, error) {
		q.After = after
		return s.List(t.Context(), q)
	})
	same(t, fmt.Sprint(idsOf(seen)), fmt.Sprint(ids))
}

// pages reads a list to its end, and checks that no page is empty or longer than the limit.
func pages[T any](t *testing.T, limit int, read func(after string) ([]T, string, error)) []T {
	t.Helper()
	var seen []T
	after := ""
	for {
		items, next, err := read(after)
		ok(t, err)
		if len(items) > limit || next != "" && len(items) < limit {
			t.Fatalf("a page has %d items, limit %d, next %q", len(items), limit, next)
		}
		if seen = append(seen, items...); next == "" {
			return seen
		}
		if len(seen) > 10_000 {
			t.Fatal("the list does not end")
		}
		after = next
	}
}

// badCursors gives a list what it never gave out.
func badCursors(t *testing.T, read func(after string) error) {
	for _, c := range []string{"x", "!", "e", "e-1", "e+1", "E1", "e01", "0", "AAAA", "bnVsbA", "W10", "WyJjIl0", "WyJjIiwiMSJd",
		"WyJjIiwieCIsIjEiXQ", "WyJjIiwieCIsIjEiXQ==", "ezF9", "' OR 1=1 --", "\r\n", "é", "\x00"} {
		t.Run(fmt.Sprintf("%q", c), func(t *testing.T) { wantCode(t, read(c), fault.CodeBadCursor) })
	}
}
