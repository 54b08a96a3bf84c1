package registrar

import (
	"crypto/md5" // RFC 8760 keeps MD5 for the phones that know nothing else
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strings"
)

// algorithm is a digest algorithm that we offer.
type algorithm string

const (
	algSHA256 algorithm = "SHA-256"
	algMD5    algorithm = "MD5"
)

func (a algorithm) sum(parts ...string) string {
	text := []byte(strings.Join(parts, ":"))
	if a == algSHA256 {
		s := sha256.Sum256(text)
		return hex.EncodeToString(s[:])
	}
	s := md5.Sum(text)
	return hex.EncodeToString(s[:])
}

// credentials are a parsed Authorization or Proxy-Authorization header (RFC 7616 section 3.4). Values are unquoted,
// and else as they were sent: nc and qop are hashed as text.
type credentials struct {
	username, realm, nonce, uri, response, algorithm, cnonce, opaque, qop, nc string
}

// alg returns the algorithm, if the credentials are of a form that we offer: qop=auth, or no qop with MD5 (RFC 2069).
func (c credentials) alg() (algorithm, bool) {
	alg := algMD5
	switch {
	case strings.EqualFold(c.algorithm, string(algSHA256)):
		alg = algSHA256
	case c.algorithm != "" && !strings.EqualFold(c.algorithm, string(algMD5)):
		return "", false
	}
	if c.qop == "" {
		return alg, alg == algMD5
	}
	return alg, strings.EqualFold(c.qop, "auth") && c.cnonce != "" && c.nc != ""
}

// answer returns the response that the holder of ha1 gives to these credentials' challenge.
func (c credentials) answer(alg algorithm, ha1, method string) string {
	ha2 := alg.sum(method, c.uri)
	if c.qop == "" {
		return alg.sum(ha1, c.nonce, ha2)
	}
	return alg.sum(ha1, c.nonce, c.nc, c.cnonce, c.qop, ha2)
}

var (
	errOtherScheme = errors.New("not digest credentials")
	errMalformed   = errors.New("malformed digest credentials")
)

const longestCredentials = 4096 // bytes of one header

// parseCredentials reads the value of an Authorization header. It is lenient about white space, unquoted values and
// empty list elements, which phones send, and strict about what could be read in two ways.
func parseCredentials(value string) (credentials, error) {
	value = strings.TrimSpace(value)
	if len(value) > longestCredentials || strings.ContainsFunc(value, func(r rune) bool { return r != '\t' && (r < ' ' || r == 0x7f) }) {
		return credentials{}, errMalformed
	}
	scheme, rest, _ := strings.Cut(strings.ReplaceAll(value, "\t", " "), " ")
	if !strings.EqualFold(scheme, "Digest") {
		return credentials{}, errOtherScheme
	}
	var c credentials
	seen := map[string]bool{}
	for {
		rest = strings.TrimLeft(rest, " ,")
		if rest == "" {
			return c, c.complete()
		}
		name, v, tail, ok := nextParam(rest)
		if !ok || seen[name] {
			return credentials{}, errMalformed
		}
		seen[name], rest = true, tail
		c.set(name, v)
	}
}

// nextParam reads one name=value and what follows its comma.
func nextParam(s string) (name, value, rest string, ok bool) {
	name, rest, ok = strings.Cut(s, "=")
	name = strings.ToLower(strings.TrimRight(name, " "))
	if !ok || name == "" || strings.ContainsAny(name, ` ,"`) {
		return "", "", "", false
	}
	rest = strings.TrimLeft(rest, " ")
	if strings.HasPrefix(rest, `"`) {
		value, rest, ok = unquote(rest[1:])
	} else {
		end := strings.IndexAny(rest+",", ", ")
		value, rest = rest[:end], rest[end:]
		ok = value != "" && !strings.Contains(value, `"`)
	}
	rest = strings.TrimLeft(rest, " ")
	return name, value, rest, ok && (rest == "" || rest[0] == ',')
}

// unquote reads a quoted string up to its closing quote.
func unquote(s string) (value, rest string, ok bool) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '"':
			return b.String(), s[i+1:], true
		case '\\':
			if i++; i == len(s) {
				return "", "", false
			}
		}
		b.WriteByte(s[i])
	}
	return "", "", false
}

func (c *credentials) set(name, value string) {
	fields := map[string]*string{
		"username": &c.username, "realm": &c.realm, "nonce": &c.nonce, "uri": &c.uri, "response": &c.response,
		"algorithm": &c.algorithm, "cnonce": &c.cnonce, "opaque": &c.opaque, "qop": &c.qop, "nc": &c.nc,
	}
	if f, ok := fields[name]; ok {
		*f = value
	}
}

func (c credentials) complete() error {
	if c.username == "" || c.realm == "" || c.nonce == "" || c.uri == "" || c.response == "" {
		return errMalformed
	}
	return nil
}

// quote makes a quoted string.
func quote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}
