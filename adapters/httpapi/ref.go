package httpapi

import (
	"encoding/json"
	"reflect"

	"github.com/danielgtaylor/huma/v2"

	"c2d/core/dial"
	"c2d/core/fault"
)

// ref says whom a request means: a string in the short form of dial.ParseRef, or an object with exactly one field.
type ref struct {
	short string
	full  dial.Ref
}

// UnmarshalJSON implements [json.Unmarshaler]; conform has checked the value before.
func (r *ref) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] == '"' {
		return json.Unmarshal(b, &r.short)
	}
	return json.Unmarshal(b, &r.full)
}

func (*ref) conform(c *checker, path string, v any) {
	switch v := v.(type) {
	case string:
		if v == "" {
			c.add(fault.CodeInvalid, path, "must not be empty")
		}
	case map[string]any:
		c.conform(path, v, reflect.TypeFor[dial.Ref]())
		given := 0
		for _, one := range v {
			if one != nil {
				given++
			}
		}
		if given != 1 {
			c.add(fault.CodeInvalid, path, "must have exactly one of id, identifier, number, uri and name")
		}
	default:
		c.add(fault.CodeWrongType, path, "must be a string or an object")
	}
}

// Schema implements [huma.SchemaProvider].
func (*ref) Schema(r huma.Registry) *huma.Schema {
	return &huma.Schema{
		Description: "A URI, a number with +, a user's login (caller) or a name (callee); or an object with exactly one field. " +
			"Bare digits go into {number}: a string of them is refused as kind_unclear",
		Examples: []any{map[string]any{"number": "6200"}}, // one: 3.0 has no more
		OneOf:    []*huma.Schema{{Type: huma.TypeString}, r.Schema(reflect.TypeFor[dial.Ref](), true, "Ref")},
	}
}

// read returns what the ref means; field names it for errors.
func (r *ref) read(field string) (dial.Ref, error) {
	if r.short != "" {
		return dial.ParseRef(field, r.short)
	}
	return r.full, nil
}
