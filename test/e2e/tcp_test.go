package e2e

import (
	"strings"
	"testing"

	"c2d/adapters/sip"
)

// onTCP is a house that listens on UDP and TCP.
const onTCP = `sip: {domain: hospital.example, listen: ["udp:IP:5060", "tcp:IP:5060"]}`

// TestPhonesTalkOverTCP is the story with two phones that registered over TCP: nothing but their own connections is used.
func TestPhonesTalkOverTCP(t *testing.T) {
	h := open(t, onTCP)
	h.over = "tcp"
	s := talk(h)
	s.goOn()
	s.mary.HangUp()
	s.over("completed", "callee", "callee")
	rings := h.wire.messages(func(m sip.Message) bool { return m.Sent && strings.HasPrefix(m.StartLine, "INVITE ") })
	for _, m := range h.wire.messages(func(sip.Message) bool { return true }) {
		if m.Transport != "tcp" {
			t.Errorf("over %s: %s", m.Transport, m.StartLine)
		}
	}
	if len(rings) < 2 {
		t.Errorf("%d INVITEs on the wire", len(rings))
	}
}
