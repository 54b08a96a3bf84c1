package app

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"sync"

	"c2d/adapters/ari"
	"c2d/adapters/esl"
	"c2d/cmd/c2d/config"
	"c2d/core/call"
	"c2d/core/call/swap"
	"c2d/core/dial"
	"c2d/core/fault"
)

// reshaping is the way from the entries that are to those that shall be:
//
//	reshape   makes what is new; what cannot change is refused
//	begin     starts it; an error, and drop, leave all as it was
//	take      puts it in its place; cannot fail
//	remove    takes away what is configured no more; it lives until its calls have ended
type reshaping struct {
	a       *App
	entries []dial.Entry
	news    []*newcomer
	sip     sipChange
	follow  []func() // what stays where it is, and goes by other rules
	gone    []*swap.Backend
	changed []string
	added   []string
}

// newcomer is a phone system that comes, alone or in the place of another.
type newcomer struct {
	config config.Backend
	system call.Backend
	slot   *swap.Backend
	known  bool       // the slot is there
	next   *swap.Next // begun
}

// reshape makes what is new, and starts nothing. Errors: fault.CodeConflict for what needs a restart; fault.CodeInvalid with the field
// of an entry.
func (a *App) reshape(cfg config.Config) (*reshaping, error) {
	if fields := append(fixed(cfg, a.cfg), a.stuck(cfg)...); len(fields) > 0 {
		return nil, needRestart(fields)
	}
	r := &reshaping{a: a}
	err := r.reshapeSIP(cfg)
	for _, b := range cfg.Backends {
		if err == nil {
			err = r.shape(b)
		}
	}
	if err != nil {
		r.drop(context.Background())
		return nil, err
	}
	for _, old := range a.cfg.Backends {
		if find(cfg.Backends, old.Name) != nil {
			continue
		}
		r.changed = append(r.changed, "backend "+old.Name+": takes no new calls")
		if old.SIP == nil {
			r.gone = append(r.gone, a.slots[old.Name])
		}
	}
	return r, nil
}

func find(all []config.Backend, name string) *config.Backend {
	i := slices.IndexFunc(all, func(b config.Backend) bool { return b.Name == name })
	if i < 0 {
		return nil
	}
	return &all[i]
}

// stuck returns the fields of entries that cannot change while the service runs.
func (a *App) stuck(cfg config.Config) (fields []string) {
	for _, b := range cfg.Backends {
		_, other := a.slots[b.Name]
		if b.SIP != nil && other || b.SIP == nil && a.runs(b.Name) && !other { // calls of the name would be looked for at the other
			fields = append(fields, fieldOf(cfg, b.Name, "kind"))
			continue
		}
		old := find(a.cfg.Backends, b.Name)
		switch key, place, _ := b.Place(); {
		case place == "" || old != nil && reflect.DeepEqual(b, *old):
		case old != nil && stays(b, *old):
			if f := fieldIn(follows(b, *old)); f != "" {
				fields = append(fields, fieldOf(cfg, b.Name, f))
			}
		case a.taken(place): // two connections to one would fight for its calls
			fields = append(fields, fieldOf(cfg, b.Name, key))
		}
	}
	return fields
}

// runs reports whether a name is, or was, an entry's.
func (a *App) runs(name string) bool { return a.slots[name] != nil || a.sipNames[name] }

// stays reports whether an entry's phone system is where it was.
func stays(now, was config.Backend) bool {
	_, place, kind := now.Place()
	_, before, same := was.Place()
	return place != "" && place == before && kind == same
}

func follows(now, was config.Backend) error {
	switch {
	case now.Asterisk != nil:
		return now.Asterisk.Follows(*was.Asterisk)
	case now.FreeSWITCH != nil:
		return now.FreeSWITCH.Follows(*was.FreeSWITCH)
	}
	return nil
}

func fieldIn(err error) string {
	var f *fault.Error
	if errors.As(err, &f) {
		return f.Field
	}
	return ""
}

// taken reports whether a phone system is where one of the present ones is, or a former one that has calls.
func (a *App) taken(place string) bool {
	if former := a.places[place]; former != nil && former.Former() > 0 {
		return true
	}
	return slices.ContainsFunc(a.cfg.Backends, func(old config.Backend) bool {
		_, is, _ := old.Place()
		return is == place
	})
}

