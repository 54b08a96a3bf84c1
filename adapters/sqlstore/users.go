package sqlstore

import (
	"context"
	"database/sql"
	"strings"

	"c2d/core/audit"
	"c2d/core/fault"
	"c2d/core/identity"
	"c2d/core/user"
)

var _ user.Store = (*Store)(nil)

// PutUser implements [user.Store].
func (s *Store) PutUser(ctx context.Context, u user.User, t audit.Trail) (user.User, error) {
	round(&u.CreatedAt, &u.UpdatedAt)
	err := s.change(ctx, u.Tenant, t, func(ctx context.Context, tx *tx) error { return tx.putUser(ctx, u) })
	if err != nil {
		return user.User{}, err
	}
	u.Version++
	return u, nil
}

func (t *tx) putUser(ctx context.Context, u user.User) error {
	if err := t.checkRow(ctx, "users", u.Tenant, u.ID, u.Version); err != nil {
		return err
	}
	login := folded(u.Login)
	if err := t.checkFree(ctx, "users", "login", u.Tenant, u.ID, login, "login"); err != nil {
		return err
	}
	u.Version++
	doc, err := encode(u)
	if err != nil {
		return err
	}
	_, err = t.exec(ctx, `INSERT INTO users (tenant, id, version, login, doc) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT (tenant, id) DO UPDATE SET version = excluded.version, login = excluded.login, doc = excluded.doc`,
		u.Tenant, u.ID, u.Version, login, doc)
	if err != nil {
		return err
	}
	if err := t.putUserDevices(ctx, u); err != nil {
		return err
	}
	return t.putIdentifiers(ctx, u.Tenant, ofUser, []owned{{u.ID, u.Version == 1, u.Identifiers}})
}

func (t *tx) putUserDevices(ctx context.Context, u user.User) error {
	if _, err := t.exec(ctx, "DELETE FROM user_devices WHERE tenant = ? AND user_id = ?", u.Tenant, u.ID); err != nil {
		return err
	}
	rows := make([][]any, len(u.DeviceIDs))
	for i, id := range u.DeviceIDs {
		rows[i] = []any{u.Tenant, id, u.ID}
	}
	_, err := t.insert(ctx, "user_devices (tenant, device_id, user_id)", 3, "ON CONFLICT DO NOTHING", rows)
	return err
}

// checkRow refuses to create (version 0) what is there, and to replace what is not or has moved on.
func (t *tx) checkRow(ctx context.Context, table, tenant, id string, version int64) error {
	stored, found, err := find(ctx, t, scalar[int64], "SELECT version FROM "+table+" WHERE tenant = ? AND id = ?", tenant, id)
	if err != nil {
		return err
	}
	return checkVersion(id, version, stored, found)
}

func checkVersion(id string, version, stored int64, found bool) error {
	switch {
	case id == "":
		return fault.Field(fault.CodeInvalid, "id", "what is stored has an id")
	case !found && version != 0:
		return notFound()
	case stored != version:
		return conflict()
	}
	return nil
}

// checkFree refuses a value that another row of the table has.
func (t *tx) checkFree(ctx context.Context, table, column, tenant, id, value, field string) error {
	if value == "" {
		return nil
	}
	_, used, err := find(ctx, t, scalar[string],
		"SELECT id FROM "+table+" WHERE tenant = ? AND "+column+" = ? AND id <> ?", tenant, value, id)
	if err == nil && used {
		return exists(field)
	}
	return err
}

// folded is a login as it is compared; it is ASCII.
func folded(login string) string { return strings.ToLower(login) }

// User implements [user.Store].
func (s *Store) User(ctx context.Context, tenant, id string) (user.User, error) {
	return one(ctx, s.reader, scanUser(tenant), "SELECT doc FROM users WHERE tenant = ? AND id = ?", tenant, id)
}

// UserByLogin implements [user.Store].
func (s *Store) UserByLogin(ctx context.Context, tenant, login string) (user.User, error) {
	return one(ctx, s.reader, scanUser(tenant), "SELECT doc FROM users WHERE tenant = ? AND login = ?", tenant, folded(login))
}

// UsersByIdentifier implements [user.Store].
func (s *Store) UsersByIdentifier(ctx context.Context, tenant string, id identity.Identifier) ([]user.User, error) {
	return all(ctx, s.reader, scanUser(tenant), `SELECT u.doc FROM identifiers i JOIN users u ON u.tenant = i.tenant AND u.id = i.owner
		WHERE i.tenant = ? AND i.kind = ? AND i.system = ? AND i.value = ?`, tenant, string(ofUser), id.System, id.Value)
}

// UsersByDevice implements [user.Store].
func (s *Store) UsersByDevice(ctx context.Context, tenant, deviceID string) ([]user.User, error) {
	return all(ctx, s.reader, scanUser(tenant), `SELECT u.doc FROM user_devices d CROSS JOIN users u
		WHERE u.tenant = d.tenant AND u.id = d.user_id AND d.tenant = ? AND d.device_id = ? ORDER BY u.login`, tenant, deviceID)
}

// Users implements [user.Store]; they are listed by login.
func (s *Store) Users(ctx context.Context, tenant string, p user.Page) ([]user.User, string, error) {
	after := []string{""}
	if p.After != "" {
		var err error
		if after, err = userList.key(p.After, 1); err != nil {
			return nil, "", err
		}
	}
	limit := clamp(p.Limit)
	users, err := all(ctx, s.reader, scanUser(tenant),
		"SELECT doc FROM users WHERE tenant = ? AND login > ? ORDER BY login LIMIT ?", tenant, after[0], limit+1)
	if err != nil {
		return nil, "", err
	}
	users, next := cut(users, limit, func(u *user.User) string { return userList.cursor(folded(u.Login)) })
	return users, next, nil
}

// DeleteUser implements [user.Store].
func (s *Store) DeleteUser(ctx context.Context, tenant, id string, t audit.Trail) error {
	return s.change(ctx, tenant, t, func(ctx context.Context, tx *tx) error {
		if err := tx.dropIdentifiers(ctx, tenant, ofUser, id); err != nil {
			return err
		}
		return tx.delete(ctx, "users", tenant, id)
	})
}

// delete removes a row and what hangs on it.
func (t *tx) delete(ctx context.Context, table, tenant, id string) error {
	n, err := t.exec(ctx, "DELETE FROM "+table+" WHERE tenant = ? AND id = ?", tenant, id)
	if err == nil && n == 0 {
		return notFound()
	}
	return err
}

func scanUser(tenant string) func(*sql.Rows) (user.User, error) {
	return func(rows *sql.Rows) (user.User, error) {
		u, err := document[user.User](rows)
		u.Tenant = tenant
		return u, err
	}
}
