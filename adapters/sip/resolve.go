package sip

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/emiago/sipgo/sip"
)

// resolver is what we ask of DNS: the [system], or a test's.
type resolver interface {
	LookupNAPTR(ctx context.Context, name string) ([]naptr, error)
	LookupSRV(ctx context.Context, service, proto, name string) (cname string, addrs []*net.SRV, err error)
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
}

// resolve returns where a next hop is, in the order of trying (RFC 3263 sections 4.1 and 4.2): one that is an address, or
// has a port, is that. Where the configuration leaves the transport open NAPTR chooses it, of those that we listen on, else
// the first of them that has SRV records. SRV says which hosts, by priority and weight; else its own addresses.
func (n next) resolve(ctx context.Context, dns resolver) ([]host, error) {
	if _, err := netip.ParseAddr(n.host); n.port != 0 || err == nil {
		return n.direct(ctx, dns, n.transport)
	}
	if n.open {
		if hosts := n.chosen(ctx, dns); hosts != nil {
			return hosts, nil
		}
	}
	var failed error
	for _, transport := range n.speaks {
		hosts, err := service(ctx, dns, srvName(transport, n.host), transport)
		switch {
		case err == nil:
			return hosts, nil
		case !noRecords(err):
			failed = errors.Join(failed, err)
		}
	}
	if failed != nil {
		return nil, failed
	}
	return n.direct(ctx, dns, n.transport)
}

// direct returns the addresses of the next hop's own name.
func (n next) direct(ctx context.Context, dns resolver, transport string) ([]host, error) {
	port := n.port
	if port == 0 {
		port = sip.DefaultPort(transport)
	}
	all, err := addresses(ctx, dns, n.host, port, transport)
	if err != nil {
		return nil, err
	}
	return []host{{servers: all}}, nil
}

// srvName returns the name of the SRV records of a transport.
func srvName(transport, domain string) string {
	switch transport {
	case "tls":
		return "_sips._tcp." + domain
	case "tcp":
		return "_sip._tcp." + domain
	}
	return "_sip._udp." + domain
}

// noRecords reports an error that says that a name has no such records, not that nobody could be asked.
func noRecords(err error) bool {
	var no *net.DNSError
	return errors.As(err, &no) && no.IsNotFound
}

// service returns the hosts that SRV records name and that have addresses. Errors: as noRecords tells them apart.
func service(ctx context.Context, dns resolver, name, transport string) (all []host, err error) {
	_, records, err := dns.LookupSRV(ctx, "", "", name)
	if err != nil {
		return nil, err
	}
	for _, r := range records {
		if r.Target == "." {
			return nil, errors.New("its DNS says that there is no SIP service") // RFC 2782
		}
		addrs, failed := addresses(ctx, dns, strings.TrimSuffix(r.Target, "."), int(r.Port), transport)
		if err = errors.Join(err, failed); failed == nil {
			all = append(all, host{rank: int(r.Priority), weight: int(r.Weight), servers: addrs})
		}
	}
	if len(all) > 0 {
		return all, nil
	}
	return nil, errors.New("none of its SRV records leads anywhere: " + fmt.Sprint(err))
}

func addresses(ctx context.Context, dns resolver, name string, port int, transport string) (all []server, err error) {
	ips, err := dns.LookupNetIP(ctx, "ip", name)
	for _, ip := range ips {
		all = append(all, server{transport: transport, addr: net.JoinHostPort(ip.Unmap().String(), strconv.Itoa(port))})
	}
	slices.SortFunc(all, func(a, b server) int { return strings.Compare(a.addr, b.addr) })
	return all, err
}
