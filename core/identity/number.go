// Package identity holds the pure identities of telephony: numbers, tel: and sip: URIs, IMPI, IMPU and GRUU, and
// the ids that C2D gives out itself. Nothing here does I/O.
package identity

import (
	"log/slog"
	"regexp"
	"slices"
	"strings"
)

// NumberKind says how a number is to be read.
type NumberKind string

const (
	Extension NumberKind = "extension" // a number of the hospital's own PBX
	Short     NumberKind = "short"     // a service number of the network, such as 10086 or 120
	National  NumberKind = "national"  // dialled as inside the country, and no E.164 known
	E164      NumberKind = "e164"      // an international number, +digits, 15 digits at most (ITU-T E.164)
)

// Number is a telephone number as it was typed, what kind it is, and its E.164 form if there is one.
// It is personal data: String and LogValue show the last two digits only; use Typed, E164 or Dial for the number.
type Number struct {
	Typed     string     `json:"typed"`
	Kind      NumberKind `json:"kind"`
	E164      string     `json:"e164,omitempty"` // with the leading +
	Digits    string     `json:"digits"`         // what Typed says without punctuation: [+*#0-9] only
	Emergency bool       `json:"emergency,omitempty"`
}

// Dial returns the normalised number: E.164 with its + where there is one, else the digits.
func (n Number) Dial() string {
	if n.E164 != "" {
		return n.E164
	}
	return n.Digits
}

// String returns the number redacted.
func (n Number) String() string { return LastDigits(n.Dial()) }

// LogValue implements [slog.LogValuer]: logs get the redacted form.
func (n Number) LogValue() slog.Value { return slog.StringValue(n.String()) }

// LastDigits returns a number of which only the last two digits can be read, as events, audit and logs hold it.
func LastDigits(s string) string {
	if len(s) <= 2 {
		return strings.Repeat("*", len(s))
	}
	return "…" + s[len(s)-2:]
}

// Numbering parses numbers by the hospital's rules. It is a port: its adapter knows national numbering plans.
// Safe for concurrent use.
type Numbering interface {
	// Parse reads a number as typed in this hospital. Emergency numbers are recognised before every other rule.
	// A number is refused by syntax or by a rule, never because a numbering plan does not know it.
	// Errors: fault.CodeInvalidNumber, fault.CodeBadCharacter.
	Parse(typed string) (Number, error)
}

// Folder folds a name for comparison: NFKC, full and half width, case, spaces, and the middle dots (· • ・)
// to one form. It is a port because the standard library has no NFKC. Safe for concurrent use.
type Folder interface{ Fold(name string) string }

var digits = regexp.MustCompile(`^\+?[0-9*#]{1,32}$`)

// StripNumber removes the punctuation that people type in numbers (space, dot, hyphen, parentheses, slash) and
// says whether what is left is a number: an optional + and 1 to 32 of [0-9*#].
func StripNumber(typed string) (string, bool) {
	s := strings.Map(func(r rune) rune {
		if strings.ContainsRune(" .-()/\u00a0", r) {
			return -1
		}
		return r
	}, typed)
	return s, digits.MatchString(s)
}

// UserNumber returns the user part of a sip:, sips: or tel: URI, or of what has no scheme, without its parameters, and
// says whether it is a number by StripNumber (RFC 3261 section 19.1.6).
func UserNumber(address string) (string, bool) {
	scheme, rest, ok := strings.Cut(address, ":")
	if ok && slices.Contains([]string{"sip", "sips", "tel"}, strings.ToLower(scheme)) {
		address = rest
	}
	number, _, _ := strings.Cut(address, "@")
	number, _, _ = strings.Cut(number, ";")
	_, ok = StripNumber(number)
	return number, ok
}

// Identifier is another system's key for a person or place: an MRN, an EMPI, a staff number.
type Identifier struct {
	System string `json:"system"`
	Value  string `json:"value"`
}
