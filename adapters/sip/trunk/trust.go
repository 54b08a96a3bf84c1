package trunk

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/emiago/sipgo/sip"

	"c2d/core/fault"
)

// Trust is a network from which a trunk's calls come, and what its word is taken for.
type Trust struct {
	CIDR   string   `yaml:"cidr"`   // an address or a network
	Accept []string `yaml:"accept"` // "pai": who the caller is, is what P-Asserted-Identity says (RFC 3325); else From
}

// Validate returns what is wrong, faults with fields below field.
func (t Trust) Validate(field string) (errs []error) {
	if _, ok := t.prefix(); !ok {
		errs = append(errs, fault.Field(fault.CodeInvalid, field+".cidr", "is neither an address nor a network"))
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

// Covers reports whether a message from the address is the trunk's.
func (t Trust) Covers(a netip.Addr) bool {
	p, ok := t.prefix()
	return ok && p.Contains(a.Unmap())
}

// Caller returns the number or address that a trunk's INVITE says it comes from, "" for nobody: the asserted one if it is
// accepted and there, else that of From. Of anybody else, asserted headers are never read.
func (t Trust) Caller(req *sip.Request) string {
	for _, a := range t.Accept {
		if h := req.GetHeader("P-Asserted-Identity"); a == "pai" && h != nil {
			if who := caller(h.Value()); who != "" {
				return who
			}
		}
	}
	if f := req.From(); f != nil {
		return userOf(f.Address)
	}
	return ""
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
