package trunk

import (
	"crypto/md5" // RFC 8760 keeps MD5 for the carriers that know nothing else
	"crypto/rand"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
)

// Credentials are who we are to a carrier.
type Credentials struct {
	User     string
	Password string
}

// Question is what is asked for: the request that was challenged.
type Question struct {
	Method string
	URI    string // the whole Request-URI, with its parameters
	Body   []byte
}

// challenge is one WWW-Authenticate or Proxy-Authenticate header of scheme Digest.
type challenge struct {
	realm, nonce, opaque, algorithm string
	qop                             []string // empty is the form of RFC 2069
	stale                           bool
}

// hashes are the algorithms that we know, without "-sess".
var hashes = map[string]func(string) string{
	"md5":         func(s string) string { h := md5.Sum([]byte(s)); return hex.EncodeToString(h[:]) },
	"sha-256":     func(s string) string { h := sha256.Sum256([]byte(s)); return hex.EncodeToString(h[:]) },
	"sha-512-256": func(s string) string { h := sha512.Sum512_256([]byte(s)); return hex.EncodeToString(h[:]) },
}

// hash returns the challenge's algorithm, and whether it is of the session kind.
func (c challenge) hash() (sum func(string) string, session bool) {
	name, session := strings.CutSuffix(strings.ToLower(c.algorithm), "-sess")
	if name == "" {
		name = "md5"
	}
	return hashes[name], session
}

// known reports whether we can answer.
func (c challenge) known() bool {
	sum, session := c.hash()
	if sum == nil || c.nonce == "" {
		return false
	}
	if len(c.qop) == 0 {
		return !session // RFC 2069 has no cnonce to make a session of
	}
	return slices.Contains(c.qop, "auth") || slices.Contains(c.qop, "auth-int")
}

// Answer returns the values of the header that answers challenges: for each realm the first that we know, since the server
// has ordered them (RFC 8760 section 2.4). stale says that all of them only want a new nonce. None: we cannot answer.
func (c Credentials) Answer(challenges []string, q Question) (answers []string, stale bool) {
	stale = true
	done := map[string]bool{}
	for _, value := range challenges {
		ch, ok := parseChallenge(value)
		if !ok || done[ch.realm] || !ch.known() {
			continue
		}
		done[ch.realm] = true
		stale = stale && ch.stale
		answers = append(answers, c.answer(ch, q, nonce()))
	}
	return answers, stale && len(answers) > 0
}

func nonce() string { return rand.Text()[:16] }

// answer computes RFC 7616 section 3.4.1; a nonce of the server's is used once, so that the count is always one.
func (c Credentials) answer(ch challenge, q Question, cnonce string) string {
	const count = "00000001"
	sum, session := ch.hash()
	secret := sum(c.User + ":" + ch.realm + ":" + c.Password)
	if session {
		secret = sum(secret + ":" + ch.nonce + ":" + cnonce)
	}
	qop, act := "", q.Method+":"+q.URI
	switch {
	case slices.Contains(ch.qop, "auth"):
		qop = "auth"
	case len(ch.qop) > 0:
		qop, act = "auth-int", act+":"+sum(string(q.Body))
	}
	v := fmt.Sprintf("Digest username=%s, realm=%s, nonce=%s, uri=%s", quote(c.User), quote(ch.realm), quote(ch.nonce), quote(q.URI))
	if qop == "" {
		v += ", response=" + quote(sum(secret+":"+ch.nonce+":"+sum(act)))
	} else {
		v += fmt.Sprintf(", response=%s, qop=%s, nc=%s, cnonce=%s", quote(sum(strings.Join([]string{secret, ch.nonce, count, cnonce, qop, sum(act)}, ":"))), qop, count, quote(cnonce))
	}
	if ch.algorithm != "" {
		v += ", algorithm=" + ch.algorithm
	}
	if ch.opaque != "" {
		v += ", opaque=" + quote(ch.opaque)
	}
	return v
}

func quote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}
