package access

import (
	"context"
	"encoding/base64"
	"net/netip"
	"slices"
	"strings"
	"time"

	"c2d/core/fault"
)

// Authenticate returns the actor of a secret that came from addr and, for a browser, from origin (the Origin header; a
// token is refused without it). Unknown and revoked keys get the same answer.
// Errors: fault.CodeUnauthenticated, CodeKeyExpired, CodeNetworkDenied, CodeOriginDenied, CodeStoreUnavailable.
func (s *Service) Authenticate(ctx context.Context, secret string, addr netip.Addr, origin string) (Actor, error) {
	unknown := fault.New(fault.CodeUnauthenticated, "this key is unknown or was revoked")
	if !strings.HasPrefix(secret, secretPrefix) || len(secret) != len(secretPrefix)+base64.RawURLEncoding.EncodedLen(secretBytes) {
		return Actor{}, unknown
	}
	now, hash := s.now(), hashOf(secret)
	k, err := s.store.KeyByHash(ctx, hash)
	k, err = s.seen.judge(hash, k, err, now)
	if fault.Is(err, fault.CodeNotFound) || err == nil && !k.RevokedAt.IsZero() {
		return Actor{}, unknown
	}
	if err != nil {
		return Actor{}, err
	}
	if err := k.admits(now, addr, origin); err != nil {
		return Actor{}, err
	}
	if now.Sub(k.LastUsedAt) >= useNoted {
		_ = s.store.Used(ctx, k.Tenant, k.ID, now.UTC()) // a convenience for people: no reason to refuse the request
	}
	return Actor{Tenant: k.Tenant, KeyID: k.ID, Role: k.Role, Scopes: both(k.Scopes, roleScopes[k.Role]), UserID: k.UserID, Address: addr}, nil
}

// admits checks when and from where a key may be used.
func (k Key) admits(now time.Time, addr netip.Addr, origin string) error {
	addr = addr.Unmap().WithZone("")
	within := func(p netip.Prefix) bool { return p.Contains(addr) }
	switch {
	case !k.live(now):
		return fault.New(fault.CodeKeyExpired, "this key has expired")
	case len(k.Networks) > 0 && !slices.ContainsFunc(k.Networks, within):
		return fault.New(fault.CodeNetworkDenied, "this key may not be used from this network")
	case k.Token && !strings.EqualFold(origin, k.Origin):
		return fault.New(fault.CodeOriginDenied, "this token is for the pages of another origin")
	}
	return nil
}
