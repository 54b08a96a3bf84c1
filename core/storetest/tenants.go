package storetest

import (
	"testing"
	"time"

	"c2d/core/access"
	"c2d/core/audit"
	"c2d/core/call"
	"c2d/core/directory"
	"c2d/core/event"
	"c2d/core/fault"
	"c2d/core/identity"
	"c2d/core/user"
)

// testTenants fills tenant A by every method that writes, asks for all of it as tenant B, has B write and delete
// under the same ids, and then looks whether A still has what it had.
func testTenants(t *testing.T, s Stores) {
	fill(t, s, tenantA)
	t.Run("B reads nothing", func(t *testing.T) { testReadsNothing(t, s) })
	t.Run("B changes nothing", func(t *testing.T) { testChangesNothing(t, s) })
	t.Run("A is as it was", func(t *testing.T) { wantFilled(t, s, tenantA) })
	t.Run("B may have the same ids, names and keys", func(t *testing.T) {
		fill(t, s, tenantB)
		wantFilled(t, s, tenantB)
		wantFilled(t, s, tenantA)
	})
	t.Run("B deletes its own", func(t *testing.T) {
		ctx := t.Context()
		ok(t, s.DeleteUser(ctx, tenantB, "u1", audit.Trail{}))
		ok(t, s.DeleteDevice(ctx, tenantB, "1", audit.Trail{}))
		ok(t, s.DeleteContact(ctx, tenantB, "1", audit.Trail{}))
		ok(t, s.PutBindings(ctx, tenantB, aor, nil, []user.Binding{newBinding(1, "sip:harry@10.0.0.1", "<urn:uuid:1>", 1)}))
		ok(t, s.Save(ctx, next(newCall(tenantB, "1", "u1"), call.Ended), audit.Trail{}, nil))
		wantFilled(t, s, tenantA)
	})
	t.Run("a trail cannot go elsewhere", func(t *testing.T) {
		_, err := s.PutUser(t.Context(), newUser(tenantB, "u2", "ron"), trail(tenantA, "u2"))
		wantCode(t, err, fault.CodeInternal)
		wantCode(t, s.PutKey(t.Context(), newKey(tenantA, "2"), access.Actor{Tenant: tenantB}, "key.create"), fault.CodeForbidden)
		wantFilled(t, s, tenantA)
	})
	t.Run("without a tenant", func(t *testing.T) {
		_, err := s.PutUser(t.Context(), newUser("", "u1", "harry"), audit.Trail{})
		wantField(t, err, fault.CodeInvalid, "tenant")
		_, err = s.PutContacts(t.Context(), "", []directory.Keyed{newContact("1", "mary", "m", "101")}, audit.Trail{})
		wantField(t, err, fault.CodeInvalid, "tenant")
		wantField(t, s.PutBindings(t.Context(), "", aor, nil, nil), fault.CodeInvalid, "tenant")
	})
}

// fill stores one of each in a tenant, with seven entries and six events.
func fill(t *testing.T, s Stores, tenant string) {
	t.Helper()
	ctx := t.Context()
	ok(t, s.Create(ctx, newCall(tenant, "1", "u1"), used(tenant, "same", "1", time.Hour), trail(tenant, "1")))
	putUser(t, s, newUser(tenant, "u1", "harry"))
	putDevice(t, s, newDevice(tenant, "1", "desk"))
	b := newBinding(1, "sip:harry@10.0.0.1", "<urn:uuid:1>", 1)
	ok(t, s.PutBindings(ctx, tenant, aor, []user.Binding{b}, nil))
	_, err := s.PutContacts(ctx, tenant, []directory.Keyed{newContact("1", "mary", "m", "101")}, trail(tenant, "1"))
	ok(t, err)
	ok(t, s.PutKey(ctx, newKey(tenant, "1"), access.Actor{Tenant: tenant, KeyID: "admin"}, "key.create"))
	ok(t, s.Record(ctx, trail(tenant, "refused")))
	ok(t, s.Record(ctx, trail(tenant, "refused")))
}

