// Package directory is the cloud address book: the enterprise's contacts, and the one act of finding out whom a
// click means.
//
// A name is resolved once, before anything rings, to one contact id. Nothing here guesses: an exact name or alias
// (folded, see identity.Folder), an identifier, a number or a URI; several answers are all returned as candidates.
package directory

import (
	"context"
	"log/slog"
	"time"

	"c2d/core/audit"
	"c2d/core/identity"
	"c2d/core/user"
)

// Kind says what a contact is.
type Kind string

const (
	Person Kind = "person"
	Group  Kind = "role"
	Place  Kind = "place"
	Thing  Kind = "device"
)

// Contact is an entry of the enterprise book. Version counts its changes, from 1.
type Contact struct {
	ID          string                `json:"id"`
	Tenant      string                `json:"-"`
	Version     int64                 `json:"version"`
	Kind        Kind                  `json:"kind"`
	Name        Name                  `json:"name"`
	Aliases     []string              `json:"aliases,omitempty"`
	Department  string                `json:"department,omitempty"`
	Site        string                `json:"site,omitempty"`
	Numbers     []Phone               `json:"numbers"` // the first is called
	URIs        []string              `json:"uris,omitempty"`
	Identifiers []identity.Identifier `json:"identifiers,omitempty"`
	Blocked     bool                  `json:"blocked,omitempty"` // nobody may call it by click
	CreatedAt   time.Time             `json:"created_at"`
	UpdatedAt   time.Time             `json:"updated_at"`
}

// Name is a person's name. It redacts itself in logs.
type Name string

// LogValue implements [slog.LogValuer].
func (Name) LogValue() slog.Value { return slog.StringValue("[name]") }

// Phone is one number of a contact and what it is for: work, mobile, home, pager.
type Phone struct {
	Use    string          `json:"use,omitempty"`
	Number identity.Number `json:"number"`
}

// Store keeps contacts. Each method is bound to one tenant, each that writes does so in one transaction with the
// trail; safe for concurrent use.
// Errors: fault.CodeNotFound, fault.CodeExists (identifiers), fault.CodeConflict (Version), fault.CodeBadCursor,
// fault.CodeStoreUnavailable.
type Store interface {
	// PutContacts creates (Version 0) or replaces (Version as read) all, or none, and returns what is stored.
	// keys are the folded name and aliases of each, by which ContactsByName finds it.
	PutContacts(ctx context.Context, tenant string, c []Keyed, t audit.Trail) ([]Contact, error)
	Contact(ctx context.Context, tenant, id string) (Contact, error)
	ContactsByIdentifier(ctx context.Context, tenant string, id identity.Identifier) ([]Contact, error)
	// ContactsByNumber finds by the normalised number (identity.Number.Dial).
	ContactsByNumber(ctx context.Context, tenant, number string) ([]Contact, error)
	ContactsByURI(ctx context.Context, tenant, uri string) ([]Contact, error)
	// ContactsByName finds by an exact folded name or alias, at most limit.
	ContactsByName(ctx context.Context, tenant, folded string, limit int) ([]Contact, error)
	// Contacts lists by folded name, those whose folded name or alias begins with prefix.
	Contacts(ctx context.Context, tenant, prefix string, p user.Page) (items []Contact, next string, err error)
	DeleteContact(ctx context.Context, tenant, id string, t audit.Trail) error
	// Record writes a trail that belongs to no change, as audit.Store does: reads, and refused look-ups.
	Record(ctx context.Context, t audit.Trail) error
}

// Keyed is a contact with the folded names by which it is found; Keys[0] is that of its Name.
type Keyed struct {
	Contact Contact
	Keys    []string
}
