package call

import (
	"context"

	"c2d/core/audit"
	"c2d/core/fault"
)

// A blind transfer makes two records of two parties each: the call of the phone that transfers ends as [Transferred], and
// the leg that talked with it is the caller's leg of a new one. The new call is stored, and the leg is its own, before the
// old one lets go: a leg is never nobody's.

// Transfer stores and begins a call whose caller's leg talks in the call from, which ends. Errors: fault.CodeNotFound when
// that is not so any more; those of Place; then the call from goes on.
func (r *Runner) Transfer(ctx context.Context, from string, c Call, t audit.Trail) (Call, error) {
	c.Node, c.Epoch, c.LegBase = r.cfg.Origin.Node, r.cfg.Epoch, r.cfg.Origin.LegID()
	b := newBox(r, c)
	queue, err := r.enter(b, c)
	if err != nil {
		return Call{}, err
	}
	old := r.own(c.CallerLeg, from, b)
	if old == nil {
		r.remove(b)
		return Call{}, fault.New(fault.CodeNotFound, "the two do not talk any more")
	}
	created, err := b.create(ctx, Started{Queue: queue}, nil, t)
	if err != nil {
		r.own(c.CallerLeg, c.ID, old)
		r.remove(b)
		return Call{}, err
	}
	old.post(letter{in: HandedOver{Leg: c.CallerLeg}})
	return created, nil
}

// own makes a leg of the call from the leg of another, and returns whose it was; nil if it was not that call's.
func (r *Runner) own(leg, from string, b *box) *box {
	r.mu.Lock()
	defer r.mu.Unlock()
	old := r.legs[leg]
	if old == nil || old != r.calls[from] {
		return nil
	}
	r.legs[leg] = b
	return old
}

// Of returns the open call that a leg belongs to.
func (r *Runner) Of(leg string) (Call, bool) {
	r.mu.Lock()
	b := r.legs[leg]
	r.mu.Unlock()
	if b == nil {
		return Call{}, false
	}
	return b.snapshot()
}

// takeOver parts the caller's leg of a new call from whom it talked with in another; it hears ring-back.
func (m *machine) takeOver() {
	if l, _, _ := m.c.Find(m.c.CallerLeg); l != nil && l.State == LegAnswered {
		m.do(Action{Op: OpPart, Leg: l.ID})
		m.do(Action{Op: OpRingBack, Leg: l.ID})
	}
}

// handedOver ends the call of the phone that has transferred its peer; the peer's leg is not touched.
func (m *machine) handedOver(in HandedOver) {
	l, side, _ := m.c.Find(in.Leg)
	if l == nil || !l.Open() {
		return
	}
	l.State, l.EndedAt, l.End, l.JoinedTo, l.Held, m.changed = LegEnded, m.now, &Cause{Reason: Transferred}, "", false, true
	other, by := CallerSide, ByCaller
	if side == CallerSide {
		other, by = CalleeSide, ByCallee
	}
	m.end(Cause{Reason: Transferred}, other, by)
	m.settled()
}
