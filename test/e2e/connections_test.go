package e2e

import (
	"fmt"
	"strings"
	"testing"

	"c2d/adapters/sip"
	"c2d/test/pbx"
)

// onTCP is a house that listens on UDP and TCP.
const onTCP = `sip: {domain: hospital.example, listen: ["udp:IP:5060", "tcp:IP:5060"]}`

// TestPhonesTalkOverConnections is the story with two phones that registered over TCP or TLS: nothing but their own
// connections is used.
func TestPhonesTalkOverConnections(t *testing.T) {
	for _, transport := range []string{"tcp", "tls"} {
		t.Run(transport, func(t *testing.T) {
			h := build(t, onTCP)
			if transport == "tls" {
				cert, key := pbx.Certificate(t, h.ip)
				h.replace(`"tcp:`, `"tls:`)
				h.replace("sip: {", fmt.Sprintf("sip: {tls: {cert: %q, key: %q}, ", cert, key))
			}
			h.start()
			h.over = transport
			s := talk(h)
			s.goOn()
			s.mary.HangUp()
			s.over("completed", "callee", "callee")
			h.wire.only(t, transport)
		})
	}
}

// only holds that every message went over one transport, and that phones were called.
func (w *wire) only(t *testing.T, transport string) {
	t.Helper()
	rings := 0
	for _, m := range w.messages(func(sip.Message) bool { return true }) {
		if m.Transport != transport {
			t.Errorf("over %s: %s", m.Transport, m.StartLine)
		}
		if m.Sent && strings.HasPrefix(m.StartLine, "INVITE ") {
			rings++
		}
	}
	if rings < 2 {
		t.Errorf("%d INVITEs on the wire", rings)
	}
}

// TestRestartOverConnections ends the service while two phones talk over connections, which are all lost by that. They
// talk on, and each is reached again as soon as it has said something over another connection.
func TestRestartOverConnections(t *testing.T) {
	h := open(t, onTCP)
	h.over = "tcp"
	s := talk(h)
	s.goOn()
	s.stop()
	s.start()
	s.goOn()
	for _, p := range []*pbx.Baresip{s.harry, s.mary} {
		before := len(h.wire.messages(offers))
		p.Hold()
		pbx.Eventually(t, soon, "the phone's INVITE comes", func() bool { return len(h.wire.messages(offers)) > before })
	}
	if _, err := h.api.HangUp(t.Context(), s.call.ID); err != nil {
		t.Fatal(err)
	}
	s.over("completed", "", "api")
}

// offers selects what phones ask for themselves.
func offers(m sip.Message) bool { return !m.Sent && strings.HasPrefix(m.StartLine, "INVITE ") }
