package sip

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"c2d/adapters/sip/trunk"
	"c2d/core/access"
	"c2d/core/fault"
)

// Config is the built-in phone system: the `sip` section of the configuration file, with the sections and backends that
// belong to it. It is decoded strictly; [Config.Validate] says all that is wrong at once.
type Config struct {
	Domain    string   `yaml:"domain"`    // what phones register under, and the realm
	Listen    []string `yaml:"listen"`    // "udp:127.0.0.1:5060", "tcp:…", "tls:…"; port 0 takes a free one
	TLS       *TLS     `yaml:"tls"`       // needed to listen on tls
	Advertise string   `yaml:"advertise"` // host or address in Via and Contact, for NAT and containers; empty is the listening one
	Relay     bool     `yaml:"relay"`     // never redirect phones to each other: all audio goes through us
	Digest    []string `yaml:"digest"`    // algorithms offered to phones, of SHA-256 and MD5, the preferred first; empty is MD5, which all know
	Limits    Limits   `yaml:"limits"`

	Media   Media   `yaml:"-"` // the `media` section
	Country string  `yaml:"-"` // whose ring-back and busy tones are played: "CN", "US", "GB", "DE"
	Tenant  string  `yaml:"-"` // whose phones register here; empty is the main one
	Entries []Entry `yaml:"-"` // the backends of kind sip
}

// Media is the `media` section: where our RTP is received.
type Media struct {
	Address   string `yaml:"address"`   // an IP address of this machine that phones can reach
	Ports     string `yaml:"ports"`     // "30000-30999": one even and the odd one above it for each phone that is not direct
	Advertise string `yaml:"advertise"` // the IP address in session descriptions where a NAT or container maps the ports 1:1; empty is address
	// Recordings is the folder of what is recorded, as <id>.wav; empty records nothing. It is made if it is not there.
	Recordings string `yaml:"recordings"`
	NoBeep     bool   `yaml:"no_beep"` // let nobody hear that he is recorded: only where that is lawful
}

// Limits bound what others can make us do, for each source address but for Strangers. Zero values are the defaults.
type Limits struct {
	Rate        float64 `yaml:"rate"`        // new requests in a second, 50
	Burst       int     `yaml:"burst"`       // that may come at once, 200
	Connections int     `yaml:"connections"` // over TCP and TLS, for each listening address, 256
	// Strangers is how many new requests in a second are looked at of all sources together that have proved nothing: no
	// phone's password from there in three hours, and no trunk. Four times that may come at once. 500.
	Strangers float64 `yaml:"strangers"`
}

// Validate returns every error of the configuration, joined; each is a fault with its field.
func (c Config) Validate() error {
	errs := []error{c.validateDomain(), c.validateAdvertise(), c.validateListen(), c.validateDigest(), c.validateTLS()}
	_, _, _, err := c.Media.parse()
	errs = append(errs, err, c.validateEntries())
	if c.Limits.Rate < 0 || c.Limits.Burst < 0 || c.Limits.Connections < 0 || c.Limits.Strangers < 0 {
		errs = append(errs, fault.Field(fault.CodeInvalid, "sip.limits", "must not be negative"))
	}
	return errors.Join(errs...)
}

func (c Config) validateDomain() error {
	if !hostname(c.Domain) {
		return fault.Field(fault.CodeInvalid, "sip.domain", "must be a domain name or an IP address")
	}
	return nil
}

func (c Config) validateAdvertise() error {
	if c.Advertise != "" && !hostname(c.Advertise) {
		return fault.Field(fault.CodeInvalid, "sip.advertise", "must be a host name or an IP address, without a port")
	}
	return nil
}

func (c Config) validateListen() error {
	var errs []error
	if len(c.Listen) == 0 {
		errs = append(errs, fault.Field(fault.CodeInvalid, "sip.listen", "at least one address is needed"))
	}
	for i, l := range c.Listen {
		if _, err := parseListen(l); err != nil {
			errs = append(errs, fault.Field(fault.CodeInvalid, fmt.Sprintf("sip.listen[%d]", i), "%s", err))
		}
	}
	return errors.Join(errs...)
}

