package config

import (
	"net"
	"net/netip"
	"net/url"
	"strings"
)

// Place says where a phone system is that two entries cannot share, and which field says so; empty for the other kinds. Each entry
// would take the legs of the other for its own. Two names of one other machine are not known to be one: then the phone system itself
// shows that two use it under one name.
func (b Backend) Place() (field, place, what string) {
	switch {
	case b.Asterisk != nil:
		return "url", site(b.Asterisk.URL), "Asterisk"
	case b.FreeSWITCH != nil:
		return "address", spot(b.FreeSWITCH.Address), "FreeSWITCH"
	}
	return "", "", ""
}

// spot is host:port as it is compared.
func spot(address string) string {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return address
	}
	return net.JoinHostPort(machine(host), port)
}

// ports are those that a URL need not name.
var ports = map[string]string{"http": "80", "https": "443"}

// site is a URL as it is compared.
func site(text string) string {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" {
		return text
	}
	port := u.Port()
	if port == "" {
		port = ports[u.Scheme]
	}
	return u.Scheme + "://" + net.JoinHostPort(machine(u.Hostname()), port) + strings.TrimSuffix(u.Path, "/")
}

// machine is a host as it is compared. Of this machine's own name either address is meant: a stock FreeSWITCH listens on both.
func machine(host string) string {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	if ip, err := netip.ParseAddr(host); err == nil {
		host = ip.Unmap().String()
	}
	if host == "localhost" || host == "::1" {
		return "127.0.0.1"
	}
	return host
}
