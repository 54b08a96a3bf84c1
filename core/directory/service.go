package directory

import (
	"context"
	"io"

	"c2d/core/access"
	"c2d/core/identity"
	"c2d/core/user"
)

// Service validates, authorises and audits the book. Safe for concurrent use.
type Service struct{}

// NewService returns a service on the store.
func NewService(s Store, n identity.Numbering, f identity.Folder) *Service { panic("todo") }

// Create stores a new contact: numbers are given as typed in Phone.Number.Typed and parsed here.
func (s *Service) Create(ctx context.Context, a access.Actor, c Contact) (Contact, error) {
	panic("todo")
}
func (s *Service) Update(ctx context.Context, a access.Actor, c Contact) (Contact, error) {
	panic("todo")
}
func (s *Service) Delete(ctx context.Context, a access.Actor, id string) error { panic("todo") }

// Get returns a contact; the read is audited, since it shows numbers.
func (s *Service) Get(ctx context.Context, a access.Actor, id string) (Contact, error) {
	panic("todo")
}

// Search lists contacts by folded name prefix q, or those with the identifier; audited.
func (s *Service) Search(ctx context.Context, a access.Actor, q string, id *identity.Identifier, p user.Page) ([]Contact, string, error) {
	panic("todo")
}

// Query says by what a contact is looked for; exactly one field is set.
type Query struct {
	ID         string
	Identifier *identity.Identifier
	Number     identity.Number
	URI        string
	Name       string
}

// Resolve finds the one contact that a query means. field names the input for errors. It neither authorises nor
// audits: core/dial does.
// Errors: fault.CodeCalleeUnknown; fault.CodeAmbiguous with the detail "candidates" ([]Candidate, at most 20).
func (s *Service) Resolve(ctx context.Context, tenant, field string, q Query) (Contact, error) {
	panic("todo")
}

// Candidate helps a person to choose among several of one name; it holds no number.
type Candidate struct {
	ID         string `json:"id"`
	Name       Name   `json:"name"`
	Kind       Kind   `json:"kind"`
	Department string `json:"department,omitempty"`
	Site       string `json:"site,omitempty"`
}

// Import reads contacts from CSV (RFC 4180, UTF-8 with or without BOM; the header names the columns kind, name,
// aliases, department, site, number, mobile, uri, identifier_system, identifier_value; lists are split at "|").
// A row whose identifier is known replaces that contact, others are created. All rows are stored, or none: with one
// bad row or with dryRun nothing is written. Errors: fault.CodeInvalid, fault.CodeUnknownField for a column,
// fault.CodeTooLarge beyond 100,000 rows; the errors of rows are in the report.
func (s *Service) Import(ctx context.Context, a access.Actor, r io.Reader, dryRun bool) (ImportReport, error) {
	panic("todo")
}

// ImportReport says what an import did, or would do.
type ImportReport struct {
	DryRun  bool       `json:"dry_run"`
	Rows    int        `json:"rows"`
	Created int        `json:"created"`
	Updated int        `json:"updated"`
	Errors  []RowError `json:"errors,omitempty"` // at most 100
}

// RowError is what is wrong with a row; Line counts from 1, the header being 1.
type RowError struct {
	Line    int    `json:"line"`
	Column  string `json:"column,omitempty"`
	Code    string `json:"code"`
	Message string `json:"message"`
}
