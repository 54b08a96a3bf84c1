package sip

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"

	"c2d/adapters/sip/sdp"
	"c2d/core/call"
)

// overStreams runs a story with a phone that is reached over its own connection only.
func overStreams(t *testing.T, story func(h *house, a *phone, network string)) {
	for _, network := range []string{"tcp", "tls"} {
		t.Run(network, func(t *testing.T) {
			h := newHouse(t, streams(t)).start()
			story(h, h.phoneOn("harry", network, h.dials(network)).registered(), network)
		})
	}
}

// loses ends the phone's connection.
func (p *phone) loses(network string) {
	p.t.Helper()
	was := p.conn.LocalAddr().String()
	_ = p.conn.Close()
	p.h.eventually("the loss is seen", func() bool { return !p.h.stack.connected(network, was) })
}

// reconnects opens another connection and reads from it.
func (p *phone) reconnects(network string) *phone {
	p.t.Helper()
	p.conn = p.h.dials(network)
	done, c := make(chan struct{}), p.conn
	go func() { defer close(done); p.readStream(c) }()
	p.t.Cleanup(func() { c.Close(); <-done })
	return p
}

// returns registers over another connection; its Contact has the port of that.
func (p *phone) returns(network string) {
	p.t.Helper()
	p.reconnects(network).binds("sip:"+p.name+"@"+p.conn.LocalAddr().String(), "")
	p.callID = newTag()
	p.send(p.calling("REGISTER", p.name, newBranch(), nil))
}

// binds is what the registrar knows of the phone from now on.
func (p *phone) binds(contact, instance string) {
	p.h.reg.mu.Lock()
	defer p.h.reg.mu.Unlock()
	b := &p.h.reg.bindings[p.aor][0]
	b.Contact, b.Instance, b.Source = contact, instance, netip.MustParseAddrPort(p.conn.LocalAddr().String())
}

func TestPhoneWhoseConnectionIsLostGetsItsBye(t *testing.T) {
	overStreams(t, func(h *house, a *phone, network string) {
		b := h.phone("mary")
		h.direct(a, b)
		a.loses(network)
		b.within("BYE", nil)
		b.gets("200")
		h.do(h.stack.HangUp(h.t.Context(), "leg-a", call.Completed))
		h.ended("leg-a", call.Completed) // nobody waits for it
		a.returns(network)
		a.reply(a.passes("BYE").(*sip.Request), 200, nil)
		h.eventually("nothing is owed any more", func() bool { return h.stack.owed() == 0 })
	})
}

func (s *Stack) owed() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.debts)
}

// A restart loses every connection.
func TestByeAfterARestartOverANewConnection(t *testing.T) {
	overStreams(t, func(h *house, a *phone, network string) {
		b := h.phone("mary")
		h.direct(a, b)
		h.restarted()
		b.within("BYE", nil)
		b.gets("200")
		h.do(h.stack.HangUp(h.t.Context(), "leg-a", call.Completed))
		h.ended("leg-a", call.Completed)
		a.returns(network)
		bye := a.passes("BYE").(*sip.Request)
		if bye.CSeq().SeqNo < 1000 || bye.CallID().Value() != a.inv.CallID().Value() {
			h.t.Errorf("BYE\n%s", bye)
		}
		a.reply(bye, 200, nil)
	})
}

// A phone that comes back to its call goes on with it, over its new connection; it is asked at once whether it is there.
func TestPhoneThatComesBackKeepsItsCall(t *testing.T) {
	for name, restart := range map[string]bool{"lost": false, "restarted": true} {
		t.Run(name, func(t *testing.T) {
			overStreams(t, func(h *house, a *phone, network string) {
				b := h.phone("mary")
				h.direct(a, b)
				if restart {
					h.restarted()
				} else {
					a.loses(network)
				}
				a.returns(network)
				a.reply(a.passes("OPTIONS").(*sip.Request), 200, nil)
				h.do(h.stack.HangUp(h.t.Context(), "leg-a", call.Completed))
				a.reply(a.request("BYE"), 200, nil)
				h.ended("leg-a", call.Completed)
			})
		})
	}
}

// One that was switched off and on knows nothing of its call.
func TestPhoneThatComesBackWithoutItsCall(t *testing.T) {
	overStreams(t, func(h *house, a *phone, network string) {
		b := h.phone("mary")
		h.direct(a, b)
		a.loses(network)
		a.returns(network)
		a.reply(a.passes("OPTIONS").(*sip.Request), 481, nil)
		h.ended("leg-a", call.Lost)
	})
}

// What a phone says inside the dialog tells over which connection it is reached, also before it registers.
func TestPhoneThatSpeaksOverAnotherConnection(t *testing.T) {
	overStreams(t, func(h *house, a *phone, network string) {
		b := h.phone("mary")
		h.direct(a, b)
		a.loses(network)
		a.reconnects(network)
		a.within("OPTIONS", nil)
		a.gets("200")
		h.do(h.stack.HangUp(h.t.Context(), "leg-a", call.Completed))
		a.reply(a.request("BYE"), 200, nil)
		h.ended("leg-a", call.Completed)
	})
}

// Another phone of the same user is not told what is owed to the first, and gets none of its calls.
func TestAnotherPhoneOfTheSameUserIsNotMistaken(t *testing.T) {
	h := newHouse(t, streams(t)).start()
	a := h.phoneOn("harry", "tcp", h.dials("tcp")).registered()
	home := "sip:harry@" + a.conn.LocalAddr().String()
	a.binds(home, "<urn:uuid:desk>")
	h.direct(a, h.phone("mary"))
	a.loses("tcp")
	h.do(h.stack.HangUp(t.Context(), "leg-a", call.Completed))
	h.ended("leg-a", call.Completed)
	h.eventually("it is owed", func() bool { return h.stack.owed() == 1 })
	a.reconnects("tcp").binds(home, "<urn:uuid:mobile>")
	a.registered()
	if h.stack.owed() != 1 {
		t.Error("another phone was told")
	}
	a.binds("sip:elsewhere@192.0.2.1", "<urn:uuid:desk>") // the same phone in another network
	a.callID = newTag()
	a.send(a.calling("REGISTER", a.name, newBranch(), nil))
	a.reply(a.passes("BYE").(*sip.Request), 200, nil)
}

