package ari

import (
	"context"

	"c2d/adapters/ari/client"
	"c2d/core/call"
	"c2d/core/fault"
)

// Locate implements [call.Backend]. Asterisk's own word about an endpoint is only a hint, so the way stays as it is.
func (b *Backend) Locate(_ context.Context, w call.Way) ([]call.Way, error) {
	if _, err := b.endpoint(w.Address); err != nil {
		return nil, err
	}
	return []call.Way{w}, nil
}

// Prepare implements [call.Backend]. There is nothing to store: what is dialled follows from the way. Errors: those of an
// address or a display that cannot be sent safely; fault.CodeBackendUnavailable.
func (b *Backend) Prepare(_ context.Context, o call.Originate) ([]byte, error) {
	if _, err := b.channel(o); err != nil {
		return nil, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return nil, b.down() // Asterisk takes an originate for an application that nobody serves, and the phone rings
}

// Originate implements [call.Backend].
func (b *Backend) Originate(ctx context.Context, o call.Originate, _ []byte) error {
	ch, err := b.channel(o)
	if err != nil {
		return err
	}
	l := &leg{id: o.Leg, address: o.Way.Address, joinTo: o.JoinTo, state: call.LegIntended, farHalf: ch.OtherID, limit: seconds(o.RingLimit)}
	b.mu.Lock()
	err = b.down()
	if err == nil {
		b.add(l) // events may come before the answer
	}
	b.mu.Unlock()
	if err != nil {
		return err
	}
	if err = b.make(ctx, l, ch); err != nil {
		return b.refused(l, err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	l.made = true
	b.dial(l)
	return nil
}

// make makes the channel, which enters our application before it rings: it can be bridged before it is answered, it outlives a
// lost connection while it rings, and what the dialplan dials for it is heard of from the beginning.
func (b *Backend) make(ctx context.Context, l *leg, ch client.Leg) error {
	if err := b.api.Create(ctx, ch); err != nil || l.farHalf == "" {
		return err
	}
	return b.api.Subscribe(ctx, b.app, l.farHalf)
}

// refused is an originate that Asterisk did not take. Nothing rang, since nothing was dialled; the channel may be there all the
// same, or appear later: then it is taken for a stray (see started).
func (b *Backend) refused(l *leg, err error) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.drop(l)
	b.uplink.Go(func(ctx context.Context) { _ = b.api.HangUp(ctx, l.channel, order(call.BackendFailed)) })
	if client.Status(err) == 0 {
		return fault.Wrap(fault.CodeBackendUnavailable, err, "Asterisk did not answer")
	}
	b.log.Info("Asterisk does not ring", "leg", l.id, "error", err)
	return fault.Wrap(fault.CodeNotFound, err, "no phone is there") // "Allocation failed": no such endpoint, or nobody registered
}

// HangUp implements [call.Backend].
func (b *Backend) HangUp(ctx context.Context, id string, why call.Reason) error {
	b.mu.Lock()
	l, err := b.legs[id], b.down()
	channel, waits := id, false
	if l != nil {
		waits = l.moving
		l.hangUp = l.hangUp || waits
		channel = l.channel
		if l.why == "" {
			l.why = why
		}
	}
	b.mu.Unlock()
	if err != nil || waits {
		return err
	}
	err = b.api.HangUp(ctx, channel, order(why))
	if !client.Gone(err) {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if l != nil {
		b.finish(l)
	}
	return nil
}

// SendDTMF implements [call.Keyer].
func (b *Backend) SendDTMF(ctx context.Context, id, keys string) error {
	l, err := b.joined(id)
	if l == nil || err != nil {
		return err
	}
	return settled(b.api.Press(ctx, l.channel, keys))
}

// joined returns a leg that is joined, nil for one that is gone.
func (b *Backend) joined(id string) (*leg, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := b.down(); err != nil {
		return nil, err
	}
	l := b.legs[id]
	if l != nil && (l.state != call.LegAnswered || l.bridge == "") {
		return nil, fault.New(fault.CodeConflict, "the leg is not joined")
	}
	return l, nil
}

// answeredLeg returns a leg that is answered, nil for one that is gone.
func (b *Backend) answeredLeg(id string) (*leg, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := b.down(); err != nil {
		return nil, err
	}
	l := b.legs[id]
	if l != nil && l.state != call.LegAnswered {
		return nil, fault.New(fault.CodeConflict, "the leg is not answered")
	}
	return l, nil
}

// settled takes what is gone for done: its end is told.
func settled(err error) error {
	if client.Gone(err) {
		return nil
	}
	return err
}
