package sim

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"c2d/core/call"
	"c2d/core/call/calltest"
	"c2d/core/call/swap"
	"c2d/core/identity"
)

func TestConformance(t *testing.T) {
	calltest.Run(t, calltest.Suite{
		Backend: "sim",
		Can:     calltest.Abilities{Anchored: true, Keys: true, Holds: true, Dials: true, Forwards: true, Lose: true, Outlives: true},
		Open:    func(*testing.T) calltest.Harness { return newRoom() },
		Around:  synctest.Test,
	})
}

// TestConformanceOfAVagueSystem runs the suite for a phone system that tells a rejection as busy, and says so.
func TestConformanceOfAVagueSystem(t *testing.T) {
	calltest.Run(t, calltest.Suite{
		Backend: "vague",
		Can: calltest.Abilities{Anchored: true, Keys: true, Holds: true, Dials: true, Forwards: true, Lose: true, Outlives: true,
			Coarse: map[call.Reason]call.Reason{call.Rejected: call.Busy}},
		Open:   func(*testing.T) calltest.Harness { return vague{newRoom()} },
		Around: synctest.Test,
	})
}

// TestConformanceBehindAName runs it for a phone system that can be exchanged: core sees no difference.
func TestConformanceBehindAName(t *testing.T) {
	calltest.Run(t, calltest.Suite{
		Backend: "exchangeable",
		Can:     calltest.Abilities{Anchored: true, Keys: true, Holds: true, Dials: true, Forwards: true, Lose: true, Outlives: true},
		Open:    func(*testing.T) calltest.Harness { return exchangeable{newRoom()} },
		Around:  synctest.Test,
	})
}

type exchangeable struct{ *room }

func (e exchangeable) Open(t *testing.T) call.Backend { return swap.New(e.Name(), e.room.Open(t), nil) }

type vague struct{ *room }

func (v vague) Open(*testing.T) call.Backend { return v }

func (v vague) Start(ctx context.Context, s call.Sink, open []call.OpenLeg) error {
	return v.room.Start(ctx, vagueSink{s}, open)
}

type vagueSink struct{ call.Sink }

func (s vagueSink) Leg(ev call.LegEvent) {
	if ev.Cause.Reason == call.Rejected {
		ev.Cause = call.Cause{Reason: call.Busy, Q850: 17}
	}
	s.Sink.Leg(ev)
}

// room is a simulator with phones that a test acts at. It is a system of its own: it outlives every process of ours.
type room struct {
	*Backend
	mu     sync.Mutex
	phones []*handset
}

const mostPhones = 120 // in a room

// scripts are what phones do, by the first part of their addresses.
func scripts() map[string]Behaviour {
	no := func(c call.Cause) Behaviour { return Behaviour{Ring: refused(c)} }
	does := map[calltest.Does]Behaviour{
		calltest.Rings: {Ring: rings()}, calltest.Silent: {}, calltest.Late: {},
		calltest.Early:     {Ring: []Step{{Tell: call.EvTrying}, {After: instant, Tell: call.EvEarlyMedia}}},
		calltest.Redirects: no(call.Cause{Reason: call.Forwarded, SIP: 302, Q850: 23}),
		calltest.Forwards:  {Ring: append([]Step{{Tell: call.EvForwarded}}, rings()...)},
	}
	names := map[calltest.Does]string{calltest.Answers: "answers", calltest.Busy: "busy", calltest.Rejects: "rejects",
		calltest.Offline: "offline", calltest.Unknown: "unknown", calltest.Congested: "congested"}
	for d, name := range names {
		does[d], _ = named(name)
	}
	all := map[string]Behaviour{}
	for d, b := range does {
		for i := range mostPhones {
			all[fmt.Sprintf("%s-%d", d, i)] = b
		}
	}
	return all
}

func newRoom() *room {
	origin := identity.Origin{Installation: "suite", Node: "n1"}
	return &room{Backend: New(Config{Name: "sandbox", Scripts: scripts()}, origin.LegID)}
}

func (r *room) Open(*testing.T) call.Backend { return r }

// Crash has nothing to end: the simulator is not a part of us here.
func (r *room) Crash(*testing.T) {}

