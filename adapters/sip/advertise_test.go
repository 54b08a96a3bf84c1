package sip

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/emiago/sipgo/sip"

	"c2d/adapters/sip/sdp"
	"c2d/adapters/sip/trunk"
	"c2d/core/call"
)

const nat = "203.0.113.5"

// named holds that a message calls us by one name throughout, in Via (of a request), Contact, o= and c=, and returns where
// it says that we receive audio.
func (h *house) named(m sip.Message, host string) netip.AddrPort {
	h.t.Helper()
	if req, ok := m.(*sip.Request); ok && req.Via().Host != host {
		h.t.Errorf("Via %s", req.Via())
	}
	if c, ok := m.(interface{ Contact() *sip.ContactHeader }); ok && c.Contact().Address.Host != host {
		h.t.Errorf("Contact %s", c.Contact())
	}
	d, err := sdp.Parse(m.Body())
	if err != nil || d.Audio == nil || d.Audio.Addr.String() != host || !strings.Contains(string(m.Body()), " IN IP4 "+host+"\r\ns=") {
		h.t.Errorf("%v\n%s", err, m.Body())
		return netip.AddrPort{}
	}
	return d.Audio.AddrPort()
}

// inside is the socket to which the NAT hands what is sent to an address outside.
func inside(a netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), a.Port())
}

// TestTrunkBehindNAT: the carrier's side is told our address outside, the house's phones the one within, and the two never
// learn each other's.
func TestTrunkBehindNAT(t *testing.T) {
	h, far := carried(t, func(e *Entry) { e.Advertise = nat; e.Trust = []trunk.Trust{{CIDR: "127.0.0.1"}} })
	far.up()
	a := h.phone("harry")
	h.ring(a, "leg-a", "")
	a.picksUp()
	h.expect("leg-a", call.EvAnswered)
	toA := h.named(a.inv, "127.0.0.1")
	h.do(h.through("leg-b", "+8613800138000"))
	inv := far.request("INVITE")
	toFar := h.named(inv, nat)
	far.inv = inv
	far.reply(inv, 200, far.answer(inv))
	if ack := far.request("ACK"); ack.Via().Host != nat {
		t.Errorf("ACK\n%s", ack)
	}
	h.expect("leg-b", call.EvAnswered)
	h.do(h.stack.Join(t.Context(), "leg-a", "leg-b"))
	if ev := h.expect("leg-a", call.EvJoined, call.EvMedia); ev.Text != "relay" {
		t.Errorf("media is %q", ev.Text)
	}
	far.says(inside(toFar), 1, 0x33)
	a.hears(func(b byte) bool { return b == 0x33 })
	a.says(toA, 1, 0x44)
	far.hears(func(b byte) bool { return b == 0x44 })
	h.do(h.stack.HangUp(t.Context(), "leg-b", call.Completed))
	bye := far.request("BYE")
	if bye.Via().Host != nat || bye.Contact().Address.Host != nat {
		t.Errorf("BYE\n%s", bye)
	}
	far.reply(bye, 200, nil)
	h.ended("leg-b", call.Completed)
}

// TestATrunkBehindNATCallsUs: our 200 names the address outside, too.
func TestATrunkBehindNATCallsUs(t *testing.T) {
	h, far := carried(t, func(e *Entry) { e.Advertise = nat; e.Trust = []trunk.Trust{{CIDR: "127.0.0.1"}} })
	far.up()
	far.calls("+8653283001999", far.offers())
	far.gets("100")
	leg, _ := h.offered()
	h.do(h.stack.Answer(t.Context(), leg))
	ok := far.gets("200")
	h.named(ok, nat)
	far.send(strings.Replace(far.followup(ok, "ACK", int(ok.CSeq().SeqNo), nil), nat, "127.0.0.1", 1))
	h.expect(leg, call.EvAnswered)
}

// TestAdvertiseForAll: in a container every peer is told the outer addresses.
func TestAdvertiseForAll(t *testing.T) {
	h := newHouse(t, func(c *Config) { c.Advertise = nat; c.Media.Advertise = nat }).start()
	a, b := h.phone("harry"), h.phone("mary")
	h.ring(a, "leg-a", "")
	toA := h.named(a.invited(), nat)
	a.reply(a.inv, 200, a.answer(a.inv))
	a.request("ACK")
	h.expect("leg-a", call.EvAnswered)
	h.ring(b, "leg-b", "leg-a")
	h.named(b.invited(), nat)
	b.reply(b.inv, 200, b.answer(b.inv))
	b.request("ACK")
	h.expect("leg-b", call.EvAnswered)
	h.do(h.stack.Join(t.Context(), "leg-a", "leg-b"))
	a.says(inside(toA), 1, 0x33)
	b.hears(func(p byte) bool { return p == 0x33 })
}
