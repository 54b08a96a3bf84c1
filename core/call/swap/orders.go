package swap

import (
	"context"

	"c2d/core/call"
	"c2d/core/fault"
)

// Prepare implements [call.Backend]. It gives the leg to nobody: one that is not rung in the end would keep its system for ever.
// Between here and Originate the system may be exchanged; whoever rings the leg then looks at it anew.
func (b *Backend) Prepare(ctx context.Context, o call.Originate) ([]byte, error) {
	s, err := b.of(o.JoinTo)
	if err != nil {
		return nil, err
	}
	return s.Prepare(ctx, o)
}

// Originate implements [call.Backend].
func (b *Backend) Originate(ctx context.Context, o call.Originate, resume []byte) error {
	s, err := b.begins(o.Leg, o.JoinTo)
	if err != nil {
		return err
	}
	err = s.Originate(ctx, o, resume)
	if err != nil {
		b.ended(o.Leg)
	}
	return err
}

// Join implements [call.Backend]. Two who are with two systems cannot hear each other.
func (b *Backend) Join(ctx context.Context, x, y string) error {
	s, err := b.of(x)
	other, err2 := b.of(y)
	switch {
	case err != nil:
		return err
	case err2 != nil:
		return err2
	case s != other:
		return fault.New(fault.CodeConflict, "the two are with two phone systems: backend %s was exchanged between", b.name)
	}
	return s.Join(ctx, x, y)
}

// on does an order where its leg is.
func (b *Backend) on(leg string, do func(call.Backend) error) error {
	s, err := b.of(leg)
	if err != nil {
		return err
	}
	return do(s)
}

// RingBack implements [call.Backend].
func (b *Backend) RingBack(ctx context.Context, leg string, on bool) error {
	return b.on(leg, func(s call.Backend) error { return s.RingBack(ctx, leg, on) })
}

// Tell implements [call.Backend].
func (b *Backend) Tell(ctx context.Context, leg string, why call.Reason) error {
	return b.on(leg, func(s call.Backend) error { return s.Tell(ctx, leg, why) })
}

// AskKey implements [call.Backend].
func (b *Backend) AskKey(ctx context.Context, leg string) error {
	return b.on(leg, func(s call.Backend) error { return s.AskKey(ctx, leg) })
}

// HangUp implements [call.Backend].
func (b *Backend) HangUp(ctx context.Context, leg string, why call.Reason) error {
	return b.on(leg, func(s call.Backend) error { return s.HangUp(ctx, leg, why) })
}

// Ring implements [call.Backend].
func (b *Backend) Ring(ctx context.Context, leg string) error {
	return b.on(leg, func(s call.Backend) error { return s.Ring(ctx, leg) })
}

// Answer implements [call.Backend].
func (b *Backend) Answer(ctx context.Context, leg string) error {
	return b.on(leg, func(s call.Backend) error { return s.Answer(ctx, leg) })
}

// Refuse implements [call.Backend].
func (b *Backend) Refuse(ctx context.Context, leg string, why call.Reason) error {
	return b.on(leg, func(s call.Backend) error { return s.Refuse(ctx, leg, why) })
}

// GiveBack implements [call.Backend].
func (b *Backend) GiveBack(ctx context.Context, leg string) error {
	return b.on(leg, func(s call.Backend) error { return s.GiveBack(ctx, leg) })
}

// able does an order of an optional ability where its leg is. Errors: fault.CodeNotSupported where that has not the ability.
func able[T any](b *Backend, leg string, do func(T) error) error {
	return b.on(leg, func(s call.Backend) error {
		if one, can := s.(T); can {
			return do(one)
		}
		return fault.New(fault.CodeNotSupported, "the phone system of this call cannot")
	})
}

// Part implements [call.Parter].
func (b *Backend) Part(ctx context.Context, leg string) error {
	return able(b, leg, func(s call.Parter) error { return s.Part(ctx, leg) })
}

// Hold implements [call.Holder].
func (b *Backend) Hold(ctx context.Context, leg string, on bool) error {
	return able(b, leg, func(s call.Holder) error { return s.Hold(ctx, leg, on) })
}

// SendDTMF implements [call.Keyer].
func (b *Backend) SendDTMF(ctx context.Context, leg, keys string) error {
	return able(b, leg, func(s call.Keyer) error { return s.SendDTMF(ctx, leg, keys) })
}

// Record implements [call.Recorder].
func (b *Backend) Record(ctx context.Context, leg, name string) error {
	return able(b, leg, func(s call.Recorder) error { return s.Record(ctx, leg, name) })
}

// StopRecord implements [call.Recorder].
func (b *Backend) StopRecord(ctx context.Context, leg, name string) error {
	return able(b, leg, func(s call.Recorder) error { return s.StopRecord(ctx, leg, name) })
}