func (c Config) validateDigest() error {
	var errs []error
	for i, d := range c.Digest {
		if d != "SHA-256" && d != "MD5" || slices.Contains(c.Digest[:i], d) {
			errs = append(errs, fault.Field(fault.CodeInvalid, fmt.Sprintf("sip.digest[%d]", i), "must be SHA-256 or MD5, each once"))
		}
	}
	return errors.Join(errs...)
}

func (c Config) validateEntries() error {
	var errs []error
	seen := map[string]bool{}
	for i, e := range c.Entries {
		field := fmt.Sprintf("backends[%d].name", i)
		switch {
		case e.Name == "":
			errs = append(errs, fault.Field(fault.CodeInvalid, field, "is missing"))
		case seen[e.Name]:
			errs = append(errs, fault.Field(fault.CodeInvalid, field, "is there twice"))
		}
		seen[e.Name] = true
		errs = append(errs, e.validate(fmt.Sprintf("backends[%d]", i), c.Listen)...)
		if e.Trunk() && e.Advertise != "" && !sameKind(e.Advertise, c.Media.Address) {
			errs = append(errs, fault.Field(fault.CodeInvalid, fmt.Sprintf("backends[%d].advertise", i), "must be an IP address, IPv4 or IPv6 as media.address is"))
		}
		errs = append(errs, c.validateTrust(fmt.Sprintf("backends[%d].trust", i), e.Trust)...)
	}
	return errors.Join(errs...)
}

// validateTrust refuses to take the word of certificates that nobody verifies.
func (c Config) validateTrust(field string, trust []trunk.Trust) (errs []error) {
	for i, t := range trust {
		if t.Certificate != "" && (c.TLS == nil || c.TLS.ClientCA == "") {
			errs = append(errs, fault.Field(fault.CodeInvalid, fmt.Sprintf("%s[%d].certificate", field, i), "needs sip.tls.client_ca, which says who may sign it"))
		}
	}
	return errs
}

func (c Config) tenant() string {
	if c.Tenant == "" {
		return access.MainTenant
	}
	return c.Tenant
}

// listenAddr is one parsed listening address.
type listenAddr struct {
	network string // udp, tcp, tls
	addr    netip.AddrPort
}

func parseListen(s string) (listenAddr, error) {
	network, rest, ok := strings.Cut(s, ":")
	if !ok || network != "udp" && network != "tcp" && network != "tls" {
		return listenAddr{}, errors.New(`must begin with "udp:", "tcp:" or "tls:"`)
	}
	a, err := netip.ParseAddrPort(rest)
	if err != nil {
		return listenAddr{}, errors.New("must end in an IP address and a port")
	}
	return listenAddr{network: network, addr: a}, nil
}

// parse returns the address and the range of ports.
func (m Media) parse() (addr netip.Addr, first, last int, err error) {
	var errs []error
	addr, aerr := netip.ParseAddr(m.Address)
	if aerr != nil || addr.IsUnspecified() {
		errs = append(errs, fault.Field(fault.CodeInvalid, "media.address", "must be an IP address that phones can reach"))
	}
	a, b, _ := strings.Cut(m.Ports, "-")
	first, e1 := strconv.Atoi(a)
	last, e2 := strconv.Atoi(b)
	if e1 != nil || e2 != nil || first < 1024 || last > 65535 || last <= first {
		errs = append(errs, fault.Field(fault.CodeInvalid, "media.ports", `must be a range such as "30000-30999", from 1024 to 65535`))
	}
	if m.Advertise != "" && aerr == nil && !sameKind(m.Advertise, m.Address) {
		errs = append(errs, fault.Field(fault.CodeInvalid, "media.advertise", "must be an IP address, IPv4 or IPv6 as media.address is"))
	}
	return addr, first, last, errors.Join(errs...)
}

// sameKind reports whether two texts are IP addresses of the same version, which others can send to.
func sameKind(a, b string) bool {
	x, xerr := netip.ParseAddr(a)
	y, yerr := netip.ParseAddr(b)
	return xerr == nil && yerr == nil && !x.IsUnspecified() && x.Is4() == y.Is4()
}

// hostname reports whether s can be the host part of a SIP URI.
func hostname(s string) bool {
	if s == "" || len(s) > 253 {
		return false
	}
	if net.ParseIP(s) != nil {
		return true
	}
	return !strings.ContainsFunc(s, func(r rune) bool {
		return !(r == '-' || r == '.' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z')
	})
}
