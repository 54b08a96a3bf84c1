package ari

import (
	"context"
	"net/http"
	"strconv"
	"strings"

	"c2d/adapters/ari/client"
	"c2d/core/fault"
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
	major, _, _ := strings.Cut(i.System.Version, ".")
	if n, err := strconv.Atoi(major); err == nil && n < oldest {
		return fault.New(fault.CodeBackendUnavailable, "Asterisk %s is too old: %d is needed", i.System.Version, oldest)
	}
	if err := b.api.Writable(ctx); client.Status(err) == http.StatusForbidden {
		return fault.New(fault.CodeBackendUnavailable, "the ARI user %s may only read: ari.conf wants read_only = no", b.cfg.Username)
	}
	return nil
}

// advice says what is probably wrong.
func (b *Backend) advice(err error) string {
	switch client.Status(err) {
	case http.StatusUnauthorized:
		return "Asterisk refuses the user name or the password: compare username and password with ari.conf"
	case http.StatusForbidden:
		return "Asterisk forbids ARI to this user"
	case http.StatusNotFound:
		return "there is a web server, but no ARI: is enabled = yes in ari.conf, is res_ari.so loaded, does url end in /ari?"
	case 0:
		return "Asterisk's web server does not answer at " + b.cfg.URL + ": is it enabled in http.conf, on this address?"
	}
	return "Asterisk does not answer as ARI does"
}
