package user_test

import (
	"context"
	"slices"
	"strings"
	"sync"

	"c2d/core/audit"
	"c2d/core/fault"
	"c2d/core/identity"
	"c2d/core/user"
)

// memory is a user.Store in memory. fail, when not nil, may refuse a method by its name.
type memory struct {
	mu      sync.Mutex
	users   map[string]user.User
	devices map[string]user.Device
	trails  []audit.Trail
	fail    func(method string) error
}

var _ user.Store = (*memory)(nil)

func newMemory() *memory {
	return &memory{users: map[string]user.User{}, devices: map[string]user.Device{}}
}

func (m *memory) begin(method string) (func(), error) {
	m.mu.Lock()
	if m.fail != nil {
		if err := m.fail(method); err != nil {
			return m.mu.Unlock, err
		}
	}
	return m.mu.Unlock, nil
}

func (m *memory) Record(_ context.Context, t audit.Trail) error {
	end, err := m.begin("Record")
	defer end()
	if err == nil {
		m.trails = append(m.trails, t)
	}
	return err
}

func (m *memory) PutUser(_ context.Context, u user.User, t audit.Trail) (user.User, error) {
	end, err := m.begin("PutUser")
	defer end()
	if err != nil {
		return u, err
	}
	for id, other := range m.users {
		if id != u.ID && other.Login == u.Login {
			return u, fault.Field(fault.CodeExists, "login", "is taken")
		}
	}
	if m.users[u.ID].Version != u.Version {
		return u, fault.New(fault.CodeConflict, "was changed meanwhile")
	}
	u.Version++
	m.users[u.ID], m.trails = u, append(m.trails, t)
	return u, nil
}

func (m *memory) User(_ context.Context, tenant, id string) (user.User, error) {
	end, err := m.begin("User")
	defer end()
	u, ok := m.users[id]
	if err == nil && (!ok || u.Tenant != tenant) {
		err = fault.New(fault.CodeNotFound, "no such user")
	}
	u.DeviceIDs = slices.Clone(u.DeviceIDs)
	return u, err
}

func (m *memory) find(match func(user.User) bool) []user.User {
	m.mu.Lock()
	defer m.mu.Unlock()
	var found []user.User
	for _, u := range m.users {
		if match(u) {
			found = append(found, u)
		}
	}
	slices.SortFunc(found, func(a, b user.User) int { return strings.Compare(a.Login, b.Login) })
	return found
}

func (m *memory) UserByLogin(_ context.Context, tenant, login string) (user.User, error) {
	found := m.find(func(u user.User) bool { return u.Tenant == tenant && u.Login == login })
	if len(found) == 0 {
		return user.User{}, fault.New(fault.CodeNotFound, "no such user")
	}
	return found[0], nil
}

func (m *memory) UsersByIdentifier(_ context.Context, tenant string, id identity.Identifier) ([]user.User, error) {
	return m.find(func(u user.User) bool { return u.Tenant == tenant && slices.Contains(u.Identifiers, id) }), nil
}

func (m *memory) UsersByDevice(_ context.Context, tenant, id string) ([]user.User, error) {
	return m.find(func(u user.User) bool { return u.Tenant == tenant && slices.Contains(u.DeviceIDs, id) }), nil
}

func (m *memory) Users(_ context.Context, tenant string, p user.Page) ([]user.User, string, error) {
	found := m.find(func(u user.User) bool { return u.Tenant == tenant && u.Login > p.After })
	if len(found) > p.Limit {
		return found[:p.Limit], found[p.Limit-1].Login, nil
	}
	return found, "", nil
}

func (m *memory) DeleteUser(_ context.Context, _, id string, t audit.Trail) error {
	end, err := m.begin("DeleteUser")
	defer end()
	if err == nil {
		delete(m.users, id)
		m.trails = append(m.trails, t)
	}
	return err
}

func (m *memory) PutDevice(_ context.Context, d user.Device, t audit.Trail) (user.Device, error) {
	end, err := m.begin("PutDevice")
	defer end()
	if err != nil {
		return d, err
	}
	for id, other := range m.devices {
		if id != d.ID && d.Credentials != nil && other.Credentials != nil && other.Credentials.Username == d.Credentials.Username {
			return d, fault.Field(fault.CodeExists, "credentials.username", "is taken")
		}
	}
	if m.devices[d.ID].Version != d.Version {
		return d, fault.New(fault.CodeConflict, "was changed meanwhile")
	}
	d.Version++
	m.devices[d.ID], m.trails = d, append(m.trails, t)
	return d, nil
}

func (m *memory) Device(_ context.Context, tenant, id string) (user.Device, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	d, ok := m.devices[id]
	if !ok || d.Tenant != tenant {
		return d, fault.New(fault.CodeNotFound, "no such device")
	}
	return d, nil
}

func (m *memory) DeleteDevice(_ context.Context, _, id string, t audit.Trail) error {
	end, err := m.begin("DeleteDevice")
	defer end()
	if err == nil {
		delete(m.devices, id)
		m.trails = append(m.trails, t)
	}
	return err
}

func (m *memory) DeviceByAddress(context.Context, string, string) (user.Device, error) {
	return user.Device{}, fault.New(fault.CodeNotFound, "not used by the service")
}

func (m *memory) DeviceByCredentials(context.Context, string, string) (user.Device, error) {
	return user.Device{}, fault.New(fault.CodeNotFound, "not used by the service")
}

func (m *memory) Devices(context.Context, string, user.Page) ([]user.Device, string, error) {
	return nil, "", fault.New(fault.CodeNotFound, "not used by the service")
}

// actions returns what the audit says, oldest first.
func (m *memory) actions() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	var all []string
	for _, t := range m.trails {
		for _, e := range t.Audit {
			all = append(all, e.Action+" "+e.Result)
		}
	}
	return all
}

// numbering accepts what identity.StripNumber does; 120 is the emergency number.
type numbering struct{}

func (numbering) Parse(typed string) (identity.Number, error) {
	s, ok := identity.StripNumber(typed)
	if !ok {
		return identity.Number{}, fault.New(fault.CodeInvalidNumber, "is not a number")
	}
	return identity.Number{Typed: typed, Kind: identity.Extension, Digits: s, Emergency: s == "120"}, nil
}
