package user

import (
	"context"

	"c2d/core/access"
	"c2d/core/identity"
)

// Service validates, authorises and audits changes of users and devices. Safe for concurrent use.
type Service struct {
	store Store
	realm string // SIP realm for credentials
}

// NewService returns a service; realm is the SIP domain that device passwords are hashed for, and backends are the
// configured names that a device may live on.
func NewService(s Store, realm string, backends []string, numbers identity.Numbering) *Service {
	panic("todo")
}

// Create stores a new user. Errors: fault.CodeInvalid with the field, those of Store.
func (s *Service) Create(ctx context.Context, a access.Actor, u User) (User, error) { panic("todo") }

// Update replaces a user; u.Version is the one read before.
func (s *Service) Update(ctx context.Context, a access.Actor, u User) (User, error) { panic("todo") }
func (s *Service) Delete(ctx context.Context, a access.Actor, id string) error      { panic("todo") }
func (s *Service) Get(ctx context.Context, a access.Actor, id string) (User, error) { panic("todo") }

// List lists users; with an identifier only those who have it.
func (s *Service) List(ctx context.Context, a access.Actor, id *identity.Identifier, p Page) ([]User, string, error) {
	panic("todo")
}

// AddDevice stores a device and appends it to the user's; password, if not empty, becomes digest credentials with the
// user part of the address as username.
func (s *Service) AddDevice(ctx context.Context, a access.Actor, userID string, d Device, password string) (Device, error) {
	panic("todo")
}

// UpdateDevice replaces a device; an empty password keeps the credentials.
func (s *Service) UpdateDevice(ctx context.Context, a access.Actor, d Device, password string) (Device, error) {
	panic("todo")
}

// RemoveDevice takes a device from a user, and deletes it when no other user has it.
func (s *Service) RemoveDevice(ctx context.Context, a access.Actor, userID, deviceID string) error {
	panic("todo")
}

// Devices returns a user's devices in order.
func (s *Service) Devices(ctx context.Context, a access.Actor, userID string) ([]Device, error) {
	panic("todo")
}
