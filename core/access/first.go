package access

import (
	"context"

	"c2d/core/fault"
)

// Bootstrap creates the first key of each administrator if the store has no key at all, and returns their secrets by
// role; nil if there are keys. Errors: fault.CodeStoreUnavailable.
func (s *Service) Bootstrap(ctx context.Context, tenant string) (map[Role]string, error) {
	s.issue.Lock()
	defer s.issue.Unlock()
	keys, err := s.store.Keys(ctx, tenant)
	if err != nil || len(keys) > 0 {
		return nil, err
	}
	secrets := map[Role]string{}
	for _, role := range []Role{SystemAdmin, SecurityAdmin, AuditAdmin} {
		if secrets[role], err = s.first(ctx, tenant, role, "key.bootstrap"); err != nil {
			return nil, err
		}
	}
	return secrets, nil
}

// Restore creates a key for an administrator that has no live one left, and returns its secret. It is for the operator
// at the host, not for the API: nobody who holds a key may use it. Errors: fault.CodeInvalid with the field for another
// role, fault.CodeConflict while one is live, fault.CodeStoreUnavailable.
func (s *Service) Restore(ctx context.Context, tenant string, role Role) (string, error) {
	if !role.administers() {
		return "", fault.Field(fault.CodeInvalid, "role", "must be an administrator's")
	}
	s.issue.Lock()
	defer s.issue.Unlock()
	keys, err := s.store.Keys(ctx, tenant)
	if err != nil {
		return "", err
	}
	if countLive(keys, s.now(), func(k Key) bool { return k.Role == role }) > 0 {
		return "", fault.Field(fault.CodeConflict, "role", "a key of this administrator is live")
	}
	return s.first(ctx, tenant, role, "key.restore")
}

// first creates an administrator's key that no key has asked for.
func (s *Service) first(ctx context.Context, tenant string, role Role, act string) (string, error) {
	k, secret := s.mint(Key{Tenant: tenant, Name: string(role), Role: role, Scopes: role.Scopes()})
	return secret, s.store.PutKey(ctx, k, Internal(tenant), act)
}
