package sip

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"c2d/core/call"
	"c2d/core/user"
	"c2d/test/pbx"
)

// TestAPhoneOfAnotherMakeKeepsTime is sipp with session timers (RFC 4028) and reliable rings (RFC 3262), both as another
// program reads those RFCs: it refuses our first interval, acknowledges our refreshes, and makes its own in both ways.
func TestAPhoneOfAnotherMakeKeepsTime(t *testing.T) {
	h := newHouse(t)
	h.stack.waits.second = time.Millisecond // 2000 of them: we refresh after one second
	h.start()
	robot := pbx.StartSIPp(t, pbx.Phone{User: "robot", Domain: h.stack.cfg.Domain}, pbx.Session, "")
	h.ring(h.known("robot", robot.Addr), "leg", "")
	h.expect("leg", call.EvRinging, call.EvAnswered)
	refreshed := "UPDATE, 422, UPDATE, INVITE of the phone, and an UPDATE of ours on its terms"
	pbx.Eventually(t, 2*limit, refreshed, func() bool { return h.sentTo(robot.Addr, "UPDATE ") == 2 })
	h.do(h.stack.HangUp(t.Context(), "leg", call.Completed))
	robot.Done(2 * limit)
	h.ended("leg", call.Completed)
}

// known registers a phone of another make.
func (h *house) known(name string, at netip.AddrPort) *phone {
	h.reg.mu.Lock()
	defer h.reg.mu.Unlock()
	h.reg.bindings[aorOf(name)] = []user.Binding{{AOR: aorOf(name), Contact: "sip:" + name + "@" + at.String(), Transport: "udp", Source: at}}
	return &phone{t: h.t, h: h, aor: aorOf(name)}
}

// sentTo counts the requests that went to an address and begin so.
func (h *house) sentTo(at netip.AddrPort, start string) (n int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, m := range h.ladder {
		if m.Sent && m.Remote == at && strings.HasPrefix(m.StartLine, start) {
			n++
		}
	}
	return n
}
