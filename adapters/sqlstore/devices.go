package sqlstore

import (
	"cmp"
	"context"
	"database/sql"
	"slices"

	"c2d/core/audit"
	"c2d/core/fault"
	"c2d/core/user"
)

// PutDevice implements [user.Store].
func (s *Store) PutDevice(ctx context.Context, d user.Device, t audit.Trail) (user.Device, error) {
	round(&d.CreatedAt, &d.UpdatedAt)
	err := s.change(ctx, d.Tenant, t, func(ctx context.Context, tx *tx) error { return tx.putDevice(ctx, d) })
	if err != nil {
		return user.Device{}, err
	}
	d.Version++
	return d, nil
}

func (t *tx) putDevice(ctx context.Context, d user.Device) error {
	if err := t.checkRow(ctx, "devices", d.Tenant, d.ID, d.Version); err != nil {
		return err
	}
	username, credentials, err := credentialColumns(d)
	if err != nil {
		return err
	}
	if err := t.checkFree(ctx, "devices", "address", d.Tenant, d.ID, d.Address, "address"); err != nil {
		return err
	}
	if err := t.checkFree(ctx, "devices", "username", d.Tenant, d.ID, username.String, "credentials.username"); err != nil {
		return err
	}
	d.Version++
	doc, err := encode(d)
	if err != nil {
		return err
	}
	_, err = t.exec(ctx, `INSERT INTO devices (tenant, id, version, address, number, username, credentials, doc) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (tenant, id) DO UPDATE SET version = excluded.version, address = excluded.address, number = excluded.number,
		username = excluded.username, credentials = excluded.credentials, doc = excluded.doc`,
		d.Tenant, d.ID, d.Version, nullable(d.Address), nullable(d.Number), username, credentials, doc)
	if err != nil {
		return err
	}
	return t.putIdentifiers(ctx, d.Tenant, ofDevice, []owned{{d.ID, d.Version == 1, d.Identifiers}})
}

// credentialColumns are a device's secrets, which its document does not hold.
func credentialColumns(d user.Device) (username, credentials sql.NullString, err error) {
	if d.Credentials == nil {
		return username, credentials, nil
	}
	text, err := encode(d.Credentials)
	return nullable(d.Credentials.Username), nullable(text), err
}

// Device implements [user.Store].
func (s *Store) Device(ctx context.Context, tenant, id string) (user.Device, error) {
	return one(ctx, s.reader, scanDevice(tenant), selectDevice+"id = ?", tenant, id)
}

const selectDevice = "SELECT doc, credentials FROM devices WHERE tenant = ? AND "

// DeviceByAddress implements [user.Store]: one with that address before those with that number, of which the first
// by id is returned. With OR, or in order, SQLite would read every device of the tenant.
func (s *Store) DeviceByAddress(ctx context.Context, tenant, address string) (user.Device, error) {
	d, err := one(ctx, s.reader, scanDevice(tenant), selectDevice+"address = ?", tenant, address)
	if !fault.Is(err, fault.CodeNotFound) {
		return d, err
	}
	found, err := all(ctx, s.reader, scanDevice(tenant), selectDevice+"number = ?", tenant, address)
	if err != nil || len(found) == 0 {
		return user.Device{}, cmp.Or(err, notFound())
	}
	return slices.MinFunc(found, func(a, b user.Device) int { return cmp.Compare(a.ID, b.ID) }), nil
}

// DeviceByCredentials implements [user.Store].
func (s *Store) DeviceByCredentials(ctx context.Context, tenant, username string) (user.Device, error) {
	return one(ctx, s.reader, scanDevice(tenant), selectDevice+"username = ?", tenant, username)
}

// Devices implements [user.Store]; they are listed by id, the oldest first where ids are UUIDv7.
func (s *Store) Devices(ctx context.Context, tenant string, p user.Page) ([]user.Device, string, error) {
	after := []string{""}
	if p.After != "" {
		var err error
		if after, err = deviceList.key(p.After, 1); err != nil {
			return nil, "", err
		}
	}
	limit := clamp(p.Limit)
	devices, err := all(ctx, s.reader, scanDevice(tenant),
		"SELECT doc, credentials FROM devices WHERE tenant = ? AND id > ? ORDER BY id LIMIT ?", tenant, after[0], limit+1)
	if err != nil {
		return nil, "", err
	}
	devices, next := cut(devices, limit, func(d *user.Device) string { return deviceList.cursor(d.ID) })
	return devices, next, nil
}

// DeleteDevice implements [user.Store]; users who have it keep its id, which then leads nowhere.
func (s *Store) DeleteDevice(ctx context.Context, tenant, id string, t audit.Trail) error {
	return s.change(ctx, tenant, t, func(ctx context.Context, tx *tx) error {
		if err := tx.dropIdentifiers(ctx, tenant, ofDevice, id); err != nil {
			return err
		}
		return tx.delete(ctx, "devices", tenant, id)
	})
}

func scanDevice(tenant string) func(*sql.Rows) (user.Device, error) {
	return func(rows *sql.Rows) (user.Device, error) {
		var doc string
		var credentials sql.NullString
		if err := rows.Scan(&doc, &credentials); err != nil {
			return user.Device{}, err
		}
		d, err := decode[user.Device](doc)
		if err != nil {
			return d, err
		}
		d.Tenant = tenant
		if credentials.Valid {
			c, err := decode[user.Credentials](credentials.String)
			d.Credentials = &c
			return d, err
		}
		return d, nil
	}
}
