package sip

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/emiago/sipgo/sip"
)

// resolver is what we ask of DNS: [net.Resolver], or a test's.
type resolver interface {
	LookupSRV(ctx context.Context, service, proto, name string) (cname string, addrs []*net.SRV, err error)
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
}

// resolve returns the addresses of a next hop in the order of trying (RFC 3263 section 4.2): one that is an address, or has a
// port, is that; else SRV of its transport says which hosts, by priority and weight; else its own addresses. The
// transport is the configured one, so that NAPTR has nothing to say.
func (n next) resolve(ctx context.Context, dns resolver) ([]string, error) {
	if _, err := netip.ParseAddr(n.host); n.port == 0 && err != nil {
		service, proto := "sip", n.transport
		if n.transport == "tls" {
			service, proto = "sips", "tcp"
		}
		_, hosts, err := dns.LookupSRV(ctx, service, proto, n.host)
		if err == nil && len(hosts) > 0 {
			return served(ctx, dns, hosts)
		}
	}
	port := n.port
	if port == 0 {
		port = sip.DefaultPort(n.transport)
	}
	return addresses(ctx, dns, n.host, port)
}

// served returns the addresses of all hosts that have some.
func served(ctx context.Context, dns resolver, hosts []*net.SRV) (all []string, err error) {
	for _, h := range hosts {
		if h.Target == "." {
			return nil, errors.New("its DNS says that there is no SIP service") // RFC 2782
		}
		addrs, failed := addresses(ctx, dns, strings.TrimSuffix(h.Target, "."), int(h.Port))
		all, err = append(all, addrs...), errors.Join(err, failed)
	}
	if len(all) > 0 {
		return all, nil
	}
	return nil, err
}

func addresses(ctx context.Context, dns resolver, host string, port int) (all []string, err error) {
	ips, err := dns.LookupNetIP(ctx, "ip", host)
	for _, ip := range ips {
		all = append(all, net.JoinHostPort(ip.Unmap().String(), strconv.Itoa(port)))
	}
	slices.Sort(all)
	return all, err
}
