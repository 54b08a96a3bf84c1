package sip

import (
	"cmp"
	"context"
	"errors"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/miekg/dns"
)

// naptr is one NAPTR record that leads to SRV records (RFC 3263 section 4.1).
type naptr struct {
	order, preference int
	service           string // "SIP+D2U"
	srv               string // name of the SRV records
}

// naptrTransports are the services of RFC 3263 section 4.1 and the transports that they mean.
var naptrTransports = map[string]string{"SIP+D2U": "udp", "SIP+D2T": "tcp", "SIPS+D2T": "tls"}

// chosen returns the hosts of the transport that the domain likes best of those that we speak, nil when NAPTR says nothing
// of use. A DNS that does not answer NAPTR is not waited for: SRV may be known all the same.
func (n next) chosen(ctx context.Context, from resolver) []host {
	records, err := from.LookupNAPTR(ctx, n.host)
	if err != nil {
		return nil
	}
	slices.SortStableFunc(records, func(a, b naptr) int {
		return cmp.Or(a.order-b.order, a.preference-b.preference)
	})
	for _, r := range records {
		transport := naptrTransports[strings.ToUpper(r.service)]
		if !slices.Contains(n.speaks, transport) {
			continue
		}
		if hosts, err := service(ctx, from, r.srv, transport); err == nil {
			return hosts
		}
	}
	return nil
}

// system asks DNS as the machine is set up to. [net.Resolver] knows no NAPTR, so that one is asked for here. Safe for
// concurrent use.
type system struct {
	*net.Resolver
	servers func() ([]string, error) // ip:port of whom to ask, in order
}

// configured reads whom the machine asks.
func configured() ([]string, error) {
	c, err := dns.ClientConfigFromFile("/etc/resolv.conf")
	if err != nil {
		return nil, err
	}
	var all []string
	for _, s := range c.Servers {
		all = append(all, net.JoinHostPort(s, c.Port))
	}
	return all, nil
}

// asking is how long one server may take to answer.
const asking = time.Second

// LookupNAPTR returns the NAPTR records of a name that lead to SRV records. A name without any has none and no error.
// Errors: when none of the servers answers.
func (s system) LookupNAPTR(ctx context.Context, name string) ([]naptr, error) {
	servers, err := s.servers()
	if err != nil {
		return nil, err
	}
	q := new(dns.Msg).SetQuestion(dns.Fqdn(name), dns.TypeNAPTR).SetEdns0(1232, false)
	err = errors.New("no DNS server is configured")
	for _, at := range servers {
		var res *dns.Msg
		if res, err = ask(ctx, q, at); err == nil {
			return naptrs(res), nil
		}
	}
	return nil, err
}

// ask sends a question over UDP, and over TCP when the answer was too long for that.
func ask(ctx context.Context, q *dns.Msg, at string) (*dns.Msg, error) {
	res, err := askOver(ctx, "udp", q, at)
	if err == nil && res.Truncated {
		res, err = askOver(ctx, "tcp", q, at)
	}
	if err == nil && res.Rcode != dns.RcodeSuccess && res.Rcode != dns.RcodeNameError {
		err = errors.New("DNS answers " + dns.RcodeToString[res.Rcode])
	}
	return res, err
}

func askOver(ctx context.Context, network string, q *dns.Msg, at string) (*dns.Msg, error) {
	ctx, cancel := context.WithTimeout(ctx, asking)
	defer cancel()
	c, err := (&net.Dialer{}).DialContext(ctx, network, at)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	defer context.AfterFunc(ctx, func() { _ = c.SetDeadline(time.Unix(1, 0)) })() // the library minds the deadline of ctx only
	res, _, err := (&dns.Client{Net: network}).ExchangeWithConnContext(ctx, q, &dns.Conn{Conn: c, UDPSize: 1232})
	return res, err
}

// naptrs are the records of an answer that name SRV records.
func naptrs(res *dns.Msg) (all []naptr) {
	for _, rr := range res.Answer {
		if r, ok := rr.(*dns.NAPTR); ok && strings.EqualFold(r.Flags, "s") && r.Regexp == "" {
			all = append(all, naptr{int(r.Order), int(r.Preference), r.Service, strings.TrimSuffix(r.Replacement, ".")})
		}
	}
	return all
}
