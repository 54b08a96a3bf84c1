// Package swap is a phone system that can be exchanged while calls go on over it: what the configuration calls "pbx" may be another
// Asterisk tomorrow, or a FreeSWITCH.
//
// A leg stays with the system that it began on. A leg that is to be joined to another goes where that one is; every other goes to the
// newest. One that was exchanged, or taken away, keeps its connection until its last leg has ended, and is stopped then.
//
//	core -> Backend -> newest          new legs
//	                -> former, former  legs that began there
//
// To exchange is two steps, so that of several systems all have begun before one is in its place: [Backend.Begin] starts the next,
// which may fail and changes nothing, [Next.Take] cannot fail. What was taken away can come back while its calls go on ([Backend.Return]).
//
// Rejected: to let core know of generations. A leg would need the name of its own, in every record, for the few minutes after a
// change of the configuration; and all that reads a record would have to know it.
package swap

import (
	"context"
	"errors"
	"log/slog"
	"slices"
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

// stopLimit bounds the stop of a former system, on which nobody talks any more.
const stopLimit = 3 * time.Second

// system is one phone system behind the name.
type system struct {
	call.Backend
	former bool
	legs   int // that have not ended
}

// Backend is a name behind which the phone system can be exchanged. Safe for concurrent use.
type Backend struct {
	name string
	log  *slog.Logger
	sink call.Sink // set by Start

	clicks  call.Clicks // set by Use, before Start
	mu      sync.Mutex
	systems []*system // the newest last; it is former too once it was taken away
	legs    map[string]*system
	work    sync.WaitGroup // stops of former ones
}

// New returns a backend of that name with its first phone system. nil logs nothing.
func New(name string, first call.Backend, log *slog.Logger) *Backend {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Backend{name: name, log: log, systems: []*system{{Backend: first}}, legs: map[string]*system{}}
}

// Next is a phone system that has begun and is not in its place yet.
type Next struct {
	b *Backend
	s *system
}

// Begin starts a phone system that is to be the newest. It is called after Start. Errors: those of its Start.
func (b *Backend) Begin(ctx context.Context, next call.Backend) (*Next, error) {
	n := &Next{b, &system{Backend: next}}
	hand(next, b.clicks)
	if err := next.Start(ctx, sink{b, n.s}, nil); err != nil {
		return nil, err
	}
	return n, nil
}

// Heir is a phone system that takes something over from the one in whose place it comes, such as an address to listen on.
type Heir interface {
	// TakeOver is called once, after its Start; former goes on with the legs that it has. It waits for nobody.
	TakeOver(former call.Backend)
}

// Take puts it in the place of the newest, which keeps the legs that it has.
func (n *Next) Take() {
	if heir, is := n.s.Backend.(Heir); is {
		if former := n.b.Newest(); former != nil {
			heir.TakeOver(former)
		}
	}
	n.b.put(n.s)
}

// Remove takes the newest away: it keeps the legs that it has, and new ones have no place.
func (b *Backend) Remove() { b.put(nil) }

// Return puts the newest back in its place that was taken away and is there still, for its calls; false if none is.
func (b *Backend) Return() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	last := len(b.systems) - 1
	if last < 0 {
		return false
	}
	b.systems[last].former = false
	return true
}

func (b *Backend) put(s *system) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, old := range slices.Clone(b.systems) {
		old.former = true
		b.retire(old)
	}
	if s != nil {
		b.systems = append(b.systems, s)
	}
}

// retire stops a former system once it has no leg; b.mu is held.
func (b *Backend) retire(s *system) {
	at := slices.Index(b.systems, s)
	if !s.former || s.legs > 0 || at < 0 {
		return
	}
	b.systems = slices.Delete(b.systems, at, at+1)
	b.work.Go(func() { // ends within stopLimit; Stop waits for it
		ctx, cancel := context.WithTimeout(context.Background(), stopLimit)
		defer cancel()
		if err := s.Backend.Stop(ctx); err != nil {
			b.log.Warn("a phone system that is configured no more did not stop in order", "backend", b.name, "error", err)
			return
		}
		b.log.Info("a phone system that is configured no more is disconnected: its last call has ended", "backend", b.name)
	})
}

// Settle waits for the stops of former systems that have begun.
func (b *Backend) Settle() { b.work.Wait() } // each has its limit

// Newest returns the phone system for new calls, nil if it was taken away.
func (b *Backend) Newest() call.Backend {
	if s := b.newest(); s != nil {
		return s.Backend
	}
	return nil
}

// Former returns how many are kept for the calls that go on there.
func (b *Backend) Former() (n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, s := range b.systems {
		if s.former {
			n++
		}
	}
	return n
}

func (b *Backend) newest() *system {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.latest()
}

// latest is newest; b.mu is held.
func (b *Backend) latest() *system {
	if last := len(b.systems) - 1; last >= 0 && !b.systems[last].former {
		return b.systems[last]
	}
	return nil
}

// of returns the system of a leg, of the newest one's if it has none.
func (b *Backend) of(leg string) (call.Backend, error) {
	b.mu.Lock()
	s := b.legs[leg]
	b.mu.Unlock()
	if s == nil {
		s = b.newest()
	}
	if s == nil {
		return nil, b.gone()
	}
	return s.Backend, nil
}

