package dial

import (
	"strings"
	"unicode"

	"c2d/core/fault"
	"c2d/core/identity"
)

// Ref says whom a request means: exactly one of its fields is set.
type Ref struct {
	ID         string               `json:"id,omitempty"`         // user id or contact id
	Identifier *identity.Identifier `json:"identifier,omitempty"` // the HIS's own key
	Number     string               `json:"number,omitempty"`     // as typed
	URI        string               `json:"uri,omitempty"`        // sip: or tel:
	Name       string               `json:"name,omitempty"`       // callee: exact name or alias; caller: login
}

// ParseRef reads the short form, a string: a URI, a + number, a user's login (caller) or a name with a letter (callee).
// Errors: fault.CodeKindUnclear for bare digits, fault.CodeInvalid for what is none of these; both with the field.
func ParseRef(field, s string) (Ref, error) {
	s = strings.TrimSpace(s)
	lower := strings.ToLower(s)
	_, isNumber := identity.StripNumber(s)
	switch {
	case strings.HasPrefix(lower, "sip:"), strings.HasPrefix(lower, "sips:"), strings.HasPrefix(lower, "tel:"):
		return Ref{URI: s}, nil
	case isNumber && s[0] == '+':
		return Ref{Number: s}, nil
	case isNumber:
		return Ref{}, fault.Field(fault.CodeKindUnclear, field, `bare digits may be an extension, an id or a national number: say {"number": …}, {"id": …} or {"identifier": …}`)
	case strings.ContainsFunc(s, unicode.IsLetter):
		return Ref{Name: s}, nil
	}
	return Ref{}, fault.Field(fault.CodeInvalid, field, "neither a URI, a number with +, nor a name")
}

// set returns the names of the fields that are set.
func (r Ref) set() []string {
	var set []string
	for _, f := range []struct {
		name string
		is   bool
	}{{"id", r.ID != ""}, {"identifier", r.Identifier != nil}, {"number", r.Number != ""}, {"uri", r.URI != ""}, {"name", r.Name != ""}} {
		if f.is {
			set = append(set, f.name)
		}
	}
	return set
}

// check refuses a ref that does not say exactly one thing, or says it in characters that no name or number has.
func (r Ref) check(field string) error {
	set := r.set()
	if len(set) != 1 {
		return fault.Field(fault.CodeInvalid, field, "exactly one of id, identifier, number, uri and name is needed; %d are given", len(set))
	}
	values := []string{r.ID, r.Number, r.URI, r.Name}
	if r.Identifier != nil {
		values = append(values, r.Identifier.System, r.Identifier.Value)
		if r.Identifier.System == "" || r.Identifier.Value == "" {
			return fault.Field(fault.CodeInvalid, field+".identifier", "system and value are both needed")
		}
	}
	for _, v := range values {
		if strings.ContainsFunc(v, unicode.IsControl) {
			return fault.Field(fault.CodeBadCharacter, field+"."+set[0], "a control character")
		}
	}
	return nil
}

// telNumber returns the number of a tel: URI (RFC 3966). A local number is read in its phone-context, where that is
// the beginning of a global one.
func telNumber(uri string) (string, bool) {
	if len(uri) < 4 || !strings.EqualFold(uri[:4], "tel:") {
		return "", false
	}
	number, params, _ := strings.Cut(uri[4:], ";")
	if strings.HasPrefix(number, "+") {
		return number, true
	}
	for p := range strings.SplitSeq(params, ";") {
		if name, context, _ := strings.Cut(p, "="); strings.EqualFold(name, "phone-context") && strings.HasPrefix(context, "+") {
			return context + number, true
		}
	}
	return number, true
}
