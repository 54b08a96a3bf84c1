package sip

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"net/url"
	"strings"
	"testing"
	"time"

	"c2d/adapters/sip/trunk"
	"c2d/core/call"
)

// authority signs certificates of peers.
type authority struct {
	t    *testing.T
	file string // PEM, of its own
	pair tls.Certificate
}

func newAuthority(t *testing.T) *authority {
	files := certificate(t)
	pair, err := tls.LoadX509KeyPair(files.Cert, files.Key)
	if err != nil {
		t.Fatal(err)
	}
	return &authority{t, files.Cert, pair}
}

// signs returns a client's certificate that names a domain as DNS name, or as sip: URI.
func (a *authority) signs(domain string) tls.Certificate {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(2), NotAfter: time.Now().Add(time.Hour)}
	if u, err := url.Parse(domain); err == nil && u.Scheme != "" {
		template.URIs = []*url.URL{u}
	} else {
		template.DNSNames = []string{domain}
	}
	raw, err := x509.CreateCertificate(rand.Reader, template, a.pair.Leaf, key.Public(), a.pair.PrivateKey)
	if err != nil {
		a.t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{raw}, PrivateKey: key}
}

// TestTrunkCallsUsByCertificate: who shows the carrier's name in a certificate that our authority signed is the carrier,
// wherever it calls from; everybody else is a phone, and proves that.
func TestTrunkCallsUsByCertificate(t *testing.T) {
	for name, c := range map[string]struct{ domain, from string }{
		"its name":          {"sbc.carrier.example", "+8613800138000"},
		"its name, a URI":   {"sip:sbc.carrier.example", "+8613800138000"},
		"another name":      {"phone.hospital.example", ""},
		"a name within":     {"sbc.carrier.example.evil.example", ""},
		"a user of it":      {"sip:me@sbc.carrier.example", ""},
		"a wildcard for it": {"*.carrier.example", ""},
	} {
		t.Run(name, func(t *testing.T) {
			ours := newAuthority(t)
			h := newHouse(t, streams(t), func(c *Config) {
				c.TLS.ClientCA = ours.file
				c.Entries = append(c.Entries, Entry{
					Name: "carrier", Proxy: "sip:192.0.2.1;transport=tls", Trust: []trunk.Trust{{Certificate: "sbc.carrier.example", Accept: []string{"pai"}}},
				})
			}).start()
			p := h.phoneOn("carrier", "tls", h.shows(ours.signs(c.domain)))
			p.calls("+8653283001999", p.offers(), "P-Asserted-Identity: <sip:+8613800138000@x>")
			if c.from == "" {
				p.gets("407")
				return
			}
			p.gets("100")
			if _, ev := h.offered(); ev.From != c.from || !ev.Outside || ev.Backend != "carrier" {
				t.Errorf("offered %+v", ev)
			}
		})
	}
}

// shows returns a connection over TLS of whoever has a certificate.
func (h *house) shows(cert tls.Certificate) *tls.Conn {
	h.t.Helper()
	roots, err := pool(h.stack.cfg.TLS.Cert)
	if err != nil {
		h.t.Fatal(err)
	}
	c, err := tls.Dial("tcp", h.address("tls").String(), &tls.Config{RootCAs: roots, ServerName: "127.0.0.1", Certificates: []tls.Certificate{cert}})
	if err != nil {
		h.t.Fatal(err)
	}
	return c
}

// claims are headers by which a phone says who calls; those of a carrier say it with more right.
var claims = []string{
	"P-Asserted-Identity: <sip:+8613900139000@x>", "P-Preferred-Identity: <sip:+8613900139000@x>", "Remote-Party-ID: <sip:+8613900139000@x>;party=calling",
	"Privacy: id", "Diversion: <sip:+8613900139000@x>", "History-Info: <sip:+8613900139000@x>;index=1", "P-Charging-Vector: icid-value=stolen",
}

// TestNobodysClaimGoesFurther: what a phone says of who it is beside its digest is neither believed nor passed on, to a phone
// or to a carrier.
func TestNobodysClaimGoesFurther(t *testing.T) {
	h, far := carried(t, func(e *Entry) { e.Present.Numbers = []string{`\+8653283001[0-9]{3}`} })
	far.up()
	a, b := h.phone("harry"), h.phone("mary")
	for to, p := range map[string]*phone{"101": b, "+8613800138000": far} {
		a.calls(to, a.offers(), append([]string{proof}, claims...)...)
		a.gets("100")
		leg, ev := h.offered()
		if ev.From != a.aor || ev.Outside {
			t.Errorf("offered %+v", ev)
		}
		if p == b {
			h.ring(b, "leg-"+to, leg)
		} else {
			h.do(h.through("leg-"+to, to))
		}
		inv := p.request("INVITE")
		for _, header := range []string{"P-Preferred-Identity", "Remote-Party-ID", "Diversion", "History-Info", "P-Charging-Vector"} {
			if inv.GetHeader(header) != nil {
				t.Errorf("passed on:\n%s", inv)
			}
		}
		if strings.Contains(inv.String(), "13900139000") || strings.Contains(inv.String(), "stolen") {
			t.Errorf("a claim went on:\n%s", inv)
		}
		p.reply(inv, 486, nil)
		p.request("ACK")
		h.ended("leg-"+to, call.Busy)
		h.do(h.stack.Refuse(t.Context(), leg, call.Busy))
		a.gets("486")
	}
}

// TestACarriersHeadersStayOutside: of what a carrier asserts only the number is taken; its headers do not reach a phone.
func TestACarriersHeadersStayOutside(t *testing.T) {
	h, far := carried(t, func(e *Entry) { e.Trust = []trunk.Trust{{CIDR: "127.0.0.1", Accept: []string{"pai"}}} })
	far.up()
	b := h.phone("mary")
	far.calls("+8653283001999", far.offers(), strings.Replace(strings.Join(claims, "\n"), "Privacy: id", "Privacy: none", 1))
	far.gets("100")
	leg, ev := h.offered()
	if ev.From != "+8613900139000" {
		t.Errorf("offered from %q", ev.From)
	}
	h.ring(b, "leg-b", leg)
	inv := b.invited()
	for _, line := range claims {
		if name, _, _ := strings.Cut(line, ":"); inv.GetHeader(name) != nil {
			t.Errorf("%s reaches the phone:\n%s", name, inv)
		}
	}
	b.reply(inv, 486, nil)
	b.request("ACK")
	h.ended("leg-b", call.Busy)
	h.do(h.stack.Refuse(t.Context(), leg, call.Busy))
	far.gets("486")
}

// TestAskedForPrivacy: a caller whose carrier says that it must not be shown is nobody to the nurse.
func TestAskedForPrivacy(t *testing.T) {
	h, far := carried(t, func(e *Entry) { e.Trust = []trunk.Trust{{CIDR: "127.0.0.1", Accept: []string{"pai"}}} })
	far.up()
	far.calls("+8653283001999", far.offers(), "P-Asserted-Identity: <sip:+8613900139000@x>", "Privacy: id;critical")
	far.gets("100")
	if _, ev := h.offered(); ev.From != "" {
		t.Errorf("shown as %q", ev.From)
	}
}
