package httpapi_test

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

type document struct {
	Servers []any
	Info    struct{ License map[string]string }
	Paths   map[string]map[string]struct {
		Responses   map[string]struct{ Headers map[string]any }
		RequestBody struct {
			Content map[string]struct{ Schema map[string]any }
		}
	}
	Components struct {
		Schemas map[string]struct {
			Properties map[string]struct {
				Type     any
				Examples []any
				Words    []string `json:"x-extensible-enum"`
				Items    struct {
					Words []string `json:"x-extensible-enum"`
				}
			}
		}
	}
}

func documentAt(t *testing.T, path string) (doc document) {
	t.Helper()
	rec := newWorld(t).do(t, ask{method: "GET", path: path, key: "-"})
	if err := json.Unmarshal(rec.Body.Bytes(), &doc); err != nil {
		t.Fatal(err)
	}
	return doc
}

// TestDocumentsSuitGenerators looks for what validators and generators of clients stumble over.
func TestDocumentsSuitGenerators(t *testing.T) {
	for _, path := range []string{"/openapi.json", "/openapi-3.0.json"} {
		doc := documentAt(t, path)
		if len(doc.Servers) != 1 || doc.Info.License["name"] != "Apache-2.0" {
			t.Errorf("%s: servers %v, license %v", path, doc.Servers, doc.Info.License)
		}
		csv := doc.Paths["/v1/contacts/import"]["post"].RequestBody.Content["text/csv"].Schema
		if fmt.Sprint(csv) != "map[type:string]" {
			t.Errorf("%s: CSV is %v", path, csv)
		}
		for name, schema := range doc.Components.Schemas {
			for field, p := range schema.Properties {
				if p.Examples != nil && path == "/openapi-3.0.json" {
					t.Errorf("%s: %s.%s has examples, which are not in 3.0", path, name, field)
				}
				if fmt.Sprint(p.Type) != "array" && strings.Contains(fmt.Sprint(p.Type), "array") {
					t.Errorf("%s: %s.%s may be %v", path, name, field, p.Type)
				}
			}
		}
		for where, methods := range doc.Paths {
			for method, op := range methods {
				if op.Responses["401"].Headers["WWW-Authenticate"] == nil || op.Responses["429"].Headers["Retry-After"] == nil {
					t.Errorf("%s: %s %s does not say 401 and 429 whole", path, method, where)
				}
			}
		}
	}
}

// TestDocumentKnowsEveryWord compares the values that the document tells with the constants of core.
func TestDocumentKnowsEveryWord(t *testing.T) {
	schemas := documentAt(t, "/openapi.json").Components.Schemas
	for at, source := range map[string][2]string{
		"CallView.state": {"call", "State"}, "CallView.flags": {"call", "Flag"}, "EndView.reason": {"call", "Reason"},
		"CauseView.reason": {"call", "Reason"}, "EndView.side": {"call", "Side"}, "EndView.by": {"call", "By"},
		"LegView.state": {"call", "LegState"}, "EventView.kind": {"event", "Kind"}, "PhoneView.kind": {"identity", "NumberKind"},
		"KeyView.role": {"access", "Role"}, "KeyView.scopes": {"access", "Scope"},
	} {
		schema, field, _ := strings.Cut(at, ".")
		p := schemas[schema].Properties[field]
		got := slices.Sorted(slices.Values(append(p.Words, p.Items.Words...)))
		if want := constants(t, source[0], source[1]); !slices.Equal(got, want) {
			t.Errorf("%s: %q, core has %q", at, got, want)
		}
	}
	if words := schemas["Problem"].Properties["code"].Words; !slices.Contains(words, "caller_busy") || !slices.IsSorted(words) {
		t.Errorf("codes %q", words)
	}
}

// constants returns the values of the string constants of a type of a package of core, but for the empty one, sorted.
func constants(t *testing.T, pkg, name string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("..", "..", "core", pkg, "*.go"))
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	var values []string
	for _, file := range files {
		tree, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(tree, func(n ast.Node) bool {
			if spec, is := n.(*ast.ValueSpec); is && typeNamed(spec, name) {
				v, _ := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value) // it parses
				values = append(values, v)
			}
			return true
		})
	}
	slices.Sort(values)
	return slices.DeleteFunc(values, func(v string) bool { return v == "" })
}

func typeNamed(spec *ast.ValueSpec, name string) bool {
	id, is := spec.Type.(*ast.Ident)
	return is && id.Name == name && len(spec.Values) == 1
}
