package config

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// decoder fills structs from a syntax tree, and goes on after an error.
type decoder struct {
	env      func(name string) (string, bool)
	problems []Problem
	lines    map[string]int // line of each key path that the file has
}

func (d *decoder) fail(n ast.Node, path, format string, args ...any) {
	d.problems = append(d.problems, Problem{Line: lineOf(n), Path: path, Text: fmt.Sprintf(format, args...)})
}

func lineOf(n ast.Node) int {
	if n == nil || n.GetToken() == nil || n.GetToken().Position == nil {
		return 0
	}
	return n.GetToken().Position.Line
}

// line returns the line of a key path, or of the nearest one above it.
func (d *decoder) line(path string) int {
	for path != "" {
		if n, ok := d.lines[path]; ok {
			return n
		}
		path = path[:max(0, strings.LastIndexAny(path, ".["))]
	}
	return 0
}

// value decodes n into v, which is addressable.
func (d *decoder) value(n ast.Node, v reflect.Value, path string) {
	if _, seen := d.lines[path]; !seen && path != "" {
		d.lines[path] = lineOf(n)
	}
	switch n := n.(type) {
	case *ast.NullNode:
		return // a key without a value says nothing
	case *ast.AnchorNode, *ast.AliasNode, *ast.TagNode, *ast.MergeKeyNode:
		d.fail(n, path, "anchors, aliases and tags are not read: write the value out")
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		d.value(n, v.Elem(), path)
	case reflect.Struct:
		d.structure(n, v, path)
	case reflect.Slice:
		d.list(n, v, path)
	case reflect.Map:
		d.table(n, v, path)
	default:
		d.scalar(n, v, path)
	}
}

// pairs returns the keys and values of a mapping in the order of the file.
func pairs(n ast.Node) ([]*ast.MappingValueNode, bool) {
	switch n := n.(type) {
	case *ast.MappingNode:
		return n.Values, true
	case *ast.MappingValueNode:
		return []*ast.MappingValueNode{n}, true
	}
	return nil, false
}

func (d *decoder) structure(n ast.Node, v reflect.Value, path string) {
	entries, ok := pairs(n)
	if !ok {
		d.fail(n, path, "must have keys below it")
		return
	}
	fields, seen := fieldsOf(v), map[string]int{}
	for _, e := range entries {
		key := e.Key.GetToken().Value
		at := join(path, key)
		field, known := fields[key]
		switch first, twice := seen[key]; {
		case twice:
			d.fail(e.Key, at, "is here twice; first in line %d", first)
		case !known:
			d.fail(e.Key, at, "unknown key; known here are %s", strings.Join(slices.Sorted(maps.Keys(fields)), ", "))
		default:
			d.lines[at] = lineOf(e.Key)
			d.value(e.Value, field, at)
		}
		seen[key] = lineOf(e.Key)
	}
}

// fieldsOf returns the fields of a struct by their yaml tags.
func fieldsOf(v reflect.Value) map[string]reflect.Value {
	fields := map[string]reflect.Value{}
	for i := range v.NumField() {
		name, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("yaml"), ",")
		if name != "" && name != "-" {
			fields[name] = v.Field(i)
		}
	}
	return fields
}

// table decodes a mapping whose keys are the file's own, all of them text.
func (d *decoder) table(n ast.Node, v reflect.Value, path string) {
	entries, ok := pairs(n)
	if !ok {
		d.fail(n, path, "must have keys below it")
		return
	}
	v.Set(reflect.MakeMap(v.Type()))
	for _, e := range entries {
		key := reflect.ValueOf(e.Key.GetToken().Value)
		at := fmt.Sprintf("%s[%q]", path, key)
		if v.MapIndex(key).IsValid() {
			d.fail(e.Key, at, "is here twice; first in line %d", d.lines[at])
			continue
		}
		d.lines[at] = lineOf(e.Key)
		value := reflect.New(v.Type().Elem()).Elem()
		d.value(e.Value, value, at)
		v.SetMapIndex(key, value)
	}
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

// list replaces what v holds.
func (d *decoder) list(n ast.Node, v reflect.Value, path string) {
	s, ok := n.(*ast.SequenceNode)
	if !ok {
		d.fail(n, path, "must be a list")
		return
	}
	v.Set(reflect.MakeSlice(v.Type(), len(s.Values), len(s.Values)))
	for i, e := range s.Values {
		at := fmt.Sprintf("%s[%d]", path, i)
		d.lines[at] = lineOf(first(e))
		d.entry(e, v.Index(i), at)
	}
}

// entry decodes one element: a type that chooses its own shape by a key does so here.
func (d *decoder) entry(n ast.Node, v reflect.Value, path string) {
	if b, ok := v.Addr().Interface().(*Backend); ok {
		d.backend(n, b, path)
		return
	}
	d.value(n, v, path)
}

// first returns the node that stands first: a mapping's own token is its colon.
func first(n ast.Node) ast.Node {
	if entries, ok := pairs(n); ok && len(entries) > 0 {
		return entries[0].Key
	}
	return n
}

func (d *decoder) scalar(n ast.Node, v reflect.Value, path string) {
	text, quoted, ok := d.text(n, path)
	if !ok {
		return
	}
	var err error
	switch v.Kind() {
	case reflect.String:
		if !quoted {
			d.fail(n, path, "must be text: write it in quotes")
		}
		v.SetString(text)
	case reflect.Bool:
		var b bool
		b, err = strconv.ParseBool(text)
		v.SetBool(b)
	case reflect.Int, reflect.Int64:
		var i int64
		i, err = strconv.ParseInt(text, 10, 64)
		v.SetInt(i)
	case reflect.Float64:
		var f float64
		f, err = strconv.ParseFloat(text, 64)
		v.SetFloat(f)
	default:
		d.fail(n, path, "cannot be set in a file")
	}
	if err != nil {
		d.fail(n, path, "must be %s", wanted[v.Kind()])
	}
}

var wanted = map[reflect.Kind]string{
	reflect.Bool: "true or false", reflect.Int: "a whole number", reflect.Int64: "a whole number", reflect.Float64: "a number",
}

// text returns what a scalar says, with the environment's values in it; isText is false for YAML's numbers and booleans.
func (d *decoder) text(n ast.Node, path string) (s string, isText, ok bool) {
	switch n := n.(type) {
	case *ast.StringNode:
		s, isText = n.Value, true
	case *ast.LiteralNode:
		s, isText = n.Value.Value, true
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode:
		return n.GetToken().Value, false, true
	default:
		d.fail(first(n), path, "must be a single value")
		return "", false, false
	}
	s, errs := expand(s, d.env)
	for _, e := range errs {
		d.fail(n, path, "%s", e)
	}
	return s, isText, len(errs) == 0
}
