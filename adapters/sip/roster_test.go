package sip

import (
	"strings"
	"testing"

	"github.com/emiago/sipgo/sip"

	"c2d/core/call"
	"c2d/core/fault"
)

// plans gives a stack other entries.
func (h *house) plans(change func([]Entry) []Entry) {
	h.t.Helper()
	p, err := h.stack.Plan(change(append([]Entry(nil), h.stack.entries()...)))
	h.do(err)
	h.stack.Take(p)
}

// leftOut leaves an entry out; with changes it.
func leftOut(name string) func([]Entry) []Entry {
	return func(all []Entry) (kept []Entry) {
		for _, e := range all {
			if e.Name != name {
				kept = append(kept, e)
			}
		}
		return kept
	}
}

func with(name string, change func(*Entry)) func([]Entry) []Entry {
	return func(all []Entry) []Entry {
		for i := range all {
			if all[i].Name == name {
				change(&all[i])
			}
		}
		return all
	}
}

// enrols answers the trunk's REGISTER.
func (p *phone) enrols() *sip.Request {
	p.t.Helper()
	reg := p.request("REGISTER")
	p.reply(reg, 200, nil, "Contact: "+reg.Contact().Value()+";expires=600")
	return reg
}

func registering(e *Entry) { e.Register = true }

// talksOver lets a call through the trunk talk.
func (p *phone) talksOver(leg string) {
	p.t.Helper()
	p.h.do(p.h.through(leg, "+8613800138000"))
	p.inv = p.request("INVITE")
	p.reply(p.inv, 200, p.answer(p.inv))
	p.request("ACK")
	p.h.expect(leg, call.EvAnswered)
}

func (h *house) hasNone(name string) {
	h.t.Helper()
	h.eventually("the trunk is gone", func() bool { return h.stack.gateway(name) == nil && len(h.stack.Draining()) == 0 })
}

// TestARemovedTrunkLeavesWithItsLastCall: that goes on, with its credentials, and when it has ended the carrier hears that we are not
// there any more.
func TestARemovedTrunkLeavesWithItsLastCall(t *testing.T) {
	h, p := carried(t, registering)
	first := p.enrols()
	h.eventually("the trunk is up", func() bool { return h.stack.EntryHealth(t.Context(), "carrier") == nil })
	p.talksOver("leg-a")
	h.plans(leftOut("carrier"))
	if got := h.stack.Draining(); len(got) != 1 || got[0] != "carrier" {
		t.Errorf("draining %q", got)
	}
	h.do(h.stack.HangUp(t.Context(), "leg-a", call.Completed))
	p.reply(p.challenges(p.request("BYE"), "n1"), 200, nil)
	h.ended("leg-a", call.Completed)
	last := p.request("REGISTER")
	if last.GetHeader("Expires").Value() != "0" || last.CallID().Value() != first.CallID().Value() {
		t.Errorf("the last REGISTER is\n%s", last)
	}
	p.reply(last, 200, nil)
	h.hasNone("carrier")
	if err := h.through("leg-b", "+8613800138000"); err == nil {
		t.Error("a call goes through a trunk that is gone")
	}
	h.stop()
}

// TestATrunkThatIsAnotherKeepsItsAccount: what is the same carrier and user is not registered anew, and its calls talk on; what is
// another user is, and the former one leaves.
func TestATrunkThatIsAnotherKeepsItsAccount(t *testing.T) {
	h, p := carried(t, registering)
	first := p.enrols()
	h.eventually("the trunk is up", func() bool { return h.stack.EntryHealth(t.Context(), "carrier") == nil })
	p.talksOver("leg-a")
	h.plans(with("carrier", func(e *Entry) { e.Out.Format, e.Password = "digits", "other" }))
	p.reply(p.request("OPTIONS"), 200, nil) // and no REGISTER
	h.do(h.stack.EntryHealth(t.Context(), "carrier"))
	h.do(h.through("leg-b", "+8613800138000"))
	if inv := p.request("INVITE"); !strings.HasPrefix(inv.String(), "INVITE sip:8613800138000@") {
		t.Errorf("called by\n%s", inv)
	} else {
		p.reply(inv, 486, nil)
		p.request("ACK")
	}
	h.ended("leg-b", call.Busy)
	h.plans(with("carrier", func(e *Entry) { e.User = "clinic" }))
	if next := p.enrols(); next.From().Address.User != "clinic" || next.CallID().Value() == first.CallID().Value() {
		t.Errorf("registered by\n%s", next)
	}
	h.do(h.stack.HangUp(t.Context(), "leg-a", call.Completed))
	p.reply(p.request("BYE"), 200, nil)
	h.ended("leg-a", call.Completed)
	last := p.request("REGISTER")
	if last.GetHeader("Expires").Value() != "0" || last.From().Address.User != "hospital" {
		t.Errorf("the former user's last REGISTER is\n%s", last)
	}
	p.reply(last, 200, nil)
	h.eventually("the former one has left", func() bool { return len(h.stack.Draining()) == 0 })
	p.leaves()
}

// TestATrunkComes while the stack is at work; one that cannot be is refused, and nothing has changed.
func TestATrunkComes(t *testing.T) {
	h, p := carried(t)
	p.up()
	e := *h.stack.gateway("carrier")
	h.plans(leftOut("carrier"))
	h.hasNone("carrier")
	bad := e.entry
	bad.Proxy = "sip:nowhere.example;transport=tls"
	if _, err := h.stack.Plan(append(h.stack.entries(), bad)); !fault.Is(err, fault.CodeInvalid) {
		t.Errorf("%v", err)
	}
	h.plans(func(all []Entry) []Entry { return append(all, e.entry) })
	p.up()
	p.talksOver("leg-a")
	h.do(h.stack.HangUp(t.Context(), "leg-a", call.Completed))
	p.reply(p.request("BYE"), 200, nil)
	h.ended("leg-a", call.Completed)
}

// TestATrunkThatComesBackKeepsItsBinding, under its name or another: the former one, whose last call ends later, does not take it away.
func TestATrunkThatComesBackKeepsItsBinding(t *testing.T) {
	for _, name := range []string{"carrier", "another"} {
		t.Run(name, func(t *testing.T) {
			h, p := carried(t, registering)
			p.enrols()
			h.eventually("the trunk is up", func() bool { return h.stack.EntryHealth(t.Context(), "carrier") == nil })
			p.talksOver("leg-a")
			e := h.stack.gateway("carrier").entry
			h.plans(leftOut("carrier"))
			e.Name = name
			h.plans(func(all []Entry) []Entry { return append(all, e) })
			second := p.enrols()
			h.eventually("the next trunk is up", func() bool { return h.stack.EntryHealth(t.Context(), name) == nil })
			h.do(h.stack.HangUp(t.Context(), "leg-a", call.Completed))
			p.reply(p.request("BYE"), 200, nil)
			h.ended("leg-a", call.Completed)
			h.eventually("the former one has left", func() bool { return len(h.stack.Draining()) == 0 })
			h.plans(leftOut(name))
			if last := p.request("REGISTER"); last.GetHeader("Expires").Value() != "0" || last.CallID().Value() != second.CallID().Value() {
				t.Errorf("the binding is taken away by\n%s", last)
			} else {
				p.reply(last, 200, nil)
			}
			h.hasNone(name)
		})
	}
}
