package sip

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"

	"c2d/adapters/sip/trunk"
)

// zone is a DNS of a few names; "_sip._udp.x" are SRV records.
type zone struct {
	hosts    map[string][]string
	services map[string][]*net.SRV
	choices  map[string][]naptr
}

func (z zone) LookupSRV(_ context.Context, _, _, name string) (string, []*net.SRV, error) {
	if all := z.services[name]; all != nil {
		return name, all, nil
	}
	return "", nil, noName
}

func (z zone) LookupNAPTR(_ context.Context, name string) ([]naptr, error) {
	return z.choices[name], nil
}

// noName is what DNS says of a name that it does not know.
var noName = &net.DNSError{Err: "no such name", IsNotFound: true}

func (z zone) LookupNetIP(_ context.Context, _, host string) (all []netip.Addr, err error) {
	if a, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{a}, nil
	}
	for _, a := range z.hosts[host] {
		all = append(all, netip.MustParseAddr(a))
	}
	if all == nil {
		err = noName
	}
	return all, err
}

func TestResolve(t *testing.T) {
	dns := zone{
		hosts: map[string][]string{"a.example": {"192.0.2.2", "192.0.2.1"}, "b.example": {"2001:db8::1"}, "c.example": {"192.0.2.9"}},
		services: map[string][]*net.SRV{
			"_sip._udp.c.example":    {{Target: "b.example.", Port: 5070}, {Target: "gone.example.", Port: 5060}, {Target: "a.example.", Port: 5060}},
			"_sips._tcp.c.example":   {{Target: "a.example.", Port: 5061}},
			"_sip._udp.none.example": {{Target: "."}},
			"_sip._tcp.only.example": {{Target: "c.example.", Port: 5090}},
			"a-name-of-its-own":      {{Target: "a.example.", Port: 7000}},
		},
		choices: map[string][]naptr{
			"c.example":    {{20, 1, "SIP+D2U", "_sip._udp.c.example"}, {10, 9, "sips+d2t", "a-name-of-its-own"}, {10, 1, "SIPS+D2X", "_sips._tcp.c.example"}},
			"gone.example": {{1, 1, "SIPS+D2T", "nowhere"}, {2, 1, "SIP+D2U", "_sip._udp.c.example"}},
			"only.example": {{1, 1, "SIP+D2S", "_sip._sctp.only.example"}},
		},
	}
	for uri, want := range map[string]string{
		"sip:192.0.2.7":                     "192.0.2.7:5060",
		"sip:192.0.2.7;transport=tls":       "192.0.2.7:5061",
		"sip:a.example":                     "192.0.2.1:5060 192.0.2.2:5060",
		"sip:c.example":                     "192.0.2.1:7000 192.0.2.2:7000", // NAPTR: TLS before UDP
		"sip:c.example;transport=udp":       "[2001:db8::1]:5070 192.0.2.1:5060 192.0.2.2:5060",
		"sip:gone.example":                  "[2001:db8::1]:5070 192.0.2.1:5060 192.0.2.2:5060",
		"sip:only.example":                  "192.0.2.9:5090", // no transport of ours by NAPTR: the first with SRV records
		"sip:c.example:5080":                "192.0.2.9:5080",
		"sip:c.example;transport=tcp":       "192.0.2.9:5060",
		"sips:c.example":                    "192.0.2.1:7000 192.0.2.2:7000",
		"sips:c.example;transport=tls":      "192.0.2.1:5061 192.0.2.2:5061",
		"sip:none.example":                  "",
		"sip:unknown.example;transport=tcp": "",
	} {
		n, err := Entry{Proxy: uri}.next([]string{"udp:x", "tcp:x", "tls:x"})
		if err != nil {
			t.Fatal(uri, err)
		}
		got, err := n.resolve(t.Context(), dns)
		if addrsOf(got) != want || (err == nil) != (want != "") {
			t.Errorf("%s: %q, %v; want %q", uri, addrsOf(got), err, want)
		}
	}
}

// addrsOf returns the addresses of hosts in the order of trying.
func addrsOf(hosts []host) string {
	s := servers{hosts: hosts}
	var all []string
	for _, at := range s.every() {
		all = append(all, at.addr)
	}
	return strings.Join(all, " ")
}

// TestDNSChangesDuringACall: an address that DNS names no more takes no calls, but is the trunk's as long as calls may talk there.
func TestDNSChangesDuringACall(t *testing.T) {
	at := func(addrs ...string) (hosts []host) {
		for _, a := range addrs {
			hosts = append(hosts, host{servers: []server{{"tcp", a}}})
		}
		return hosts
	}
	var s servers
	s.found(at("192.0.2.1:5060", "192.0.2.2:5060"))
	for _, a := range s.every() {
		s.heard(a, true)
	}
	s.found(at("192.0.2.2:5060", "192.0.2.3:5060"))
	ready, err := s.ready()
	if len(ready) != 1 || ready[0].addr != "192.0.2.2:5060" || err != nil || !s.has("192.0.2.1:5060") {
		t.Errorf("ready %v, %v, former %v", ready, err, s.former)
	}
	for i := range 2 * mostFormer {
		s.found(at(fmt.Sprintf("192.0.2.%d:5060", i)))
	}
	if len(s.former) != mostFormer || s.has("192.0.2.1:5060") || len(s.every()) != 1 {
		t.Errorf("%d are remembered", len(s.former))
	}
}

// TestTrunkGoesOnToTheNextAddress when the first is silent, and stays with the one that answers.
func TestTrunkGoesOnToTheNextAddress(t *testing.T) {
	h := newHouse(t, func(c *Config) {
		c.Entries = append(c.Entries, Entry{Name: "carrier", Proxy: "sip:carrier.example", Present: trunk.Present{Default: "+8653283001999"}})
	})
	dead, live := h.phone("dead"), h.phone("live")
	port := func(p *phone) uint16 { return netip.MustParseAddrPort(p.conn.LocalAddr().String()).Port() }
	h.stack.dns = zone{services: map[string][]*net.SRV{"_sip._udp.carrier.example": {{Target: "127.0.0.1", Port: port(dead)}, {Target: "127.0.0.1", Port: port(live)}}}}
	h.stack.waits.carrier = limit / 50
	h.start()
	dead.request("OPTIONS")
	live.reply(live.request("OPTIONS"), 200, nil)
	h.eventually("the trunk is up", func() bool { return h.stack.EntryHealth(t.Context(), "carrier") == nil })
	h.do(h.through("leg-a", "+8613800138000"))
	live.reply(live.request("INVITE"), 486, nil)
	live.request("ACK")
	h.ended("leg-a", "busy")
}
