package access

import (
	"context"
	"net/netip"
	"time"
)

// Store keeps keys. Errors: fault.CodeNotFound, fault.CodeStoreUnavailable. Safe for concurrent use.
// The trail type lives in core/audit, which imports this package; so the port is generic in what it records:
// record is called inside the transaction's preparation and returns what is stored with the change.
type Store interface {
	// PutKey creates or replaces a key; act and actor describe the audit entry written in the same transaction.
	PutKey(ctx context.Context, k Key, a Actor, act string) error
	KeyByHash(ctx context.Context, hash []byte) (Key, error)
	Key(ctx context.Context, tenant, id string) (Key, error)
	Keys(ctx context.Context, tenant string) ([]Key, error)
	// Used notes that a key was used; it may be written late, and lost in a crash.
	Used(ctx context.Context, tenant, id string, at time.Time) error
}

// Service issues and checks keys. Safe for concurrent use.
type Service struct{}

// NewService returns a service on the store.
func NewService(s Store) *Service { panic("todo") }

// Bootstrap creates the first key of each administrator if the store has no key at all, and returns their secrets by
// role; nil if there are keys.
func (s *Service) Bootstrap(ctx context.Context, tenant string) (map[Role]string, error) {
	panic("todo")
}

// Issue creates a key and returns its secret, shown once. The actor needs WriteKeys for systems and users,
// WriteAdmins for administrators; scopes must lie within the role's.
// Errors: fault.CodeScopeMissing, fault.CodeForbidden, fault.CodeInvalid with the field.
func (s *Service) Issue(ctx context.Context, a Actor, k Key) (Key, string, error) { panic("todo") }

// IssueToken creates a token of 15 minutes for one user and one web origin.
func (s *Service) IssueToken(ctx context.Context, a Actor, userID, origin string) (Key, string, error) {
	panic("todo")
}

// Revoke ends a key at once.
func (s *Service) Revoke(ctx context.Context, a Actor, id string) error { panic("todo") }

// List returns the keys that the actor may manage.
func (s *Service) List(ctx context.Context, a Actor) ([]Key, error) { panic("todo") }

// Authenticate returns the actor of a secret that came from addr and, for a browser, from origin.
// Errors: fault.CodeUnauthenticated, CodeKeyExpired, CodeNetworkDenied, CodeOriginDenied.
func (s *Service) Authenticate(ctx context.Context, secret string, addr netip.Addr, origin string) (Actor, error) {
	panic("todo")
}