func (b *Backend) gone() error {
	return fault.New(fault.CodeBackendUnavailable, "backend %s is configured no more", b.name)
}

// begins gives a leg to a system, where a peer is or, without one, the newest, which is not stopped from then on.
func (b *Backend) begins(leg, peer string) (call.Backend, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := b.latest()
	if own := b.legs[leg]; own != nil {
		return own.Backend, nil
	}
	if p := b.legs[peer]; p != nil {
		s = p
	}
	if s == nil {
		return nil, b.gone()
	}
	b.give(leg, s)
	return s.Backend, nil
}

// give notes whose a leg is; b.mu is held.
func (b *Backend) give(leg string, s *system) {
	if b.legs[leg] == nil {
		b.legs[leg] = s
		s.legs++
	}
}

func (b *Backend) ended(leg string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if s := b.legs[leg]; s != nil {
		delete(b.legs, leg)
		s.legs--
		b.retire(s)
	}
}

// sink is what one system tells its events to.
type sink struct {
	b *Backend
	s *system
}

// Leg implements [call.Sink].
func (k sink) Leg(ev call.LegEvent) {
	switch ev.Kind {
	case call.EvEnded:
		k.b.ended(ev.Leg)
	case call.EvOffered:
		k.b.mu.Lock()
		k.b.give(ev.Leg, k.s)
		k.b.mu.Unlock()
	}
	k.b.sink.Leg(ev)
}

// Link implements [call.Sink]. What is unsure of one system is unsure of all to core, which knows of one; that is put right at once
// where another is connected: core asks again, and that one tells its own.
func (k sink) Link(_ string, up bool) {
	k.b.sink.Link(k.b.name, up)
	if !up && k.b.others(k.s) {
		k.b.sink.Link(k.b.name, true)
	}
}

// others reports whether another system than this one is connected.
func (b *Backend) others(than *system) bool {
	b.mu.Lock()
	all := slices.Clone(b.systems)
	b.mu.Unlock()
	return slices.ContainsFunc(all, func(s *system) bool { return s != than && s.Health(context.Background()) == nil })
}

// Name implements [call.Backend].
func (b *Backend) Name() string { return b.name }

// Capabilities implements [call.Backend], of the newest.
func (b *Backend) Capabilities() call.Capabilities {
	if s := b.newest(); s != nil {
		return s.Capabilities()
	}
	return call.Capabilities{}
}

// Start implements [call.Backend]. It is called once, and not at the same time as another method.
func (b *Backend) Start(ctx context.Context, to call.Sink, open []call.OpenLeg) error {
	b.sink = to
	first := b.newest()
	b.mu.Lock()
	for _, o := range open {
		b.give(o.Leg, first)
	}
	b.mu.Unlock()
	return first.Start(ctx, sink{b, first}, open)
}

// Use says who does what phones ask for, to this system and to those that come after it. It is called before Start.
func (b *Backend) Use(c call.Clicks) {
	b.clicks = c
	hand(b.Newest(), c)
}

func hand(s call.Backend, c call.Clicks) {
	if phones, ask := s.(interface{ Use(call.Clicks) }); ask && c != nil {
		phones.Use(c)
	}
}

// Locate implements [call.Backend]. What was taken away says where a phone is until its calls have ended.
func (b *Backend) Locate(ctx context.Context, w call.Way) ([]call.Way, error) {
	b.mu.Lock()
	all := slices.Clone(b.systems)
	b.mu.Unlock()
	if len(all) == 0 {
		return nil, b.gone()
	}
	return all[len(all)-1].Locate(ctx, w)
}

// Snapshot implements [call.Backend]: of all that are connected. The legs of one that is not are unsure: a phone system that died, and
// in whose place another came, may never be again. None is there when none is connected.
func (b *Backend) Snapshot(ctx context.Context) ([]call.LegInfo, error) {
	b.mu.Lock()
	all := slices.Clone(b.systems)
	b.mu.Unlock()
	var legs []call.LegInfo
	for _, s := range all {
		its, err := s.Snapshot(ctx)
		switch {
		case err != nil && s.Health(ctx) != nil && b.others(s): // it asks for another one when it is back
			legs = append(legs, b.unsure(s)...)
			continue
		case err != nil:
			return nil, err
		}
		b.mu.Lock()
		for _, l := range its {
			if slices.Contains(b.systems, s) {
				b.give(l.Leg, s)
			}
		}
		b.mu.Unlock()
		legs = append(legs, its...)
	}
	return legs, nil
}

// unsure are the legs of a system that cannot be asked.
func (b *Backend) unsure(s *system) (legs []call.LegInfo) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for leg, of := range b.legs {
		if of == s {
			legs = append(legs, call.LegInfo{Leg: leg, Unsure: true})
		}
	}
	return legs
}

// Health implements [call.Backend], of the newest.
func (b *Backend) Health(ctx context.Context) error {
	if s := b.newest(); s != nil {
		return s.Health(ctx)
	}
	return b.gone()
}

// Stop implements [call.Backend].
func (b *Backend) Stop(ctx context.Context) error {
	b.mu.Lock()
	all := slices.Clone(b.systems)
	b.mu.Unlock()
	var errs []error
	for _, s := range all {
		errs = append(errs, s.Backend.Stop(ctx))
	}
	b.work.Wait() // each has its limit
	return errors.Join(errs...)
}
