package ari

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"os"
	"regexp"
	"strings"

	"c2d/adapters/ari/client"
	"c2d/core/fault"
	"c2d/core/identity"
)

// Config is one entry of the configuration file's backends, of kind asterisk. It is decoded strictly.
type Config struct {
	Name     string          `yaml:"name"`
	Kind     string          `yaml:"kind"`
	URL      string          `yaml:"url"`      // of ARI: "http://127.0.0.1:8088/ari"
	Username string          `yaml:"username"` // of ari.conf
	Password string          `yaml:"password"`
	CA       string          `yaml:"ca"`       // PEM file of whoever signed Asterisk's certificate; empty is whom the system trusts
	Insecure bool            `yaml:"insecure"` // allows http: to an Asterisk that is not on loopback
	App      string          `yaml:"app"`      // the application that the dialplan hands calls to with Stasis(); empty is "c2d"
	Dial     []identity.Dial `yaml:"dial"`     // how a number is reached; the first that matches. Empty is PJSIP/{number}
	Out      identity.Format `yaml:"out"`      // how a number is written there
}

const defaultApp = "c2d"

func (c Config) app() string {
	if c.App == "" {
		return defaultApp
	}
	return c.App
}

var (
	appName  = regexp.MustCompile(`^[A-Za-z0-9_-]{1,40}$`)
	template = regexp.MustCompile(`^[A-Za-z0-9]+/[A-Za-z0-9+*#._@:;=/{}-]+$`)
)

// Validate returns every error of the entry, joined; each is a fault with its field, seen from the entry.
func (c Config) Validate() error {
	var errs []error
	bad := func(field, format string, args ...any) {
		errs = append(errs, fault.Field(fault.CodeInvalid, field, format, args...))
	}
	if c.Name == "" {
		bad("name", "is missing")
	}
	c.validateURL(bad)
	if c.Username == "" {
		bad("username", "is missing: the name of the section of ari.conf")
	}
	if c.Password == "" {
		bad("password", "is missing")
	}
	if !appName.MatchString(c.app()) {
		bad("app", "must be letters, digits, - and _, at most 40")
	}
	errs = append(errs, c.Out.Validate("out"))
	for i, d := range c.Dial {
		field := fmt.Sprintf("dial[%d]", i)
		if err := d.Validate(field); err != nil {
			errs = append(errs, err)
		} else if why := wrongTemplate(d); why != "" {
			bad(field+".to", "%s", why)
		}
	}
	return errors.Join(errs...)
}

// validateURL checks where Asterisk is, and how much of what is said to it others hear.
func (c Config) validateURL(bad func(field, format string, args ...any)) {
	u, err := url.Parse(c.URL)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.User != nil || u.RawQuery != "" {
		bad("url", `must be ARI's, such as "http://127.0.0.1:8088/ari"`)
		u = &url.URL{}
	}
	if u.Scheme == "http" && !loopback(u.Hostname()) && !c.Insecure {
		bad("url", "plain HTTP off loopback sends the password and numbers in the clear: use https, or say insecure: true")
	}
	if _, err := c.secure(); err != nil {
		bad("ca", "%s", err)
	} else if c.CA != "" && u.Scheme == "http" {
		bad("ca", "is of no use with http: use https in url")
	}
}

func loopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.Unmap().IsLoopback()
}

// wrongTemplate returns what is wrong with a dial string, empty for nothing.
func wrongTemplate(d identity.Dial) string {
	if plain := d.Sample(); !template.MatchString(plain) || strings.ContainsAny(plain, "{}") {
		return `must be such as "PJSIP/{number}" or "Local/{number}@from-internal/n"; one phone, no options`
	}
	local := len(d.To) > 6 && strings.EqualFold(d.To[:6], "Local/") // Asterisk takes either; we look for the one
	if local && (!dialplan(d.To) || !strings.Contains(d.To, "@") || !strings.HasSuffix(d.To, "/n")) {
		return `through the dialplan it is "Local/{number}@context/n": without /n Asterisk would take the channel away from us`
	}
	return ""
}

// secure returns the TLS configuration, nil for the system's.
func (c Config) secure() (*tls.Config, error) {
	if c.CA == "" {
		return nil, nil
	}
	text, err := os.ReadFile(c.CA)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(text) {
		return nil, errors.New("has no certificate in it")
	}
	return &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots}, nil
}

func (c Config) client() (client.Config, error) {
	secure, err := c.secure()
	return client.Config{URL: c.URL, Username: c.Username, Password: c.Password, TLS: secure}, err
}
