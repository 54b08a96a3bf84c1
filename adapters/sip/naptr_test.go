package sip

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"c2d/adapters/sip/trunk"
	"c2d/core/call"
)

// nameServer serves the records of a zone file over UDP and TCP on one port. Names that begin with "long" are truncated over UDP.
func nameServer(t *testing.T, records string) string {
	t.Helper()
	var zone []dns.RR
	parser := dns.NewZoneParser(strings.NewReader(records), "example.", "")
	for rr, ok := parser.Next(); ok; rr, ok = parser.Next() {
		zone = append(zone, rr)
	}
	if err := parser.Err(); err != nil {
		t.Fatal(err)
	}
	udp, tcp := twins(t)
	answer := dns.HandlerFunc(func(w dns.ResponseWriter, q *dns.Msg) {
		res := new(dns.Msg).SetReply(q)
		name, known := q.Question[0].Name, false
		for _, rr := range zone {
			if !strings.EqualFold(rr.Header().Name, name) {
				continue
			}
			known = true
			if rr.Header().Rrtype == q.Question[0].Qtype {
				res.Answer = append(res.Answer, rr)
			}
		}
		switch {
		case strings.HasPrefix(name, "broken"):
			res.Rcode = dns.RcodeServerFailure
		case !known:
			res.Rcode = dns.RcodeNameError
		}
		if _, datagram := w.RemoteAddr().(*net.UDPAddr); datagram && strings.HasPrefix(name, "long") {
			res.Truncated, res.Answer = true, nil
		}
		_ = w.WriteMsg(res)
	})
	for _, s := range []*dns.Server{{PacketConn: udp, Handler: answer}, {Listener: tcp, Handler: answer}} {
		up, ended := make(chan struct{}), make(chan error, 1)
		s.NotifyStartedFunc = func() { close(up) }
		go func() { ended <- s.ActivateAndServe() }() // ends with the test
		<-up
		t.Cleanup(func() { _ = s.Shutdown(); <-ended })
	}
	return udp.LocalAddr().String()
}

// asks returns a resolver that asks these servers, the last for all but NAPTR.
func asks(servers ...string) system {
	real := &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, servers[len(servers)-1])
	}}
	return system{real, func() ([]string, error) { return servers, nil }}
}

const carrierZone = `
carrier.example. 60 IN NAPTR 20 1 "s" "SIP+D2U" "" _sip._udp.carrier.example.
carrier.example. 60 IN NAPTR 10 2 "s" "SIP+D2T" "" _sip._tcp.carrier.example.
carrier.example. 60 IN NAPTR 10 1 "s" "SIPS+D2T" "" _sips._tcp.carrier.example.
carrier.example. 60 IN NAPTR 1 1 "u" "E2U+sip" "!^.*$!sip:x@y!" .
long.example. 60 IN NAPTR 1 1 "S" "SIP+D2U" "" _sip._udp.carrier.example.
carrier.example. 60 IN A 192.0.2.80
_sip._tcp.carrier.example. 60 IN SRV 1 0 5070 a.example.
_sip._tcp.carrier.example. 60 IN SRV 2 0 5080 b.example.
_sip._udp.carrier.example. 60 IN SRV 1 0 5060 b.example.
a.example. 60 IN A 192.0.2.1
a.example. 60 IN A 192.0.2.2
b.example. 60 IN A 192.0.2.3
plain.example. 60 IN A 192.0.2.4
`

// TestNAPTR asks a real DNS server: NAPTR chooses the transport, SRV the hosts by priority, then their addresses.
func TestNAPTR(t *testing.T) {
	at := nameServer(t, carrierZone)
	for name, c := range map[string]struct {
		uri    string
		listen []string
		want   string
	}{
		"the best that we speak": {"sip:carrier.example", []string{"udp:x", "tcp:x"}, "tcp 192.0.2.1:5070 192.0.2.2:5070 192.0.2.3:5080"},
		"only UDP is spoken":     {"sip:carrier.example", []string{"udp:x"}, "udp 192.0.2.3:5060"},
		"the transport is named": {"sip:carrier.example;transport=udp", []string{"udp:x", "tcp:x"}, "udp 192.0.2.3:5060"},
		"the port is named":      {"sip:carrier.example:5099", []string{"udp:x", "tcp:x"}, "udp 192.0.2.80:5099"},
		"no NAPTR, no SRV":       {"sip:plain.example", []string{"udp:x", "tcp:x"}, "udp 192.0.2.4:5060"},
		"too long for UDP":       {"sip:long.example", []string{"udp:x", "tcp:x"}, "udp 192.0.2.3:5060"},
		"no such name":           {"sip:nobody.example", []string{"udp:x"}, ""},
		"DNS is broken":          {"sip:broken.example", []string{"udp:x"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			n, err := Entry{Proxy: c.uri}.next(c.listen)
			if err != nil {
				t.Fatal(err)
			}
			hosts, err := n.resolve(t.Context(), asks(at))
			got := addrsOf(hosts)
			if len(hosts) > 0 {
				got = hosts[0].servers[0].transport + " " + got
			}
			if got != c.want || (err == nil) != (c.want != "") {
				t.Errorf("%q, %v; want %q", got, err, c.want)
			}
		})
	}
}

