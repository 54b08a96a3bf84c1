package sip

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"

	"c2d/core/call"
)

// streams listens on all three transports, UDP first.
func streams(t *testing.T) func(*Config) {
	return func(c *Config) {
		c.Listen = []string{"udp:127.0.0.1:0", "tcp:127.0.0.1:0", "tls:127.0.0.1:0"}
		c.TLS = certificate(t)
	}
}

// certificate makes the files of a certificate for 127.0.0.1 that signs itself.
func certificate(t *testing.T) *TLS {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	files := &TLS{Cert: filepath.Join(dir, "cert.pem"), Key: filepath.Join(dir, "key.pem")}
	for file, block := range map[string]*pem.Block{files.Cert: {Type: "CERTIFICATE", Bytes: cert}, files.Key: {Type: "PRIVATE KEY", Bytes: raw}} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return files
}

// address returns where the house listens on a network.
func (h *house) address(network string) netip.AddrPort {
	for _, k := range h.stack.sockets() {
		if k.network == network {
			return k.addr
		}
	}
	h.t.Fatal("not listening on " + network)
	return netip.AddrPort{}
}

// dials returns a connection of a phone to the house.
func (h *house) dials(network string) net.Conn {
	h.t.Helper()
	c, err := net.Dial("tcp", h.address(network).String())
	if err != nil {
		h.t.Fatal(err)
	}
	if network == "tls" {
		roots, err := pool(h.stack.cfg.TLS.Cert)
		if err != nil {
			h.t.Fatal(err)
		}
		return tls.Client(c, &tls.Config{RootCAs: roots, ServerName: "127.0.0.1"})
	}
	return c
}

// registered says REGISTER, so that the house knows the connection.
func (p *phone) registered() *phone {
	p.t.Helper()
	p.callID = newTag()
	p.send(p.calling("REGISTER", p.name, newBranch(), nil))
	p.gets("200")
	return p
}

// readStream reads messages that come over a connection.
func (p *phone) readStream(c net.Conn) {
	par := sip.NewParser().NewSIPStream()
	buf := make([]byte, 65536)
	for {
		n, err := c.Read(buf)
		if err != nil {
			return
		}
		_ = par.ParseSIPStream(buf[:n], func(m sip.Message) { p.in <- m }) // what is left over comes with the next read
	}
}

// protocol is what the phone's Via says.
func (p *phone) protocol() string {
	switch p.conn.(type) {
	case *net.UDPConn:
		return "SIP/2.0/UDP"
	case *tls.Conn:
		return "SIP/2.0/TLS"
	}
	return "SIP/2.0/TCP"
}

// TestCallsOverConnections is a call between phones on each pair of transports: every request reaches a phone on the
// connection that it opened, and says so in its Via and Contact.
func TestCallsOverConnections(t *testing.T) {
	for _, network := range []string{"tcp", "tls"} {
		t.Run(network, func(t *testing.T) {
			h := newHouse(t, streams(t)).start()
			a := h.phoneOn("harry", network, h.dials(network)).registered()
			b := h.phone("mary")
			h.direct(a, b)
			inv := a.inv
			if v := inv.Via(); v.Transport != strings.ToUpper(network) || v.Port != int(h.address(network).Port()) {
				t.Errorf("Via %s", v)
			}
			if got := inv.Contact().Address.UriParams.GetOr("transport", ""); got != network {
				t.Errorf("Contact %s", inv.Contact())
			}
			h.do(h.stack.HangUp(t.Context(), "leg-a", call.Completed))
			a.reply(a.request("BYE"), 200, nil)
			h.expect("leg-a", call.EvEnded)
		})
	}
}

func TestPhoneCallsOverItsConnection(t *testing.T) {
	h := newHouse(t, streams(t)).start()
	a := h.phoneOn("harry", "tcp", h.dials("tcp"))
	a.calls("101", a.offers(), proof)
	a.gets("100")
	leg, _ := h.offered()
	h.do(h.stack.Answer(t.Context(), leg))
	ok := a.gets("200")
	a.follows(ok, "ACK", nil)
	h.expect(leg, call.EvAnswered)
	a.follows(ok, "BYE", nil)
	a.gets("200")
	h.expect(leg, call.EvEnded)
}

