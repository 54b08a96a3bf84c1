package directory_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"c2d/core/access"
	"c2d/core/directory"
	"c2d/core/event"
	"c2d/core/fault"
	"c2d/core/identity"
	"c2d/core/user"
)

func his() access.Actor {
	return access.Actor{Tenant: access.MainTenant, KeyID: "k1", Role: access.System, Scopes: access.System.Scopes()}
}

func newService() (*directory.Service, *memory) {
	m := &memory{rows: map[string]directory.Keyed{}}
	return directory.NewService(m, numbering{}, folder{}), m
}

func mary() directory.Contact {
	return directory.Contact{Name: " Mary ", Aliases: []string{"Ward sister", "MARY"},
		Numbers:     []directory.Phone{{Use: "work", Number: identity.Number{Typed: "80-01"}}},
		URIs:        []string{"sip:mary@hospital.example"},
		Identifiers: []identity.Identifier{{System: "mrn", Value: "7"}}}
}

func mustCreate(t *testing.T, s *directory.Service, c directory.Contact) directory.Contact {
	t.Helper()
	c, err := s.Create(t.Context(), his(), c)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// fails checks the code and field of a fault.
func fails(t *testing.T, err error, code fault.Code, field string) {
	t.Helper()
	var f *fault.Error
	if !errors.As(err, &f) || f.Code != code || f.Field != field {
		t.Errorf("got %v, want %s of the field %q", err, code, field)
	}
}

func TestCreateNormalisesAndTells(t *testing.T) {
	s, m := newService()
	c := mustCreate(t, s, mary())
	if c.Name != "Mary" || c.Kind != directory.Person || c.Version != 1 || c.Numbers[0].Number.Digits != "8001" {
		t.Errorf("stored %+v", c)
	}
	if keys := m.rows[c.ID].Keys; !slices.Equal(keys, []string{"mary", "ward sister"}) {
		t.Errorf("keys %q", keys)
	}
	if got := m.trails[0]; got.Audit[0].Action != "contact.create" || got.Audit[0].Target != c.ID ||
		got.Events[0].Kind != event.BookChanged || got.Events[0].Subject != c.ID || got.Events[0].Version != 1 {
		t.Errorf("trail %+v", got)
	}
}

func TestBadContacts(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*directory.Contact)
		code   fault.Code
		field  string
	}{
		"blank name":      {func(c *directory.Contact) { c.Name = " " }, fault.CodeInvalid, "name"},
		"name with CRLF":  {func(c *directory.Contact) { c.Name = "a\r\nb" }, fault.CodeBadCharacter, "name"},
		"odd kind":        {func(c *directory.Contact) { c.Kind = "cat" }, fault.CodeInvalid, "kind"},
		"empty alias":     {func(c *directory.Contact) { c.Aliases = []string{"a", " "} }, fault.CodeInvalid, "aliases[1]"},
		"odd number":      {func(c *directory.Contact) { c.Numbers[0].Number.Typed = "x" }, fault.CodeInvalidNumber, "numbers[0].number"},
		"odd use":         {func(c *directory.Contact) { c.Numbers[0].Use = "\x01" }, fault.CodeBadCharacter, "numbers[0].use"},
		"odd URI":         {func(c *directory.Contact) { c.URIs = []string{"http:x"} }, fault.CodeInvalid, "uris[0]"},
		"quoted URI":      {func(c *directory.Contact) { c.URIs = []string{`sip:"a"@b`} }, fault.CodeBadCharacter, "uris[0]"},
		"identifier":      {func(c *directory.Contact) { c.Identifiers[0].Value = "" }, fault.CodeInvalid, "identifiers[0].value"},
		"department":      {func(c *directory.Contact) { c.Department = strings.Repeat("a", 201) }, fault.CodeInvalid, "department"},
		"site":            {func(c *directory.Contact) { c.Site = "\n" }, fault.CodeBadCharacter, "site"},
		"many numbers":    {func(c *directory.Contact) { c.Numbers = make([]directory.Phone, 17) }, fault.CodeInvalid, "numbers"},
		"too many names":  {func(c *directory.Contact) { c.Aliases = make([]string, 33) }, fault.CodeInvalid, "aliases"},
		"URIs beyond all": {func(c *directory.Contact) { c.URIs = make([]string, 17) }, fault.CodeInvalid, "uris"},
	} {
		t.Run(name, func(t *testing.T) {
			s, m := newService()
			contact := mary()
			c.change(&contact)
			_, err := s.Create(t.Context(), his(), contact)
			fails(t, err, c.code, c.field)
			if len(m.rows) != 0 {
				t.Error("it was stored")
			}
		})
	}
}

func TestUpdateAndDelete(t *testing.T) {
	s, m := newService()
	c := mustCreate(t, s, mary())
	c.Blocked = true
	changed, err := s.Update(t.Context(), his(), c)
	if err != nil || changed.Version != 2 || !changed.Blocked || !changed.CreatedAt.Equal(c.CreatedAt) {
		t.Errorf("changed %+v, %v", changed, err)
	}
	_, err = s.Update(t.Context(), his(), c)
	fails(t, err, fault.CodeConflict, "")
	if err := s.Delete(t.Context(), his(), c.ID); err != nil || len(m.rows) != 0 {
		t.Errorf("left %v, %v", m.rows, err)
	}
	fails(t, s.Delete(t.Context(), his(), c.ID), fault.CodeNotFound, "")
}