func TestNAPTRServersThatDoNotAnswer(t *testing.T) {
	at := nameServer(t, carrierZone)
	closed, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	silent, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { silent.Close() })
	closed.Close()
	if got, err := asks(closed.LocalAddr().String(), at).LookupNAPTR(t.Context(), "carrier.example"); len(got) != 3 || err != nil {
		t.Errorf("after a server that is gone: %v, %v", got, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	asked := make(chan error, 1)
	go func() { _, err := asks(silent.LocalAddr().String()).LookupNAPTR(ctx, "carrier.example"); asked <- err }() // ends below
	if _, _, err := silent.ReadFrom(make([]byte, 512)); err != nil {
		t.Fatal(err)
	}
	cancel()
	select {
	case err := <-asked:
		if err == nil {
			t.Error("an answer out of nothing")
		}
	case <-time.After(asking / 2):
		t.Error("it goes on asking when nobody wants to know any more")
	}
	none := system{net.DefaultResolver, func() ([]string, error) { return nil, errors.New("no file") }}
	if got, err := none.LookupNAPTR(t.Context(), "x"); got != nil || err == nil {
		t.Errorf("%v, %v", got, err)
	}
}

// TestTrunkFindsItsProxyByNAPTR, on a transport that nobody has configured.
func TestTrunkFindsItsProxyByNAPTR(t *testing.T) {
	far, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer far.Close()
	h := newHouse(t, streams(t), func(c *Config) {
		c.Entries = append(c.Entries, Entry{Name: "carrier", Proxy: "sip:carrier.example", Present: trunk.Present{Default: "+8653283001999"}})
	})
	h.stack.dns = asks(nameServer(t, fmt.Sprintf(`
carrier.example. 60 IN NAPTR 1 1 "s" "SIP+D2T" "" _sip._tcp.carrier.example.
carrier.example. 60 IN NAPTR 2 1 "s" "SIP+D2U" "" _sip._udp.carrier.example.
_sip._tcp.carrier.example. 60 IN SRV 1 0 %d far.example.
far.example. 60 IN A 127.0.0.1
`, far.Addr().(*net.TCPAddr).Port)))
	h.start()
	c, err := far.Accept()
	if err != nil {
		t.Fatal(err)
	}
	p := h.phoneOn("carrier", "tcp", c)
	p.up()
	h.do(h.through("leg-a", "+8613800138000"))
	inv := p.request("INVITE")
	if inv.Via().Transport != "TCP" || inv.Recipient.String() != "sip:+8613800138000@carrier.example" {
		t.Errorf("INVITE\n%s", inv)
	}
	p.reply(inv, 486, nil)
	p.request("ACK")
	h.ended("leg-a", call.Busy)
}

// TestWeights: of the hosts of one rank each is the first as often as its weight says, and a higher rank waits for all.
func TestWeights(t *testing.T) {
	at := func(a string) []server { return []server{{"udp", a}} }
	s := servers{hosts: []host{{rank: 2, servers: at("last")}, {rank: 1, weight: 59, servers: at("often")}, {rank: 1, weight: 19, servers: at("seldom")}, {rank: 1, servers: at("zero")}}}
	const calls = 8100
	firsts := map[string]int{}
	for range calls {
		s.mu.Lock()
		all := s.inOrder()
		s.mu.Unlock()
		if len(all) != 4 || all[3].addr != "last" {
			t.Fatalf("order %v", all)
		}
		firsts[all[0].addr]++
	}
	for a, want := range map[string]int{"often": 6000, "seldom": 2000, "zero": 100} {
		if got := firsts[a]; got < want-5*want/20-20 || got > want+5*want/20+20 {
			t.Errorf("%s is the first %d times of %d", a, got, calls)
		}
	}
}
