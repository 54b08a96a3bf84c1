package call

import (
	"context"
	"slices"
	"sync"

	"c2d/core/audit"
	"c2d/core/fault"
)

// A transfer makes records of two parties each. Blind: the call of the phone that transfers ends as [Transferred], and the
// leg that talked with it is the caller's leg of a new one. Attended: two calls of one phone end so, and the legs that
// talked with it are the two of a new one, which joins them.
//
// The new call and the ends of the old ones are one transaction, so that whatever dies when, a leg that talks is in one
// open record: before it in its old call, after it in the new one. Only then is anybody parted, joined or hung up.

// Transfer stores and begins a call of legs that talk in the calls from, which end: c.CallerLeg in the first and, for an
// attended transfer, c.CalleeLeg in the second. Errors: fault.CodeNotFound when that is not so any more,
// fault.CodeShuttingDown, those of Store.TakeOver; then the calls from go on.
func (r *Runner) Transfer(ctx context.Context, c Call, from []string, t audit.Trail) (Call, error) {
	c.Node, c.Epoch, c.LegBase = r.cfg.Origin.Node, r.cfg.Epoch, r.cfg.Origin.LegID()
	b := newBox(r, c)
	queue, err := r.enter(b, c)
	if err != nil {
		return Call{}, err
	}
	h := handover{to: b}
	if err = r.borrow(ctx, &h, from); err == nil {
		err = h.store(ctx, Started{Queue: queue}, t)
	}
	if err != nil {
		h.giveBack()
		h.drop()
		return Call{}, err
	}
	return h.begin()
}

// Of returns the open call that a leg belongs to.
func (r *Runner) Of(leg string) (Call, bool) {
	r.mu.Lock()
	b := r.legs[leg]
	r.mu.Unlock()
	if b == nil {
		return Call{}, false
	}
	return b.newest()
}

// handover is a transfer on its way. The mailboxes of the calls whose legs are taken stand still until the store has
// answered and the legs are parted: what is told to them waits, a hang-up too, since who hangs up which call is not
// settled before.
type handover struct {
	to     *box
	made   Call     // what begins
	act    []Action // once it is stored
	leaves []*leaving
	doubt  bool // whether the store has taken it is not known
}

// leaving is one call that ends, and the leg that it gives away.
type leaving struct {
	b    *box
	leg  string
	next Call
	act  []Action
	back func()
}

// borrow takes the calls that end, in the order of their ids, so that two transfers cannot wait for each other.
func (r *Runner) borrow(ctx context.Context, h *handover, from []string) error {
	for i, leg := range []string{h.to.call.CallerLeg, h.to.call.CalleeLeg}[:len(from)] {
		r.mu.Lock()
		b := r.calls[from[i]]
		owns := b != nil && r.legs[leg] == b
		r.mu.Unlock()
		if !owns || i > 0 && from[i] == from[0] {
			return apart()
		}
		h.leaves = append(h.leaves, &leaving{b: b, leg: leg, back: func() {}})
	}
	order := h.leaves
	if len(order) == 2 && from[1] < from[0] {
		order = []*leaving{order[1], order[0]}
	}
	for _, o := range order {
		if err := o.borrow(ctx); err != nil {
			return err
		}
	}
	return nil
}

func apart() error { return fault.New(fault.CodeNotFound, "the two do not talk any more") }

// borrow waits until the call has done what was posted before, and decides its end.
func (o *leaving) borrow(ctx context.Context) error {
	back, ready := make(chan struct{}), make(chan Call, 1)
	o.back = sync.OnceFunc(func() { close(back) })
	o.b.post(letter{in: lent{back}, reply: ready})
	select {
	case <-ready:
	case <-ctx.Done():
		return ctx.Err()
	}
	l, _, _ := o.b.call.Find(o.leg)
	if o.b.over() || o.b.call.State != Connected || !l.Open() {
		return apart()
	}
	o.next, o.act, _ = step(o.b.call, HandedOver{Leg: o.leg}, o.b.r.cfg.Now())
	if o.b.writing != nil {
		return fault.New(fault.CodeStoreUnavailable, "the store does not answer")
	}
	o.b.version++ // stays taken if the store's answer is lost
	o.next.Version = o.b.version
	return nil
}

// over reports whether the mailbox takes nothing any more.
func (b *box) over() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.closed
}

