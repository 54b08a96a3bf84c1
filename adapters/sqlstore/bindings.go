package sqlstore

import (
	"context"
	"time"

	"c2d/core/audit"
	"c2d/core/user"
)

var _ user.Locations = (*Store)(nil)

// PutBindings implements [user.Locations]. What is removed is matched as what is replaced: by its Contact, or by its
// Instance and RegID.
func (s *Store) PutBindings(ctx context.Context, tenant, aor string, put, remove []user.Binding) error {
	return s.change(ctx, tenant, audit.Trail{}, func(ctx context.Context, tx *tx) error {
		for _, b := range remove {
			if err := tx.removeBinding(ctx, tenant, aor, b); err != nil {
				return err
			}
		}
		for _, b := range put {
			if err := tx.putBinding(ctx, tenant, aor, b); err != nil {
				return err
			}
		}
		return nil
	})
}

func (t *tx) removeBinding(ctx context.Context, tenant, aor string, b user.Binding) error {
	_, err := t.exec(ctx, `DELETE FROM bindings WHERE tenant = ? AND aor = ? AND
		(contact = ? OR (instance <> '' AND instance = ? AND reg_id = ?))`, tenant, aor, b.Contact, b.Instance, b.RegID)
	return err
}

func (t *tx) putBinding(ctx context.Context, tenant, aor string, b user.Binding) error {
	if err := t.removeBinding(ctx, tenant, aor, b); err != nil {
		return err
	}
	b.Tenant, b.AOR = tenant, aor
	round(&b.ExpiresAt, &b.UpdatedAt)
	doc, err := encode(b)
	if err != nil {
		return err
	}
	_, err = t.exec(ctx, `INSERT INTO bindings (tenant, aor, contact, instance, reg_id, expires_at, updated_at, doc)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?)`, tenant, aor, b.Contact, b.Instance, b.RegID, millis(b.ExpiresAt), millis(b.UpdatedAt), doc)
	return err
}

// Bindings implements [user.Locations].
func (s *Store) Bindings(ctx context.Context, tenant, aor string, now time.Time) ([]user.Binding, error) {
	return all(ctx, s.reader, document[user.Binding], `SELECT doc FROM bindings WHERE tenant = ? AND aor = ? AND expires_at > ?
		ORDER BY updated_at DESC, contact`, tenant, aor, millis(now))
}
