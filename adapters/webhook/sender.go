// Package webhook is the way out of web hooks (core/webhook): one POST, to networks that the configuration allows and to
// no other.
//
// What a hook's address resolves to is checked at the moment of connecting, for each connection: a name that resolves to a
// permitted address when the hook is made, and to an internal one later, leads nowhere. Redirections are not followed, and no
// proxy of the environment is used.
package webhook

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"c2d/core/fault"
	"c2d/core/webhook"
)

// Config is the section "webhooks" of the configuration file. Without networks there are no web hooks.
type Config struct {
	Networks []string `yaml:"networks"` // where receivers may be: "10.0.0.0/8"; "0.0.0.0/0" and "::/0" are everywhere
	Insecure bool     `yaml:"insecure"` // allows http: to receivers off loopback
	CA       string   `yaml:"ca"`       // PEM file of who signs receivers' certificates, beside those that the system trusts
}

const (
	connectLimit = 5 * time.Second
	answerRead   = 4 << 10 // bytes of an answer that are read, so that its connection can be used again
)

// Check returns everything that is wrong, each a *fault.Error with the field below "webhooks".
func (c Config) Check() []error {
	var errs []error
	for i, n := range c.Networks {
		if _, err := netip.ParsePrefix(n); err != nil {
			errs = append(errs, fault.Field(fault.CodeInvalid, fmt.Sprintf("networks[%d]", i), "must be a network such as 10.0.0.0/8"))
		}
	}
	if _, err := c.roots(); err != nil {
		errs = append(errs, fault.Field(fault.CodeInvalid, "ca", "%s", err))
	}
	return errs
}

// roots returns whose certificates are believed; nil is the system's choice.
func (c Config) roots() (*x509.CertPool, error) {
	if c.CA == "" {
		return nil, nil
	}
	text, err := os.ReadFile(c.CA)
	if err != nil {
		return nil, errors.New("cannot be read")
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	if !pool.AppendCertsFromPEM(text) {
		return nil, errors.New("holds no certificate in PEM")
	}
	return pool, nil
}

// Sender implements [webhook.Sender]. Make one with NewSender. Safe for concurrent use.
type Sender struct {
	networks []netip.Prefix
	insecure bool
	client   *http.Client
	version  string
}

var _ webhook.Sender = (*Sender)(nil)

// NewSender returns a sender for a configuration that Check finds nothing wrong with.
func NewSender(c Config, version string) (*Sender, error) {
	roots, err := c.roots()
	if err != nil {
		return nil, err
	}
	s := &Sender{insecure: c.Insecure, version: version}
	for _, n := range c.Networks {
		p, err := netip.ParsePrefix(n)
		if err != nil {
			return nil, err
		}
		s.networks = append(s.networks, p.Masked())
	}
	dialer := &net.Dialer{Timeout: connectLimit, Control: func(_, address string, _ syscall.RawConn) error { return s.permit(address) }}
	s.client = &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{DialContext: dialer.DialContext, TLSHandshakeTimeout: connectLimit, MaxIdleConnsPerHost: 8, IdleConnTimeout: time.Minute,
			ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}, MaxResponseHeaderBytes: 64 << 10},
	}
	return s, nil
}

// Close gives idle connections up.
func (s *Sender) Close() { s.client.CloseIdleConnections() }

var errNetwork = errors.New("the receiver is outside webhooks.networks")

// permit refuses what a name must not resolve to.
func (s *Sender) permit(address string) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil || !s.allowed(at.Addr()) {
		return errNetwork
	}
	return nil
}

func (s *Sender) allowed(a netip.Addr) bool {
	a = a.Unmap().WithZone("")
	for _, n := range s.networks {
		if n.Contains(a) {
			return true
		}
	}
	return false
}

// CheckURL refuses an address that cannot be told, as far as that is known before its name is resolved.
// Errors: fault.CodeInvalid and fault.CodeNetworkDenied, with the field url.
func (s *Sender) CheckURL(raw string) error {
	u, err := url.Parse(raw)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "" || u.User != nil || u.Fragment != "" || u.Opaque != "" {
		return fault.Field(fault.CodeInvalid, "url", "must be a URL such as https://his.example/c2d, without a user or a fragment")
	}
	if len(s.networks) == 0 {
		return fault.Field(fault.CodeNetworkDenied, "url", "the configuration allows no receivers: webhooks.networks is empty")
	}
	a, err := netip.ParseAddr(u.Hostname())
	if err == nil && !s.allowed(a) {
		return fault.Field(fault.CodeNetworkDenied, "url", "%s", errNetwork)
	}
	if u.Scheme == "http" && !s.insecure && !(err == nil && a.IsLoopback()) {
		return fault.Field(fault.CodeInvalid, "url", "must be https, unless webhooks.insecure is set")
	}
	return nil
}

// Send implements [webhook.Sender].
func (s *Sender) Send(ctx context.Context, d webhook.Delivery) webhook.Result {
	if err := s.CheckURL(d.URL); err != nil { // the configuration may have become stricter
		return webhook.Result{Error: err.Error()}
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, d.URL, bytes.NewReader(d.Body))
	if err != nil {
		return webhook.Result{Error: "the address cannot be used"}
	}
	for k, v := range map[string]string{"Content-Type": "application/json", "User-Agent": "C2D/" + s.version, "webhook-id": d.ID,
		"webhook-timestamp": strconv.FormatInt(d.At.Unix(), 10), "webhook-signature": d.Signature} {
		req.Header.Set(k, v)
	}
	res, err := s.client.Do(req)
	if err != nil {
		return webhook.Result{Error: reason(ctx, err)}
	}
	defer func() { _ = res.Body.Close() }()
	_, _ = io.CopyN(io.Discard, res.Body, answerRead) // what it says is not needed
	return webhook.Result{Status: res.StatusCode, RetryAfter: retryAfter(res.Header.Get("Retry-After"))}
}

// reason says why there was no answer, in few words that hold nothing of the address.
func reason(ctx context.Context, err error) string {
	var dns *net.DNSError
	var cert *tls.CertificateVerificationError
	switch {
	case errors.Is(err, errNetwork):
		return errNetwork.Error()
	case ctx.Err() != nil || os.IsTimeout(err):
		return "no answer in time"
	case errors.As(err, &dns):
		return "its name does not resolve"
	case errors.As(err, &cert):
		return "its certificate is not trusted"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "connection refused"
	}
	return "the connection failed"
}

// retryAfter reads the delay in seconds (RFC 9110 section 10.2.3); a date is not read.
func retryAfter(s string) time.Duration {
	n, err := strconv.Atoi(strings.TrimSpace(s))
	if err != nil || n < 0 {
		return 0
	}
	return time.Duration(min(n, 3600)) * time.Second
}
