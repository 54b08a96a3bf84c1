package storetest

import (
	"errors"
	"testing"
	"time"

	"c2d/core/audit"
	"c2d/core/call"
	"c2d/core/fault"
)

// used is an idempotency row for a call; by the store's clock it expires after that time.
func used(tenant, key, callID string, after time.Duration) *call.Idempotency {
	return &call.Idempotency{Tenant: tenant, KeyID: "k1", Key: key, BodyHash: "hash-" + callID, CallID: callID,
		ExpiresAt: time.Now().Add(after).UTC().Truncate(time.Millisecond)}
}

func testIdempotency(t *testing.T, s Stores) {
	ctx := t.Context()
	first := used(tenantA, "one", "1", time.Hour)
	ok(t, s.Create(ctx, newCall(tenantA, "1", "u1"), first, trail(tenantA, "1")))
	t.Run("the row is found", func(t *testing.T) {
		row, err := s.Replayed(ctx, tenantA, "k1", "one")
		ok(t, err)
		same(t, row, *first)
	})
	t.Run("a replay finds its own call before it finds a busy caller", func(t *testing.T) {
		wantReplay(t, s.Create(ctx, newCall(tenantA, "2", "u1"), used(tenantA, "one", "2", time.Hour), trail(tenantA, "2")), *first)
		_, err := s.Get(ctx, tenantA, "2")
		wantCode(t, err, fault.CodeNotFound)
		entries, events := left(t, s, tenantA)
		same(t, [2]int{entries, events}, [2]int{1, 1})
	})
	t.Run("another API key has its own keys", func(t *testing.T) {
		other := used(tenantA, "one", "3", time.Hour)
		other.KeyID = "k2"
		ok(t, s.Create(ctx, newCall(tenantA, "3", "u3"), other, audit.Trail{}))
	})
	t.Run("a refused call does not use its key", func(t *testing.T) {
		wantCode(t, s.Create(ctx, newCall(tenantA, "4", "u1"), used(tenantA, "four", "4", time.Hour), audit.Trail{}), fault.CodeCallerBusy)
		_, err := s.Replayed(ctx, tenantA, "k1", "four")
		wantCode(t, err, fault.CodeNotFound)
	})
	t.Run("an expired key is used anew", func(t *testing.T) {
		ok(t, s.Create(ctx, newCall(tenantA, "5", "u5"), used(tenantA, "old", "5", -time.Second), audit.Trail{}))
		_, err := s.Replayed(ctx, tenantA, "k1", "old")
		wantCode(t, err, fault.CodeNotFound)
		fresh := used(tenantA, "old", "6", time.Hour)
		ok(t, s.Create(ctx, newCall(tenantA, "6", "u6"), fresh, audit.Trail{}))
		wantReplay(t, s.Create(ctx, newCall(tenantA, "7", "u7"), used(tenantA, "old", "7", time.Hour), audit.Trail{}), *fresh)
	})
	t.Run("pruning keeps what has not expired", func(t *testing.T) {
		ok(t, s.Prune(ctx, time.Now()))
		_, err := s.Replayed(ctx, tenantA, "k1", "one")
		ok(t, err)
	})
}

func wantReplay(t *testing.T, err error, want call.Idempotency) {
	t.Helper()
	var r *call.Replay
	if !errors.As(err, &r) {
		t.Fatalf("error is %v, want a replay", err)
	}
	same(t, r.Row, want)
}
