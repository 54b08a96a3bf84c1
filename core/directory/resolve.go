package directory

import (
	"context"

	"c2d/core/fault"
	"c2d/core/identity"
)

const maxCandidates = 20

// Query says by what a contact is looked for; exactly one field is set.
type Query struct {
	ID         string
	Identifier *identity.Identifier
	Number     identity.Number
	URI        string
	Name       string
}

// Candidate helps a person to choose among several of one name; it holds no number.
type Candidate struct {
	ID         string `json:"id"`
	Name       Name   `json:"name"`
	Kind       Kind   `json:"kind"`
	Department string `json:"department,omitempty"`
	Site       string `json:"site,omitempty"`
}

// Resolve finds the one contact that a query means. field names the input for errors. It neither authorises nor
// audits: core/dial does.
// Errors: fault.CodeCalleeUnknown; fault.CodeAmbiguous with the detail "candidates" ([]Candidate, at most 20);
// fault.CodeStoreUnavailable.
func (s *Service) Resolve(ctx context.Context, tenant, field string, q Query) (Contact, error) {
	found, err := s.find(ctx, tenant, q)
	if err != nil && !fault.Is(err, fault.CodeNotFound) {
		return Contact{}, err
	}
	switch len(found) {
	case 0:
		return Contact{}, fault.Field(fault.CodeCalleeUnknown, field, "nobody in the book answers to this")
	case 1:
		return found[0], nil
	}
	return Contact{}, fault.Field(fault.CodeAmbiguous, field, "several in the book answer to this").With("candidates", candidates(found))
}

func (s *Service) find(ctx context.Context, tenant string, q Query) ([]Contact, error) {
	switch {
	case q.ID != "":
		c, err := s.store.Contact(ctx, tenant, q.ID)
		if err != nil {
			return nil, err
		}
		return []Contact{c}, nil
	case q.Identifier != nil:
		return s.store.ContactsByIdentifier(ctx, tenant, *q.Identifier)
	case q.URI != "":
		return s.store.ContactsByURI(ctx, tenant, q.URI)
	case q.Name != "":
		folded := s.folder.Fold(q.Name)
		if folded == "" {
			return nil, nil
		}
		return s.store.ContactsByName(ctx, tenant, folded, maxCandidates)
	case q.Number.Dial() != "":
		return s.store.ContactsByNumber(ctx, tenant, q.Number.Dial())
	}
	return nil, nil
}

func candidates(found []Contact) []Candidate {
	list := make([]Candidate, 0, min(len(found), maxCandidates))
	for _, c := range found[:cap(list)] {
		list = append(list, Candidate{ID: c.ID, Name: c.Name, Kind: c.Kind, Department: c.Department, Site: c.Site})
	}
	return list
}
