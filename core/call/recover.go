package call

import (
	"context"
	"maps"
	"slices"
	"time"

	"c2d/core/access"
	"c2d/core/audit"
	"c2d/core/identity"
)

// Recovery is for legs that a backend still has, that carry our installation and node, and that no call knows: the
// store was lost, or set back. Who talks is never cut: two that are joined get a call, marked [Recovered], which ends
// as any other. A leg that rings, or is alone, is hung up: nobody waits for it. What was offered is left to the phone
// that offers it.

// recoveredTalk is how long a recovered call may go on, since the limit that it was placed with is not known.
const recoveredTalk = Seconds(4 * 3600)

// recover deals with the legs of a snapshot that have no record.
func (r *Runner) recover(ctx context.Context, backend Backend, legs []LegInfo) error {
	r.seeking.Lock()
	defer r.seeking.Unlock()
	lost := r.unknown(legs)
	if len(lost) == 0 {
		return nil
	}
	name := r.nameOf(backend)
	var adopted []*box
	for _, l := range lost {
		peer, talks := lost[l.JoinedTo]
		switch {
		case !talks || l.State != LegAnswered || peer.State != LegAnswered:
			r.stray(ctx, name, l.Leg)
		case l.Leg < peer.Leg: // once for the two; the caller's leg was made first
			b, err := r.adopt(ctx, recovered(name, l, peer))
			if err != nil {
				return err
			}
			adopted = append(adopted, b)
		}
	}
	if len(adopted) > 0 { // one of them may have gone between the snapshot and its adoption
		r.spawn(func(ctx context.Context) { r.compare(ctx, backend, adopted) })
	}
	return nil
}

// unknown returns the legs that are ours and belong to no call, by id.
func (r *Runner) unknown(legs []LegInfo) map[string]LegInfo {
	r.mu.Lock()
	defer r.mu.Unlock()
	lost := map[string]LegInfo{}
	for _, l := range legs {
		if r.legs[l.Leg] == nil && !l.Unsure && l.State != LegOffered && r.cfg.Origin.Made(l.Leg) {
			lost[l.Leg] = l
		}
	}
	return lost
}

// nameOf returns the configuration name of a backend, the first of several.
func (r *Runner) nameOf(backend Backend) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, name := range slices.Sorted(maps.Keys(r.backends)) {
		if r.backends[name] == backend {
			return name
		}
	}
	return backend.Name()
}

// adopt stores a recovered call and carries it.
func (r *Runner) adopt(ctx context.Context, c Call) (*box, error) {
	c.Node, c.Epoch = r.cfg.Origin.Node, r.cfg.Epoch
	b := newBox(r, c)
	if _, err := r.enter(b, c); err != nil {
		return nil, err
	}
	if _, err := b.create(ctx, Found{}, nil, audit.Trail{}); err != nil {
		r.remove(b)
		return nil, err
	}
	return b, nil
}

// recovered is the record of two legs that talk: what can be known of it.
func recovered(backend string, a, b LegInfo) Call {
	since := time.UnixMilli(max(a.Since.UnixMilli(), b.Since.UnixMilli())).UTC()
	party := func(l LegInfo) Party {
		way := Way{Backend: backend}
		leg := Leg{ID: l.Leg, Way: way, Handle: l.Handle, State: LegAnswered, Rang: true, CreatedAt: l.Since.UTC(), AnsweredAt: l.Since.UTC(), JoinedTo: l.JoinedTo}
		return Party{Attempts: []Attempt{{Targets: []Target{{Ways: []Way{way}}}, Legs: []Leg{leg}}}}
	}
	return Call{
		ID: identity.NewID(), Tenant: access.MainTenant, Flags: []Flag{Recovered}, Backend: backend, LegBase: a.Leg, Confirm: ConfirmNever,
		Caller: party(a), Callee: party(b), CallerLeg: a.Leg, CalleeLeg: b.Leg, TalkLimit: recoveredTalk,
		PlacedBy:         PlacedByActor(access.Internal(access.MainTenant)),
		CallerAnsweredAt: since, CalleeAnsweredAt: since, ConnectedAt: since,
	}
}
