package directory

import (
	"context"
	"strings"
	"time"

	"c2d/core/access"
	"c2d/core/audit"
	"c2d/core/event"
	"c2d/core/fault"
	"c2d/core/identity"
	"c2d/core/user"
)

// Service validates, authorises and audits the book. Safe for concurrent use.
type Service struct {
	store   Store
	numbers identity.Numbering
	folder  identity.Folder
}

// NewService returns a service on the store.
func NewService(s Store, n identity.Numbering, f identity.Folder) *Service {
	return &Service{store: s, numbers: n, folder: f}
}

// Create stores a new contact: numbers are given as typed in Phone.Number.Typed and parsed here. Needs
// access.WriteBook. Errors: fault.CodeInvalid and its kin with the field, those of Store.
func (s *Service) Create(ctx context.Context, a access.Actor, c Contact) (Contact, error) {
	if err := a.May(access.WriteBook); err != nil {
		return Contact{}, err
	}
	now := clock()
	c.ID, c.Version, c.CreatedAt, c.UpdatedAt = identity.NewID(), 0, now, now
	return s.put(ctx, a, "contact.create", c)
}

// Update replaces a contact; c.Version is the one read before, and 0 means whatever is stored now. Needs
// access.WriteBook. Errors: as Create, fault.CodeConflict.
func (s *Service) Update(ctx context.Context, a access.Actor, c Contact) (Contact, error) {
	if err := a.May(access.WriteBook); err != nil {
		return Contact{}, err
	}
	old, err := s.store.Contact(ctx, a.Tenant, c.ID)
	if err != nil {
		return Contact{}, err
	}
	c.CreatedAt, c.UpdatedAt = old.CreatedAt, clock()
	if c.Version == 0 {
		c.Version = old.Version
	}
	return s.put(ctx, a, "contact.update", c)
}

func (s *Service) put(ctx context.Context, a access.Actor, action string, c Contact) (Contact, error) {
	c.Tenant = a.Tenant
	if err := s.check(&c); err != nil {
		return Contact{}, err
	}
	stored, err := s.store.PutContacts(ctx, a.Tenant, []Keyed{s.keyed(c)}, trail(a, c.UpdatedAt, action, c))
	if err != nil {
		return Contact{}, err
	}
	return stored[0], nil
}

// Delete removes a contact. Needs access.WriteBook.
func (s *Service) Delete(ctx context.Context, a access.Actor, id string) error {
	if err := a.May(access.WriteBook); err != nil {
		return err
	}
	old, err := s.store.Contact(ctx, a.Tenant, id)
	if err != nil {
		return err
	}
	return s.store.DeleteContact(ctx, a.Tenant, id, trail(a, clock(), "contact.delete", old))
}

// Get returns a contact; the read is audited, since it shows numbers, and so is a refusal. Needs access.ReadBook.
func (s *Service) Get(ctx context.Context, a access.Actor, id string) (Contact, error) {
	err := a.May(access.ReadBook)
	var c Contact
	if err == nil {
		c, err = s.store.Contact(ctx, a.Tenant, id)
	}
	target := c.ID // an id that is none is not recorded: it may be anything that a client typed
	if err := s.record(ctx, a, "contact.read", target, err); err != nil {
		return Contact{}, err
	}
	return c, nil
}

// Search lists contacts by folded name prefix q, or those with the identifier; audited with the ids that were shown.
// Needs access.ReadBook. Errors: fault.CodeInvalid and its kin with the field.
func (s *Service) Search(ctx context.Context, a access.Actor, q string, id *identity.Identifier, p user.Page) ([]Contact, string, error) {
	items, next, err := s.search(ctx, a, q, id, p)
	shown := make([]string, len(items))
	for i, c := range items {
		shown[i] = c.ID
	}
	if err := s.record(ctx, a, "contact.search", strings.Join(shown, ","), err); err != nil {
		return nil, "", err
	}
	return items, next, nil
}

func (s *Service) search(ctx context.Context, a access.Actor, q string, id *identity.Identifier, p user.Page) ([]Contact, string, error) {
	if err := a.May(access.ReadBook); err != nil {
		return nil, "", err
	}
	if err := p.Check(); err != nil {
		return nil, "", err
	}
	if err := identity.CheckText("q", q, 0, 200); err != nil {
		return nil, "", err
	}
	if id == nil {
		return s.store.Contacts(ctx, a.Tenant, s.folder.Fold(q), p)
	}
	if err := id.Check("identifier"); err != nil {
		return nil, "", err
	}
	items, err := s.store.ContactsByIdentifier(ctx, a.Tenant, *id)
	return items, "", err
}

// record writes what came of a read and returns err, or why it could not be written: then nothing may be shown.
func (s *Service) record(ctx context.Context, a access.Actor, action, target string, err error) error {
	result := "ok"
	if err != nil {
		result = string(fault.CodeOf(err))
	}
	t := audit.Trail{Audit: []audit.Entry{audit.New(a, clock(), action, target, result)}}
	if failed := s.store.Record(ctx, t); err == nil {
		return failed
	}
	return err
}

// clock returns the time as it is stored: UTC with milliseconds.
func clock() time.Time { return time.Now().UTC().Truncate(time.Millisecond) }

func trail(a access.Actor, at time.Time, action string, c Contact) audit.Trail {
	return audit.Trail{
		Audit:  []audit.Entry{audit.New(a, at, action, c.ID, "ok")},
		Events: []event.Event{{Tenant: a.Tenant, Kind: event.BookChanged, Subject: c.ID, Version: c.Version + 1, At: at}},
	}
}
