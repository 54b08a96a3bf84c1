package e2e

import (
	"bytes"
	"context"
	"sync"
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"

	"c2d/adapters/sip/phone"
	"c2d/cmd/c2d/client"
	"c2d/test/pbx"
)

// TestKilledInEveryState ends the program as kill -9 does while it carries a call in each state, and begins it again.
func TestKilledInEveryState(t *testing.T) {
	inEachStore(t, func(h *house) {
		h.serve()
		s := everyState(h)
		h.prog.Kill()
		s.whileDown()
		h.serve()
		s.release()
		s.goOnTalking()
		s.once()
	}, "limits: {ringing: 3}\n")
}

// states are calls in every state that a call has before its end.
type states struct {
	*house
	bare                               *talking // of real telephones
	first, second, third               *pair    // talk
	connecting                         *pair
	caller, confirming, callee, queued *pair
	joined                             func()
	bye                                chan struct{} // closed when the third pair's phone says BYE
}

// everyState brings a call into each state. That one is connecting is what the record says: the database refuses more.
func everyState(h *house) *states {
	h.t.Helper()
	s := &states{house: h, bare: talk(h), first: h.talk("first"), second: h.talk("second"), bye: make(chan struct{})}
	said := sync.OnceFunc(func() { close(s.bye) })
	s.third = h.talk("third", tapped(func(b []byte) {
		if bytes.HasPrefix(b, []byte("BYE ")) {
			said()
		}
	}))
	s.joined = h.refuse()
	s.connecting = h.pair("connecting", phone.Auto(0), phone.Auto(0), "never")
	s.connecting.direct()
	pbx.Eventually(h.t, soon, "a call is stored as connecting", func() bool { return h.stored(s.connecting.call).State == "connecting" })
	s.caller = h.pair("caller", phone.Never(), phone.Never(), "never")
	h.until(s.caller.call, "the caller's phone rings", func(c client.Call) bool { return c.Caller.Legs()[0].State == "ringing" })
	s.confirming = h.pair("confirming", phone.Auto(0), phone.Never(), "always")
	h.state(s.confirming.call, "confirming")
	s.callee = h.pair("callee", phone.Auto(0), phone.Never(), "never")
	h.until(s.callee.call, "the callee's phone rings", calleeRings)
	s.queued = h.pair("queued", phone.Never(), phone.Never(), "never")
	h.state(s.queued.call, "queued")
	return s
}

// whileDown is what goes on without us: who talks hears the other. One hangs up, whose BYE nobody hears yet.
func (s *states) whileDown() {
	s.t.Helper()
	s.joined()
	s.first.hear()
	hungUp := make(chan error, 1)
	go func() { hungUp <- s.third.callee.HangUp(context.Background()) }() // ends with the answer, or after 32 s
	s.t.Cleanup(func() {
		if err := <-hungUp; err != nil {
			s.t.Error("a BYE while the service was down:", err)
		}
	})
	select {
	case <-s.bye:
	case <-time.After(soon):
		s.t.Fatal("no BYE")
	}
}

// release: what rang has stopped, and what waited is over.
func (s *states) release() {
	s.t.Helper()
	for _, p := range []*soft{s.caller.caller, s.confirming.caller, s.callee.caller, s.callee.callee} {
		p.released()
	}
	s.caller.over("lost", "", "system", 1, 0)
	s.confirming.over("lost", "", "system", 1, 0)
	s.callee.over("lost", "", "system", 1, 1)
	s.queued.over("lost", "", "system", 0, 0)
	s.third.over("completed", "callee", "callee", 1, 1)
}

// goOnTalking: who talked talks, is asked for nothing, and whoever hangs up, both are released.
func (s *states) goOnTalking() {
	s.t.Helper()
	s.bare.afterRestart("mary")
	for _, p := range []*pair{s.first, s.second} {
		if c := s.state(p.call, "connected"); !c.ConnectedAt.Equal(p.call.ConnectedAt) {
			s.t.Errorf("connected at %s, was %s", c.ConnectedAt, p.call.ConnectedAt)
		}
		p.hear()
		p.refresh()
	}
	s.state(s.connecting.call, "connected")
	s.connecting.hear()
	s.first.caller.does("hang up", s.first.caller.HangUp)
	s.first.over("completed", "caller", "caller", 1, 1)
	s.second.callee.does("hang up", s.second.callee.HangUp)
	s.second.over("completed", "callee", "callee", 1, 1)
	s.connecting.caller.does("hang up", s.connecting.caller.HangUp)
	s.connecting.over("completed", "caller", "caller", 1, 1)
}

// refresh lets each phone refresh its session in both ways that RFC 4028 has.
func (p *pair) refresh() {
	p.h.t.Helper()
	for _, s := range []*soft{p.caller, p.callee} {
		for _, method := range []sip.RequestMethod{sip.UPDATE, sip.INVITE} {
			s.does("refresh by "+string(method), func(ctx context.Context) error {
				terms, err := s.Refresh(ctx, method)
				if err == nil && terms != "90;refresher=uac" {
					p.h.t.Errorf("%s refreshed by %s: %q", s.login, method, terms)
				}
				return err
			})
		}
	}
	p.hear()
}

// once: each call has one record, and its key is used up.
func (s *states) once() {
	s.t.Helper()
	calls := []client.Call{s.bare.call}
	for _, p := range []*pair{s.first, s.second, s.third, s.connecting, s.caller, s.confirming, s.callee, s.queued} {
		calls = append(calls, p.call)
		c, replayed, err := s.order(p.order)
		if err != nil || !replayed || c.ID != p.call.ID || !c.Ended() {
			s.t.Errorf("%s again: %v, replayed %v, call %s %s, want %s", p.order.Key, err, replayed, c.ID, c.State, p.call.ID)
		}
	}
	s.finished(calls...)
	for _, p := range []*pair{s.caller, s.queued} {
		if n := p.callee.rings(); n != 0 {
			s.t.Errorf("a replay rang %s %d times", p.callee.login, n)
		}
	}
}
