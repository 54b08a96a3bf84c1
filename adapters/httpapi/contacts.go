package httpapi

import (
	"bytes"
	"context"
	"net/http"

	"c2d/core/access"
	"c2d/core/directory"
	"c2d/core/identity"
)

func (s *Server) contactOperations() {
	register(s, operation(http.MethodGet, "/v1/contacts", "list-contacts", "The book, by name"), s.listContacts)
	register(s, created(operation(http.MethodPost, "/v1/contacts", "create-contact", "A new contact")), s.createContact)
	load := operation(http.MethodPost, "/v1/contacts/import", "import-contacts", "Contacts from CSV: all rows, or none")
	load.Description = "The first row names the columns: kind, name, aliases, department, site, number, mobile, uri, " +
		"identifier_system, identifier_value. Lists are split at |. A row whose identifier is known replaces that contact; " +
		"blocked and identifiers of other systems stay. With one bad row nothing is stored: the answer is 200 and lists errors, created and updated are 0."
	load.Metadata[metaMedia] = "text/csv"
	register(s, load, s.importContacts)
	register(s, operation(http.MethodGet, "/v1/contacts/{id}", "get-contact", "One contact"), s.getContact)
	both(s, operation(http.MethodPut, "/v1/contacts/{id}", "replace-contact", "Replace a contact"),
		operation(http.MethodPost, "/v1/contacts/{id}", "replace-contact-post", "Replace a contact"), s.updateContact)
	both(s, operation(http.MethodDelete, "/v1/contacts/{id}", "delete-contact", "Delete a contact"),
		operation(http.MethodPost, "/v1/contacts/{id}/delete", "delete-contact-post", "Delete a contact"), s.deleteContact)
}

// contactView is a contact, as it is shown and as it is sent.
type contactView struct {
	ID          string                `json:"id,omitempty" readOnly:"true"`
	Version     int64                 `json:"version,omitempty" doc:"In a change: the one that was read"`
	Kind        directory.Kind        `json:"kind" required:"false" enum:"person,role,place,device"`
	Name        string                `json:"name"`
	Aliases     []string              `json:"aliases,omitempty"`
	Department  string                `json:"department,omitempty"`
	Site        string                `json:"site,omitempty"`
	Numbers     []phoneView           `json:"numbers" required:"false" doc:"The first is called"`
	URIs        []string              `json:"uris,omitempty"`
	Identifiers []identity.Identifier `json:"identifiers,omitempty"`
	Blocked     bool                  `json:"blocked" required:"false" doc:"Nobody may call it by click"`
	CreatedAt   stamp                 `json:"created_at,omitzero" readOnly:"true"`
	UpdatedAt   stamp                 `json:"updated_at,omitzero" readOnly:"true"`
}

type phoneView struct {
	Use    string              `json:"use,omitempty" doc:"work, mobile, home, pager"`
	Number string              `json:"number" doc:"As typed"`
	Kind   identity.NumberKind `json:"kind,omitempty" readOnly:"true"`
	E164   string              `json:"e164,omitempty" readOnly:"true"`
}

func viewContact(c directory.Contact) contactView {
	v := contactView{ID: c.ID, Version: c.Version, Kind: c.Kind, Name: string(c.Name), Aliases: c.Aliases, Department: c.Department,
		Site: c.Site, Numbers: make([]phoneView, len(c.Numbers)), URIs: c.URIs, Identifiers: c.Identifiers, Blocked: c.Blocked,
		CreatedAt: stamp(c.CreatedAt), UpdatedAt: stamp(c.UpdatedAt)}
	for i, p := range c.Numbers {
		v.Numbers[i] = phoneView{Use: p.Use, Number: p.Number.Typed, Kind: p.Number.Kind, E164: p.Number.E164}
	}
	return v
}

func (v contactView) contact() directory.Contact {
	c := directory.Contact{Kind: v.Kind, Name: directory.Name(v.Name), Aliases: v.Aliases, Department: v.Department, Site: v.Site,
		URIs: v.URIs, Identifiers: v.Identifiers, Blocked: v.Blocked}
	for _, p := range v.Numbers {
		c.Numbers = append(c.Numbers, directory.Phone{Use: p.Use, Number: identity.Number{Typed: p.Number}})
	}
	return c
}

type contactOutput struct {
	Location string `header:"Location"`
	ETag     string `header:"ETag"`
	Body     contactView
}

func showContact(c directory.Contact) *contactOutput {
	return &contactOutput{ETag: entityTag(c.Version), Body: viewContact(c)}
}

type listContactsInput struct {
	Q          string `query:"q" doc:"What a name or alias begins with"`
	Identifier string `query:"identifier" doc:"system|value: only those that have it"`
	Paged
}

func (s *Server) listContacts(ctx context.Context, a access.Actor, in *listContactsInput) (*output[list[contactView]], error) {
	id, err := identifierOf(in.Identifier)
	if err != nil {
		return nil, err
	}
	items, next, err := s.deps.Book.Search(ctx, a, in.Q, id, in.page())
	if err != nil {
		return nil, err
	}
	return page(items, next, viewContact), nil
}

type createContactInput struct{ Body contactView }

func (s *Server) createContact(ctx context.Context, a access.Actor, in *createContactInput) (*contactOutput, error) {
	c, err := s.deps.Book.Create(ctx, a, in.Body.contact())
	if err != nil {
		return nil, err
	}
	out := showContact(c)
	out.Location = "/v1/contacts/" + c.ID
	return out, nil
}

func (s *Server) getContact(ctx context.Context, a access.Actor, in *ByID) (*contactOutput, error) {
	c, err := s.deps.Book.Get(ctx, a, in.ID)
	if err != nil {
		return nil, err
	}
	return showContact(c), nil
}

type updateContactInput struct {
	ByID
	IfMatch string `header:"If-Match" doc:"The version that was read, if the body does not say it; * for any"`
	Body    contactView
}

func (s *Server) updateContact(ctx context.Context, a access.Actor, in *updateContactInput) (*contactOutput, error) {
	if err := sameID(in.ID, in.Body.ID); err != nil {
		return nil, err
	}
	version, err := versionOf(in.Body.Version, in.IfMatch)
	if err != nil {
		return nil, err
	}
	c := in.Body.contact()
	c.ID, c.Version = in.ID, version
	if c, err = s.deps.Book.Update(ctx, a, c); err != nil {
		return nil, err
	}
	return showContact(c), nil
}

func (s *Server) deleteContact(ctx context.Context, a access.Actor, in *ByID) (*struct{}, error) {
	return nil, s.deps.Book.Delete(ctx, a, in.ID)
}

type importInput struct {
	DryRun  bool   `query:"dry_run" doc:"Only say what would be done"`
	RawBody []byte `contentType:"text/csv"`
}

func (s *Server) importContacts(ctx context.Context, a access.Actor, in *importInput) (*output[directory.ImportReport], error) {
	report, err := s.deps.Book.Import(ctx, a, bytes.NewReader(in.RawBody), in.DryRun)
	if err != nil {
		return nil, err
	}
	return &output[directory.ImportReport]{Body: report}, nil
}