// wantFilled checks that the tenant has what fill stored, and nothing else.
func wantFilled(t *testing.T, s Stores, tenant string) {
	t.Helper()
	ctx := t.Context()
	wantCall(t, s, newCall(tenant, "1", "u1"))
	wantListed(t, s, call.Query{Tenant: tenant}, "1")
	row, err := s.Replayed(ctx, tenant, "k1", "same")
	ok(t, err)
	same(t, row.Tenant, tenant)
	u, d := newUser(tenant, "u1", "harry"), newDevice(tenant, "1", "desk")
	u.Version, d.Version = 1, 1
	wantUser(t, s, u)
	wantDevice(t, s, d)
	b, err := s.Bindings(ctx, tenant, aor, noon)
	ok(t, err)
	same(t, len(b), 1)
	same(t, b[0].Tenant, tenant)
	c := newContact("1", "mary", "m", "101").Contact
	c.Version, c.Tenant = 1, tenant
	wantContacts(t, []directory.Contact{c})(s.ContactsByName(ctx, tenant, "mary", 10))
	wantKey(t, s, newKey(tenant, "1"))
	wantChain(t, s, tenant, 7)
	entries, events := left(t, s, tenant)
	same(t, [2]int{entries, events}, [2]int{7, 6})
}

func testReadsNothing(t *testing.T, s Stores) {
	for name, read := range singles(t, s) {
		t.Run(name, func(t *testing.T) { wantCode(t, read(), fault.CodeNotFound) })
	}
	for name, read := range lists(t, s) {
		t.Run(name, func(t *testing.T) {
			n, err := read()
			ok(t, err)
			same(t, n, 0)
		})
	}
	head, err := s.Head(t.Context(), tenantA)
	ok(t, err)
	other, err := s.Head(t.Context(), tenantB)
	ok(t, err)
	if head == other {
		t.Error("B's head tells how far A's log has come")
	}
}

// singles are the methods that return one, or not found, asked as tenant B.
func singles(t *testing.T, s Stores) map[string]func() error {
	ctx := t.Context()
	return map[string]func() error{
		"Get":                 func() error { _, err := s.Get(ctx, tenantB, "1"); return err },
		"Replayed":            func() error { _, err := s.Replayed(ctx, tenantB, "k1", "same"); return err },
		"User":                func() error { _, err := s.User(ctx, tenantB, "u1"); return err },
		"UserByLogin":         func() error { _, err := s.UserByLogin(ctx, tenantB, "harry"); return err },
		"Device":              func() error { _, err := s.Device(ctx, tenantB, "1"); return err },
		"DeviceByAddress":     func() error { _, err := s.DeviceByAddress(ctx, tenantB, "81"); return err },
		"DeviceByCredentials": func() error { _, err := s.DeviceByCredentials(ctx, tenantB, "desk"); return err },
		"Contact":             func() error { _, err := s.Contact(ctx, tenantB, "1"); return err },
		"Key":                 func() error { _, err := s.Key(ctx, tenantB, "1"); return err },
	}
}

