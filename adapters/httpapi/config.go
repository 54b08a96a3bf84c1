package httpapi

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"os"

	"c2d/core/fault"
)

// Config is the section "http" of the configuration file.
type Config struct {
	Listen         string   `yaml:"listen"`          // host:port; default 127.0.0.1:8080
	AdminListen    string   `yaml:"admin_listen"`    // where /readyz and /metrics are, if not with the rest
	TLS            *TLS     `yaml:"tls"`             // nil is plain HTTP
	Insecure       bool     `yaml:"insecure"`        // allows plain HTTP on addresses other than loopback
	TrustedProxies []string `yaml:"trusted_proxies"` // networks whose X-Forwarded-For is believed
	Origins        []string `yaml:"origins"`         // web origins whose pages may call (CORS), such as https://his.example
	Limits         Limits   `yaml:"-"`
}

// TLS names PEM files.
type TLS struct {
	Cert     string `yaml:"cert"`
	Key      string `yaml:"key"`
	ClientCA string `yaml:"client_ca"` // if set, clients must show a certificate that it signed
}

// Limits bound what one request or key may take; zero values are the defaults.
type Limits struct {
	Body    int64 // bytes of a request body; default 64 kB
	Import  int64 // bytes of an import; default 16 MB
	Streams int   // concurrent streams and long polls of one key; default 16
}

func (l Limits) withDefaults() Limits {
	if l.Body == 0 {
		l.Body = 64 << 10
	}
	if l.Import == 0 {
		l.Import = 16 << 20
	}
	if l.Streams == 0 {
		l.Streams = 16
	}
	return l
}

// Check returns everything that is wrong with the configuration, each error a *fault.Error with the field below "http".
func (c Config) Check() []error {
	var errs []error
	bad := func(field, format string, args ...any) {
		errs = append(errs, fault.Field(fault.CodeInvalid, field, format, args...))
	}
	c.checkListen(bad, "listen", c.Listen)
	c.checkListen(bad, "admin_listen", c.AdminListen)
	for i, p := range c.TrustedProxies {
		if _, err := prefix(p); err != nil {
			bad(fmt.Sprintf("trusted_proxies[%d]", i), "is neither an address nor a network")
		}
	}
	for i, o := range c.Origins {
		if u, err := url.Parse(o); err != nil || u.Host == "" || u.Scheme+"://"+u.Host != o {
			bad(fmt.Sprintf("origins[%d]", i), "must be scheme://host or scheme://host:port")
		}
	}
	if _, err := c.TLS.load(); err != nil {
		bad("tls", "%v", err)
	}
	return errs
}

func (c Config) checkListen(bad func(field, format string, args ...any), field, address string) {
	if address == "" {
		return
	}
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		bad(field, "must be host:port")
		return
	}
	ip, err := netip.ParseAddr(host)
	loopback := host == "localhost" || err == nil && ip.IsLoopback()
	if c.TLS == nil && !loopback && !c.Insecure {
		bad(field, "plain HTTP off loopback sends keys and numbers in the clear: configure tls, or say insecure: true")
	}
}

// load returns the server's TLS configuration, nil for a nil TLS.
func (t *TLS) load() (*tls.Config, error) {
	if t == nil {
		return nil, nil
	}
	cert, err := tls.LoadX509KeyPair(t.Cert, t.Key)
	if err != nil {
		return nil, err
	}
	cfg := &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{cert}}
	if t.ClientCA == "" {
		return cfg, nil
	}
	pem, err := os.ReadFile(t.ClientCA)
	if err != nil {
		return nil, err
	}
	cfg.ClientCAs, cfg.ClientAuth = x509.NewCertPool(), tls.RequireAndVerifyClientCert
	if !cfg.ClientCAs.AppendCertsFromPEM(pem) {
		return nil, errors.New("client_ca holds no certificate")
	}
	return cfg, nil
}

// prefix reads a network, or an address as the network of itself.
func prefix(s string) (netip.Prefix, error) {
	if ip, err := netip.ParseAddr(s); err == nil {
		return netip.PrefixFrom(ip.Unmap(), ip.Unmap().BitLen()), nil
	}
	p, err := netip.ParsePrefix(s)
	return p.Masked(), err
}
