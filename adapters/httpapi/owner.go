package httpapi

import (
	"context"
	"slices"

	"c2d/core/access"
	"c2d/core/fault"
)

// core/user knows core/access, so that keys cannot know their users: what ties the two is here.

// ownerLives refuses a key or token whose user is gone or disabled, from that moment on and without a race.
func (s *Server) ownerLives(ctx context.Context, a access.Actor) error {
	u, err := s.deps.Users.Get(ctx, a, a.UserID) // a user may read itself
	if fault.Is(err, fault.CodeNotFound) || err == nil && u.Disabled {
		return fault.New(fault.CodeUnauthenticated, "the user of this key is gone or disabled")
	}
	return err
}

// checkOwner refuses to issue a key for a user who is not there; the key's own rules are not repeated here. An actor who
// may not act for that user, or not issue at all, learns nothing about it.
func (s *Server) checkOwner(ctx context.Context, a access.Actor, userID string) error {
	mayIssue := a.May(access.WriteKeys) == nil || a.May(access.CreateTokens) == nil
	if !pathIDs.MatchString(userID) || !mayIssue || a.MayActFor(userID) != nil {
		return nil // Issue says why
	}
	u, err := s.deps.Users.Get(ctx, access.Internal(a.Tenant), userID)
	switch {
	case fault.Is(err, fault.CodeNotFound):
		return fault.Field(fault.CodeInvalid, "user_id", "is no user; a login is not an id")
	case err == nil && u.Disabled:
		return fault.Field(fault.CodeInvalid, "user_id", "is a disabled user")
	}
	return err
}

// revokeOf ends the keys and tokens of a user who is about to be deleted: before, so that it can be repeated after a
// failure. Who may delete the user may do this, whatever else its key may.
func (s *Server) revokeOf(ctx context.Context, a access.Actor, userID string) error {
	if err := a.May(access.WriteUsers); err != nil {
		return err
	}
	if _, err := s.deps.Users.Get(ctx, access.Internal(a.Tenant), userID); err != nil {
		return err
	}
	a.Scopes = append(slices.Clone(a.Scopes), access.WriteKeys)
	keys, err := s.deps.Keys.List(ctx, a)
	if err != nil {
		return err
	}
	for _, k := range keys {
		if k.UserID != userID || !k.RevokedAt.IsZero() {
			continue
		}
		if err := s.deps.Keys.Revoke(ctx, a, k.ID); err != nil {
			return err
		}
	}
	return nil
}
