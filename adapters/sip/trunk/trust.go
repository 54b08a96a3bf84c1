package trunk

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/emiago/sipgo/sip"

	"c2d/core/fault"
)

// Trust says whose calls a trunk's are, and what their word is taken for. Where both address and certificate are given both
// must be right.
type Trust struct {
	CIDR        string   `yaml:"cidr"`        // an address or a network
	Certificate string   `yaml:"certificate"` // the domain that a verified certificate names, over TLS (RFC 5922); exactly, no wildcard
	Accept      []string `yaml:"accept"`      // "pai": who the caller is, is what P-Asserted-Identity says (RFC 3325); else From
}

// Validate returns what is wrong, faults with fields below field.
func (t Trust) Validate(field string) (errs []error) {
	switch _, ok := t.prefix(); {
	case t.CIDR == "" && t.Certificate == "":
		errs = append(errs, fault.Field(fault.CodeInvalid, field, "needs cidr or certificate"))
	case t.CIDR != "" && !ok:
		errs = append(errs, fault.Field(fault.CodeInvalid, field+".cidr", "is neither an address nor a network"))
	}
	if strings.ContainsAny(t.Certificate, "*@:/ ") {
		errs = append(errs, fault.Field(fault.CodeInvalid, field+".certificate", "must be a domain name such as sbc.carrier.example"))
	}
	for i, a := range t.Accept {
		if a != "pai" {
			errs = append(errs, fault.Field(fault.CodeInvalid, fmt.Sprintf("%s.accept[%d]", field, i), "must be pai"))
		}
	}
	return errs
}

func (t Trust) prefix() (netip.Prefix, bool) {
	if a, err := netip.ParseAddr(t.CIDR); err == nil {
		return netip.PrefixFrom(a.Unmap(), a.Unmap().BitLen()), true
	}
	p, err := netip.ParsePrefix(t.CIDR)
	return p.Masked(), err == nil
}

// Covers reports whether a message is the trunk's: from the address, over a connection whose peer has proved to be one of
// the names.
func (t Trust) Covers(a netip.Addr, names []string) bool {
	if t.Certificate != "" && !slices.ContainsFunc(names, func(n string) bool { return strings.EqualFold(n, t.Certificate) }) {
		return false
	}
	if t.CIDR == "" {
		return t.Certificate != ""
	}
	p, ok := t.prefix()
	return ok && p.Contains(a.Unmap())
}

// Caller returns the number or address that a trunk's INVITE says it comes from, "" for nobody: the asserted one if it is
// accepted and there, else that of From. One that asks not to be shown is nobody: behind us are phones. Of anybody else,
// asserted headers are never read.
func (t Trust) Caller(req *sip.Request) string {
	if h := req.GetHeader("P-Asserted-Identity"); h != nil && slices.Contains(t.Accept, "pai") {
		switch who := caller(h.Value()); {
		case who != "" && private(req):
			return ""
		case who != "":
			return who
		}
	}
	if f := req.From(); f != nil {
		return userOf(f.Address)
	}
	return ""
}

// private reports whether the caller wants not to be shown (RFC 3323 section 4.2, RFC 3325 section 9.3).
func private(req *sip.Request) bool {
	for _, h := range req.GetHeaders("Privacy") {
		for want := range strings.FieldsFuncSeq(strings.ToLower(h.Value()), func(r rune) bool { return r == ';' || r == ',' || r == ' ' }) {
			if want == "id" || want == "user" || want == "header" {
				return true
			}
		}
	}
	return false
}

// caller reads the first address of a P-Asserted-Identity.
func caller(value string) string {
	_, rest, named := strings.Cut(value, "<")
	if !named {
		rest = value
	}
	rest, _, _ = strings.Cut(rest, ">")
	if tel, ok := strings.CutPrefix(strings.TrimSpace(rest), "tel:"); ok {
		number, _, _ := strings.Cut(tel, ";")
		return number
	}
	var u sip.Uri
	if sip.ParseUri(strings.TrimSpace(rest), &u) != nil {
		return ""
	}
	return userOf(u)
}

func userOf(u sip.Uri) string {
	if strings.EqualFold(u.Host, "anonymous.invalid") || strings.EqualFold(u.User, "anonymous") {
		return ""
	}
	user, _, _ := strings.Cut(strings.ReplaceAll(u.User, "%23", "#"), ";")
	return user
}
