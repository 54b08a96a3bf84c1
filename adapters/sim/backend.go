package sim

import (
	"context"
	"strings"
	"sync"
	"time"

	"c2d/core/call"
	"c2d/core/fault"
)

var (
	_ call.Backend  = (*Backend)(nil)
	_ call.Parter   = (*Backend)(nil)
	_ call.Holder   = (*Backend)(nil)
	_ call.Keyer    = (*Backend)(nil)
	_ call.Recorder = (*Backend)(nil)
)

// How long the simulated system takes, at speed 1.
const (
	releasing = 20 * time.Millisecond // from a hang-up to the end
	joining   = 10 * time.Millisecond
	prompting = 2 * time.Second // one prompt or tone
	pressing  = time.Second     // from its start to the key
)

// Backend is the phone system without phones. Safe for concurrent use. Its sink must not call Stop.
type Backend struct {
	cfg   Config
	legID func() string
	sink  call.Sink // set by Start, before anything is told; under mu

	mu      sync.Mutex
	legs    map[string]*leg // those that have not ended
	alarms  map[*alarm]bool
	queue   []func(call.Sink)
	telling bool
	lost    bool
	stopped bool
	work    sync.WaitGroup // running alarms
}

// New returns a simulator; the configuration is valid. legID makes the ids of legs that are offered.
func New(cfg Config, legID func() string) *Backend {
	return &Backend{cfg: cfg, legID: legID, legs: map[string]*leg{}, alarms: map[*alarm]bool{}}
}

// Name implements [call.Backend].
func (b *Backend) Name() string { return b.cfg.Name }

// Capabilities implements [call.Backend].
func (b *Backend) Capabilities() call.Capabilities {
	return call.Capabilities{Confirm: true, Offers: true, TalkLimit: true, Part: true, Hold: true, SendDTMF: true, Record: true}
}

// Start implements [call.Backend]. What was open is lost, or goes on where it had answered: see Config.Restart. Started
// again, as by a new process of ours, the system has gone on meanwhile: the legs that it has stay as they are.
func (b *Backend) Start(_ context.Context, sink call.Sink, open []call.OpenLeg) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.sink = sink
	for _, o := range open {
		if b.legs[o.Leg] != nil {
			continue
		}
		l := b.add(o.Leg, o.Way, o.State)
		l.joinedTo = o.JoinedTo
		switch {
		case b.cfg.Restart != keptAtRestart || o.State != call.LegAnswered:
			b.after(0, func() { b.finish(l, call.Cause{Reason: call.Lost}) })
		case o.JoinedTo != "":
			b.play(l, l.does.Talk)
		}
	}
	return nil
}

// add makes a leg known. The caller holds b.mu.
func (b *Backend) add(id string, w call.Way, state call.LegState) *leg {
	l := &leg{id: id, does: b.cfg.behaviour(w.Address), state: state, since: time.Now().UTC()}
	b.legs[id] = l
	return l
}

// Locate implements [call.Backend].
func (b *Backend) Locate(_ context.Context, w call.Way) ([]call.Way, error) {
	if b.cfg.behaviour(w.Address).Offline {
		return nil, nil
	}
	return []call.Way{w}, nil
}

// Prepare implements [call.Backend]. There is nothing to store: the address alone says what happens.
// Errors: fault.CodeInvalidNumber for an address that no phone system could dial.
func (b *Backend) Prepare(_ context.Context, o call.Originate) ([]byte, error) {
	unsafe := func(r rune) bool { return r <= ' ' || r == '"' || r == '<' || r == '>' || r == 0x7f }
	if o.Way.Address == "" || strings.ContainsFunc(o.Way.Address, unsafe) {
		return nil, fault.New(fault.CodeInvalidNumber, "this address cannot be dialled")
	}
	return nil, nil
}

// Originate implements [call.Backend].
func (b *Backend) Originate(_ context.Context, o call.Originate, _ []byte) error {
	return b.do(func() {
		if b.legs[o.Leg] != nil {
			return // handed over before
		}
		l := b.add(o.Leg, o.Way, call.LegIntended)
		l.talkLimit = o.TalkLimit
		b.limit(l, o.RingLimit, l.unanswered)
		b.play(l, l.does.Ring)
	})
}

// Join implements [call.Backend].
func (b *Backend) Join(_ context.Context, first, second string) error {
	return b.do(func() {
		x, y := b.legs[first], b.legs[second]
		if x == nil {
			return
		}
		if y == nil {
			y = &leg{id: second, state: call.LegEnded}
		}
		b.after(b.scaled(joining), func() { b.join(x, y) })
	})
}

// RingBack implements [call.Backend]. Nobody listens.
func (b *Backend) RingBack(context.Context, string, bool) error { return b.do(func() {}) }

// Tell implements [call.Backend].
func (b *Backend) Tell(_ context.Context, id string, _ call.Reason) error { return b.prompt(id, "") }

// AskKey implements [call.Backend].
func (b *Backend) AskKey(_ context.Context, id string) error {
	b.mu.Lock()
	keys := ""
	if l := b.legs[id]; l != nil {
		keys = l.does.Keys
	}
	b.mu.Unlock()
	return b.prompt(id, keys)
}

// prompt plays something to an answered leg, whose person presses the keys in the middle of it.
func (b *Backend) prompt(id, keys string) error {
	return b.do(func() {
		l := b.legs[id]
		if l == nil || l.leaving {
			return
		}
		b.callOffAll(l.prompt)
		l.prompt = nil
		for i := range len(keys) {
			press := func() { b.say(call.LegEvent{Leg: id, Kind: call.EvDTMF, Digit: keys[i]}) }
			l.prompt = append(l.prompt, b.after(b.scaled(pressing+time.Duration(i)*instant), press))
		}
		done := func() { b.say(call.LegEvent{Leg: id, Kind: call.EvPromptDone}) }
		l.prompt = append(l.prompt, b.after(b.scaled(prompting), done))
	})
}

// HangUp implements [call.Backend].
func (b *Backend) HangUp(_ context.Context, id string, why call.Reason) error {
	return b.do(func() { b.leave(b.legs[id], call.Cause{Reason: why}) })
}

// leave ends a leg in a moment; what it would have done by itself does not happen any more.
func (b *Backend) leave(l *leg, cause call.Cause) {
	if l == nil || l.leaving {
		return
	}
	b.quiet(l)
	l.leaving = true
	b.after(b.scaled(releasing), func() { b.finish(l, cause) })
}

// do runs an order under the mutex while the system can be reached.
func (b *Backend) do(order func()) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.lost || b.stopped {
		return fault.New(fault.CodeBackendUnavailable, "the simulator is not reachable")
	}
	order()
	return nil
}

// Snapshot implements [call.Backend].
func (b *Backend) Snapshot(context.Context) ([]call.LegInfo, error) {
	var all []call.LegInfo
	err := b.do(func() {
		for _, l := range b.legs {
			all = append(all, call.LegInfo{Leg: l.id, State: l.state, JoinedTo: l.joinedTo, Since: l.since})
		}
	})
	return all, err
}

// Health implements [call.Backend].
func (b *Backend) Health(context.Context) error { return b.do(func() {}) }

// Stop implements [call.Backend].
func (b *Backend) Stop(context.Context) error {
	b.mu.Lock()
	b.stopped = true
	for _, l := range b.legs {
		if l.state != call.LegAnswered {
			b.finish(l, call.Cause{Reason: call.Cancelled})
		}
	}
	for a := range b.alarms {
		b.callOff(a)
	}
	b.mu.Unlock()
	b.flush()
	b.work.Wait()
	return nil
}
