package e2e

import (
	"net/netip"
	"strings"
	"testing"

	"c2d/adapters/sip"
	"c2d/test/pbx"
)

// TestACarrierForks: Mary has two phones behind the carrier's proxy. Both ring; the first that answers wins, and the other
// stops.
func TestACarrierForks(t *testing.T) {
	first, second := outside(t), outside(t)
	h := build(t, onTCP)
	h.carriers(forks(first.Addr, second.Addr))
	pbx.Eventually(t, soon, "the trunk is up", h.ready)
	s := &talking{house: h, harry: h.harry(true), mary: second}
	s.call = h.click()
	first.Await("CALL_INCOMING", soon)
	second.Await("CALL_INCOMING", soon)
	second.Accept()
	first.Await("CALL_CLOSED", soon)
	s.call = h.state(s.call, "connected")
	s.hear()
	if n := len(h.tags("SIP/2.0 180")); n != 2 {
		t.Errorf("%d phones told that they ring", n)
	}
	s.harry.HangUp()
	second.Await("CALL_CLOSED", soon)
	h.released(h.ended(s.call, "completed", "caller", "caller"))
}

// TestBothPhonesOfAForkAnswer: the second is lifted in the moment in which the carrier cancels it. We end that call, and
// the first goes on.
func TestBothPhonesOfAForkAnswer(t *testing.T) {
	mary := outside(t)
	late := pbx.StartSIPp(t, pbx.Phone{User: mobileUser, Domain: "mobile.example"}, pbx.AnswerLate, "")
	h := build(t, onTCP)
	h.carriers(forks(mary.Addr, late.Addr))
	pbx.Eventually(t, soon, "the trunk is up", h.ready)
	s := &talking{house: h, harry: h.harry(true), mary: mary}
	s.call = h.click()
	mary.Await("CALL_INCOMING", soon)
	pbx.Eventually(t, soon, "the other rings too", func() bool { return len(h.tags("SIP/2.0 180")) == 2 })
	mary.Accept()
	s.call = h.state(s.call, "connected")
	late.Done(soon) // it had its ACK and its BYE
	s.hear()
	if n := len(h.tags("SIP/2.0 200")); n != 2 {
		t.Errorf("%d phones answered", n)
	}
	mary.HangUp()
	s.harry.Await("CALL_CLOSED", soon)
	h.released(h.ended(s.call, "completed", "callee", "callee"))
}

// forks is a carrier that rings two phones at once.
func forks(a, b netip.AddrPort) link {
	return link{Carrier: pbx.Carrier{Phone: a, Fork: "sip:" + mobileUser + "@" + b.String()}, port: 5060, transport: "udp"}
}

// tags are the To tags with which the carrier's phones answered our INVITE.
func (h *house) tags(start string) map[string]bool {
	tags := map[string]bool{}
	for _, m := range h.wire.messages(func(m sip.Message) bool {
		return !m.Sent && strings.HasPrefix(m.StartLine, start) && strings.HasSuffix(m.CSeq, "INVITE")
	}) {
		to, _ := header(m, "To")
		if strings.Contains(to, mobileUser) {
			_, tag, _ := strings.Cut(to, ";tag=")
			tags[tag] = true
		}
	}
	return tags
}