func (r *room) Phone(_ *testing.T, does calltest.Does) calltest.Phone {
	r.mu.Lock()
	defer r.mu.Unlock()
	h := &handset{room: r, address: fmt.Sprintf("%s-%d", does, len(r.phones))}
	r.phones = append(r.phones, h)
	return h
}

// Originate implements [call.Backend]; the phone that is rung gets to know its leg.
func (r *room) Originate(ctx context.Context, o call.Originate, resume []byte) error {
	err := r.Backend.Originate(ctx, o, resume)
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, h := range r.phones {
		if h.address == o.Way.Address {
			h.take(o.Leg)
			h.rung++
		}
	}
	return err
}

// handset is one phone. Its legs are guarded by the backend's mutex.
type handset struct {
	room    *room
	address string
	legs    []*leg
	rung    int // guarded by the room
}

func (h *handset) take(id string) {
	h.room.Backend.mu.Lock()
	defer h.room.Backend.mu.Unlock()
	if l := h.room.legs[id]; l != nil {
		h.legs = append(h.legs, l)
	}
}

// act does something to the leg that is not over, whether we can be told of it or not.
func (h *handset) act(t *testing.T, do func(b *Backend, l *leg)) {
	b := h.room.Backend
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, l := range h.legs {
		if l.state != call.LegEnded && !l.leaving {
			do(b, l)
			b.after(0, func() {}) // tells it
			return
		}
	}
	t.Errorf("%s is in no call", h.address)
}

func (h *handset) Address() string { return h.address }

func (h *handset) Lift(t *testing.T) {
	h.act(t, func(b *Backend, l *leg) { b.take(l, Step{Tell: call.EvAnswered}) })
}

// Wake tells that it rings though its leg is over, as a phone system may that has not heard of that yet.
func (h *handset) Wake(*testing.T) {
	b := h.room.Backend
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, l := range h.legs {
		b.say(call.LegEvent{Leg: l.id, Kind: call.EvRinging})
	}
	b.after(0, func() {})
}

func (h *handset) PutDown(t *testing.T) {
	h.act(t, func(b *Backend, l *leg) {
		cause := released()
		if l.state != call.LegAnswered {
			cause = call.Cause{Reason: call.Rejected, SIP: 603, Q850: 21}
		}
		if l.state == call.LegOffered {
			cause = call.Cause{Reason: call.Cancelled}
		}
		b.leave(l, cause)
	})
}

func (h *handset) Press(t *testing.T, keys string) {
	for i := range len(keys) {
		h.act(t, func(b *Backend, l *leg) { b.say(call.LegEvent{Leg: l.id, Kind: call.EvDTMF, Digit: keys[i]}) })
		time.Sleep(instant) // of the bubble's time
	}
}

func (h *handset) Hold(t *testing.T, on bool) {
	kind := call.EvResumed
	if on {
		kind = call.EvHeld
	}
	h.act(t, func(b *Backend, l *leg) { b.say(call.LegEvent{Leg: l.id, Kind: kind}) })
}

func (h *handset) Dial(t *testing.T, number string) {
	id, err := h.room.Offer(h.address, number)
	if err != nil {
		t.Error(err)
	}
	h.take(id)
}

func (h *handset) Idle() bool {
	h.room.Backend.mu.Lock()
	defer h.room.Backend.mu.Unlock()
	for _, l := range h.legs {
		if l.state != call.LegEnded {
			return false
		}
	}
	return true
}

func (h *handset) Rang() int {
	h.room.mu.Lock()
	defer h.room.mu.Unlock()
	return h.rung
}

func (h *handset) HearsKeys(t *testing.T, keys string) {
	h.act(t, func(_ *Backend, l *leg) {
		if l.keys != keys {
			t.Errorf("%s heard the keys %q, want %q", h.address, l.keys, keys)
		}
	})
}

func (r *room) Recorded(t *testing.T, _ string, _, _ calltest.Phone) {
	t.Error("nothing is said in the simulator")
}

func (r *room) BreakRecordings(*testing.T) {
	r.Backend.mu.Lock()
	defer r.Backend.mu.Unlock()
	for _, l := range r.legs {
		l.does.RecordFails = true
	}
}

func (h *handset) Hears(t *testing.T, _ calltest.Phone) { t.Error("a simulated phone hears nothing") }

func (h *handset) HearsTone(t *testing.T) { t.Error("a simulated phone hears nothing") }
