package sip

import (
	"context"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/emiago/sipgo/sip"

	"c2d/core/call"
	"c2d/core/user"
)

// fakeRegistrar knows every phone that a test makes; one that sends "Authorization: yes" is who its From says.
type fakeRegistrar struct {
	mu       sync.Mutex
	bindings map[string][]user.Binding
}

func (r *fakeRegistrar) Register(_ context.Context, req *sip.Request, _ netip.AddrPort, _ string) *sip.Response {
	return sip.NewResponseFromRequest(req, 200, "OK", nil)
}

func (r *fakeRegistrar) Authenticate(_ context.Context, req *sip.Request, _ netip.AddrPort) (user.Device, *sip.Response) {
	switch h := req.GetHeader("Authorization"); {
	case h == nil:
		return user.Device{}, sip.NewResponseFromRequest(req, 407, "Proxy Authentication Required", nil)
	case h.Value() == "panic":
		panic("a bug")
	case h.Value() != "yes":
		return user.Device{}, sip.NewResponseFromRequest(req, 403, "Forbidden", nil)
	}
	return user.Device{Backend: "house", Address: req.From().Address.String()}, nil
}

func (r *fakeRegistrar) Bindings(_ context.Context, _, aor string) ([]user.Binding, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.bindings[aor]), nil
}

// sink remembers events, and lets a test wait for the next of a leg.
type sink struct {
	mu     sync.Mutex
	events map[string][]call.LegEvent
	read   map[string]int
	resume map[string][]byte
	order  []string // legs, as they were first heard of
	news   chan struct{}
}

func newSink() *sink {
	return &sink{events: map[string][]call.LegEvent{}, read: map[string]int{}, resume: map[string][]byte{}, news: make(chan struct{}, 1)}
}

func (s *sink) Leg(ev call.LegEvent) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.events[ev.Leg]) == 0 {
		s.order = append(s.order, ev.Leg)
	}
	s.events[ev.Leg] = append(s.events[ev.Leg], ev)
	if ev.Resume != nil {
		s.resume[ev.Leg] = ev.Resume
	}
	select {
	case s.news <- struct{}{}:
	default:
	}
}

func (s *sink) Link(string, bool) {}

// gate is what stands between one process and the record: after a crash nothing passes.
type gate struct {
	*sink
	crashed atomic.Bool
}

func (g *gate) Leg(ev call.LegEvent) {
	if !g.crashed.Load() {
		g.sink.Leg(ev)
	}
}

// next returns the leg's next event, but for those that only carry a resume blob.
func (h *house) next(leg string) call.LegEvent {
	h.t.Helper()
	end := time.After(limit)
	for {
		if ev, ok := h.sink.take(leg); ok {
			return ev
		}
		select {
		case <-h.sink.news:
		case <-time.After(10 * time.Millisecond):
		case <-end:
			h.t.Fatalf("no further event of %s\n%s", leg, h.drawn())
		}
	}
}

func (s *sink) take(leg string) (call.LegEvent, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.read[leg] < len(s.events[leg]) {
		ev := s.events[leg][s.read[leg]]
		s.read[leg]++
		if ev.Kind != call.EvResume {
			return ev, true
		}
	}
	return call.LegEvent{}, false
}

// expect reads the leg's next events and checks their kinds; it returns the last.
func (h *house) expect(leg string, kinds ...call.LegEventKind) (ev call.LegEvent) {
	h.t.Helper()
	for _, k := range kinds {
		if ev = h.next(leg); ev.Kind != k {
			h.t.Fatalf("%s: event %q (%+v), want %q\n%s", leg, ev.Kind, ev.Cause, k, h.drawn())
		}
	}
	return ev
}

// ended reads on to the end of a leg and checks its reason.
func (h *house) ended(leg string, want call.Reason) call.Cause {
	h.t.Helper()
	for {
		ev := h.next(leg)
		if ev.Kind != call.EvEnded {
			continue
		}
		if ev.Cause.Reason != want {
			h.t.Fatalf("%s ended %+v, want %q\n%s", leg, ev.Cause, want, h.drawn())
		}
		return ev.Cause
	}
}

// eventually waits for a condition that no event tells of.
func (h *house) eventually(what string, is func() bool) {
	h.t.Helper()
	end := time.After(limit)
	for !is() {
		select {
		case <-time.After(2 * time.Millisecond):
		case <-end:
			h.t.Fatalf("never: %s\n%s", what, h.drawn())
		}
	}
}

// offered waits for the next leg that a phone offered.
func (h *house) offered() (leg string, ev call.LegEvent) {
	h.t.Helper()
	h.eventually("a leg is offered", func() bool {
		h.sink.mu.Lock()
		defer h.sink.mu.Unlock()
		for _, id := range h.sink.order {
			if strings.HasPrefix(id, "offered-") && h.sink.read[id] == 0 {
				leg = id
			}
		}
		return leg != ""
	})
	return leg, h.expect(leg, call.EvOffered)
}
