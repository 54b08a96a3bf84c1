package sqlstore

import (
	"context"
	"database/sql"
	"maps"
	"slices"
	"time"

	"c2d/core/audit"
	"c2d/core/directory"
	"c2d/core/fault"
)

var _ directory.Store = (*Store)(nil)

// contactKey is a kind of value by which a contact is found.
type contactKey string

const (
	byName   contactKey = "name"
	byNumber contactKey = "number"
	byURI    contactKey = "uri"
)

// PutContacts implements [directory.Store]. A large import may take longer than other writes, which wait for it.
func (s *Store) PutContacts(ctx context.Context, tenant string, c []directory.Keyed, t audit.Trail) ([]directory.Contact, error) {
	stored := make([]directory.Contact, len(c))
	keyed := make([]directory.Keyed, len(c))
	for i, k := range c {
		round(&k.Contact.CreatedAt, &k.Contact.UpdatedAt)
		k.Contact.Tenant = tenant
		keyed[i], stored[i] = k, k.Contact
		stored[i].Version++
	}
	if tenant == "" {
		return nil, noTenant()
	}
	limit := writeLimit + time.Duration(len(c))*5*time.Millisecond // ten times what one takes, for a busy machine
	err := s.w.do(ctx, limit, func(ctx context.Context, tx *tx) error {
		if err := tx.putContacts(ctx, tenant, keyed); err != nil {
			return err
		}
		return tx.leave(ctx, tenant, t)
	})
	if err != nil {
		return nil, err
	}
	return stored, nil
}

func (t *tx) putContacts(ctx context.Context, tenant string, c []directory.Keyed) error {
	if err := t.checkContacts(ctx, tenant, c); err != nil {
		return err
	}
	var rows, keys [][]any
	var identified []owned
	for _, k := range c {
		row, err := contactRow(tenant, k)
		if err != nil {
			return err
		}
		rows = append(rows, row)
		keys = append(keys, contactKeys(tenant, k)...)
		identified = append(identified, owned{k.Contact.ID, k.Contact.Version == 0, k.Contact.Identifiers})
	}
	_, err := t.insert(ctx, "contacts (tenant, id, version, name_key, doc)", 5, `ON CONFLICT (tenant, id) DO UPDATE
		SET version = excluded.version, name_key = excluded.name_key, doc = excluded.doc`, rows)
	if err != nil {
		return err
	}
	if _, err := t.insert(ctx, "contact_keys (tenant, kind, value, contact_id)", 4, "ON CONFLICT DO NOTHING", keys); err != nil {
		return err
	}
	return t.putIdentifiers(ctx, tenant, ofContact, identified)
}

// checkContacts checks the versions of all, and takes away the keys of those that are replaced.
func (t *tx) checkContacts(ctx context.Context, tenant string, c []directory.Keyed) error {
	seen := make(map[string]bool, len(c))
	for part := range slices.Chunk(c, chunk) {
		stored, err := t.contactVersions(ctx, tenant, part)
		if err != nil {
			return err
		}
		for _, k := range part {
			version, found := stored[k.Contact.ID]
			if err := checkVersion(k.Contact.ID, k.Contact.Version, version, found); err != nil {
				return err
			}
			if seen[k.Contact.ID] {
				return conflict()
			}
			seen[k.Contact.ID] = true
		}
		if err := t.dropKeys(ctx, tenant, slices.Collect(maps.Keys(stored))...); err != nil {
			return err
		}
	}
	return nil
}

// dropKeys takes away all by which the contacts are found, but for their ids.
func (t *tx) dropKeys(ctx context.Context, tenant string, ids ...string) error {
	return t.deleteEach(ctx, "contact_keys", "tenant, contact_id", pairs(tenant, ids))
}

// pairs returns the keys of rows of one tenant.
func pairs(tenant string, ids []string) [][]any {
	keys := make([][]any, len(ids))
	for i, id := range ids {
		keys[i] = []any{tenant, id}
	}
	return keys
}

// contactVersions returns those that are stored, by id.
func (t *tx) contactVersions(ctx context.Context, tenant string, c []directory.Keyed) (map[string]int64, error) {
	keys := make([][]any, len(c))
	for i, k := range c {
		keys[i] = []any{tenant, k.Contact.ID}
	}
	stored := map[string]int64{}
	_, err := all(ctx, t, func(rows *sql.Rows) (none struct{}, err error) {
		var id string
		var version int64
		err = rows.Scan(&id, &version)
		stored[id] = version
		return none, err
	}, "SELECT id, version FROM contacts WHERE "+in("tenant, id", keys), slices.Concat(keys...)...)
	return stored, err
}

func contactRow(tenant string, k directory.Keyed) ([]any, error) {
	if len(k.Keys) == 0 {
		return nil, fault.Field(fault.CodeInvalid, "name", "a contact has a name")
	}
	k.Contact.Version++
	doc, err := encode(k.Contact)
	return []any{tenant, k.Contact.ID, k.Contact.Version, k.Keys[0], doc}, err
}

func contactKeys(tenant string, k directory.Keyed) [][]any {
	var rows [][]any
	add := func(kind contactKey, value string) {
		rows = append(rows, []any{tenant, string(kind), value, k.Contact.ID})
	}
	for _, name := range k.Keys {
		add(byName, name)
	}
	for _, p := range k.Contact.Numbers {
		add(byNumber, p.Number.Dial())
	}
	for _, uri := range k.Contact.URIs {
		add(byURI, uri)
	}
	return rows
}

// DeleteContact implements [directory.Store].
func (s *Store) DeleteContact(ctx context.Context, tenant, id string, t audit.Trail) error {
	return s.change(ctx, tenant, t, func(ctx context.Context, tx *tx) error {
		if err := tx.dropIdentifiers(ctx, tenant, ofContact, id); err != nil {
			return err
		}
		if err := tx.dropKeys(ctx, tenant, id); err != nil {
			return err
		}
		return tx.delete(ctx, "contacts", tenant, id)
	})
}
