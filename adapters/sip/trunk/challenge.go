package trunk

import (
	"strings"
)

// longest is how long a challenge may be.
const longest = 4096

// parseChallenge reads the value of a WWW-Authenticate or Proxy-Authenticate header; false for another scheme, and for
// what cannot be read in one way only. Nothing of it that is echoed can end a line.
func parseChallenge(value string) (c challenge, ok bool) {
	scheme, rest, _ := strings.Cut(strings.TrimSpace(strings.ReplaceAll(value, "\t", " ")), " ")
	if !strings.EqualFold(scheme, "Digest") || len(value) > longest || strings.ContainsFunc(rest, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return c, false
	}
	seen := map[string]bool{}
	for rest = strings.TrimLeft(rest, " ,"); rest != ""; rest = strings.TrimLeft(rest, " ,") {
		var name, v string
		if name, v, rest, ok = param(rest); !ok || seen[name] {
			return c, false
		}
		seen[name] = true
		c.set(name, v)
	}
	return c, seen["realm"] && seen["nonce"] && token(c.algorithm)
}

// param reads one name=value and returns what follows it.
func param(s string) (name, value, rest string, ok bool) {
	name, rest, ok = strings.Cut(s, "=")
	name = strings.ToLower(strings.TrimSpace(name))
	if !ok || !token(name) || name == "" {
		return "", "", "", false
	}
	rest = strings.TrimLeft(rest, " ")
	if strings.HasPrefix(rest, `"`) {
		value, rest, ok = quoted(rest[1:])
	} else {
		end := strings.IndexAny(rest+",", ", ")
		value, rest = rest[:end], rest[end:]
	}
	rest = strings.TrimLeft(rest, " ")
	return name, value, rest, ok && (rest == "" || rest[0] == ',')
}

// quoted reads a quoted string up to its closing quote.
func quoted(s string) (value, rest string, ok bool) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '"' {
			return b.String(), s[i+1:], true
		}
		if s[i] == '\\' {
			if i++; i == len(s) {
				break
			}
		}
		b.WriteByte(s[i])
	}
	return "", "", false
}

// token reports whether s can stand without quotes (RFC 3261 section 25.1).
func token(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool {
		return !(strings.ContainsRune("-.!%*_+`'~", r) || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z')
	})
}

func (c *challenge) set(name, v string) {
	switch name {
	case "realm":
		c.realm = v
	case "nonce":
		c.nonce = v
	case "opaque":
		c.opaque = v
	case "algorithm":
		c.algorithm = v
	case "stale":
		c.stale = strings.EqualFold(v, "true")
	case "qop":
		for q := range strings.SplitSeq(strings.ToLower(v), ",") {
			if q = strings.TrimSpace(q); q != "" {
				c.qop = append(c.qop, q)
			}
		}
	}
}
