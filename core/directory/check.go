package directory

import (
	"slices"
	"strconv"
	"strings"

	"c2d/core/fault"
	"c2d/core/identity"
)

const (
	maxNumbers = 16
	maxAliases = 32
)

// check normalises a contact, parses its numbers, and returns what is wrong with it.
func (s *Service) check(c *Contact) error {
	c.Name = Name(strings.TrimSpace(string(c.Name)))
	if c.Kind == "" {
		c.Kind = Person
	}
	if !slices.Contains([]Kind{Person, Group, Place, Thing}, c.Kind) {
		return fault.Field(fault.CodeInvalid, "kind", "must be person, role, place or device")
	}
	if err := identity.CheckText("name", string(c.Name), 1, 200); err != nil {
		return err
	}
	if err := identity.CheckText("department", c.Department, 0, 200); err != nil {
		return err
	}
	if err := identity.CheckText("site", c.Site, 0, 200); err != nil {
		return err
	}
	for _, check := range []func(*Contact) error{checkAliases, s.checkNumbers, checkURIs} {
		if err := check(c); err != nil {
			return err
		}
	}
	return identity.CheckIdentifiers("identifiers", c.Identifiers)
}

func checkAliases(c *Contact) error {
	if len(c.Aliases) > maxAliases {
		return fault.Field(fault.CodeInvalid, "aliases", "must have %d items at most", maxAliases)
	}
	for i := range c.Aliases {
		c.Aliases[i] = strings.TrimSpace(c.Aliases[i])
		if err := identity.CheckText(at("aliases", i), c.Aliases[i], 1, 200); err != nil {
			return err
		}
	}
	return nil
}

func (s *Service) checkNumbers(c *Contact) error {
	if c.Numbers == nil {
		c.Numbers = []Phone{}
	}
	if len(c.Numbers) > maxNumbers {
		return fault.Field(fault.CodeInvalid, "numbers", "must have %d items at most", maxNumbers)
	}
	for i := range c.Numbers {
		p, field := &c.Numbers[i], at("numbers", i)
		if err := identity.CheckText(field+".use", p.Use, 0, 40); err != nil {
			return err
		}
		n, err := s.numbers.Parse(p.Number.Typed)
		if err != nil {
			return fault.Field(fault.CodeOf(err), field+".number", "is not a number")
		}
		p.Number = n
	}
	return nil
}

func checkURIs(c *Contact) error {
	if len(c.URIs) > maxNumbers {
		return fault.Field(fault.CodeInvalid, "uris", "must have %d items at most", maxNumbers)
	}
	for i, uri := range c.URIs {
		if err := identity.CheckAddress(at("uris", i), uri); err != nil {
			return err
		}
		scheme, rest, _ := strings.Cut(uri, ":")
		if rest == "" || !slices.Contains([]string{"sip", "sips", "tel"}, scheme) {
			return fault.Field(fault.CodeInvalid, at("uris", i), "must be a sip:, sips: or tel: URI")
		}
	}
	return nil
}

func at(field string, i int) string { return field + "[" + strconv.Itoa(i) + "]" }

// keyed returns a contact with the folded names by which it is found, each once, that of its name first.
func (s *Service) keyed(c Contact) Keyed {
	keys := []string{s.folder.Fold(string(c.Name))}
	for _, alias := range c.Aliases {
		if k := s.folder.Fold(alias); !slices.Contains(keys, k) {
			keys = append(keys, k)
		}
	}
	return Keyed{Contact: c, Keys: keys}
}
