package directory

import (
	"bufio"
	"io"
	"slices"
	"strconv"
	"strings"

	"c2d/core/identity"
)

// columns says what each column of an import means; a list is split at "|".
var columns = map[string]func(*Contact, string){
	"kind":       func(c *Contact, v string) { c.Kind = Kind(strings.ToLower(v)) },
	"name":       func(c *Contact, v string) { c.Name = Name(v) },
	"aliases":    func(c *Contact, v string) { c.Aliases = split(v) },
	"department": func(c *Contact, v string) { c.Department = v },
	"site":       func(c *Contact, v string) { c.Site = v },
	"number":     func(c *Contact, v string) { c.Numbers = slices.Concat(phones("work", v), c.Numbers) },
	"mobile":     func(c *Contact, v string) { c.Numbers = append(c.Numbers, phones("mobile", v)...) },
	"uri":        func(c *Contact, v string) { c.URIs = split(v) },
	"identifier_system": func(c *Contact, v string) {
		if v != "" {
			identifier(c).System = v
		}
	},
	"identifier_value": func(c *Contact, v string) {
		if v != "" {
			identifier(c).Value = v
		}
	},
}

// contactOf returns the contact of a row, unchecked.
func contactOf(header, fields []string) Contact {
	var c Contact
	for i, name := range header {
		v := strings.Clone(strings.TrimSpace(fields[i]))
		columns[name](&c, v)
	}
	return c
}

func identifier(c *Contact) *identity.Identifier {
	if len(c.Identifiers) == 0 {
		c.Identifiers = make([]identity.Identifier, 1)
	}
	return &c.Identifiers[0]
}

func phones(use, list string) []Phone {
	var all []Phone
	for _, typed := range split(list) {
		all = append(all, Phone{Use: use, Number: identity.Number{Typed: typed}})
	}
	return all
}

// split returns the items of a list that are not empty.
func split(list string) []string {
	var items []string
	for item := range strings.SplitSeq(list, "|") {
		if item = strings.TrimSpace(item); item != "" {
			items = append(items, item)
		}
	}
	return items
}

// columnOf returns the column that a field of a row's contact came from.
func columnOf(c Contact, field string) string {
	name, rest, _ := strings.Cut(field, "[")
	switch {
	case name == "numbers":
		return numberColumn(c, rest)
	case name == "uris":
		return "uri"
	case name == "identifiers" && strings.HasSuffix(rest, ".system"):
		return "identifier_system"
	case name == "identifiers":
		return "identifier_value"
	}
	return name
}

// numberColumn returns the column of the number that rest, "0].number", is about.
func numberColumn(c Contact, rest string) string {
	index, _, _ := strings.Cut(rest, "]")
	if i, err := strconv.Atoi(index); err == nil && c.Numbers[i].Use == "mobile" {
		return "mobile"
	}
	return "number"
}

// withoutBOM skips a UTF-8 byte order mark, which spreadsheets write.
func withoutBOM(r io.Reader) io.Reader {
	in := bufio.NewReader(r)
	if head, _ := in.Peek(3); string(head) == "\ufeff" {
		_, _ = in.Discard(3) // it was peeked: it is there
	}
	return in
}
