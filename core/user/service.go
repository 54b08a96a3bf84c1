package user

import (
	"context"
	"slices"
	"sync/atomic"
	"time"

	"c2d/core/access"
	"c2d/core/audit"
	"c2d/core/event"
	"c2d/core/fault"
	"c2d/core/identity"
)

// Service validates, authorises and audits changes of users and devices. Safe for concurrent use.
type Service struct {
	store    Store
	realm    string // SIP realm for credentials
	backends atomic.Pointer[[]string]
	numbers  identity.Numbering
}

// NewService returns a service; realm is the SIP domain that device passwords are hashed for, and backends are the
// configured names that a device may live on.
func NewService(s Store, realm string, backends []string, numbers identity.Numbering) *Service {
	svc := &Service{store: s, realm: realm, numbers: numbers}
	svc.SetBackends(backends)
	return svc
}

// SetBackends sets the names that a device may live on from now on. Devices on another one stay as they are.
func (s *Service) SetBackends(names []string) {
	names = slices.Clone(names)
	s.backends.Store(&names)
}

// Create stores a new user; its id, version and times are given here. Needs access.WriteUsers.
// Errors: fault.CodeInvalid and its kin with the field, those of Store.
func (s *Service) Create(ctx context.Context, a access.Actor, u User) (User, error) {
	if err := a.May(access.WriteUsers); err != nil {
		return User{}, err
	}
	now := clock()
	u.ID, u.Tenant, u.Version, u.CreatedAt, u.UpdatedAt = identity.NewID(), a.Tenant, 0, now, now
	if err := s.check(ctx, &u); err != nil {
		return User{}, err
	}
	return s.store.PutUser(ctx, u, userTrail(a, now, "user.create", u))
}

// Update replaces a user; u.Version is the one read before, and 0 means whatever is stored now. Nil DeviceIDs keep
// the devices; others may add devices of other users and change the order, while only RemoveDevice takes one away.
// Needs access.WriteUsers. Errors: as Create, fault.CodeConflict.
func (s *Service) Update(ctx context.Context, a access.Actor, u User) (User, error) {
	if err := a.May(access.WriteUsers); err != nil {
		return User{}, err
	}
	old, err := s.store.User(ctx, a.Tenant, u.ID)
	if err != nil {
		return User{}, err
	}
	if u.DeviceIDs == nil {
		u.DeviceIDs = old.DeviceIDs
	}
	for _, id := range old.DeviceIDs {
		if !slices.Contains(u.DeviceIDs, id) {
			return User{}, fault.Field(fault.CodeInvalid, "device_ids", "must hold every device of the user; remove a device by itself")
		}
	}
	u.Tenant, u.CreatedAt, u.UpdatedAt = a.Tenant, old.CreatedAt, clock()
	if u.Version == 0 {
		u.Version = old.Version
	}
	if err := s.check(ctx, &u); err != nil {
		return User{}, err
	}
	return s.store.PutUser(ctx, u, userTrail(a, u.UpdatedAt, "user.update", u))
}

// Delete removes a user and the devices that nobody else has, which could otherwise still register. The devices go
// first, so that it can be repeated after a failure. Needs access.WriteUsers.
func (s *Service) Delete(ctx context.Context, a access.Actor, id string) error {
	if err := a.May(access.WriteUsers); err != nil {
		return err
	}
	u, err := s.store.User(ctx, a.Tenant, id)
	if err != nil {
		return err
	}
	for _, device := range u.DeviceIDs {
		if err := s.RemoveDevice(ctx, a, id, device); err != nil {
			return err
		}
	}
	return s.store.DeleteUser(ctx, a.Tenant, id, userTrail(a, clock(), "user.delete", u))
}

// Get returns a user. Needs access.ReadUsers, or to be that user.
func (s *Service) Get(ctx context.Context, a access.Actor, id string) (User, error) {
	if err := mayRead(a, id); err != nil {
		return User{}, err
	}
	return s.store.User(ctx, a.Tenant, id)
}

// List lists users by login; with an identifier only those who have it. Needs access.ReadUsers.
func (s *Service) List(ctx context.Context, a access.Actor, id *identity.Identifier, p Page) ([]User, string, error) {
	if err := a.May(access.ReadUsers); err != nil {
		return nil, "", err
	}
	if err := p.Check(); err != nil {
		return nil, "", err
	}
	if id == nil {
		return s.store.Users(ctx, a.Tenant, p)
	}
	if err := id.Check("identifier"); err != nil {
		return nil, "", err
	}
	items, err := s.store.UsersByIdentifier(ctx, a.Tenant, *id)
	return items, "", err
}

func mayRead(a access.Actor, userID string) error {
	if a.UserID != "" {
		return a.MayActFor(userID)
	}
	return a.May(access.ReadUsers)
}

// clock returns the time as it is stored: UTC with milliseconds.
func clock() time.Time { return time.Now().UTC().Truncate(time.Millisecond) }

func userTrail(a access.Actor, at time.Time, action string, u User) audit.Trail {
	return audit.Trail{
		Audit:  []audit.Entry{audit.New(a, at, action, u.ID, "ok")},
		Events: []event.Event{{Tenant: a.Tenant, Kind: event.UserChanged, Subject: u.ID, UserID: u.ID, Version: u.Version + 1, At: at}},
	}
}
