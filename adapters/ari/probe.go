package ari

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"c2d/adapters/ari/client"
	"c2d/core/fault"
	"c2d/core/identity"
)

// oldest is the first Asterisk that works: it takes variables with a created channel, and filters events.
const oldest = 20

// Probe asks Asterisk whether it could be used, in one sentence that says what to do. It connects no application, so that a
// running service keeps its own. Errors: fault.CodeBackendUnavailable.
func (b *Backend) Probe(ctx context.Context) error {
	i, err := b.api.Info(ctx)
	if err != nil {
		return fault.Wrap(fault.CodeBackendUnavailable, err, "%s", b.advice(err))
	}
	major, _, _ := strings.Cut(strings.TrimPrefix(i.System.Version, "certified/"), ".")
	if n, err := strconv.Atoi(major); err == nil && n < oldest {
		return fault.New(fault.CodeBackendUnavailable, "Asterisk %s is too old: %d or newer is needed", i.System.Version, oldest)
	}
	if err := b.api.Writable(ctx); client.Status(err) == http.StatusForbidden {
		return fault.New(fault.CodeBackendUnavailable, "the ARI user %s may only read: ari.conf wants read_only = no", b.config().Username)
	}
	return nil
}

// handling are the first releases that leave transfers to us, by major version; all later ones do.
var handling = map[int]int{20: 13, 21: 8, 22: 3}

var release = regexp.MustCompile(`^(?:certified/)?([0-9]+)\.([0-9]+)`)

// Limits says in a sentence what this Asterisk cannot; nothing if there is nothing, or if it does not answer.
func (b *Backend) Limits(ctx context.Context) []string {
	i, err := b.api.Info(ctx)
	v := release.FindStringSubmatch(i.System.Version)
	if err != nil || v == nil || !b.direct() {
		return nil
	}
	major, _ := strconv.Atoi(v[1])
	minor, _ := strconv.Atoi(v[2])
	if minor >= handling[major] {
		return nil
	}
	return []string{"Asterisk " + i.System.Version + " transfers by itself when a phone asks for it: from 20.13, 21.8 and 22.3 C2D does, by its own rules"}
}

// direct reports whether phones are dialled themselves.
func (b *Backend) direct() bool {
	return len(b.config().Dial) == 0 || slices.ContainsFunc(b.config().Dial, func(d identity.Dial) bool { return strings.HasPrefix(d.To, "PJSIP/") })
}

// advice says what is probably wrong.
func (b *Backend) advice(err error) string {
	switch client.Status(err) {
	case 0:
		return b.unreached(err)
	case http.StatusUnauthorized:
		return "Asterisk refuses the user name or the password: compare username and password with ari.conf"
	case http.StatusForbidden:
		return "Asterisk forbids ARI to this user or from this address: see permit and deny in ari.conf"
	case http.StatusNotFound:
		return "there is a web server, but no ARI: is enabled = yes in ari.conf, is res_ari.so loaded, does url end in /ari?"
	}
	return "what answers at " + b.config().URL + " is no ARI"
}

// unreached says what is probably wrong when there is no HTTP answer.
func (b *Backend) unreached(err error) string {
	var stranger x509.UnknownAuthorityError
	var named x509.HostnameError
	var invalid x509.CertificateInvalidError
	var plain tls.RecordHeaderError
	var name *net.DNSError
	var dial *net.OpError
	switch {
	case errors.As(err, &stranger):
		return "nobody who is trusted has signed Asterisk's certificate: ca must be the file of whoever did"
	case errors.As(err, &named):
		return "Asterisk's certificate names another host than url does"
	case errors.As(err, &invalid):
		return "Asterisk's certificate is not valid, or no more"
	case errors.As(err, &plain), errors.Is(err, http.ErrSchemeMismatch):
		return "there is no TLS at " + b.config().URL + ": http.conf wants tlsenable = yes, or url http:"
	case errors.As(err, &name):
		return "the host name in url is not known"
	case errors.As(err, &dial) && dial.Op == "dial":
		return "Asterisk's web server does not answer at " + b.config().URL + ": is it enabled in http.conf, on this address?"
	case errors.Is(err, context.DeadlineExceeded):
		return "Asterisk takes the connection at " + b.config().URL + " and says nothing: it hangs, or it is another service"
	}
	return "what answers at " + b.config().URL + " is no ARI: is url right?"
}
