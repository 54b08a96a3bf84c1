package sim

import (
	"context"

	"c2d/core/call"
)

// Offer is a phone that calls: from is the address that it proved to be, to is what it dialled. It returns the id of the
// offered leg. Errors: fault.CodeBackendUnavailable.
func (b *Backend) Offer(from, to string) (string, error) {
	id := b.legID()
	err := b.do(func() {
		b.add(id, call.Way{Backend: b.cfg.Name, Address: from}, call.LegOffered)
		b.soon(call.LegEvent{Leg: id, Kind: call.EvOffered, From: from, To: to})
	})
	return id, err
}

// Ring implements [call.Backend]. Nobody listens.
func (b *Backend) Ring(context.Context, string) error { return b.do(func() {}) }

// Answer implements [call.Backend].
func (b *Backend) Answer(_ context.Context, id string) error {
	return b.do(func() {
		if l := b.legs[id]; l != nil && l.state == call.LegOffered {
			b.play(l, []Step{{Tell: call.EvAnswered}})
		}
	})
}

// Refuse implements [call.Backend].
func (b *Backend) Refuse(_ context.Context, id string, why call.Reason) error {
	return b.do(func() { b.leave(b.legs[id], call.Cause{Reason: why}) })
}

// GiveBack implements [call.Backend]. There is no dialplan to go on with: the leg ends as one that was not found.
func (b *Backend) GiveBack(_ context.Context, id string) error {
	return b.do(func() { b.leave(b.legs[id], call.Cause{Reason: call.InvalidNumber, SIP: 404, Q850: 1}) })
}

// Press is the person at a leg pressing a key. Errors: fault.CodeBackendUnavailable.
func (b *Backend) Press(id string, digit byte) error {
	return b.do(func() {
		if b.legs[id] != nil {
			b.soon(call.LegEvent{Leg: id, Kind: call.EvDTMF, Digit: digit})
		}
	})
}

// PutDown is the person at a leg hanging up, or rejecting what rings. Errors: fault.CodeBackendUnavailable.
func (b *Backend) PutDown(id string) error {
	return b.do(func() {
		cause := released()
		if l := b.legs[id]; l != nil && l.state != call.LegAnswered {
			cause = call.Cause{Reason: call.Rejected, SIP: 603, Q850: 21}
		}
		b.leave(b.legs[id], cause)
	})
}

// Lose cuts the connection to the simulated system: operations fail, and what happens meanwhile is not told.
func (b *Backend) Lose() { b.link(false) }

// Restore is its return; core asks for a snapshot then.
func (b *Backend) Restore() { b.link(true) }

func (b *Backend) link(up bool) {
	b.mu.Lock()
	if b.lost != up || b.stopped {
		b.mu.Unlock()
		return
	}
	b.lost = !up
	b.queue = append(b.queue, func(s call.Sink) { s.Link(b.cfg.Name, up) })
	b.mu.Unlock()
	b.flush()
}
