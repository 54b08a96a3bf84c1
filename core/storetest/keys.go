package storetest

import (
	"crypto/sha256"
	"net/netip"
	"testing"
	"time"

	"c2d/core/access"
	"c2d/core/audit"
	"c2d/core/fault"
)

func newKey(tenant, id string) access.Key {
	hash := sha256.Sum256([]byte(tenant + id))
	return access.Key{ID: id, Tenant: tenant, Name: "HIS", Role: access.System, Scopes: []access.Scope{access.PlaceCalls, access.ReadCalls},
		Networks: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}, Hash: hash[:], CreatedAt: noon, ExpiresAt: noon.Add(time.Hour)}
}

func testKeys(t *testing.T, s Stores) {
	ctx, admin := t.Context(), access.Actor{Tenant: tenantA, KeyID: "admin", RequestID: "r1", Address: netip.MustParseAddr("::1")}
	k := newKey(tenantA, "1")
	ok(t, s.PutKey(ctx, k, admin, "key.create"))
	ok(t, s.PutKey(ctx, newKey(tenantA, "2"), admin, "key.create"))
	t.Run("is found", func(t *testing.T) { wantKey(t, s, k) })
	t.Run("is not found", func(t *testing.T) {
		_, err := s.Key(ctx, tenantA, "9")
		wantCode(t, err, fault.CodeNotFound)
		_, err = s.KeyByHash(ctx, []byte("9"))
		wantCode(t, err, fault.CodeNotFound)
		_, err = s.KeyByHash(ctx, nil)
		wantCode(t, err, fault.CodeNotFound)
	})
	t.Run("another's hash", func(t *testing.T) {
		thief := newKey(tenantA, "3")
		thief.Hash = k.Hash
		wantField(t, s.PutKey(ctx, thief, admin, "key.create"), fault.CodeExists, "hash")
	})
	t.Run("use is noted", func(t *testing.T) {
		ok(t, s.Used(ctx, tenantA, "1", start.Add(time.Second)))
		ok(t, s.Used(ctx, tenantA, "1", start)) // told late
		ok(t, s.Used(ctx, tenantA, "nobody", start))
		k.LastUsedAt = noon.Add(time.Second)
		wantKey(t, s, k)
	})
	t.Run("is revoked, and keeps its use", func(t *testing.T) {
		revoked := k
		revoked.RevokedAt, revoked.LastUsedAt = noon, time.Time{}
		ok(t, s.PutKey(ctx, revoked, admin, "key.revoke"))
		k.RevokedAt = noon
		wantKey(t, s, k)
	})
	t.Run("lists", func(t *testing.T) {
		keys, err := s.Keys(ctx, tenantA)
		ok(t, err)
		same(t, keys, []access.Key{k, newKey(tenantA, "2")})
	})
	t.Run("expired tokens are pruned, expired keys stay", func(t *testing.T) { testTokens(t, s) })
	t.Run("leaves its trail", func(t *testing.T) { wantKeyTrail(t, s, admin) })
}

func testTokens(t *testing.T, s Stores) {
	ctx, k, token, fresh := t.Context(), newKey("tokens", "1"), newKey("tokens", "2"), newKey("tokens", "3")
	token.Token, fresh.Token, fresh.ExpiresAt = true, true, noon.Add(3*time.Hour)
	for _, k := range []access.Key{k, token, fresh} {
		ok(t, s.PutKey(ctx, k, access.Actor{Tenant: k.Tenant}, "key.create"))
	}
	ok(t, s.Prune(ctx, noon.Add(time.Hour)))
	wantKey(t, s, token)
	ok(t, s.Prune(ctx, noon.Add(2*time.Hour)))
	keys, err := s.Keys(ctx, "tokens")
	ok(t, err)
	same(t, keys, []access.Key{k, fresh})
}

func wantKey(t *testing.T, s Stores, want access.Key) {
	t.Helper()
	k, err := s.Key(t.Context(), want.Tenant, want.ID)
	ok(t, err)
	same(t, k, want)
	k, err = s.KeyByHash(t.Context(), want.Hash)
	ok(t, err)
	same(t, k, want)
}

func wantKeyTrail(t *testing.T, s Stores, admin access.Actor) {
	entries, err := s.Entries(t.Context(), tenantA, 0, 10)
	ok(t, err)
	want := []audit.Entry{
		audit.New(admin, start, "key.create", "1", "ok"), audit.New(admin, start, "key.create", "2", "ok"), audit.New(admin, start, "key.revoke", "1", "ok"),
	}
	same(t, len(entries), len(want))
	prev := ""
	for i, e := range entries {
		want[i].At = e.At // by the store's clock
		same(t, e, want[i].Chain(int64(i+1), prev))
		prev = e.Hash
	}
}
