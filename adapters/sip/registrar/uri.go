package registrar

import (
	"regexp"
	"strings"

	"github.com/emiago/sipgo/sip"
)

// domains are the hosts that the registrar speaks for; the first is the one that addresses of record are written with.
type domains []string

func (d domains) serve(host string) bool {
	host = strings.Trim(host, "[]")
	for _, own := range d {
		if strings.EqualFold(host, strings.Trim(own, "[]")) {
			return true
		}
	}
	return false
}

// aor returns the address of record that a URI means, "sip:user@domain": no port, no parameters (RFC 3261
// section 10.3, step 5); false if it is not ours.
func (d domains) aor(u sip.Uri) (string, bool) {
	name, ok := unescape(u.User)
	if !sipScheme(u) || name == "" || !ok || !plainUser.MatchString(name) || !d.serve(u.Host) {
		return "", false
	}
	return "sip:" + name + "@" + d[0], true
}

func (d domains) parse(s string) (string, bool) {
	var u sip.Uri
	if sip.ParseUri(s, &u) != nil {
		return "", false
	}
	return d.aor(u)
}

func (d domains) is(u sip.Uri, aor string) bool {
	got, ok := d.aor(u)
	return ok && got == aor
}

func sipScheme(u sip.Uri) bool { return u.Scheme == "sip" || u.Scheme == "sips" }

// plainUser is what the user part of an address of record here is made of; core allows no more in a device's address.
var plainUser = regexp.MustCompile(`^[0-9A-Za-z+*#._=-]{1,128}$`)

// contactForm is a Contact URI that can stand in a Request-URI as it is: visible ASCII, at most one user part, a host,
// no header part, and nothing that closes a name-addr or a quoted string. The library's parser is far more lenient.
var contactForm = regexp.MustCompile(`^sips?:([!#-;=A-Z_a-z~]+@)?([0-9A-Za-z._-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?(;[!#-:=A-\[\]_a-z~]+)*$`)

// safeContact reports whether requests can be sent to the URI; one whose escapes hide control characters cannot.
func safeContact(u sip.Uri) bool {
	s := u.String()
	_, ok := unescape(s)
	return ok && len(s) <= 500 && sipScheme(u) && u.Port < 1<<16 && contactForm.MatchString(s)
}

// unescape resolves the %-escapes of a URI part; false if one is malformed or makes a control character.
func unescape(s string) (string, bool) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c == '%' {
			if i+2 >= len(s) || unhex(s[i+1]) < 0 || unhex(s[i+2]) < 0 {
				return "", false
			}
			c = byte(unhex(s[i+1])<<4 | unhex(s[i+2]))
			i += 2
		}
		if c < ' ' || c == 0x7f {
			return "", false
		}
		b.WriteByte(c)
	}
	return b.String(), true
}

func unhex(c byte) int { return strings.IndexByte("0123456789abcdef", c|0x20) }

// sameURI compares as RFC 3261 section 19.1.4 does: case-insensitive but for the user part; a parameter that only
// one has does not count, unless it is one that changes where a request goes.
func sameURI(a, b sip.Uri) bool {
	return a.Scheme == b.Scheme && sameTarget(a, b) && a.Port == b.Port && a.Password == b.Password &&
		paramsAgree(a.UriParams, b.UriParams) && paramsAgree(b.UriParams, a.UriParams)
}

func sameTarget(a, b sip.Uri) bool {
	ua, okA := unescape(a.User)
	ub, okB := unescape(b.User)
	return okA && okB && ua == ub && strings.EqualFold(a.Host, b.Host)
}

// sameResource compares a digest-uri with the Request-URI: what they address, whatever their parameters say, as
// clients leave these out. A default port may be left out too.
func sameResource(a, b sip.Uri) bool {
	return sipScheme(a) && a.Scheme == b.Scheme && sameTarget(a, b) && port(a) == port(b)
}

func port(u sip.Uri) int {
	switch {
	case u.Port != 0:
		return u.Port
	case u.Scheme == "sips":
		return 5061
	}
	return 5060
}

func paramsAgree(a, b sip.HeaderParams) bool {
	for _, p := range a {
		v, ok := param(b, p.K)
		if ok && !strings.EqualFold(v, p.V) || !ok && routing(p.K) {
			return false
		}
	}
	return true
}

func routing(name string) bool {
	switch strings.ToLower(name) {
	case "user", "ttl", "method", "maddr", "transport":
		return true
	}
	return false
}

// param finds a parameter whatever its case, which the library's own look-up does not.
func param(ps sip.HeaderParams, name string) (string, bool) {
	for _, p := range ps {
		if strings.EqualFold(strings.TrimSpace(p.K), name) {
			return strings.TrimSpace(p.V), true
		}
	}
	return "", false
}
