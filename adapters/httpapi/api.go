package httpapi

import (
	"context"
	"net/http"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"c2d/core/access"
	"c2d/core/fault"
	"c2d/core/identity"
	"c2d/core/user"
)

// newAPI registers every operation.
func (s *Server) newAPI() {
	version := s.deps.Version
	if version == "" {
		version = "development"
	}
	cfg := huma.DefaultConfig("C2D, click-to-dial", version)
	cfg.OpenAPIPath, cfg.DocsPath, cfg.SchemasPath = "", "", "" // writeDocs serves the document; no page of another site is embedded
	cfg.CreateHooks = nil                                       // no $schema links in answers
	cfg.Transformers = []huma.Transformer{s.fromHuma}
	cfg.Components.SecuritySchemes = map[string]*huma.SecurityScheme{"key": {Type: "http", Scheme: "bearer"}}
	cfg.Security = []map[string][]string{{"key": {}}}
	s.api = humago.New(s.mux, cfg)
	s.api.UseMiddleware(s.decode)
	s.callOperations()
	s.eventOperations()
	s.userOperations()
	s.deviceOperations()
	s.contactOperations()
	s.keyOperations()
	s.auditOperations()
	s.webhookOperations()
	s.reloadOperations()
}

// handler serves one operation for an actor.
type handler[I, O any] func(ctx context.Context, a access.Actor, in *I) (*O, error)

// operation describes one; id is unique in the document.
func operation(method, path, id, summary string) huma.Operation {
	return huma.Operation{OperationID: id, Method: method, Path: path, Summary: summary, Metadata: map[string]any{}}
}

// created marks an operation that answers 201.
func created(op huma.Operation) huma.Operation {
	op.DefaultStatus = http.StatusCreated
	return op
}

// register adds an operation whose input is checked by our decoder alone and whose errors are our problems.
func register[I, O any](s *Server, op huma.Operation, h handler[I, O]) {
	op.SkipValidateBody, op.SkipValidateParams = true, true
	op.MaxBodyBytes = -1 // the decoder has limited it
	if body, has := reflect.TypeFor[I]().FieldByName("Body"); has {
		op.Metadata[metaBody] = body.Type
	}
	if op.Responses == nil {
		op.Responses = map[string]*huma.Response{}
	}
	registry := s.api.OpenAPI().Components.Schemas
	problem := registry.Schema(reflect.TypeFor[Problem](), true, "Problem")
	describeProblems(&op, map[string]*huma.MediaType{"application/problem+json": {Schema: problem}})
	op.Errors = nil
	huma.Register(s.api, op, func(ctx context.Context, in *I) (*O, error) {
		out, err := h(ctx, asked(ctx).actor, in)
		if err != nil {
			return nil, s.problem(ctx, err)
		}
		return out, nil
	})
}

// both registers an operation under its own method and path, and again as a POST for clients that have only GET and POST.
func both[I, O any](s *Server, op, post huma.Operation, h handler[I, O]) {
	register(s, op, h)
	register(s, post, h)
}

// output is an answer with a body only.
type output[B any] struct{ Body B }

// list is a page of a list; Next is empty at its end.
type list[T any] struct {
	Items []T    `json:"items"`
	Next  string `json:"next"`
}

func page[T, V any](items []T, next string, view func(T) V) *output[list[V]] {
	l := list[V]{Items: make([]V, len(items)), Next: next}
	for i, item := range items {
		l.Items[i] = view(item)
	}
	return &output[list[V]]{Body: l}
}

// ByID is the input of an operation on one thing. It is exported, as other embedded inputs are, for huma to see its fields.
type ByID struct {
	ID string `path:"id"`
}

// Paged is the part of an input that selects a page.
type Paged struct {
	Cursor string `query:"cursor" doc:"next of the page before"`
	Limit  int    `query:"limit" doc:"1 to 500; 50 if absent"`
}

// page returns the selection; the limit is checked by the service.
func (p Paged) page() user.Page {
	if p.Limit == 0 {
		p.Limit = 50
	}
	return user.Page{After: p.Cursor, Limit: p.Limit}
}

// whole checks the selection of a list that is always given as one page.
func (p Paged) whole() error {
	if p.Cursor != "" {
		return fault.Field(fault.CodeBadCursor, "cursor", "this list has one page")
	}
	return p.page().Check()
}

// stamp is a time as the API shows it: UTC with three digits.
type stamp time.Time

// IsZero makes omitzero work.
func (t stamp) IsZero() bool { return time.Time(t).IsZero() }

// MarshalText implements [encoding.TextMarshaler].
func (t stamp) MarshalText() ([]byte, error) {
	return []byte(time.Time(t).UTC().Format("2006-01-02T15:04:05.000Z")), nil
}

// UnmarshalText reads RFC 3339.
func (t *stamp) UnmarshalText(b []byte) error {
	at, err := time.Parse(time.RFC3339, string(b))
	*t = stamp(at)
	return err
}

// Schema implements [huma.SchemaProvider].
func (stamp) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeString, Format: "date-time", Examples: []any{"2026-11-22T08:15:30.120Z"}}
}

// identifierOf reads the query parameter "identifier", system|value; an empty one is nil.
func identifierOf(s string) (*identity.Identifier, error) {
	if s == "" {
		return nil, nil
	}
	system, value, found := strings.Cut(s, "|")
	if !found {
		return nil, fault.Field(fault.CodeInvalid, "identifier", "must be system|value")
	}
	return &identity.Identifier{System: system, Value: value}, nil
}

var entityTags = regexp.MustCompile(`^(?:W/)?"?([0-9]{1,18})"?$`)

// versionOf settles which version a change replaces: that of the body, or of If-Match; "*" is any. One is needed, since
// a change that does not say what it saw would undo another one in silence.
func versionOf(body int64, ifMatch string) (int64, error) {
	if ifMatch == "*" && body == 0 {
		return 0, nil
	}
	if ifMatch == "" {
		if body < 1 {
			return 0, fault.Field(fault.CodeInvalid, "version", "is needed, here or as If-Match")
		}
		return body, nil
	}
	m := entityTags.FindStringSubmatch(ifMatch)
	if m == nil {
		return 0, fault.Field(fault.CodeInvalid, "If-Match", "must be a version")
	}
	v, _ := strconv.ParseInt(m[1], 10, 64) // 18 digits fit
	if v < 1 || body != 0 && body != v {
		return 0, fault.Field(fault.CodeInvalid, "If-Match", "is not the version of the body")
	}
	return v, nil
}

func entityTag(version int64) string { return `"` + strconv.FormatInt(version, 10) + `"` }

// sameID refuses a body that names another thing than the path.
func sameID(path, body string) error {
	if body != "" && body != path {
		return fault.Field(fault.CodeInvalid, "id", "is not the id of the path")
	}
	return nil
}
