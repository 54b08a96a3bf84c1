package e2e

import (
	"fmt"
	"strings"
	"testing"

	"c2d/adapters/sip"
	"c2d/test/pbx"
)

// secured is a house that reaches its carrier over TLS alone, and whose carrier wants to see its certificate.
type secured struct {
	*house
	mary    *pbx.Baresip
	carrier *pbx.Kamailio
}

// doubt is what the two sides do not believe of each other.
type doubt struct {
	misnamed bool // the carrier's certificate is for another address
	carrier  bool // the house does not know who signed the carrier's certificate
	house    bool // the carrier does not know who signed that of the house
}

// secure starts both.
func secure(t *testing.T, d doubt) *secured {
	t.Helper()
	h := build(t)
	s := &secured{house: h, mary: outside(t)}
	at := pbx.NextAddress()
	named, stranger := at, ""
	if d.misnamed {
		named = pbx.NextAddress()
	}
	if d.carrier || d.house {
		stranger, _ = pbx.Certificate(t, at)
	}
	cert, key := pbx.Certificate(t, h.ip)
	side := &pbx.Secure{Addr: at, Hospital: cert}
	side.Cert, side.Key = pbx.Certificate(t, named, "sbc.carrier.example")
	ca := side.Cert
	if d.carrier {
		ca = stranger
	}
	if d.house {
		side.Hospital = stranger
	}
	s.carrier = pbx.StartKamailio(t, pbx.Carrier{Hospital: h.ip, User: "hospital", Password: password, Phone: s.mary.Addr, TLS: side})
	h.replace("backends: [{name: house, kind: sip}]", fmt.Sprintf(`
backends:
  - {name: house, kind: sip}
  - name: carrier
    kind: sip
    proxy: "sip:%s:5061;transport=tls"
    ca: %q
    domain: %s
    register: true
    user: hospital
    password: %s
    out: {format: national}
    present: {default: "%s"}
    trust: [{certificate: sbc.carrier.example, accept: [pai]}]
`, at, ca, pbx.Realm, password, ward))
	h.replace("sip: {", fmt.Sprintf("sip: {tls: {cert: %q, key: %q, client_ca: %q}, ", cert, key, side.Cert))
	h.replace(`listen: [`, fmt.Sprintf(`listen: ["tls:%s:5061", `, h.ip))
	h.start()
	h.add("harry", "Harry", harryNumber)
	h.post("/v1/contacts", map[string]any{"kind": "person", "name": "Mary", "numbers": []any{map[string]any{"use": "mobile", "number": mobile}}}, nil)
	return s
}

// TestACarrierOverTLS: both sides prove by certificate who they are, and by nothing else is the carrier known when it calls.
func TestACarrierOverTLS(t *testing.T) {
	h := secure(t, doubt{})
	pbx.Eventually(t, soon, "the trunk is up", h.ready)
	s := &talking{house: h.house, harry: h.harry(false), mary: h.mary}
	s.call = h.click()
	s.harry.Await("CALL_INCOMING", soon)
	s.harry.Accept()
	s.mary.Await("CALL_INCOMING", soon)
	s.mary.Accept()
	s.call = h.state(s.call, "connected")
	s.hear()
	s.harry.HangUp()
	s.over("completed", "caller", "caller")
	s.mary.Dial(fmt.Sprintf("sip:%s@%s", harryNumber, h.carrier.Addr))
	if ev := s.harry.Await("CALL_INCOMING", soon); !strings.Contains(ev.Peer, mobile) {
		t.Errorf("Harry is shown %s", ev.Peer)
	}
	if got := h.wire.messages(func(m sip.Message) bool {
		return m.Remote.Addr() == h.carrier.Addr.Addr() && m.Transport != "tls"
	}); len(got) > 0 {
		t.Errorf("%d messages of the carrier in the clear", len(got))
	}
}

// TestACarrierThatIsNotBelieved, or does not believe us: nothing goes to it, readiness says that the trunk is down, and the
// log says why.
func TestACarrierThatIsNotBelieved(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		doubt
		why  string
		late bool // something was said: in TLS 1.3 we learn of the carrier's doubt by what comes in place of an answer
	}{
		{"its certificate is for another", doubt{misnamed: true}, "the carrier's certificate is not for the host of the trunk's proxy", false},
		{"its certificate is by nobody whom we know", doubt{carrier: true}, "the carrier's certificate is not signed by anybody in the trunk's ca", false},
		{"it does not know ours", doubt{house: true}, "the carrier broke off TLS: it does not believe sip.tls.cert", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			h := secure(t, c.doubt)
			pbx.Eventually(t, soon, "the log says why", func() bool {
				return strings.Contains(h.log.String(), `msg="trunk is down" trunk=carrier error="backend_unavailable: `+c.why)
			})
			var said struct{ Checks map[string]string }
			if err := h.api.Get(t.Context(), "/readyz", &said); err != nil || said.Checks["carrier"] != "backend_unavailable" || said.Checks["house"] != "ok" {
				t.Errorf("readiness: %v, %v", said.Checks, err)
			}
			for _, m := range h.wire.messages(func(m sip.Message) bool { return m.Remote.Addr() == h.carrier.Addr.Addr() }) {
				if !m.Sent || !c.late {
					t.Errorf("sent %v: %s", m.Sent, m.StartLine)
				}
			}
		})
	}
}
