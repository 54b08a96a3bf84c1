package sqlstore

import (
	"context"
	"maps"
	"slices"

	"c2d/core/audit"
)

var _ audit.Store = (*Store)(nil)

// Record implements [audit.Store]. Each entry and event names its tenant; one trail may be of several.
func (s *Store) Record(ctx context.Context, t audit.Trail) error {
	parts := map[string]audit.Trail{}
	for _, e := range t.Audit {
		p := parts[e.Tenant]
		p.Audit = append(p.Audit, e)
		parts[e.Tenant] = p
	}
	for _, e := range t.Events {
		p := parts[e.Tenant]
		p.Events = append(p.Events, e)
		parts[e.Tenant] = p
	}
	if len(parts) == 0 {
		return nil
	}
	return s.write(ctx, slices.Collect(maps.Keys(parts)), func(ctx context.Context, tx *tx) error {
		for tenant, p := range parts {
			if err := tx.leave(ctx, tenant, p); err != nil {
				return err
			}
		}
		return nil
	})
}

// Entries implements [audit.Store].
func (s *Store) Entries(ctx context.Context, tenant string, after int64, limit int) ([]audit.Entry, error) {
	return all(ctx, s.reader, document[audit.Entry],
		"SELECT doc FROM audit WHERE tenant = ? AND seq > ? ORDER BY seq LIMIT ?", tenant, after, clamp(limit))
}
