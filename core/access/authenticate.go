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
	k, err := s.look(ctx, hash)
	away := fault.Is(err, fault.CodeStoreUnavailable)
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
	if !away && now.Sub(k.LastUsedAt) >= useNoted {
		_ = s.store.Used(ctx, k.Tenant, k.ID, now.UTC()) // a convenience for people: no reason to refuse the request
	}
	return Actor{Tenant: k.Tenant, KeyID: k.ID, Role: k.Role, Scopes: both(k.Scopes, roleScopes[k.Role]), UserID: k.UserID, Address: addr}, nil
}

// storePatience is how long a key that was seen lately waits for a store that hangs: whoever hangs up must not wait for it.
const storePatience = time.Second

// look asks the store for a key. A look-up that is given up ends by itself, by the store's own limit.
func (s *Service) look(ctx context.Context, hash []byte) (Key, error) {
	if !s.seen.has(hash) {
		return s.store.KeyByHash(ctx, hash)
	}
	type answer struct {
		key Key
		err error
	}
	found := make(chan answer, 1)
	go func() {
		k, err := s.store.KeyByHash(ctx, hash)
		found <- answer{k, err}
	}()
	late := time.NewTimer(storePatience)
	defer late.Stop()
	select {
	case a := <-found:
		return a.key, a.err
	case <-late.C:
		return Key{}, fault.New(fault.CodeStoreUnavailable, "the store does not answer")
	}
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
