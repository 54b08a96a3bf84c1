package registrar

import (
	"context"
	"crypto/subtle"
	"errors"
	"net/netip"
	"slices"
	"strings"

	"github.com/emiago/sipgo/sip"

	"c2d/core/fault"
	"c2d/core/user"
)

// challenger is one of the two places where digest stands in SIP (RFC 3261 section 22).
type challenger struct {
	status            int
	reason            string
	challenge, answer string // header names
}

var (
	userDigest  = challenger{sip.StatusUnauthorized, "Unauthorized", "WWW-Authenticate", "Authorization"}
	proxyDigest = challenger{sip.StatusProxyAuthRequired, "Proxy Authentication Required", "Proxy-Authenticate", "Proxy-Authorization"}
)

// authenticate returns the device whose credentials the request carries.
func (r *Registrar) authenticate(ctx context.Context, req *sip.Request, source netip.AddrPort, ch challenger) (user.Device, *refusal) {
	if wait := r.failures.blocked(source.Addr()); wait > 0 {
		return user.Device{}, later("Too Many Failures", wait)
	}
	c, found, err := r.credentials(req, ch.answer)
	switch {
	case err != nil:
		return user.Device{}, badRequest("Malformed " + ch.answer)
	case !found:
		return user.Device{}, r.challenge(ch, source, false)
	case !r.nonces.young(c.nonce, source.Addr()): // proves nothing, not even where it came from
		return user.Device{}, r.challenge(ch, source, true)
	}
	dev, no := r.verify(ctx, c, req.Method.String())
	if no != nil {
		return user.Device{}, no
	}
	if dev == nil {
		return user.Device{}, r.failed(source, r.challenge(ch, source, false))
	}
	if !addresses(c.uri, req.Recipient) {
		return user.Device{}, r.failed(source, badRequest("Digest URI Mismatch"))
	}
	if !r.nonces.use(c, source.Addr()) {
		return user.Device{}, r.challenge(ch, source, true)
	}
	return *dev, nil
}

// credentials returns the digest credentials of our realm; others, of proxies on the way, may stand beside them.
func (r *Registrar) credentials(req *sip.Request, header string) (c credentials, found bool, err error) {
	for _, h := range req.GetHeaders(header) {
		c, err = parseCredentials(h.Value())
		switch {
		case errors.Is(err, errOtherScheme):
			continue
		case err != nil:
			return credentials{}, false, err
		case c.realm == r.cfg.Realm:
			return c, true, nil
		}
	}
	return credentials{}, false, nil
}

// verify returns the device if the response is that of its password, nil if not. An unknown name is worked through
// with a password that nobody has, so that neither the answer nor its time tells it from a wrong password.
func (r *Registrar) verify(ctx context.Context, c credentials, method string) (*user.Device, *refusal) {
	alg, ok := c.alg()
	if !ok || !slices.Contains(r.cfg.Digest, string(alg)) {
		return nil, nil
	}
	dev, err := r.users.DeviceByCredentials(ctx, r.cfg.Tenant, c.username)
	if err != nil && !fault.Is(err, fault.CodeNotFound) {
		return nil, unavailable()
	}
	ha1, known := r.secret(dev, alg)
	want := c.answer(alg, ha1, method)
	right := subtle.ConstantTimeCompare([]byte(strings.ToLower(c.response)), []byte(want)) == 1
	if !right || !known || err != nil {
		return nil, nil
	}
	return &dev, nil
}

// secret returns the device's HA1; false, and one that no password makes, if it has none for our realm.
func (r *Registrar) secret(dev user.Device, alg algorithm) (ha1 string, known bool) {
	if cr := dev.Credentials; cr != nil && cr.Realm == r.cfg.Realm {
		ha1 = cr.HA1MD5
		if alg == algSHA256 {
			ha1 = cr.HA1SHA256
		}
	}
	if ha1 == "" {
		return alg.sum("nobody"), false
	}
	return strings.ToLower(ha1), true
}

// addresses reports whether a digest-uri means the resource of the Request-URI (RFC 7616 section 3.4.6).
func addresses(digestURI string, recipient sip.Uri) bool {
	var u sip.Uri
	return sip.ParseUri(digestURI, &u) == nil && sameResource(u, recipient)
}

// failed counts a failure of the source and returns its answer. It is for those who answered a nonce that was sent to
// the source: a datagram with a forged source address must not shut out the phones that live there.
func (r *Registrar) failed(source netip.AddrPort, no *refusal) *refusal {
	if r.failures.note(source.Addr()) {
		r.cfg.Log.Warn("sip: too many failed authentications, source is shut out", "source", source.Addr(), "for", r.cfg.FailureWindow)
	}
	return no
}

// challenge offers each configured algorithm in a header of its own, the preferred one first (RFC 8760 section 2.4).
func (r *Registrar) challenge(ch challenger, source netip.AddrPort, stale bool) *refusal {
	no := refuse(ch.status, ch.reason)
	nonce := r.nonces.issue(source.Addr())
	for _, alg := range r.cfg.Digest {
		v := "Digest realm=" + quote(r.cfg.Realm) + ", nonce=" + quote(nonce) + ", algorithm=" + alg + `, qop="auth"`
		if stale {
			v += ", stale=true"
		}
		no.headers = append(no.headers, sip.NewHeader(ch.challenge, v))
	}
	return no
}
