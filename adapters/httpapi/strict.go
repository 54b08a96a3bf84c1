package httpapi

import (
	"bytes"
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"reflect"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"c2d/core/fault"
)

const (
	maxDepth  = 32 // of nested arrays and objects
	maxFaults = 20 // told at once
)

// shape is a type that says itself which JSON it takes.
type shape interface {
	conform(c *checker, path string, v any)
}

// parseStrict reads one JSON value (RFC 8259) into maps, slices, strings, json.Number, bool and nil. What I-JSON
// (RFC 7493) forbids, and what a later reader could take two ways, is refused: keys that are equal or differ only in
// case, text that is not UTF-8 or holds U+FFFD (somebody's lost character) or a control character.
// The error is faults: fault.CodeMalformed, CodeBadCharset, CodeDuplicateField, CodeBadCharacter.
func parseStrict(data []byte) (any, error) {
	if !utf8.Valid(data) {
		return nil, fault.New(fault.CodeBadCharset, "the body is not valid UTF-8")
	}
	var whole json.RawMessage
	if err := json.Unmarshal(data, &whole); err != nil {
		return nil, malformed(err)
	}
	c := checker{in: json.NewDecoder(bytes.NewReader(data))}
	c.in.UseNumber()
	v := c.value("", 0)
	return v, c.err()
}

func malformed(err error) error {
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		return fault.New(fault.CodeMalformed, "the body is not JSON from byte %d on", syntax.Offset)
	}
	return fault.New(fault.CodeMalformed, "the body is not JSON")
}

// checker walks a document and collects what is wrong with it.
type checker struct {
	in  *json.Decoder // over a document whose syntax is known to be right
	all faults
}

func (c *checker) err() error {
	if len(c.all) == 0 {
		return nil
	}
	return c.all
}

func (c *checker) add(code fault.Code, path, format string, args ...any) {
	if len(c.all) < maxFaults {
		c.all = append(c.all, fault.Field(code, path, format, args...))
	}
}

// value reads the next value; nil once something is wrong with the depth.
func (c *checker) value(path string, depth int) any {
	if depth > maxDepth {
		c.add(fault.CodeMalformed, path, "is nested more than %d levels deep", maxDepth)
		_ = c.in.Decode(new(json.RawMessage)) // skipped; its syntax is right
		return nil
	}
	token, err := c.in.Token()
	if err != nil && !errors.Is(err, io.EOF) {
		c.add(fault.CodeMalformed, path, "cannot be read")
	}
	switch t := token.(type) {
	case json.Delim:
		if t == '{' {
			return c.object(path, depth)
		}
		return c.array(path, depth)
	case string:
		c.text(path, t)
		return t
	default:
		return t
	}
}

func (c *checker) object(path string, depth int) map[string]any {
	m, folded := map[string]any{}, map[string]bool{}
	for c.in.More() {
		token, _ := c.in.Token() // its syntax is right
		key, _ := token.(string)
		at := join(path, key)
		c.text(at, key)
		if fold := strings.ToLower(key); folded[fold] {
			c.add(fault.CodeDuplicateField, at, "is given more than once, or differs from another key only in case")
		} else {
			folded[fold] = true
		}
		m[key] = c.value(at, depth+1)
	}
	_, _ = c.in.Token() // the closing brace
	return m
}

func (c *checker) array(path string, depth int) []any {
	list := []any{}
	for c.in.More() {
		list = append(list, c.value(path+"["+strconv.Itoa(len(list))+"]", depth+1))
	}
	_, _ = c.in.Token() // the closing bracket
	return list
}

func (c *checker) text(path, s string) {
	switch {
	case strings.ContainsRune(s, utf8.RuneError):
		c.add(fault.CodeBadCharset, path, "holds a character that was lost in a conversion, or half a surrogate pair")
	case strings.ContainsFunc(s, unicode.IsControl):
		c.add(fault.CodeBadCharacter, path, "holds a control character")
	}
}

// join returns the path of a key below path. A key is the client's own text: what is odd in it is not echoed.
func join(path, key string) string {
	if len(key) > 64 || strings.ContainsFunc(key, func(r rune) bool { return !unicode.IsPrint(r) || r == utf8.RuneError }) {
		key = "?"
	}
	if path == "" {
		return key
	}
	return path + "." + key
}

