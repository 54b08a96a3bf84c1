package sqlstore

import (
	"context"
	"database/sql"

	"c2d/core/directory"
	"c2d/core/identity"
	"c2d/core/user"
)

// keyedRow is a contact with the folded name that lists are sorted by.
type keyedRow struct {
	contact directory.Contact
	nameKey string
}

func scanContact(tenant string) func(*sql.Rows) (directory.Contact, error) {
	return func(rows *sql.Rows) (directory.Contact, error) {
		c, err := document[directory.Contact](rows)
		c.Tenant = tenant
		return c, err
	}
}

func scanKeyed(tenant string) func(*sql.Rows) (keyedRow, error) {
	return func(rows *sql.Rows) (k keyedRow, err error) {
		var doc string
		if err := rows.Scan(&doc, &k.nameKey); err != nil {
			return k, err
		}
		k.contact, err = decode[directory.Contact](doc)
		k.contact.Tenant = tenant
		return k, err
	}
}

// Contact implements [directory.Store].
func (s *Store) Contact(ctx context.Context, tenant, id string) (directory.Contact, error) {
	return one(ctx, s.reader, scanContact(tenant), "SELECT doc FROM contacts WHERE tenant = ? AND id = ?", tenant, id)
}

// ContactsByIdentifier implements [directory.Store].
func (s *Store) ContactsByIdentifier(ctx context.Context, tenant string, id identity.Identifier) ([]directory.Contact, error) {
	return all(ctx, s.reader, scanContact(tenant), `SELECT c.doc FROM identifiers i JOIN contacts c ON c.tenant = i.tenant AND c.id = i.owner
		WHERE i.tenant = ? AND i.kind = ? AND i.system = ? AND i.value = ?`, tenant, string(ofContact), id.System, id.Value)
}

// ContactsByNumber implements [directory.Store].
func (s *Store) ContactsByNumber(ctx context.Context, tenant, number string) ([]directory.Contact, error) {
	return s.contactsBy(ctx, tenant, byNumber, number, mostContacts)
}

// ContactsByURI implements [directory.Store].
func (s *Store) ContactsByURI(ctx context.Context, tenant, uri string) ([]directory.Contact, error) {
	return s.contactsBy(ctx, tenant, byURI, uri, mostContacts)
}

// ContactsByName implements [directory.Store].
func (s *Store) ContactsByName(ctx context.Context, tenant, folded string, limit int) ([]directory.Contact, error) {
	return s.contactsBy(ctx, tenant, byName, folded, limit)
}

// mostContacts bounds look-ups that have no limit of their own: a switchboard's number may be everybody's.
const mostContacts = 500

func (s *Store) contactsBy(ctx context.Context, tenant string, kind contactKey, value string, limit int) ([]directory.Contact, error) {
	return all(ctx, s.reader, scanContact(tenant), `SELECT c.doc FROM contact_keys k CROSS JOIN contacts c
		WHERE c.tenant = k.tenant AND c.id = k.contact_id AND k.tenant = ? AND k.kind = ? AND k.value = ? ORDER BY c.name_key, c.id LIMIT ?`, tenant, string(kind), value, clamp(limit))
}

// Contacts implements [directory.Store].
func (s *Store) Contacts(ctx context.Context, tenant, prefix string, p user.Page) ([]directory.Contact, string, error) {
	query, args := "SELECT doc, name_key FROM contacts WHERE tenant = ?", []any{tenant}
	if prefix != "" {
		query += " AND id IN (SELECT contact_id FROM contact_keys WHERE tenant = ? AND kind = ? AND value >= ? AND value < ?)"
		args = append(args, tenant, string(byName), prefix, prefix+lastRune)
	}
	if p.After != "" {
		key, err := contactList.key(p.After, 2)
		if err != nil {
			return nil, "", err
		}
		query, args = query+" AND (name_key, id) > (?, ?)", append(args, key[0], key[1])
	}
	limit := clamp(p.Limit)
	rows, err := all(ctx, s.reader, scanKeyed(tenant), query+" ORDER BY name_key, id LIMIT ?", append(args, limit+1)...)
	if err != nil {
		return nil, "", err
	}
	rows, next := cut(rows, limit, func(k *keyedRow) string { return contactList.cursor(k.nameKey, k.contact.ID) })
	return contactsOf(rows), next, nil
}

// lastRune sorts behind everything that a name can go on with.
const lastRune = "\U0010FFFF"

func contactsOf(rows []keyedRow) []directory.Contact {
	contacts := make([]directory.Contact, len(rows))
	for i, r := range rows {
		contacts[i] = r.contact
	}
	return contacts
}
