package storetest

import (
	"net/netip"
	"testing"
	"time"

	"c2d/core/user"
)

const aor = "sip:harry@h.example"

// newBinding is one of the AOR; n makes it newer than those with a smaller one.
func newBinding(n int, contact, instance string, regID int) user.Binding {
	return user.Binding{Tenant: tenantA, AOR: aor, Contact: contact, Instance: instance, RegID: regID, CallID: "r1", CSeq: 4294967295,
		Transport: "udp", Source: netip.MustParseAddrPort("[2001:db8::7]:5060"), Path: []string{"<sip:edge;lr>"}, UserAgent: "phone/1",
		ExpiresAt: noon.Add(time.Minute), UpdatedAt: noon.Add(time.Duration(n) * time.Second)}
}

func testLocations(t *testing.T, s Stores) {
	put := func(b ...user.Binding) { t.Helper(); ok(t, s.PutBindings(t.Context(), tenantA, aor, b, nil)) }
	desk, soft := newBinding(1, "sip:harry@10.0.0.1", "", 0), newBinding(2, "sip:harry@10.0.0.2", "<urn:uuid:1>", 1)
	put(desk, soft)
	wantBindings(t, s, noon, soft, desk)

	desk.CSeq, desk.UpdatedAt = 7, noon.Add(3*time.Second) // a refresh
	put(desk)
	wantBindings(t, s, noon, desk, soft)

	moved := newBinding(4, "sip:harry@10.0.0.9;ob", soft.Instance, 1) // the same phone from another address
	put(moved)
	wantBindings(t, s, noon, moved, desk)

	second := newBinding(5, "sip:harry@10.0.0.9:1;ob", soft.Instance, 2) // its second flow (RFC 5626)
	put(second)
	wantBindings(t, s, noon, second, moved, desk)

	other := newBinding(6, "sip:harry@10.0.0.3", "", 0) // without an instance nothing but the Contact counts
	ok(t, s.PutBindings(t.Context(), tenantA, aor, []user.Binding{other}, []user.Binding{{Contact: desk.Contact}}))
	wantBindings(t, s, noon, other, second, moved)

	ok(t, s.PutBindings(t.Context(), tenantA, aor, []user.Binding{desk}, []user.Binding{other, {Instance: soft.Instance, RegID: 2}}))
	wantBindings(t, s, noon, moved, desk)

	short := newBinding(7, "sip:harry@10.0.0.4", "", 0)
	short.ExpiresAt = noon.Add(time.Second)
	put(short)
	wantBindings(t, s, noon.Add(time.Second-time.Millisecond), short, moved, desk)
	wantBindings(t, s, noon.Add(time.Second), moved, desk)
	wantBindings(t, s, noon.Add(time.Minute))

	ok(t, s.PutBindings(t.Context(), tenantA, "sip:other@h.example", nil, []user.Binding{moved}))
	wantBindings(t, s, noon.Add(time.Second), moved, desk)
	t.Run("what has expired is pruned", func(t *testing.T) {
		ok(t, s.Prune(t.Context(), noon.Add(2*time.Second)))
		wantBindings(t, s, noon, moved, desk)
	})
}

func wantBindings(t *testing.T, s Stores, now time.Time, want ...user.Binding) {
	t.Helper()
	b, err := s.Bindings(t.Context(), tenantA, aor, now)
	ok(t, err)
	same(t, b, want)
}
