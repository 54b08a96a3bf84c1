package calltest

import (
	"context"
	"slices"
	"sync"

	"c2d/core/call"
	"c2d/core/fault"
)

// wire stands between one process of ours and the backend.
type wire struct {
	call.Backend
	stage *stage

	mu      sync.Mutex
	sink    call.Sink
	dead    bool // the process was killed: nothing passes any more
	bend    func(call.LegEvent) []call.LegEvent
	holding []call.LegEventKind
	held    []call.LegEvent
	told    []call.LegEvent   // by the backend
	rings   map[string][]bool // ring-back as it was ordered, by leg
}

var errKilled = fault.New(fault.CodeBackendUnavailable, "the process was killed")

// Start implements [call.Backend].
func (w *wire) Start(ctx context.Context, s call.Sink, open []call.OpenLeg) error {
	w.mu.Lock()
	w.sink = s
	w.mu.Unlock()
	return w.Backend.Start(ctx, w, open)
}

// Leg implements [call.Sink].
func (w *wire) Leg(ev call.LegEvent) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.told = append(w.told, ev)
	if w.dead {
		return
	}
	if slices.Contains(w.holding, ev.Kind) {
		w.held = append(w.held, ev)
		return
	}
	w.pass(ev)
}

// pass tells the runner; w.mu is held, so that order is kept.
func (w *wire) pass(ev call.LegEvent) {
	evs := []call.LegEvent{ev}
	if w.bend != nil {
		evs = w.bend(ev)
	}
	for _, e := range evs {
		w.sink.Leg(e)
	}
}

// Link implements [call.Sink].
func (w *wire) Link(name string, up bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.dead {
		w.sink.Link(name, up)
	}
}

// hold keeps events of a kind back, until release.
func (w *wire) hold(k call.LegEventKind) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.holding = append(w.holding, k)
}

func (w *wire) release() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.holding = nil
	for _, ev := range w.held {
		if !w.dead {
			w.pass(ev)
		}
	}
	w.held = nil
}

// holds reports whether n events are kept back.
func (w *wire) holds(n int) func() bool {
	return func() bool {
		w.mu.Lock()
		defer w.mu.Unlock()
		return len(w.held) == n
	}
}

// heard returns what the backend told of a leg.
func (w *wire) heard(leg string) []call.LegEvent {
	w.mu.Lock()
	defer w.mu.Unlock()
	var of []call.LegEvent
	for _, ev := range w.told {
		if ev.Leg == leg {
			of = append(of, ev)
		}
	}
	return of
}

// poke makes the runner look at its clock again: an event that says nothing.
func (w *wire) poke(leg string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.sink.Leg(call.LegEvent{Leg: leg, Kind: call.EvResume})
}

func (w *wire) kill() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.dead = true
}

func (w *wire) killed() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.dead
}

func (w *wire) do(order func() error) error {
	if w.killed() {
		return errKilled
	}
	return order()
}

// Originate implements [call.Backend].
func (w *wire) Originate(ctx context.Context, o call.Originate, resume []byte) error {
	return w.do(func() error {
		w.stage.rung(o)
		return w.Backend.Originate(ctx, o, resume)
	})
}

// Join implements [call.Backend].
func (w *wire) Join(ctx context.Context, a, b string) error {
	return w.do(func() error { return w.Backend.Join(ctx, a, b) })
}

// RingBack implements [call.Backend].
func (w *wire) RingBack(ctx context.Context, leg string, on bool) error {
	return w.do(func() error {
		w.mu.Lock()
		w.rings[leg] = append(w.rings[leg], on)
		w.mu.Unlock()
		return w.Backend.RingBack(ctx, leg, on)
	})
}

// ringBacks returns how ring-back was switched on and off for a leg.
func (w *wire) ringBacks(leg string) []bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.rings[leg])
}

// Tell implements [call.Backend].
func (w *wire) Tell(ctx context.Context, leg string, why call.Reason) error {
	return w.do(func() error { return w.Backend.Tell(ctx, leg, why) })
}

// AskKey implements [call.Backend].
func (w *wire) AskKey(ctx context.Context, leg string) error {
	return w.do(func() error { return w.Backend.AskKey(ctx, leg) })
}

// HangUp implements [call.Backend].
func (w *wire) HangUp(ctx context.Context, leg string, why call.Reason) error {
	return w.do(func() error { return w.Backend.HangUp(ctx, leg, why) })
}

// Ring implements [call.Backend].
func (w *wire) Ring(ctx context.Context, leg string) error {
	return w.do(func() error { return w.Backend.Ring(ctx, leg) })
}

// Answer implements [call.Backend].
func (w *wire) Answer(ctx context.Context, leg string) error {
	return w.do(func() error { return w.Backend.Answer(ctx, leg) })
}

// Hold implements [call.Holder].
func (w *wire) Hold(ctx context.Context, leg string, on bool) error {
	return w.do(func() error { return w.Backend.(call.Holder).Hold(ctx, leg, on) })
}

// SendDTMF implements [call.Keyer].
func (w *wire) SendDTMF(ctx context.Context, leg, keys string) error {
	return w.do(func() error { return w.Backend.(call.Keyer).SendDTMF(ctx, leg, keys) })
}

// Record implements [call.Recorder].
func (w *wire) Record(ctx context.Context, leg, name string) error {
	return w.do(func() error { return w.Backend.(call.Recorder).Record(ctx, leg, name) })
}

// StopRecord implements [call.Recorder].
func (w *wire) StopRecord(ctx context.Context, leg, name string) error {
	return w.do(func() error { return w.Backend.(call.Recorder).StopRecord(ctx, leg, name) })
}

// Part implements [call.Parter].
func (w *wire) Part(ctx context.Context, leg string) error {
	return w.do(func() error { return w.Backend.(call.Parter).Part(ctx, leg) })
}

// Refuse implements [call.Backend].
func (w *wire) Refuse(ctx context.Context, leg string, why call.Reason) error {
	return w.do(func() error { return w.Backend.Refuse(ctx, leg, why) })
}
