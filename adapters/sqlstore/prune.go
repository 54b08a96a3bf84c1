package sqlstore

import (
	"context"
	"time"
)

// pruneStep is how many events one write of Prune removes: calls are not to wait for it.
const pruneStep = 5000

// Prune removes the events from before that time, the registrations and tokens that had expired by then, and the
// idempotency rows that have expired by now. It may run beside everything else.
// Errors: fault.CodeStoreUnavailable; what was removed by then stays so.
func (s *Store) Prune(ctx context.Context, before time.Time) error {
	tenants, err := all(ctx, s.reader, scalar[string], "SELECT tenant FROM heads WHERE tenant <> ''")
	if err != nil {
		return err
	}
	for _, tenant := range tenants {
		if err := s.pruneEvents(ctx, tenant, before); err != nil {
			return err
		}
	}
	return s.w.do(ctx, writeLimit, func(ctx context.Context, t *tx) error { return t.pruneExpired(ctx, before, s.now()) })
}

func (t *tx) pruneExpired(ctx context.Context, before, now time.Time) error {
	for _, p := range []struct {
		rows  string
		until time.Time
	}{
		{"bindings WHERE expires_at < ?", before},
		{"access_keys WHERE token_until > 0 AND token_until < ?", before},
		{"idempotency WHERE expires_at <= ?", now},
	} {
		if _, err := t.exec(ctx, "DELETE FROM "+p.rows, millis(p.until)); err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) pruneEvents(ctx context.Context, tenant string, before time.Time) error {
	for {
		var from, to int64
		err := s.w.do(ctx, writeLimit, func(ctx context.Context, t *tx) (err error) {
			from, to, err = t.pruneStep(ctx, tenant, before)
			return err
		})
		if err != nil {
			return err
		}
		s.rings.drop(tenant, to)
		if to < from+pruneStep {
			return nil
		}
	}
}

// pruneStep removes the oldest events, those after from up to to: so far as each is from before that time.
func (t *tx) pruneStep(ctx context.Context, tenant string, before time.Time) (from, to int64, err error) {
	h, err := t.head(ctx, tenant)
	if err != nil {
		return 0, 0, err
	}
	from, to = h.pruned, min(h.pruned+pruneStep, h.event)
	kept, found, err := find(ctx, t, scalar[int64],
		"SELECT seq FROM events WHERE tenant = ? AND seq <= ? AND at >= ? ORDER BY seq LIMIT 1", tenant, to, millis(before))
	if err != nil {
		return 0, 0, err
	}
	if found {
		to = kept - 1
	}
	h.pruned = to
	t.heads[tenant] = h
	_, err = t.exec(ctx, "DELETE FROM events WHERE tenant = ? AND seq <= ?", tenant, to)
	return from, to, err
}