// store makes the handover durable, in one transaction, or leaves all as it was.
func (h *handover) store(ctx context.Context, in Input, t audit.Trail) error {
	h.made, h.act, _ = step(h.to.call, in, h.to.r.cfg.Now())
	h.made.Version = 1
	made := trail(Call{}, h.made)
	t.Events = append(t.Events, made.Events...)
	var ends []Call
	for _, o := range h.leaves {
		t.Events = slices.Concat(t.Events, o.b.unsaved.Events, trail(o.b.call, o.next).Events)
		t.Audit = slices.Concat(t.Audit, o.b.unsaved.Audit)
		ends = append(ends, o.next)
	}
	ctx, cancel := context.WithTimeout(ctx, saveLimit)
	defer cancel()
	err := h.to.r.cfg.Store.TakeOver(ctx, h.made, ends, t)
	if fault.Is(err, fault.CodeStoreUnavailable) && h.stored(ctx) {
		return nil
	}
	return err
}

// stored looks whether a transaction was done whose answer was lost.
func (h *handover) stored(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), saveLimit)
	defer cancel()
	c, err := h.to.r.cfg.Store.Get(ctx, h.made.Tenant, h.made.ID)
	h.doubt = err != nil && !fault.Is(err, fault.CodeNotFound)
	return err == nil && c.ID == h.made.ID
}

// drop forgets a call that has not begun. If the store may have it all the same, it is closed there once the store answers
// again; one that it does not have is not written.
func (h *handover) drop() {
	b := h.to
	if !h.doubt {
		b.close()
		b.r.remove(b)
		return
	}
	now := h.made
	for l := range now.Legs {
		l.State, l.EndedAt, l.End = LegEnded, now.UpdatedAt, &Cause{Reason: Congestion}
	}
	next, _, _ := step(now, NotDurable{}, b.r.cfg.Now())
	next.Version = 2
	b.mu.Lock()
	b.call, b.version, b.unsaved = next, next.Version, trail(now, next)
	b.soil(0)
	b.mu.Unlock()
	b.r.work.Go(b.drain)
}

func (h *handover) giveBack() {
	for _, o := range h.leaves {
		o.back()
	}
}

// begin does what waited for the store: first what takes the legs away from who is hung up then.
func (h *handover) begin() (Call, error) {
	h.pass()
	for _, o := range h.leaves {
		o.b.unsaved, o.b.dirty = audit.Trail{}, false
		o.b.accept(o.next)
		o.b.show(o.next)
	}
	b := h.to
	b.version = 1
	b.accept(h.made)
	b.show(h.made)
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed { // the next process finds it all in the store
		h.giveBack()
		return Call{}, stopping()
	}
	b.r.work.Go(func() {
		b.act(h.made, h.act)
		for _, o := range h.leaves {
			o.b.act(o.next, o.act)
		}
		h.giveBack()
		b.drain()
	})
	return h.made, nil
}

// pass makes the legs the new call's, and what they have told and nobody has read yet.
func (h *handover) pass() {
	r := h.to.r
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, o := range h.leaves {
		r.legs[o.leg] = h.to
		for _, l := range o.b.takeLetters(o.leg) {
			h.to.post(l)
		}
	}
}

// takeLetters takes what a leg has told out of the mailbox.
func (b *box) takeLetters(leg string) (taken []letter) {
	b.mu.Lock()
	defer b.mu.Unlock()
	var rest []letter
	for _, l := range b.letters {
		if ev, is := l.in.(LegEvent); is && ev.Leg == leg {
			taken = append(taken, l)
		} else {
			rest = append(rest, l)
		}
	}
	b.letters = rest
	return taken
}

// takeOver parts the caller's leg of a new call from whom it talked with in another; it hears ring-back.
func (m *machine) takeOver() {
	if l, _, _ := m.c.Find(m.c.CallerLeg); l != nil && l.State == LegAnswered {
		m.do(Action{Op: OpPart, Leg: l.ID})
		m.do(Action{Op: OpRingBack, Leg: l.ID})
	}
}

// connect joins two legs that have talked in other calls.
func (m *machine) connect() {
	m.enter(Connecting)
	m.arm(JoinTimer, joinLimit)
	m.partOthers()
	m.join()
}

// partOthers parts the winners from whom they talked with in other calls.
func (m *machine) partOthers() {
	for l := range m.c.Legs {
		if l.Open() && l.JoinedTo != "" && !m.isPeer(l.JoinedTo, l.ID) {
			m.do(Action{Op: OpPart, Leg: l.ID})
		}
	}
}

// isPeer reports whether peer is the winner on the other side of a leg. A backend that does not say whom it joined is believed.
func (m *machine) isPeer(peer, leg string) bool {
	return peer == "" || peer != leg && (peer == m.c.CallerLeg || peer == m.c.CalleeLeg)
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