func TestReadsAreAudited(t *testing.T) {
	s, m := newService()
	c := mustCreate(t, s, mary())
	m.trails = nil
	if _, err := s.Get(t.Context(), his(), c.ID); err != nil {
		t.Fatal(err)
	}
	found, _, err := s.Search(t.Context(), his(), "MAR", nil, user.Page{Limit: 10})
	if err != nil || len(found) != 1 {
		t.Fatalf("%v, %v", found, err)
	}
	_, err = s.Get(t.Context(), his(), "13800138000")
	fails(t, err, fault.CodeNotFound, "")
	_, err = s.Get(t.Context(), access.Actor{Tenant: access.MainTenant}, c.ID)
	fails(t, err, fault.CodeScopeMissing, "")
	want := []string{"contact.read ok", "contact.search ok", "contact.read not_found", "contact.read scope_missing"}
	if got := m.actions(); !slices.Equal(got, want) {
		t.Errorf("audit %q, want %q", got, want)
	}
	if m.trails[1].Audit[0].Target != c.ID || m.trails[2].Audit[0].Target != "" {
		t.Errorf("targets %q %q", m.trails[1].Audit[0].Target, m.trails[2].Audit[0].Target)
	}
	m.down = true
	_, err = s.Get(t.Context(), his(), c.ID)
	fails(t, err, fault.CodeStoreUnavailable, "")
}

func TestSearchByIdentifier(t *testing.T) {
	s, _ := newService()
	c := mustCreate(t, s, mary())
	found, _, err := s.Search(t.Context(), his(), "", &c.Identifiers[0], user.Page{Limit: 10})
	if err != nil || len(found) != 1 {
		t.Errorf("%v, %v", found, err)
	}
	_, _, err = s.Search(t.Context(), his(), "", &identity.Identifier{}, user.Page{Limit: 10})
	fails(t, err, fault.CodeInvalid, "identifier.system")
	_, _, err = s.Search(t.Context(), his(), "\x00", nil, user.Page{Limit: 10})
	fails(t, err, fault.CodeBadCharacter, "q")
	_, _, err = s.Search(t.Context(), his(), "", nil, user.Page{})
	fails(t, err, fault.CodeInvalid, "limit")
}

func TestWritesNeedTheScope(t *testing.T) {
	s, _ := newService()
	reader := access.Actor{Tenant: access.MainTenant, Scopes: []access.Scope{access.ReadBook}}
	_, err := s.Create(t.Context(), reader, mary())
	fails(t, err, fault.CodeScopeMissing, "")
	_, err = s.Update(t.Context(), reader, mary())
	fails(t, err, fault.CodeScopeMissing, "")
	fails(t, s.Delete(t.Context(), reader, "x"), fault.CodeScopeMissing, "")
	_, err = s.Import(t.Context(), reader, strings.NewReader("name\nA\n"), true)
	fails(t, err, fault.CodeScopeMissing, "")
}

func TestResolve(t *testing.T) {
	s, m := newService()
	c := mustCreate(t, s, mary())
	for name, q := range map[string]directory.Query{
		"id":         {ID: c.ID},
		"identifier": {Identifier: &c.Identifiers[0]},
		"number":     {Number: c.Numbers[0].Number},
		"URI":        {URI: "sip:mary@hospital.example"},
		"name":       {Name: "mary"},
		"alias":      {Name: "WARD SISTER"},
	} {
		if got, err := s.Resolve(t.Context(), access.MainTenant, "callee", q); err != nil || got.ID != c.ID {
			t.Errorf("by %s: %v, %v", name, got.ID, err)
		}
		_, err := s.Resolve(t.Context(), "other", "callee", q)
		fails(t, err, fault.CodeCalleeUnknown, "callee")
	}
	for _, q := range []directory.Query{{Name: "Mar"}, {ID: "x"}, {}} {
		_, err := s.Resolve(t.Context(), access.MainTenant, "callee", q)
		fails(t, err, fault.CodeCalleeUnknown, "callee")
	}
	m.down = true
	_, err := s.Resolve(t.Context(), access.MainTenant, "callee", directory.Query{ID: c.ID})
	fails(t, err, fault.CodeStoreUnavailable, "")
}

func TestTwoOfOneNameAreCandidates(t *testing.T) {
	s, _ := newService()
	for range 25 {
		mustCreate(t, s, directory.Contact{Name: "Mary", Department: "ward 3"})
	}
	_, err := s.Resolve(t.Context(), access.MainTenant, "callee.name", directory.Query{Name: "mary"})
	fails(t, err, fault.CodeAmbiguous, "callee.name")
	var f *fault.Error
	errors.As(err, &f)
	list, _ := f.Details["candidates"].([]directory.Candidate)
	if len(list) != 20 || list[0].Department != "ward 3" {
		t.Errorf("candidates %v", list)
	}
}
