package directory_test

import (
	"context"
	"slices"
	"strings"
	"sync"

	"c2d/core/audit"
	"c2d/core/directory"
	"c2d/core/fault"
	"c2d/core/identity"
	"c2d/core/user"
)

// memory is a directory.Store in memory; down makes every method fail.
type memory struct {
	mu     sync.Mutex
	rows   map[string]directory.Keyed
	trails []audit.Trail
	down   bool
}

var _ directory.Store = (*memory)(nil)

func (m *memory) begin() (func(), error) {
	m.mu.Lock()
	if m.down {
		return m.mu.Unlock, fault.New(fault.CodeStoreUnavailable, "the store is down")
	}
	return m.mu.Unlock, nil
}

func (m *memory) Record(_ context.Context, t audit.Trail) error {
	end, err := m.begin()
	defer end()
	if err == nil {
		m.trails = append(m.trails, t)
	}
	return err
}

func (m *memory) PutContacts(_ context.Context, _ string, list []directory.Keyed, t audit.Trail) ([]directory.Contact, error) {
	end, err := m.begin()
	defer end()
	if err != nil {
		return nil, err
	}
	for _, k := range list {
		if m.rows[k.Contact.ID].Contact.Version != k.Contact.Version {
			return nil, fault.New(fault.CodeConflict, "was changed meanwhile")
		}
	}
	stored := make([]directory.Contact, len(list))
	for i, k := range list {
		k.Contact.Version++
		m.rows[k.Contact.ID], stored[i] = k, k.Contact
	}
	m.trails = append(m.trails, t)
	return stored, nil
}

func (m *memory) find(tenant string, match func(directory.Keyed) bool) ([]directory.Contact, error) {
	end, err := m.begin()
	defer end()
	var found []directory.Keyed
	for _, k := range m.rows {
		if k.Contact.Tenant == tenant && match(k) {
			found = append(found, k)
		}
	}
	slices.SortFunc(found, func(a, b directory.Keyed) int { return strings.Compare(a.Keys[0], b.Keys[0]) })
	list := make([]directory.Contact, len(found))
	for i, k := range found {
		list[i] = k.Contact
	}
	return list, err
}

func (m *memory) Contact(_ context.Context, tenant, id string) (directory.Contact, error) {
	found, err := m.find(tenant, func(k directory.Keyed) bool { return k.Contact.ID == id })
	if err == nil && len(found) == 0 {
		return directory.Contact{}, fault.New(fault.CodeNotFound, "no such contact")
	}
	if err != nil {
		return directory.Contact{}, err
	}
	return found[0], nil
}

func (m *memory) ContactsByIdentifier(_ context.Context, tenant string, id identity.Identifier) ([]directory.Contact, error) {
	return m.find(tenant, func(k directory.Keyed) bool { return slices.Contains(k.Contact.Identifiers, id) })
}

func (m *memory) ContactsByNumber(_ context.Context, tenant, number string) ([]directory.Contact, error) {
	return m.find(tenant, func(k directory.Keyed) bool {
		return slices.ContainsFunc(k.Contact.Numbers, func(p directory.Phone) bool { return p.Number.Dial() == number })
	})
}

func (m *memory) ContactsByURI(_ context.Context, tenant, uri string) ([]directory.Contact, error) {
	return m.find(tenant, func(k directory.Keyed) bool { return slices.Contains(k.Contact.URIs, uri) })
}

func (m *memory) ContactsByName(_ context.Context, tenant, folded string, limit int) ([]directory.Contact, error) {
	found, err := m.find(tenant, func(k directory.Keyed) bool { return slices.Contains(k.Keys, folded) })
	return found[:min(limit, len(found))], err
}

func (m *memory) Contacts(_ context.Context, tenant, prefix string, p user.Page) ([]directory.Contact, string, error) {
	found, err := m.find(tenant, func(k directory.Keyed) bool {
		return slices.ContainsFunc(k.Keys, func(key string) bool { return strings.HasPrefix(key, prefix) })
	})
	return found[:min(p.Limit, len(found))], "", err
}

func (m *memory) DeleteContact(_ context.Context, _, id string, t audit.Trail) error {
	end, err := m.begin()
	defer end()
	if err == nil {
		delete(m.rows, id)
		m.trails = append(m.trails, t)
	}
	return err
}

// actions returns what the audit says, oldest first.
func (m *memory) actions() []string {
	var all []string
	for _, t := range m.trails {
		for _, e := range t.Audit {
			all = append(all, e.Action+" "+e.Result)
		}
	}
	return all
}

// numbering accepts what identity.StripNumber does.
type numbering struct{}

func (numbering) Parse(typed string) (identity.Number, error) {
	s, ok := identity.StripNumber(typed)
	if !ok {
		return identity.Number{}, fault.New(fault.CodeInvalidNumber, "is not a number")
	}
	return identity.Number{Typed: typed, Kind: identity.Extension, Digits: s}, nil
}

// folder folds case and the middle dot, which is enough for these tests.
type folder struct{}

func (folder) Fold(s string) string { return strings.ReplaceAll(strings.ToLower(s), "•", "·") }