// conform returns what of the value v does not fit the Go type t that encoding/json will decode it into; null fits
// everything, as an absent field does. The error is faults: fault.CodeUnknownField, CodeWrongType, CodeInvalid.
func conform(v any, t reflect.Type) error {
	var c checker
	c.conform("", v, t)
	return c.err()
}

func (c *checker) conform(path string, v any, t reflect.Type) {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	zero := reflect.New(t).Interface()
	if own, is := zero.(shape); is && v != nil {
		own.conform(c, path, v)
		return
	}
	if text, is := zero.(encoding.TextUnmarshaler); is && v != nil {
		c.unmarshal(path, v, text)
		return
	}
	switch v := v.(type) {
	case nil:
	case map[string]any:
		c.members(path, v, t)
	case []any:
		c.items(path, v, t)
	case string:
		c.want(path, "a string", t, t.Kind() == reflect.String)
	case bool:
		c.want(path, "true or false", t, t.Kind() == reflect.Bool)
	case json.Number:
		c.number(path, v, t)
	}
}

func (c *checker) unmarshal(path string, v any, into encoding.TextUnmarshaler) {
	s, is := v.(string)
	if !is {
		c.add(fault.CodeWrongType, path, "must be a string")
	} else if err := into.UnmarshalText([]byte(s)); err != nil {
		c.add(fault.CodeInvalid, path, "%s", formOf(into))
	}
}

// formOf says what a text must look like that cannot be read.
func formOf(into encoding.TextUnmarshaler) string {
	switch into.(type) {
	case *stamp:
		return "must be a time with its zone (RFC 3339), such as 2026-11-22T08:15:30Z"
	case *netip.Prefix:
		return "must be a network such as 10.0.0.0/8, or 10.0.0.1/32 for one address"
	}
	return "cannot be read"
}

func (c *checker) members(path string, v map[string]any, t reflect.Type) {
	switch t.Kind() {
	case reflect.Map:
		for _, k := range sortedKeys(v) {
			c.conform(join(path, k), v[k], t.Elem())
		}
	case reflect.Struct:
		known := fieldsOf(t)
		for _, k := range sortedKeys(v) {
			if f, is := known[k]; is {
				c.conform(join(path, k), v[k], f.Type)
			} else {
				c.add(fault.CodeUnknownField, join(path, k), "there is no such field")
			}
		}
		c.required(path, v, t)
	default:
		c.want(path, "an object", t, false)
	}
}

func (c *checker) items(path string, v []any, t reflect.Type) {
	if t.Kind() != reflect.Slice {
		c.want(path, "an array", t, false)
		return
	}
	for i, item := range v {
		c.conform(fmt.Sprintf("%s[%d]", path, i), item, t.Elem())
	}
}

// number checks that a number is an integer that fits; no field of the API takes a fraction.
func (c *checker) number(path string, v json.Number, t reflect.Type) {
	switch t.Kind() {
	case reflect.Int, reflect.Int64, reflect.Int32:
		if _, err := strconv.ParseInt(v.String(), 10, t.Bits()); err != nil {
			c.add(fault.CodeWrongType, path, "must be a whole number of %d bits", t.Bits())
		}
	default:
		c.want(path, "a number", t, false)
	}
}

// want adds a fault unless ok: path was given what, and the type takes something else.
func (c *checker) want(path, what string, t reflect.Type, ok bool) {
	if !ok {
		c.add(fault.CodeWrongType, path, "must be %s, not %s", typeName(t), what)
	}
}

func (c *checker) required(path string, v map[string]any, t reflect.Type) {
	for i := range t.NumField() {
		f := t.Field(i)
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		optional := strings.Contains(options, "omit") || f.Tag.Get("required") == "false" || !f.IsExported()
		if !optional && v[name] == nil {
			c.add(fault.CodeInvalid, join(path, name), "is required")
		}
	}
}

// fieldsOf returns the fields of a struct by their exact JSON names.
func fieldsOf(t reflect.Type) map[string]reflect.StructField {
	known := map[string]reflect.StructField{}
	for i := range t.NumField() {
		name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		if name != "" && name != "-" {
			known[name] = t.Field(i)
		}
	}
	return known
}

func typeName(t reflect.Type) string {
	switch t.Kind() {
	case reflect.String:
		return "a string"
	case reflect.Bool:
		return "true or false"
	case reflect.Slice:
		return "an array"
	case reflect.Struct, reflect.Map:
		return "an object"
	}
	return "a whole number"
}