// A phone that does not come back while it believes in its session is gone. Comes it later, it gets its BYE all the same.
func TestPhoneThatStaysAwayIsLost(t *testing.T) {
	h := newHouse(t, streams(t))
	h.stack.waits.second, h.stack.waits.probe = 200*time.Microsecond, 20*time.Millisecond // 1,800 of them are 360 ms
	h.start()
	a := h.phoneOn("harry", "tls", h.dials("tls")).registered()
	h.ring(a, "leg-a", "")
	a.picksUp()
	h.expect("leg-a", call.EvAnswered)
	gone := time.Now()
	a.loses("tls")
	h.ended("leg-a", call.Lost)
	if stayed := time.Since(gone); stayed < 300*time.Millisecond {
		t.Errorf("given up after %s", stayed)
	}
	a.returns("tls")
	a.reply(a.passes("BYE").(*sip.Request), 200, nil)
}

func TestDebtsAreForgottenAndBounded(t *testing.T) {
	h := newHouse(t, streams(t)).start()
	l := h.stack.newLeg("leg", "leg", "tag")
	l.way.Address = "sip:harry@hospital.example"
	for range mostDebts + 10 {
		l.owes("TLS", func(string) { t.Error("told, and nobody is there") })
	}
	if n := h.stack.owed(); n != mostDebts {
		t.Errorf("%d debts", n)
	}
	h.stack.mu.Lock()
	for i := range h.stack.debts {
		h.stack.debts[i].until = time.Now()
	}
	h.stack.mu.Unlock()
	if h.stack.misses("harry"); h.stack.owed() != 0 {
		t.Error("kept for ever")
	}
	l.owes("UDP", nil)
	if h.stack.owed() != 0 {
		t.Error("a phone that needs no connection is owed something")
	}
}

// A phone that rings and loses its connection, or rings while we are restarted, stops when it is back; if it was lifted
// meanwhile it gets ACK and BYE.
func TestRingingPhoneThatComesBackStops(t *testing.T) {
	for name, restart := range map[string]bool{"lost": false, "restarted": true} {
		t.Run(name, func(t *testing.T) {
			overStreams(t, func(h *house, a *phone, network string) {
				h.ring(a, "leg-a", "")
				inv := a.rings()
				if restart {
					h.restarted()
					h.ended("leg-a", call.Lost)
				} else {
					a.loses(network)
					h.do(h.stack.HangUp(h.t.Context(), "leg-a", call.Cancelled))
					h.ended("leg-a", call.Cancelled)
				}
				a.returns(network)
				cancel := a.passes("CANCEL").(*sip.Request)
				if branch(cancel) != branch(inv) || cancel.CSeq().SeqNo != inv.CSeq().SeqNo {
					h.t.Errorf("the CANCEL matches no INVITE:\n%s", cancel)
				}
				a.reply(inv, 200, a.answer(inv))
				a.passes("ACK")
				a.passes("BYE")
			})
		})
	}
}

// A phone that is lifted after it has reconnected answers over its new connection.
func TestAnswerOverAnotherConnection(t *testing.T) {
	overStreams(t, func(h *house, a *phone, network string) {
		h.ring(a, "leg-a", "")
		inv := a.rings()
		a.loses(network)
		a.reconnects(network)
		a.reply(inv, 200, a.answer(inv))
		a.request("ACK")
		h.expect("leg-a", call.EvAnswered)
		h.do(h.stack.HangUp(h.t.Context(), "leg-a", call.Completed))
		a.reply(a.request("BYE"), 200, nil)
	})
}

// Who talks with a phone whose connection is lost can refresh its session, and change nothing.
func TestRefreshWhileThePeersConnectionIsLost(t *testing.T) {
	overStreams(t, func(h *house, a *phone, network string) {
		b := h.phone("mary")
		h.direct(a, b)
		a.loses(network)
		b.within("INVITE", b.sdp.Offer(b.rtp, sdp.DefaultCodecs()[:1], sdp.SendOnly))
		b.gets("504")
		b.within("INVITE", b.sdp.Offer(b.rtp, h.stack.leg("leg-b").described().Codecs, sdp.SendRecv))
		ok := b.gets("200")
		b.ackOf(ok)
		if got := b.offerOf(ok).Audio.AddrPort(); got != a.rtp {
			h.t.Errorf("answered %v, want what is so, %v", got, a.rtp)
		}
	})
}

// A phone that called us is known again by its Contact.
func TestCallerWhoseConnectionIsLostGetsItsBye(t *testing.T) {
	overStreams(t, func(h *house, a *phone, network string) {
		a.calls("101", a.offers(), proof)
		a.gets("100")
		leg, _ := h.offered()
		h.do(h.stack.Answer(h.t.Context(), leg))
		ok := a.gets("200")
		a.follows(ok, "ACK", nil)
		h.expect(leg, call.EvAnswered)
		a.loses(network)
		h.do(h.stack.HangUp(h.t.Context(), leg, call.Completed))
		h.ended(leg, call.Completed)
		a.returns(network)
		if bye := a.passes("BYE").(*sip.Request); !strings.Contains(bye.To().Value(), a.tag) {
			h.t.Errorf("BYE\n%s", bye)
		}
	})
}
