package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/netip"
	"os"
	"strings"
	"testing"

	"c2d/adapters/sip"
	"c2d/test/pbx"
)

// mobile is Mary's own phone: outside, behind the carrier, which writes numbers as one dials them in China.
const (
	mobile     = "+8613800138000"
	mobileUser = "13800138000"
	ward       = "+8653283001999" // what the ward shows to the world
)

// carried is a house with a carrier that knows Mary's mobile.
func carried(t *testing.T, transport, algorithm string) (h *house, carrier *pbx.Kamailio, mary *pbx.Baresip) {
	t.Helper()
	h, all, mary := carriedBy(t, 1, transport, algorithm)
	return h, all[0], mary
}

// carriedBy is a house with several carriers that know it, each of which is the next way of a call.
func carriedBy(t *testing.T, n int, transport, algorithm string) (h *house, carriers []*pbx.Kamailio, mary *pbx.Baresip) {
	t.Helper()
	mary, h = outside(t), build(t, onTCP)
	var links []link
	for range n {
		links = append(links, link{Carrier: pbx.Carrier{Phone: mary.Addr, Algorithm: algorithm}, port: 5060, transport: transport})
	}
	carriers = h.carriers(links...)
	pbx.Eventually(t, soon, "the trunks are up", h.ready)
	return h, carriers, mary
}

// outside is Mary's mobile.
func outside(t *testing.T) *pbx.Baresip {
	t.Helper()
	return pbx.StartBaresip(t, pbx.Phone{User: mobileUser, Password: password, Domain: "mobile.example", Tone: maryTone})
}

// link is a carrier, and how it is reached; more is added to the trunk's configuration.
type link struct {
	pbx.Carrier
	port            uint16
	transport, more string
}

// carriers starts carriers and then the house, whose trunks carrier0, carrier1… they are.
func (h *house) carriers(links ...link) (all []*pbx.Kamailio) {
	h.t.Helper()
	text := "\nbackends:\n  - {name: house, kind: sip}\n"
	for i, l := range links {
		l.Hospital, l.User, l.Password = h.ip, "hospital", password
		c := pbx.StartKamailio(h.t, l.Carrier)
		all = append(all, c)
		text += fmt.Sprintf(`
  - name: carrier%d
    kind: sip
    proxy: "sip:%s;transport=%s"
    domain: %s
    register: true
    user: hospital
    password: %s
    out: {format: national}
    present: {default: "%s"}
    trust: [{cidr: "%s", accept: [pai]}]
%s
`, i, netip.AddrPortFrom(c.Addr.Addr(), l.port), l.transport, pbx.Realm, password, ward, c.Addr.Addr(), l.more)
	}
	h.replace("backends: [{name: house, kind: sip}]", text)
	h.start()
	h.add("harry", "Harry", harryNumber)
	h.post("/v1/contacts", map[string]any{"kind": "person", "name": "Mary", "numbers": []any{map[string]any{"use": "mobile", "number": mobile}}}, nil)
	return all
}

// replace changes the configuration of a house that has not started.
func (h *house) replace(old, text string) {
	h.t.Helper()
	before, err := os.ReadFile(h.file())
	if err != nil || !strings.Contains(string(before), old) {
		h.t.Fatalf("no %q in the configuration, %v", old, err)
	}
	if err := os.WriteFile(h.file(), []byte(strings.Replace(string(before), old, text, 1)), 0o600); err != nil {
		h.t.Fatal(err)
	}
}

// ready reports whether the service says that all of it is up.
func (h *house) ready() bool {
	res, err := http.Get(h.url() + "/readyz")
	if err != nil {
		return false
	}
	defer res.Body.Close()
	var said struct{ Status string }
	return json.NewDecoder(res.Body).Decode(&said) == nil && said.Status == "ok"
}

// TestCallsThroughACarrier is the story with Mary outside, over each transport and digest algorithm: every request is
// challenged, and her phone shows the ward's number and nobody's own.
func TestCallsThroughACarrier(t *testing.T) {
	for _, c := range []struct{ transport, algorithm string }{{"udp", "MD5"}, {"tcp", "SHA-256"}} {
		t.Run(c.transport+" "+c.algorithm, func(t *testing.T) {
			h, carrier, mary := carried(t, c.transport, c.algorithm)
			s := &talking{house: h, harry: h.harry(false), mary: mary}
			s.call = h.click()
			s.harry.Await("CALL_INCOMING", soon)
			s.harry.Accept()
			if ev := mary.Await("CALL_INCOMING", soon); !strings.Contains(ev.Peer, "053283001999@") {
				t.Errorf("Mary is shown %s", ev.Peer)
			}
			mary.Accept()
			s.call = h.state(s.call, "connected")
			s.hear()
			s.harry.HangUp()
			s.over("completed", "caller", "caller")
			h.challenged(carrier, "REGISTER", "INVITE", "BYE")
		})
	}
}

