package storetest

import (
	"fmt"
	"testing"

	"c2d/core/access"
	"c2d/core/audit"
	"c2d/core/event"
	"c2d/core/fault"
)

func testAudit(t *testing.T, s Stores) {
	ctx := t.Context()
	wantChain(t, s, tenantA, 0)
	ok(t, s.Record(ctx, audit.Trail{}))
	for i := range 5 {
		var tr audit.Trail
		for j := range i {
			e := audit.New(access.Actor{Tenant: tenantA, KeyID: "k"}, start, "contact.read", fmt.Sprint(i, j), string(fault.CodeForbidden))
			e.At = start // finer than a store keeps
			tr.Audit = append(tr.Audit, e)
		}
		ok(t, s.Record(ctx, tr))
	}
	wantChain(t, s, tenantA, 10)
	t.Run("pages", func(t *testing.T) {
		entries, err := s.Entries(ctx, tenantA, 3, 2)
		ok(t, err)
		same(t, len(entries), 2)
		same(t, [2]int64{entries[0].Seq, entries[1].Seq}, [2]int64{4, 5})
		same(t, entries[0].At, noon)
		entries, err = s.Entries(ctx, tenantA, 10, 2)
		ok(t, err)
		same(t, len(entries), 0)
	})
	t.Run("one trail of two tenants", func(t *testing.T) {
		one, two := trail(tenantA, "x"), trail(tenantB, "y")
		ok(t, s.Record(ctx, audit.Trail{Audit: append(one.Audit, two.Audit...), Events: append(one.Events, two.Events...)}))
		wantChain(t, s, tenantA, 11)
		wantChain(t, s, tenantB, 1)
	})
	t.Run("no tenant", func(t *testing.T) {
		wantField(t, s.Record(ctx, audit.Trail{Events: []event.Event{{Kind: event.BackendLost, At: noon}}}), fault.CodeInvalid, "tenant")
		wantChain(t, s, tenantA, 11)
	})
}

func wantChain(t *testing.T, s Stores, tenant string, length int64) {
	t.Helper()
	n, broken, err := audit.Verify(t.Context(), s, tenant)
	ok(t, err)
	same(t, [2]int64{n, broken}, [2]int64{length, 0})
}