// lists are the methods that return several, asked as tenant B; each returns how many.
func lists(t *testing.T, s Stores) map[string]func() (int, error) {
	ctx, page := t.Context(), user.Page{Limit: 10}
	return map[string]func() (int, error){
		"List": func() (int, error) {
			c, _, err := s.List(ctx, call.Query{Tenant: tenantB, Limit: 10})
			return len(c), err
		},
		"List active": func() (int, error) { c, _, err := s.List(ctx, activeOfB()); return len(c), err },
		"Users":       func() (int, error) { u, _, err := s.Users(ctx, tenantB, page); return len(u), err },
		"UsersByIdentifier": func() (int, error) {
			u, err := s.UsersByIdentifier(ctx, tenantB, identity.Identifier{System: "staff", Value: "harry"})
			return len(u), err
		},
		"UsersByDevice": func() (int, error) { u, err := s.UsersByDevice(ctx, tenantB, "ward"); return len(u), err },
		"Devices":       func() (int, error) { d, _, err := s.Devices(ctx, tenantB, page); return len(d), err },
		"Bindings":      func() (int, error) { b, err := s.Bindings(ctx, tenantB, aor, noon); return len(b), err },
		"Contacts":      func() (int, error) { c, _, err := s.Contacts(ctx, tenantB, "", page); return len(c), err },
		"Contacts by prefix": func() (int, error) {
			c, _, err := s.Contacts(ctx, tenantB, "m", page)
			return len(c), err
		},
		"ContactsByIdentifier": func() (int, error) {
			c, err := s.ContactsByIdentifier(ctx, tenantB, identity.Identifier{System: "staff", Value: "1"})
			return len(c), err
		},
		"ContactsByNumber": func() (int, error) { c, err := s.ContactsByNumber(ctx, tenantB, "101"); return len(c), err },
		"ContactsByURI":    func() (int, error) { c, err := s.ContactsByURI(ctx, tenantB, "sip:1@h.example"); return len(c), err },
		"ContactsByName":   func() (int, error) { c, err := s.ContactsByName(ctx, tenantB, "mary", 10); return len(c), err },
		"Keys":             func() (int, error) { k, err := s.Keys(ctx, tenantB); return len(k), err },
		"Entries":          func() (int, error) { e, err := s.Entries(ctx, tenantB, 0, 10); return len(e), err },
		"Read": func() (int, error) {
			p, err := s.Read(ctx, event.Filter{Tenant: tenantB, Subject: "1"}, "", 10)
			return len(p.Events), err
		},
	}
}

func activeOfB() call.Query {
	return call.Query{Tenant: tenantB, Active: true, UserID: "u1", Context: map[string]string{"visit": "V1"}, Limit: 10}
}

// testChangesNothing has tenant B change what only A has.
func testChangesNothing(t *testing.T, s Stores) {
	ctx := t.Context()
	wantCode(t, s.Save(ctx, next(newCall(tenantB, "1", "u1"), call.Ended), trail(tenantB, "1"), nil), fault.CodeNotFound)
	u, d, c := newUser(tenantB, "u1", "harry"), newDevice(tenantB, "1", "desk"), newContact("1", "mary", "m", "101")
	u.Version, d.Version, c.Contact.Version, c.Contact.Tenant = 1, 1, 1, tenantA
	_, err := s.PutUser(ctx, u, trail(tenantB, "u1"))
	wantCode(t, err, fault.CodeNotFound)
	_, err = s.PutDevice(ctx, d, trail(tenantB, "1"))
	wantCode(t, err, fault.CodeNotFound)
	_, err = s.PutContacts(ctx, tenantB, []directory.Keyed{c}, trail(tenantB, "1"))
	wantCode(t, err, fault.CodeNotFound)
	wantCode(t, s.DeleteUser(ctx, tenantB, "u1", trail(tenantB, "u1")), fault.CodeNotFound)
	wantCode(t, s.DeleteDevice(ctx, tenantB, "1", trail(tenantB, "1")), fault.CodeNotFound)
	wantCode(t, s.DeleteContact(ctx, tenantB, "1", trail(tenantB, "1")), fault.CodeNotFound)
	ok(t, s.PutBindings(ctx, tenantB, aor, nil, []user.Binding{newBinding(1, "sip:harry@10.0.0.1", "<urn:uuid:1>", 1)}))
	ok(t, s.Used(ctx, tenantB, "1", start))
	stolen := newKey(tenantB, "1")
	stolen.Hash = newKey(tenantA, "1").Hash
	wantField(t, s.PutKey(ctx, stolen, access.Actor{Tenant: tenantB}, "key.create"), fault.CodeExists, "hash")
	entries, events := left(t, s, tenantB)
	same(t, [2]int{entries, events}, [2]int{0, 0})
}