// challenged holds that the carrier has asked for a proof for each of the methods, and was satisfied.
func (h *house) challenged(carrier *pbx.Kamailio, methods ...string) {
	h.t.Helper()
	for _, method := range methods {
		for _, status := range []string{" 40", " 200"} {
			got := h.wire.messages(func(m sip.Message) bool {
				return !m.Sent && m.Remote.Addr() == carrier.Addr.Addr() && strings.HasPrefix(m.StartLine, "SIP/2.0"+status) && strings.HasSuffix(m.CSeq, method)
			})
			if len(got) == 0 {
				h.t.Errorf("no%sx to %s", status, method)
			}
		}
	}
}

// TestCarrierIsGone: calls are refused as such at once, health says so, and the trunk comes back by itself.
func TestCarrierIsGone(t *testing.T) {
	h, carrier, _ := carried(t, "udp", "MD5")
	harry := h.harry(true)
	carrier.Stop()
	c := h.click()
	harry.Await("CALL_ESTABLISHED", soon)
	c = h.ended(c, "unreachable", "callee", "callee")
	if got := c.Callee.Legs(); len(got) != 1 {
		t.Errorf("%d legs to Mary", len(got))
	}
}

// TestTheNextCarrier: when one carrier is gone the call goes through the next, and Mary's phone rings once; the next call does
// not ask the one that is gone.
func TestTheNextCarrier(t *testing.T) {
	h, carriers, mary := carriedBy(t, 2, "udp", "MD5")
	s := &talking{house: h, harry: h.harry(false), mary: mary}
	carriers[0].Stop()
	for i := range 2 {
		s.call = h.click()
		s.harry.Await("CALL_INCOMING", soon)
		s.harry.Accept()
		mary.Await("CALL_INCOMING", soon)
		mary.Accept()
		s.call = h.state(s.call, "connected")
		s.hear()
		s.harry.HangUp()
		s.harry.Await("CALL_CLOSED", soon)
		mary.Await("CALL_CLOSED", soon)
		h.ended(s.call, "completed", "caller", "caller")
		if c := h.released(s.call); len(c.Caller.Legs()) != 1 || mary.Count("CALL_INCOMING") != i+1 {
			t.Errorf("call %d: %d legs to Harry, %d times Mary's phone rang", i, len(c.Caller.Legs()), mary.Count("CALL_INCOMING"))
		}
	}
	invites := func(c *pbx.Kamailio) int {
		calls := map[string]bool{}
		for _, m := range h.wire.messages(func(m sip.Message) bool {
			return m.Sent && m.Remote.Addr() == c.Addr.Addr() && strings.HasPrefix(m.StartLine, "INVITE") && strings.HasPrefix(m.CSeq, "1 ")
		}) {
			calls[m.CallID] = true
		}
		return len(calls)
	}
	if gone, there := invites(carriers[0]), invites(carriers[1]); gone != 1 || there != 2 {
		t.Errorf("%d calls went to the carrier that is gone, %d to the other", gone, there)
	}
}

// TestACarrierCallsUs: Mary calls Harry's number from outside; Harry's phone shows whom the carrier asserts, and both talk. A
// number that no phone here has is unknown, however often the carrier asks.
func TestACarrierCallsUs(t *testing.T) {
	h, carrier, mary := carried(t, "udp", "MD5")
	s := &talking{house: h, harry: h.harry(false), mary: mary}
	mary.Dial(fmt.Sprintf("sip:%s@%s", harryNumber, carrier.Addr))
	if ev := s.harry.Await("CALL_INCOMING", soon); !strings.Contains(ev.Peer, mobile) {
		t.Errorf("Harry is shown %s", ev.Peer)
	}
	s.harry.Accept()
	mary.Await("CALL_ESTABLISHED", soon)
	s.hear()
	mary.HangUp()
	s.harry.Await("CALL_CLOSED", soon)
	mary.Dial(fmt.Sprintf("sip:+4930123456@%s", carrier.Addr))
	pbx.Eventually(t, soon, "it is not sent out again", func() bool {
		return len(h.wire.messages(func(m sip.Message) bool { return m.Sent && strings.HasPrefix(m.StartLine, "SIP/2.0 404") })) > 0
	})
}
