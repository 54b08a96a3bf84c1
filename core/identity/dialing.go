package identity

import (
	"regexp"
	"strings"

	"c2d/core/fault"
)

// Dial says what a PBX dials for the numbers that match.
type Dial struct {
	Match string `yaml:"match"` // regular expression over the device's address or the callee's number
	To    string `yaml:"to"`    // a dial string with {number} or {uri} in it
}

// Validate returns what is wrong with a rule for every PBX, a fault with the field below field; what a dial string is there, the
// PBX's adapter knows.
func (d Dial) Validate(field string) error {
	if _, err := regexp.Compile(d.Match); err != nil || d.Match == "" {
		return fault.Field(fault.CodeInvalid, field+".match", `must be a regular expression, such as "^[0-9]{3,5}$"`)
	}
	if !strings.Contains(d.To, "{number}") && !strings.Contains(d.To, "{uri}") {
		return fault.Field(fault.CodeInvalid, field+".to", "must have {number} or {uri} in it, else every number rings one phone")
	}
	return nil
}

// Sample returns the dial string for a number of one digit: what is to be looked at of a template.
func (d Dial) Sample() string {
	return strings.NewReplacer("{number}", "1", "{uri}", "1").Replace(d.To)
}

// Dialled is what may stand in a PBX's dial string: nothing in it can begin an option, a second endpoint, a variable or a header.
var Dialled = regexp.MustCompile(`^[0-9A-Za-z+*#._@:-]{1,128}$`)

// Dialling turns addresses into dial strings by rules, the first that matches.
type Dialling struct {
	rules    []dialRule
	out      Format
	national func(string) string
}

type dialRule struct {
	match *regexp.Regexp
	to    string
}

// NewDialling compiles valid rules; what no rule matches is dialled as otherwise says. national is that of [Format.Write].
func NewDialling(all []Dial, otherwise string, out Format, national func(string) string) Dialling {
	d := Dialling{out: out, national: national}
	for _, r := range append(all[:len(all):len(all)], Dial{To: otherwise}) {
		d.rules = append(d.rules, dialRule{regexp.MustCompile(r.Match), r.To})
	}
	return d
}

// To returns what is dialled for an address, a number or a URI. Errors: fault.CodeBadCharacter, fault.CodeInvalidNumber, with
// the field way.address; nothing is stripped or escaped in silence.
func (d Dialling) To(address string) (string, error) {
	number := strings.TrimPrefix(strings.TrimPrefix(address, "tel:"), "sip:")
	if !Dialled.MatchString(number) {
		return "", fault.Field(fault.CodeBadCharacter, "way.address", "cannot be dialled: letters, digits and + * # . _ @ : - only")
	}
	user, _, _ := strings.Cut(number, "@")
	if user == "" {
		return "", fault.Field(fault.CodeInvalidNumber, "way.address", "names nobody")
	}
	for _, r := range d.rules {
		if r.match.MatchString(number) {
			return strings.NewReplacer("{number}", d.out.Write(user, d.national), "{uri}", "sip:"+number).Replace(r.to), nil
		}
	}
	return "", fault.Field(fault.CodeInvalidNumber, "way.address", "no dial rule fits")
}
