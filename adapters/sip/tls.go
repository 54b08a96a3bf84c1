package sip

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"os"
	"strings"

	"c2d/core/fault"
)

// TLS names PEM files: who we are to phones and trunks that connect over TLS.
type TLS struct {
	Cert     string `yaml:"cert"`
	Key      string `yaml:"key"`
	ClientCA string `yaml:"client_ca"` // if set, whoever connects must show a certificate that it signed
}

func (c Config) validateTLS() error {
	for _, l := range c.Listen {
		if c.TLS == nil && strings.HasPrefix(l, "tls:") {
			return fault.Field(fault.CodeInvalid, "sip.tls", "listening on tls needs cert and key")
		}
	}
	if c.TLS == nil {
		return nil
	}
	if _, err := c.TLS.load(); err != nil {
		return fault.Field(fault.CodeInvalid, "sip.tls", "%v", err)
	}
	return nil
}

// load returns the configuration of connections that come in.
func (t *TLS) load() (*tls.Config, error) {
	cert, err := tls.LoadX509KeyPair(t.Cert, t.Key)
	if err != nil {
		return nil, err
	}
	cfg := &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{cert}}
	if t.ClientCA == "" {
		return cfg, nil
	}
	if cfg.ClientCAs, err = pool(t.ClientCA); err != nil {
		return nil, err
	}
	cfg.ClientAuth = tls.RequireAndVerifyClientCert
	return cfg, nil
}

// pool reads the certificates of a PEM file.
func pool(file string) (*x509.CertPool, error) {
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	p := x509.NewCertPool()
	if !p.AppendCertsFromPEM(pem) {
		return nil, errors.New(file + " holds no certificate")
	}
	return p, nil
}
