package e2e

import (
	"context"
	"fmt"
	"net/netip"
	"sync"
	"testing"
	"time"

	"c2d/adapters/sip/phone"
	"c2d/cmd/c2d/client"
	"c2d/test/pbx"
)

// soft is a software phone and its user.
type soft struct {
	*phone.Phone
	t     *testing.T
	login string
	hz    int

	mu   sync.Mutex
	rang int
}

// soft adds a user with a software phone that is registered.
func (h *house) soft(login string, hz int, answer phone.Answer, change ...func(*phone.Config)) *soft {
	h.t.Helper()
	s := &soft{t: h.t, login: login, hz: hz}
	h.softs = append(h.softs, s)
	h.add(login, login, fmt.Sprintf("+163283002%02d", len(h.softs)))
	cfg := phone.Config{
		AOR: "sip:" + login + "@hospital.example", Password: password, Registrar: h.registrar(), Answer: answer, ToneHz: hz,
		Listen: netip.AddrPortFrom(pbx.NextAddress(), 5060), Notify: s.note, Session: 90,
	}
	for _, c := range change {
		c(&cfg)
	}
	var err error
	if s.Phone, err = phone.New(cfg); err != nil {
		h.t.Fatal(err)
	}
	if len(h.softs) == 1 {
		h.t.Cleanup(h.closeSofts)
	}
	s.does("register", s.Register)
	return s
}

// closeSofts closes the phones, at once: each waits a while for a registrar that may be gone.
func (h *house) closeSofts() {
	var all sync.WaitGroup
	for _, s := range h.softs {
		if s.Phone != nil {
			all.Go(s.Close)
		}
	}
	all.Wait()
}

func (s *soft) note(e phone.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e.Kind == phone.Ringing && e.Incoming {
		s.rang++
	}
}

// does runs what the user does, and fails the story when it cannot be done soon.
func (s *soft) does(what string, act func(context.Context) error) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*soon)
	defer cancel()
	if err := act(ctx); err != nil {
		s.t.Fatalf("%s: %s: %v", s.login, what, err)
	}
}

// rings returns how often it was rung.
func (s *soft) rings() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.rang
}

// idle reports whether the phone neither rings nor talks.
func (s *soft) idle() bool { return !s.RTP().IsValid() }

// released waits until its call is over by the other side's doing.
func (s *soft) released() {
	s.t.Helper()
	s.does("is released", func(ctx context.Context) error {
		e, err := s.WaitFor(ctx, func(e phone.Event) bool { return e.Kind == phone.Ended })
		if err == nil && e.Here {
			err = fmt.Errorf("it ended the call itself")
		}
		return err
	})
}

// pair is a call of two software phones.
type pair struct {
	h      *house
	order  order
	caller *soft
	callee *soft
	call   client.Call
}

// pair adds two users whose phones do as told, and places a call of one to the other.
func (h *house) pair(name string, caller, callee phone.Answer, confirm string, change ...func(*phone.Config)) *pair {
	h.t.Helper()
	p := &pair{h: h, caller: h.soft(name+"-a", 500, caller, change...), callee: h.soft(name+"-b", 800, callee, change...)}
	p.order = order{Key: "key of " + name, Caller: p.caller.login, Callee: p.callee.login, Confirm: confirm}
	p.call = h.place(p.order)
	return p
}

// talk adds two who talk, directly.
func (h *house) talk(name string, change ...func(*phone.Config)) *pair {
	h.t.Helper()
	p := h.pair(name, phone.Auto(0), phone.Auto(0), "never", change...)
	p.direct()
	p.call = h.state(p.call, "connected")
	return p
}

// direct waits until each phone sends its sound to the other's own address.
func (p *pair) direct() {
	p.h.t.Helper()
	for _, s := range []*soft{p.caller, p.callee} {
		other := p.callee
		if s == p.callee {
			other = p.caller
		}
		s.does("sends to the other's phone", func(ctx context.Context) error {
			_, err := s.WaitFor(ctx, func(e phone.Event) bool {
				return e.Kind == phone.Media && e.Remote.IsValid() && e.Remote == other.RTP()
			})
			return err
		})
	}
}

// hear waits until each hears the other, from now on.
func (p *pair) hear() {
	p.h.t.Helper()
	now := time.Now()
	for _, s := range []*soft{p.caller, p.callee} {
		other := p.callee
		if s == p.callee {
			other = p.caller
		}
		s.does("hears the other", func(ctx context.Context) error {
			_, err := s.WaitHeard(ctx, phone.Expect{Hz: other.hz, After: now})
			return err
		})
	}
}

// over checks that nobody is in the call any more, and why it ended; each phone was rung as often as told.
func (p *pair) over(reason, side, by string, rang ...int) {
	p.h.t.Helper()
	p.h.ended(p.call, reason, side, by)
	p.h.released(p.call)
	for i, s := range []*soft{p.caller, p.callee} {
		pbx.Eventually(p.h.t, soon, s.login+" is at rest", s.idle)
		if n := s.rings(); n != rang[i] {
			p.h.t.Errorf("%s rang %d times, want %d", s.login, n, rang[i])
		}
	}
}
