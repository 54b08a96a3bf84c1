package sim

import (
	"context"

	"c2d/core/call"
	"c2d/core/fault"
)

// Part implements [call.Parter].
func (b *Backend) Part(_ context.Context, id string) error {
	return b.order(id, func(l *leg) error {
		if l.state != call.LegAnswered {
			return fault.New(fault.CodeConflict, "the leg is not answered")
		}
		b.part(l)
		return nil
	})
}

// Hold implements [call.Holder]. Nobody listens; it is told.
func (b *Backend) Hold(_ context.Context, id string, on bool) error {
	return b.order(id, func(l *leg) error {
		if b.legs[l.joinedTo] == nil {
			return fault.New(fault.CodeConflict, "the leg talks with nobody")
		}
		kind := call.EvResumed
		if on {
			kind = call.EvHeld
		}
		b.after(b.scaled(joining), func() { b.say(call.LegEvent{Leg: l.id, Kind: kind}) })
		return nil
	})
}

// SendDTMF implements [call.Keyer].
func (b *Backend) SendDTMF(_ context.Context, id, keys string) error {
	return b.order(id, func(l *leg) error {
		if b.legs[l.joinedTo] == nil {
			return fault.New(fault.CodeConflict, "the leg talks with nobody")
		}
		l.keys += keys
		return nil
	})
}

// order does something to a leg; nothing to one that is gone.
func (b *Backend) order(id string, do func(*leg) error) (err error) {
	gone := b.do(func() {
		if l := b.legs[id]; l != nil && !l.leaving {
			err = do(l)
		}
	})
	if gone != nil {
		return gone
	}
	return err
}
