package sqlstore

import (
	"context"
	"testing"
	"time"

	"c2d/core/access"
	"c2d/core/fault"
)

// TestWritable: a store that can be read and not written says so, and is asked again until it can.
func TestWritable(t *testing.T) {
	s, later := openNew(t), time.Duration(0)
	s.now = func() time.Time { return time.Now().Add(later) }
	before := s.Stats().Commits
	if err := s.Writable(t.Context()); err != nil || s.Stats().Commits != before {
		t.Fatalf("a store that is well: %v, %d commits", err, s.Stats().Commits-before)
	}
	spoil := func(ctx context.Context, tx *tx) error {
		_, err := tx.exec(ctx, "ROLLBACK") // the commit of the batch then finds no transaction
		return err
	}
	if err := s.w.do(t.Context(), writeLimit, spoil); !fault.Is(err, fault.CodeStoreUnavailable) {
		t.Fatalf("a lost transaction: %v", err)
	}
	if err := s.Writable(t.Context()); !fault.Is(err, fault.CodeStoreUnavailable) {
		t.Errorf("just after a change was lost: %v", err)
	}
	later = doubted
	if err := s.Writable(t.Context()); err != nil || s.w.failed.Load() != 0 {
		t.Errorf("a store that is well again: %v", err)
	}
	if err := s.pools.write.Close(); err != nil {
		t.Fatal(err)
	}
	_ = s.w.do(t.Context(), writeLimit, spoil)
	if _, err := s.Head(t.Context(), access.MainTenant); err != nil {
		t.Errorf("it cannot be read: %v", err)
	}
	if err := s.Writable(t.Context()); !fault.Is(err, fault.CodeStoreUnavailable) {
		t.Errorf("a store that takes no changes: %v", err)
	}
}
