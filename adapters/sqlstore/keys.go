package sqlstore

import (
	"context"
	"database/sql"
	"encoding/hex"
	"time"

	"c2d/core/access"
	"c2d/core/audit"
	"c2d/core/fault"
)

var _ access.Store = (*Store)(nil)

// PutKey implements [access.Store].
func (s *Store) PutKey(ctx context.Context, k access.Key, a access.Actor, act string) error {
	if a.Tenant != k.Tenant {
		return fault.New(fault.CodeForbidden, "a key is put by an actor of its own tenant")
	}
	round(&k.CreatedAt, &k.ExpiresAt, &k.RevokedAt, &k.LastUsedAt)
	trail := audit.Trail{Audit: []audit.Entry{audit.New(a, s.now(), act, k.ID, "ok")}}
	return s.change(ctx, k.Tenant, trail, func(ctx context.Context, tx *tx) error { return tx.putKey(ctx, k) })
}

func (t *tx) putKey(ctx context.Context, k access.Key) error {
	if k.ID == "" || len(k.Hash) == 0 {
		return fault.New(fault.CodeInvalid, "a key has an id and a hash")
	}
	hash := hex.EncodeToString(k.Hash)
	_, used, err := find(ctx, t, scalar[string],
		"SELECT id FROM access_keys WHERE hash = ? AND NOT (tenant = ? AND id = ?)", hash, k.Tenant, k.ID)
	if err != nil {
		return err
	}
	if used {
		return exists("hash")
	}
	doc, err := encode(k)
	if err != nil {
		return err
	}
	var until int64
	if k.Token {
		until = millis(k.ExpiresAt)
	}
	_, err = t.exec(ctx, `INSERT INTO access_keys (tenant, id, hash, last_used_at, token_until, doc) VALUES (?, ?, ?, ?, ?, ?)
		ON CONFLICT (tenant, id) DO UPDATE SET hash = excluded.hash, token_until = excluded.token_until, doc = excluded.doc`,
		k.Tenant, k.ID, hash, millis(k.LastUsedAt), until, doc)
	return err
}

// KeyByHash implements [access.Store]; hashes are unique over all tenants, since the key says whose it is.
func (s *Store) KeyByHash(ctx context.Context, hash []byte) (access.Key, error) {
	return one(ctx, s.reader, s.scanKey, selectAccess+"hash = ?", hex.EncodeToString(hash))
}

// Key implements [access.Store].
func (s *Store) Key(ctx context.Context, tenant, id string) (access.Key, error) {
	return one(ctx, s.reader, s.scanKey, selectAccess+"tenant = ? AND id = ?", tenant, id)
}

// Keys implements [access.Store]; they are listed by id.
func (s *Store) Keys(ctx context.Context, tenant string) ([]access.Key, error) {
	return all(ctx, s.reader, s.scanKey, selectAccess+"tenant = ? ORDER BY id", tenant)
}

// Used implements [access.Store]. It only notes the time; the next transaction stores it.
func (s *Store) Used(ctx context.Context, tenant, id string, at time.Time) error {
	s.used.note(keyID{tenant, id}, millis(at))
	return nil
}

const selectAccess = "SELECT tenant, hash, last_used_at, doc FROM access_keys WHERE "

func (s *Store) scanKey(rows *sql.Rows) (access.Key, error) {
	var tenant, hash, doc string
	var used int64
	if err := rows.Scan(&tenant, &hash, &used, &doc); err != nil {
		return access.Key{}, err
	}
	k, err := decode[access.Key](doc)
	if err != nil {
		return k, err
	}
	k.Tenant = tenant
	k.LastUsedAt = moment(max(used, s.used.noted(keyID{tenant, k.ID})))
	if k.Hash, err = hex.DecodeString(hash); err != nil {
		return k, fault.Wrap(fault.CodeInternal, err, "the store holds what it cannot read")
	}
	return k, nil
}
