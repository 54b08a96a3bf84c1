package trunk

import (
	"fmt"
	"regexp"
	"strings"

	"c2d/adapters/sip/dialog"
	"c2d/core/call"
	"c2d/core/fault"
	"c2d/core/identity"
)

// Present says who is shown to the carrier and the people behind it.
type Present struct {
	Numbers  []string `yaml:"numbers"`  // regular expressions over normalised numbers: which may be shown
	Default  string   `yaml:"default"`  // normalised number that is shown in place of any other; empty is nobody
	Names    bool     `yaml:"names"`    // show names too
	Withhold bool     `yaml:"withhold"` // tell the carrier the number, and ask it to show nobody (RFC 3325 section 9.3)
}

// Set reports whether anything is said.
func (p Present) Set() bool {
	return len(p.Numbers) > 0 || p.Default != "" || p.Names || p.Withhold
}

// Validate returns what is wrong, joined faults with fields below field.
func (p Present) Validate(field string) (errs []error) {
	for i, n := range p.Numbers {
		if _, err := regexp.Compile(n); err != nil || n == "" {
			errs = append(errs, fault.Field(fault.CodeInvalid, fmt.Sprintf("%s.numbers[%d]", field, i), "must be a regular expression"))
		}
	}
	if n, ok := identity.StripNumber(p.Default); p.Default != "" && (!ok || n != p.Default) {
		errs = append(errs, fault.Field(fault.CodeInvalid, field+".default", "must be a number such as +865328300100"))
	}
	return errs
}

// number returns the number to show for a call to callee, "" for nobody.
func (p Present) number(show call.Shown, callee string) string {
	number := p.Default
	if show.Number != "" && show.Number != callee && p.allows(show.Number) {
		number = show.Number
	}
	if number == callee { // whoever is shown his own number takes it for a trick, and a mailbox opens
		return ""
	}
	return number
}

// allows reports whether a number is on the list.
func (p Present) allows(number string) bool {
	for _, n := range p.Numbers {
		if ok, err := regexp.MatchString("^(?:"+n+")$", number); err == nil && ok {
			return true
		}
	}
	return false
}

// Identity is who a call comes from, as an INVITE says it.
type Identity struct {
	From    dialog.Party
	Headers []dialog.Header // P-Asserted-Identity, Privacy
}

// Identify returns what to say of the caller of a call to callee. write puts a number into the carrier's form, domain is
// ours as the carrier knows it.
func (p Present) Identify(show call.Shown, callee, domain string, write func(string) string) Identity {
	number := p.number(show, callee)
	if number == "" {
		return Identity{From: nobody, Headers: []dialog.Header{{Name: "Privacy", Value: "id"}}}
	}
	id := Identity{From: dialog.Party{URI: "sip:" + escape(write(number)) + "@" + domain}}
	if p.Names && number == show.Number {
		id.From.Name = show.Name
	}
	id.Headers = []dialog.Header{{Name: "P-Asserted-Identity", Value: "<" + id.From.URI + ">"}}
	if p.Withhold {
		id.From = nobody
		id.Headers = append(id.Headers, dialog.Header{Name: "Privacy", Value: "id"})
	}
	return id
}

// nobody is the caller who is not shown (RFC 3323 section 4.1.1.3).
var nobody = dialog.Party{Name: "Anonymous", URI: "sip:anonymous@anonymous.invalid"}

// escape puts a number into a user part (RFC 3261 section 25.1).
func escape(number string) string { return strings.ReplaceAll(number, "#", "%23") }