// TestLostConnection: a phone that is known by its lost connection alone may be there or not, so it is not told as
// offline, but the call to it ends at once; one that listens where its Contact says is rung there.
func TestLostConnection(t *testing.T) {
	h := newHouse(t, streams(t)).start()
	a := h.phoneOn("harry", "tcp", h.dials("tcp")).registered()
	source := a.conn.LocalAddr().String()
	_ = a.conn.Close()
	h.eventually("the loss is seen", func() bool { return !h.stack.connected("tcp", source) })
	h.ring(a, "leg-a", "")
	if ev := h.expect("leg-a", call.EvEnded); ev.Cause.Reason != call.Unreachable || !ev.Cause.NotRung {
		t.Errorf("ended %+v", ev.Cause)
	}

	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	h.reg.mu.Lock()
	h.reg.bindings[a.aor][0].Contact = "sip:harry@" + l.Addr().String() + ";transport=tcp"
	h.reg.mu.Unlock()
	h.ring(a, "leg-b", "")
	c, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	back := h.phoneOn("again", "tcp", c)
	back.picksUp()
	h.expect("leg-b", call.EvAnswered)
}

// TestLongInviteGoesOverTCP where the phone listens there too; else over UDP as it is.
func TestLongInviteGoesOverTCP(t *testing.T) {
	for name, listens := range map[string]bool{"a phone with TCP": true, "a phone without": false} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t, streams(t)).start()
			conn, l := twins(t)
			a := h.phoneOn("mary", "udp", conn)
			o := call.Originate{Leg: "leg-a", RingLimit: limit, Show: call.Shown{Name: strings.Repeat("x", 400), Number: "101"}}
			a.lengthen()
			if !listens {
				l.Close()
				h.do(h.tryRing(a, o))
				a.picksUp()
				return
			}
			h.do(h.tryRing(a, o))
			c, err := l.Accept()
			if err != nil {
				t.Fatal(err)
			}
			over := h.phoneOn("over-tcp", "tcp", c)
			over.picksUp()
			if got := over.inv.Via().Transport; got != "TCP" {
				t.Errorf("Via says %s", got)
			}
			h.do(h.stack.HangUp(t.Context(), "leg-a", call.Completed))
			over.request("BYE")
		})
	}
}

// twins returns sockets of UDP and TCP on one port.
func twins(t *testing.T) (*net.UDPConn, net.Listener) {
	t.Helper()
	for range 50 {
		c, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			t.Fatal(err)
		}
		if l, err := net.Listen("tcp", c.LocalAddr().String()); err == nil {
			t.Cleanup(func() { l.Close() })
			return c, l
		}
		c.Close()
	}
	t.Fatal("no port is free for both")
	return nil, nil
}

// lengthen gives the phone a Contact that makes each INVITE to it too long for one packet.
func (p *phone) lengthen() {
	p.h.reg.mu.Lock()
	defer p.h.reg.mu.Unlock()
	b := &p.h.reg.bindings[p.aor][0]
	b.Contact = strings.Replace(b.Contact, "sip:mary@", "sip:"+strings.Repeat("m", 900)+"@", 1)
}

// TestTrunkOverTLS: the proxy's certificate must be for its name and signed by whom the trunk trusts, and ours is shown.
func TestTrunkOverTLS(t *testing.T) {
	for name, trusted := range map[string]bool{"a proxy that we trust": true, "a proxy that we do not": false} {
		t.Run(name, func(t *testing.T) {
			proxy, ours := certificate(t), certificate(t)
			proxy.ClientCA = ours.Cert
			secure, err := proxy.load()
			if err != nil {
				t.Fatal(err)
			}
			l, err := tls.Listen("tcp", "127.0.0.1:0", secure)
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			ca := proxy.Cert
			if !trusted {
				ca = ours.Cert
			}
			h := newHouse(t, streams(t), func(c *Config) {
				c.TLS = ours
				c.Entries = append(c.Entries, Entry{Name: "carrier", Proxy: "sip:" + l.Addr().String() + ";transport=tls", CA: ca})
			}).start()
			c, err := l.Accept()
			if err != nil {
				t.Fatal(err)
			}
			err = c.(*tls.Conn).HandshakeContext(t.Context())
			if !trusted {
				_ = c.Close()
				if err == nil {
					t.Error("we go on with a proxy that we do not trust")
				}
				return
			}
			if err != nil || len(c.(*tls.Conn).ConnectionState().PeerCertificates) != 1 {
				t.Fatal("our certificate was not shown", err)
			}
			p := h.phoneOn("carrier", "tls", c)
			p.up()
			h.do(h.through("leg-a", "+8613800138000"))
			inv := p.request("INVITE")
			if inv.Via().Transport != "TLS" || inv.Contact().Address.Port != int(h.address("tls").Port()) {
				t.Errorf("INVITE\n%s", inv)
			}
			p.reply(inv, 486, nil)
			p.request("ACK")
			h.ended("leg-a", call.Busy)
		})
	}
}
