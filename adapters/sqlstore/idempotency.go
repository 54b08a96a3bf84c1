package sqlstore

import (
	"context"
	"database/sql"
	"time"

	"c2d/core/call"
)

const selectKey = `SELECT tenant, key_id, key, body_hash, call_id, expires_at FROM idempotency
	WHERE tenant = ? AND key_id = ? AND key = ? AND expires_at > ?`

func scanIdempotency(rows *sql.Rows) (i call.Idempotency, err error) {
	var expires int64
	err = rows.Scan(&i.Tenant, &i.KeyID, &i.Key, &i.BodyHash, &i.CallID, &expires)
	i.ExpiresAt = moment(expires)
	return i, err
}

// Replayed implements [call.Store].
func (s *Store) Replayed(ctx context.Context, tenant, keyID, key string) (call.Idempotency, error) {
	return one(ctx, s.reader, scanIdempotency, selectKey, tenant, keyID, key, millis(s.now()))
}

// useKey stores the row, in the place of one that has expired; *[call.Replay] if there is one that has not.
func (t *tx) useKey(ctx context.Context, tenant string, i call.Idempotency, now time.Time) error {
	row, used, err := find(ctx, t, scanIdempotency, selectKey, tenant, i.KeyID, i.Key, millis(now))
	if err != nil {
		return err
	}
	if used {
		return &call.Replay{Row: row}
	}
	_, err = t.exec(ctx, `INSERT INTO idempotency (tenant, key_id, key, body_hash, call_id, expires_at) VALUES (?, ?, ?, ?, ?, ?)
		ON CONFLICT (tenant, key_id, key) DO UPDATE SET body_hash = excluded.body_hash, call_id = excluded.call_id,
		expires_at = excluded.expires_at`, tenant, i.KeyID, i.Key, i.BodyHash, i.CallID, millis(i.ExpiresAt))
	return err
}
