package identity

import (
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"c2d/core/fault"
)

// CheckText returns nil when s is valid UTF-8 of least to most characters without control characters, line
// separators and bidirectional overrides, which could forge a display or a wire format; field names the input.
// Errors: fault.CodeInvalid for a length, fault.CodeBadCharset, fault.CodeBadCharacter.
func CheckText(field, s string, least, most int) error {
	if !utf8.ValidString(s) {
		return fault.Field(fault.CodeBadCharset, field, "must be valid UTF-8")
	}
	if strings.ContainsFunc(s, unsafeRune) {
		return fault.Field(fault.CodeBadCharacter, field, "must not hold control characters")
	}
	switch n := utf8.RuneCountInString(s); {
	case n < least && n == 0:
		return fault.Field(fault.CodeInvalid, field, "must not be empty")
	case n < least || n > most:
		return fault.Field(fault.CodeInvalid, field, "must have %d to %d characters", least, most)
	}
	return nil
}

func unsafeRune(r rune) bool {
	return unicode.In(r, unicode.Cc, unicode.Zl, unicode.Zp, unicode.Bidi_Control)
}

var addresses = regexp.MustCompile(`^[0-9A-Za-z+*#._@:;=-]{1,255}$`)

// CheckAddress returns nil when s may be handed to a backend as something to dial: an AOR, an extension or a
// number of 1 to 255 of [0-9A-Za-z+*#._@:;=-]. Nothing is stripped or escaped; field names the input.
// Errors: fault.CodeInvalid for a length, fault.CodeBadCharacter.
func CheckAddress(field, s string) error {
	if addresses.MatchString(s) {
		return nil
	}
	if s == "" || len(s) > 255 {
		return fault.Field(fault.CodeInvalid, field, "must have 1 to 255 characters")
	}
	return fault.Field(fault.CodeBadCharacter, field, "may hold letters, digits and + * # . _ @ : ; = - only")
}

// Check returns nil when system and value each have 1 to 200 characters of text; field names the identifier.
// Errors: those of [CheckText], with ".system" or ".value" after field.
func (i Identifier) Check(field string) error {
	if err := CheckText(field+".system", i.System, 1, 200); err != nil {
		return err
	}
	return CheckText(field+".value", i.Value, 1, 200)
}

// CheckIdentifiers checks at most 32 identifiers, no two alike; field names the list, an index says which one.
// Errors: those of [Identifier.Check], fault.CodeInvalid.
func CheckIdentifiers(field string, ids []Identifier) error {
	if len(ids) > 32 {
		return fault.Field(fault.CodeInvalid, field, "must have 32 items at most")
	}
	seen := make(map[Identifier]bool, len(ids))
	for n, id := range ids {
		at := field + "[" + strconv.Itoa(n) + "]"
		if err := id.Check(at); err != nil {
			return err
		}
		if seen[id] {
			return fault.Field(fault.CodeInvalid, at, "is given twice")
		}
		seen[id] = true
	}
	return nil
}
