package call

import (
	"context"
	"maps"
	"slices"
	"time"

	"c2d/core/audit"
)

// sink is what one backend tells its events to.
type sink struct {
	r    *Runner
	name string
}

func (s sink) Leg(ev LegEvent) {
	r := s.r
	r.mu.Lock()
	b := r.legs[ev.Leg]
	closing := r.closing
	early, offering := r.offering[ev.Leg]
	switch {
	case offering:
		r.offering[ev.Leg] = append(early, ev)
	case b != nil: // under the lock: what is told before a leg is handed over stays before what is told after
		b.post(letter{in: ev})
	case ev.Kind == EvOffered:
		r.offering[ev.Leg] = []LegEvent{}
	}
	r.mu.Unlock()
	switch {
	case offering || b != nil:
	case ev.Kind == EvOffered:
		r.spawn(func(ctx context.Context) { r.offered(ctx, s.name, ev) })
	case ev.Kind == EvAnswered && !closing:
		r.spawn(func(ctx context.Context) { r.stray(ctx, s.name, ev.Leg) })
	}
}

// stray hangs up a leg that answered and belongs to no call.
func (r *Runner) stray(ctx context.Context, backend, leg string) {
	if be := r.backend(backend); be == nil {
		return // what was forgotten has let go of it
	} else if err := be.HangUp(ctx, leg, Lost); err != nil {
		r.cfg.Log.Warn("stray leg not hung up", "leg", leg, "error", err)
	}
}

func (r *Runner) offered(ctx context.Context, backend string, ev LegEvent) {
	defer r.settleOffer(ev.Leg)
	c, refused := r.offers.Offered(ctx, backend, ev)
	if refused == nil {
		_, err := r.Place(ctx, c, nil, audit.Trail{})
		if err == nil {
			return
		}
		r.cfg.Log.Warn("offered call not stored", "leg", ev.Leg, "error", err)
		refused = &Cause{Reason: Congestion}
	}
	if be := r.backend(backend); be == nil {
		return
	} else if err := be.Refuse(ctx, ev.Leg, refused.Reason); err != nil {
		r.cfg.Log.Warn("offered call not refused", "leg", ev.Leg, "error", err)
	}
}

// settleOffer hands over what the offered leg told while its call was being made, before anything that it tells later.
func (r *Runner) settleOffer(leg string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	early, b := r.offering[leg], r.legs[leg]
	delete(r.offering, leg)
	for _, ev := range early {
		if b != nil {
			b.post(letter{in: ev})
		}
	}
}

// Link tells every call of the backend, and asks the backend what it still has once it is back.
func (s sink) Link(_ string, up bool) {
	r := s.r
	backend := r.backend(s.name)
	if backend == nil {
		return
	}
	boxes := r.of(backend)
	for _, b := range boxes {
		b.post(letter{in: LinkChanged{Up: up}})
	}
	if up {
		r.spawn(func(ctx context.Context) { r.compare(ctx, backend, boxes) })
	}
}

// compare asks for a snapshot until it gets one, tells it to the calls, and recovers the legs that have none. Of a backend that was
// forgotten there is none to come.
func (r *Runner) compare(ctx context.Context, backend Backend, boxes []*box) {
	for wait := 100 * time.Millisecond; ctx.Err() == nil && r.has(backend); wait = min(2*wait, 5*time.Second) {
		asked := r.cfg.Now()
		legs, err := backend.Snapshot(ctx)
		if err == nil {
			seen := Seen{Asked: asked, Legs: map[string]LegInfo{}}
			for _, l := range legs {
				seen.Legs[l.Leg] = l
			}
			for _, b := range boxes {
				b.post(letter{in: seen})
			}
			err = r.recover(ctx, backend, legs)
		}
		if err == nil {
			return
		}
		r.cfg.Log.Warn("not compared with the backend yet", "backend", backend.Name(), "error", err)
		select {
		case <-time.After(wait):
		case <-ctx.Done():
		}
	}
}

func (r *Runner) has(backend Backend) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Contains(slices.Collect(maps.Values(r.backends)), backend)
}

// of returns the boxes of the calls that the backend carries.
func (r *Runner) of(backend Backend) []*box {
	r.mu.Lock()
	defer r.mu.Unlock()
	var of []*box
	for _, b := range r.calls {
		if r.backends[b.carrier()] == backend {
			of = append(of, b)
		}
	}
	return of
}

// spawn runs f until it ends or the runner stops; Stop waits for it.
func (r *Runner) spawn(f func(context.Context)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ctx.Err() == nil {
		r.work.Go(func() { f(r.ctx) })
	}
}
