package storetest

import (
	"testing"

	"c2d/core/audit"
	"c2d/core/directory"
	"c2d/core/fault"
	"c2d/core/identity"
)

// newContact is a person with a number, an alias and an identifier.
func newContact(id, name, alias, number string) directory.Keyed {
	return directory.Keyed{Keys: []string{name, alias}, Contact: directory.Contact{ID: id, Kind: directory.Person,
		Name: directory.Name(name), Aliases: []string{alias}, Department: "ICU", Site: "north",
		Numbers: []directory.Phone{{Use: "work", Number: identity.Number{Typed: number, Kind: identity.Extension, Digits: number}},
			{Use: "mobile", Number: identity.Number{Typed: "0139 0000 0000", Kind: identity.E164, E164: "+8613900000000", Digits: "013900000000"}}},
		URIs: []string{"sip:" + id + "@h.example"}, Identifiers: []identity.Identifier{{System: "staff", Value: id}}, CreatedAt: noon, UpdatedAt: noon}}
}

// putContacts stores contacts of tenant A and returns them as they are expected to come back.
func putContacts(t *testing.T, s Stores, c ...directory.Keyed) []directory.Contact {
	t.Helper()
	stored, err := s.PutContacts(t.Context(), tenantA, c, trail(tenantA, "book"))
	ok(t, err)
	want := make([]directory.Contact, len(c))
	for i, k := range c {
		want[i] = k.Contact
		want[i].Tenant, want[i].Version = tenantA, k.Contact.Version+1
	}
	same(t, stored, want)
	return stored
}

func testContacts(t *testing.T, s Stores) {
	ctx := t.Context()
	stored := putContacts(t, s, newContact("1", "mary poppins", "mp", "101"), newContact("2", "mary·王", "mp", "102"))
	first, second := stored[0], stored[1]
	t.Run("is found", func(t *testing.T) { testContactFound(t, s, first, second) })
	t.Run("is not found", func(t *testing.T) {
		_, err := s.Contact(ctx, tenantA, "9")
		wantCode(t, err, fault.CodeNotFound)
		none, err := s.ContactsByName(ctx, tenantA, "mary", 10)
		ok(t, err)
		same(t, len(none), 0)
		wantCode(t, s.DeleteContact(ctx, tenantA, "9", audit.Trail{}), fault.CodeNotFound)
	})
	t.Run("refused, all of them", func(t *testing.T) { testContactsRefused(t, s, first) })
	t.Run("changes", func(t *testing.T) {
		first.Identifiers, second.Identifiers = second.Identifiers, first.Identifiers // they exchange them
		first.Numbers = nil
		changed := putContacts(t, s, directory.Keyed{Contact: first, Keys: []string{"mary jones"}}, directory.Keyed{Contact: second, Keys: []string{"mary·王"}})
		same(t, changed[0].Version, 2)
		wantContacts(t, changed[:1])(s.ContactsByIdentifier(ctx, tenantA, identity.Identifier{System: "staff", Value: "2"}))
		wantContacts(t, nil)(s.ContactsByNumber(ctx, tenantA, "101"))
		wantContacts(t, nil)(s.ContactsByName(ctx, tenantA, "mary poppins", 10))
		wantContacts(t, changed[:1])(s.ContactsByName(ctx, tenantA, "mary jones", 10))
		wantContacts(t, nil)(s.ContactsByName(ctx, tenantA, "mp", 10))
	})
	t.Run("is deleted", func(t *testing.T) {
		ok(t, s.DeleteContact(ctx, tenantA, "2", trail(tenantA, "2")))
		_, err := s.Contact(ctx, tenantA, "2")
		wantCode(t, err, fault.CodeNotFound)
		wantContacts(t, nil)(s.ContactsByURI(ctx, tenantA, "sip:2@h.example"))
		reborn := newContact("3", "new", "n", "103")
		reborn.Contact.Identifiers = second.Identifiers
		putContacts(t, s, reborn)
	})
}

func testContactFound(t *testing.T, s Stores, first, second directory.Contact) {
	ctx := t.Context()
	c, err := s.Contact(ctx, tenantA, first.ID)
	ok(t, err)
	same(t, c, first)
	both := []directory.Contact{first, second}
	wantContacts(t, both[:1])(s.ContactsByIdentifier(ctx, tenantA, first.Identifiers[0]))
	wantContacts(t, both[:1])(s.ContactsByNumber(ctx, tenantA, "101"))
	wantContacts(t, both)(s.ContactsByNumber(ctx, tenantA, "+8613900000000"))
	wantContacts(t, both[1:])(s.ContactsByURI(ctx, tenantA, "sip:2@h.example"))
	wantContacts(t, both[:1])(s.ContactsByName(ctx, tenantA, "mary poppins", 10))
	wantContacts(t, both)(s.ContactsByName(ctx, tenantA, "mp", 10))
	wantContacts(t, both[:1])(s.ContactsByName(ctx, tenantA, "mp", 1))
}

func wantContacts(t *testing.T, want []directory.Contact) func([]directory.Contact, error) {
	return func(c []directory.Contact, err error) {
		t.Helper()
		ok(t, err)
		same(t, c, want)
	}
}

// testContactsRefused puts a good contact with a bad one: neither may be stored.
func testContactsRefused(t *testing.T, s Stores, first directory.Contact) {
	refused := func(name string, code fault.Code, field string, change func(*directory.Keyed)) {
		t.Run(name, func(t *testing.T) {
			bad := newContact("8", "bad", "b", "108")
			change(&bad)
			_, err := s.PutContacts(t.Context(), tenantA, []directory.Keyed{newContact("7", "good", "g", "107"), bad}, trail(tenantA, "book"))
			wantField(t, err, code, field)
			_, err = s.Contact(t.Context(), tenantA, "7")
			wantCode(t, err, fault.CodeNotFound)
			wantContacts(t, []directory.Contact{first})(s.ContactsByNumber(t.Context(), tenantA, "101"))
			entries, events := left(t, s, tenantA)
			same(t, [2]int{entries, events}, [2]int{1, 1})
		})
	}
	refused("another's identifier", fault.CodeExists, "identifiers", func(k *directory.Keyed) { k.Contact.Identifiers = first.Identifiers })
	refused("its neighbour's identifier", fault.CodeExists, "identifiers", func(k *directory.Keyed) {
		k.Contact.Identifiers = []identity.Identifier{{System: "staff", Value: "7"}}
	})
	refused("another's id", fault.CodeConflict, "", func(k *directory.Keyed) { k.Contact.ID = first.ID })
	refused("another version", fault.CodeConflict, "", func(k *directory.Keyed) { k.Contact.ID, k.Contact.Version = first.ID, 2 })
	refused("replaces nobody", fault.CodeNotFound, "", func(k *directory.Keyed) { k.Contact.Version = 1 })
}