// shape decides what becomes of one entry of the new configuration.
func (r *reshaping) shape(b config.Backend) error {
	old := find(r.a.cfg.Backends, b.Name)
	slot, known := r.a.slots[b.Name]
	switch {
	case b.SIP != nil:
		r.entries = append(r.entries, r.a.sipEntry(*b.SIP))
		r.noted(b, old)
		return nil
	case old != nil && (reflect.DeepEqual(b, *old) || stays(b, *old)):
		r.entries = append(r.entries, dial.Entry{Name: b.Name, Backend: slot})
		r.follow = append(r.follow, func() { follow(slot.Newest(), b) })
		r.noted(b, old)
		return nil
	}
	var former call.Backend
	if known {
		former = slot.Newest()
	}
	s, err := r.a.phoneSystem(b, former)
	if err != nil {
		return fault.Field(fault.CodeInvalid, fieldIn(err), "backend %s: %s", b.Name, plainly(err))
	}
	if !known {
		slot = swap.New(b.Name, s, r.a.deps.Log)
		slot.Use(r.a.services.calls)
	}
	r.news = append(r.news, &newcomer{config: b, system: s, slot: slot, known: known})
	r.entries = append(r.entries, dial.Entry{Name: b.Name, Backend: slot})
	if old != nil {
		r.changed = append(r.changed, "backend "+b.Name+": exchanged")
	} else {
		r.added = append(r.added, "backend "+b.Name)
	}
	return nil
}

// noted tells of an entry that stays where it is.
func (r *reshaping) noted(b config.Backend, old *config.Backend) {
	switch {
	case old == nil:
		r.added = append(r.added, "backend "+b.Name)
	case !reflect.DeepEqual(b, *old):
		r.changed = append(r.changed, "backend "+b.Name)
	}
}

func follow(s call.Backend, b config.Backend) {
	switch s := s.(type) {
	case *ari.Backend:
		s.Follow(*b.Asterisk)
	case *esl.Backend:
		s.Follow(*b.FreeSWITCH)
	}
}

// begin starts what is new, all at once: one that is absent is waited for.
func (r *reshaping) begin(ctx context.Context) error {
	errs := make([]error, len(r.news)+1)
	var all sync.WaitGroup
	for i, n := range r.news {
		all.Go(func() { errs[i] = n.begin(ctx, r.a.runner) })
	}
	all.Go(func() { errs[len(r.news)] = r.sip.begin(ctx, r) })
	all.Wait()
	return errors.Join(errs...)
}

func (n *newcomer) begin(ctx context.Context, carrier *call.Runner) (err error) {
	if n.known {
		n.next, err = n.slot.Begin(ctx, n.system)
		return err
	}
	return carrier.Add(ctx, n.config.Name, n.slot)
}

// drop stops what was made and is not used.
func (r *reshaping) drop(ctx context.Context) {
	for _, n := range r.news {
		if !n.known {
			r.a.runner.Forget(n.config.Name)
		}
		_ = n.system.Stop(ctx)
	}
	r.sip.drop(ctx, r.a)
}

// take puts what has begun in its place.
func (r *reshaping) take() {
	for _, n := range r.news {
		if n.known {
			n.next.Take()
		} else {
			r.a.added = append(r.a.added, n.slot)
		}
		r.a.keep(n.config, n.slot)
	}
	for _, f := range r.follow {
		f()
	}
	r.sip.take(r.a)
}

// remove takes away what is configured no more.
func (r *reshaping) remove() {
	for _, s := range r.gone {
		s.Remove()
	}
	r.sip.remove(r.a)
}

// keep remembers who connects where.
func (a *App) keep(b config.Backend, slot *swap.Backend) {
	if a.slots == nil {
		a.slots, a.places = map[string]*swap.Backend{}, map[string]*swap.Backend{}
	}
	a.slots[b.Name] = slot
	if _, place, _ := b.Place(); place != "" {
		a.places[place] = slot
	}
}

// draining names what is configured no more, or is another now, and has calls still.
func (a *App) draining() (all []string) {
	for name, slot := range a.slots {
		if slot.Former() > 0 {
			all = append(all, "backend "+name)
		}
	}
	if a.sip != nil {
		for _, name := range a.leavingSIP() {
			all = append(all, "backend "+name)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// stopAdded stops what came by Reload.
func (a *App) stopAdded(ctx context.Context) error {
	var errs []error
	for _, s := range a.added {
		errs = append(errs, s.Stop(ctx))
	}
	return errors.Join(errs...)
}
