package call

import (
	"context"
	"time"

	"c2d/core/fault"
)

// release does at once what only lets go, and returns the rest.
func (b *box) release(c Call, actions []Action) (rest []Action) {
	for _, a := range actions {
		if a.releases() {
			b.one(c, a)
		} else {
			rest = append(rest, a)
		}
	}
	return rest
}

// prepare asks the backend what each originate would send, to be stored with the intent. A leg that cannot be prepared
// is not rung; its end is returned instead of its action.
func (b *box) prepare(c *Call, actions []Action) (rest []Action, failed []LegEvent) {
	for _, a := range actions {
		if a.Op != OpOriginate {
			rest = append(rest, a)
			continue
		}
		l, _, _ := c.Find(a.Leg)
		resume, err := b.prepareOne(c, l, a)
		if err != nil {
			failed = append(failed, LegEvent{Leg: l.ID, Kind: EvEnded, Cause: causeOf(err)})
			continue
		}
		l.Resume = resume
		rest = append(rest, a)
	}
	return rest, failed
}

func (b *box) prepareOne(c *Call, l *Leg, a Action) ([]byte, error) {
	backend, err := b.backend(l)
	if err != nil {
		return nil, err
	}
	if !b.r.admits(c.ID, l.Way.Backend) {
		return nil, fault.New(fault.CodeCongestion, "backend %s has as many calls as it may have", l.Way.Backend)
	}
	ctx, cancel := context.WithTimeout(context.Background(), operationLimit)
	defer cancel()
	return backend.Prepare(ctx, originate(c, a))
}

func originate(c *Call, a Action) Originate {
	l, side, _ := c.Find(a.Leg)
	other := &c.Callee
	if side == CalleeSide {
		other = &c.Caller
	}
	o := Originate{Leg: l.ID, Tenant: c.Tenant, Way: l.Way, Show: Shown{Name: other.Name, Number: other.Number}, JoinTo: a.Peer,
		RingLimit: c.Party(side).RingLimit.Duration() + 5*time.Second, TalkLimit: c.TalkLimit.Duration()}
	if side == CalleeSide && c.Present != "" {
		o.Show.Number = c.Present
	}
	return o
}

// act does what waited for the store.
func (b *box) act(c Call, actions []Action) {
	for _, a := range actions {
		b.one(c, a)
	}
}

// one does one action. What fails becomes an input: an operation that a backend refuses is news about its leg.
func (b *box) one(c Call, a Action) {
	if a.Op == OpLookUp {
		b.r.spawn(func(ctx context.Context) { b.look(ctx, c) })
		return
	}
	l, _, _ := c.Find(a.Leg)
	err := b.operate(&c, l, a)
	if err == nil {
		return
	}
	b.r.cfg.Log.Warn("backend refused", "call", c.ID, "leg", a.Leg, "operation", a.Op, "error", err)
	switch a.Op {
	case OpOriginate:
		b.post(letter{in: LegEvent{Leg: a.Leg, Kind: EvEnded, Cause: causeOf(err)}})
	case OpJoin:
		if fault.Is(err, fault.CodeBackendUnavailable) {
			return // the two may hear each other: Joined, the next snapshot or the time limit tells
		}
		b.post(letter{in: LegEvent{Leg: a.Leg, Kind: EvJoinFailed, Cause: causeOf(err)}})
	case OpPart:
		b.post(letter{in: HangUpOrdered{By: BySystem, Reason: MediaFailed}})
	case OpTell:
		b.post(letter{in: LegEvent{Leg: a.Leg, Kind: EvPromptDone}})
	case OpAnswer:
		b.post(letter{in: LegEvent{Leg: a.Leg, Kind: EvEnded, Cause: causeOf(err)}})
	case OpRecord:
		b.post(letter{in: LegEvent{Leg: a.Leg, Kind: EvRecordFail, Recording: a.Recording, Text: wordsOf(err)}})
	}
}

func (b *box) operate(c *Call, l *Leg, a Action) error {
	backend, err := b.backend(l)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), operationLimit)
	defer cancel()
	switch a.Op {
	case OpOriginate:
		return backend.Originate(ctx, originate(c, a), l.Resume)
	case OpJoin:
		return backend.Join(ctx, a.Leg, a.Peer)
	case OpPart:
		if p, ok := backend.(Parter); ok {
			return p.Part(ctx, a.Leg)
		}
		return fault.New(fault.CodeNotSupported, "legs cannot be parted")
	case OpRingBack, OpQuiet:
		return backend.RingBack(ctx, a.Leg, a.Op == OpRingBack)
	case OpTell:
		return backend.Tell(ctx, a.Leg, a.Reason)
	case OpAskKey:
		return backend.AskKey(ctx, a.Leg)
	case OpHangUp:
		return backend.HangUp(ctx, a.Leg, a.Reason)
	case OpRing:
		return backend.Ring(ctx, a.Leg)
	case OpAnswer:
		return backend.Answer(ctx, a.Leg)
	case OpRefuse:
		return backend.Refuse(ctx, a.Leg, a.Reason)
	case OpRecord, OpStopRecord:
		return record(ctx, backend, a)
	}
	return nil
}

func (b *box) look(ctx context.Context, c Call) {
	ctx, cancel := context.WithTimeout(ctx, lookUpLimit)
	defer cancel()
	found, err := b.r.lookUp.LookUp(ctx, c)
	if err != nil {
		b.r.cfg.Log.Error("look-up failed", "call", c.ID, "error", err)
		found = LookedUp{Failed: &Cause{Reason: Congestion, Text: "address book unavailable"}}
	}
	b.post(letter{in: found})
}

// backend is the one that carries the leg; a leg of a backend that is configured no more has none.
func (b *box) backend(l *Leg) (Backend, error) {
	if be := b.r.backend(l.Way.Backend); be != nil {
		return be, nil
	}
	return nil, fault.New(fault.CodeBackendUnavailable, "backend %s is not configured", l.Way.Backend)
}
