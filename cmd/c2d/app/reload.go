package app

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"time"

	"c2d/adapters/httpapi"
	"c2d/adapters/sip"
	"c2d/cmd/c2d/config"
	"c2d/core/access"
	"c2d/core/audit"
	"c2d/core/call"
	"c2d/core/call/swap"
	"c2d/core/dial"
	"c2d/core/fault"
)

// reloadLimit bounds what phone systems take to begin.
const reloadLimit = 10 * time.Second

// Reload reads the configuration again and follows it in backends, routes, limits and the times of calls, with no call dropped: what
// has not changed is kept as it is; a phone system that is another now, or none, keeps its connection until its calls have ended.
// What cannot change while the service runs is told, and stays. On an error nothing has changed. One at a time.
// Errors: fault.CodeScopeMissing, fault.CodeInvalid for a file that is wrong, fault.CodeNotSupported without a file.
func (a *App) Reload(ctx context.Context, by access.Actor) (done httpapi.Reloaded, err error) {
	if err := by.May(access.ReloadConfig); err != nil {
		return done, err
	}
	if !a.reloads.TryLock() {
		return done, fault.New(fault.CodeConflict, "the configuration is being read, or the service stops")
	}
	defer a.reloads.Unlock()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), reloadLimit) // half of it would be worse than whoever asked has patience for
	defer cancel()
	done, err = a.reload(ctx)
	a.noteReload(ctx, by, done, err)
	return done, err
}

func (a *App) noteReload(ctx context.Context, by access.Actor, done httpapi.Reloaded, err error) {
	result := "ok"
	if err != nil {
		result = string(fault.CodeOf(err))
		a.deps.Log.Error("the configuration is not followed, and nothing has changed", "error", err)
	} else {
		a.deps.Log.Info("the configuration is followed", "changed", done.Changed, "needs restart", done.Restart)
	}
	entry := audit.New(by, time.Now(), "config.reload", "", result)
	if err := a.store.Record(context.WithoutCancel(ctx), audit.Trail{Audit: []audit.Entry{entry}}); err != nil {
		a.deps.Log.Error("audit entry not written", "action", "config.reload", "error", err)
	}
}

func (a *App) reload(ctx context.Context) (done httpapi.Reloaded, err error) {
	if a.deps.Load == nil {
		return done, fault.New(fault.CodeNotSupported, "the configuration of this service is no file")
	}
	cfg, err := a.deps.Load()
	if err != nil {
		return done, fault.New(fault.CodeInvalid, "%s", err)
	}
	next, err := a.reshape(cfg)
	if err != nil {
		return done, err
	}
	plan, err := a.plan(cfg, nil)
	if err == nil {
		err = next.begin(ctx, a)
	}
	if err != nil {
		next.drop(ctx)
		return done, err
	}
	plan.Entries = next.entries
	done = httpapi.Reloaded{Changed: append(next.changed, differ(cfg, a.cfg)...), Restart: append(next.restart, fixed(cfg, a.cfg)...)}
	a.follow(cfg, next, plan)
	next.end(ctx, a)
	return done, nil
}

// follow lets what is placed from now on go by the new configuration.
func (a *App) follow(cfg config.Config, next *reshaping, plan dial.Plan) {
	a.mu.Lock()
	a.entries, a.cfg.Backends = next.entries, next.backends
	a.cfg.Routes = cfg.Routes
	country := a.cfg.Calls.Country
	a.cfg.Calls = cfg.Calls
	a.cfg.Calls.Country = country
	limits := cfg.Limits
	limits.Streams, limits.Body = a.cfg.Limits.Streams, a.cfg.Limits.Body
	a.cfg.Limits = limits
	a.mu.Unlock()
	a.limiters.set(limits)
	a.services.users.SetBackends(names(next.entries))
	a.services.calls.Change(plan)
	a.runner.Limit(gates(limits, next.entries))
}

// configured are the entries now.
func (a *App) configured() []dial.Entry {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.entries
}

// reshaping is the way from the entries that are to those that shall be.
type reshaping struct {
	entries  []dial.Entry
	backends []config.Backend // what the entries are by
	exchange map[*swap.Backend]call.Backend
	add      []*swap.Backend
	built    []call.Backend  // not started yet
	slots    []*swap.Backend // of fresh
	fresh    []config.Backend
	remove   []*swap.Backend
	changed  []string
	restart  []string
}

// reshape makes what is new, and starts nothing.
func (a *App) reshape(cfg config.Config) (*reshaping, error) {
	r := &reshaping{exchange: map[*swap.Backend]call.Backend{}}
	for _, b := range cfg.Backends {
		if err := a.shape(r, b); err != nil {
			r.drop(context.Background())
			return nil, fault.New(fault.CodeInvalid, "backend %s: %s", b.Name, plainly(err))
		}
	}
	for i, old := range a.cfg.Backends {
		if slices.ContainsFunc(cfg.Backends, func(b config.Backend) bool { return b.Name == old.Name }) {
			continue
		}
		r.changed = append(r.changed, "backend "+old.Name+": takes no new calls")
		if s, can := a.entries[i].Backend.(*swap.Backend); can {
			r.remove = append(r.remove, s)
		} else {
			r.restart = append(r.restart, "backend "+old.Name+": it is gone for new calls; its registration and ports are until then")
		}
	}
	return r, nil
}

// shape decides what becomes of one entry of the new configuration.
func (a *App) shape(r *reshaping, b config.Backend) error {
	i := slices.IndexFunc(a.cfg.Backends, func(old config.Backend) bool { return old.Name == b.Name })
	keep := func(why string) error {
		if why != "" {
			r.restart = append(r.restart, "backend "+b.Name+": "+why)
		}
		if i >= 0 {
			r.entries, r.backends = append(r.entries, a.entries[i]), append(r.backends, a.cfg.Backends[i])
		}
		return nil
	}
	switch {
	case i >= 0 && reflect.DeepEqual(b, a.cfg.Backends[i]):
		return keep("")
	case b.SIP != nil || i >= 0 && a.cfg.Backends[i].SIP != nil:
		return keep("phones and trunks of SIP are those of the start")
	case a.taken(b):
		return keep("it is the phone system that is connected; two connections to one would fight for its calls")
	}
	s, err := a.phoneSystem(b)
	if err != nil {
		return err
	}
	r.built = append(r.built, s)
	slot, known := a.slots[b.Name]
	if known {
		r.exchange[slot] = s
	} else {
		slot = swap.New(b.Name, s, a.deps.Log)
		slot.Use(a.services.calls)
		r.add = append(r.add, slot)
	}
	r.shaped(b, slot, i >= 0)
	return nil
}

// shaped notes an entry that is another now, or new.
func (r *reshaping) shaped(b config.Backend, slot *swap.Backend, there bool) {
	what := "added"
	if there {
		what = "exchanged"
	}
	r.slots = append(r.slots, slot)
	r.fresh = append(r.fresh, b)
	r.entries, r.backends = append(r.entries, dial.Entry{Name: b.Name, Backend: slot}), append(r.backends, b)
	r.changed = append(r.changed, "backend "+b.Name+": "+what)
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

// taken reports whether a phone system is where one of the present ones is, or a former one that has calls.
func (a *App) taken(b config.Backend) bool {
	_, place, _ := b.Place()
	if former := a.places[place]; former != nil && former.Former() > 0 {
		return true
	}
	return place != "" && slices.ContainsFunc(a.cfg.Backends, func(old config.Backend) bool {
		_, is, _ := old.Place()
		return is == place
	})
}

// begin starts what is new.
func (r *reshaping) begin(ctx context.Context, a *App) error {
	for _, s := range r.add {
		if err := a.runner.Add(ctx, s.Name(), s); err != nil {
			return err
		}
		a.added = append(a.added, s)
	}
	for slot, s := range r.exchange {
		if err := slot.Exchange(ctx, s); err != nil {
			return err
		}
	}
	r.built = nil
	for i, b := range r.fresh {
		a.keep(b, r.slots[i])
	}
	return nil
}

// drop stops what was made and is not used.
func (r *reshaping) drop(ctx context.Context) {
	for _, s := range r.built {
		_ = s.Stop(ctx)
	}
}

// end takes away what is configured no more; it lives until its calls have ended.
func (r *reshaping) end(ctx context.Context, a *App) {
	for _, s := range r.remove {
		if err := s.Exchange(ctx, nil); err != nil {
			a.deps.Log.Warn("a backend was not taken away", "backend", s.Name(), "error", err)
		}
	}
}

// stopAdded stops what came by Reload.
func (a *App) stopAdded(ctx context.Context) error {
	var errs []error
	for _, s := range a.added {
		errs = append(errs, s.Stop(ctx))
	}
	return errors.Join(errs...)
}

// differ tells of sections that are followed.
func differ(now, was config.Config) (all []string) {
	for _, s := range []struct {
		name     string
		now, was any
	}{{"routes", now.Routes, was.Routes}, {"limits", now.Limits, was.Limits}, {"calls", now.Calls, was.Calls}} {
		if !reflect.DeepEqual(s.now, s.was) {
			all = append(all, s.name)
		}
	}
	return all
}

// fixed tells of what only a restart can change.
func fixed(now, was config.Config) (all []string) {
	bare := func(c sip.Config) sip.Config { c.Entries, c.Country, c.Media = nil, "", sip.Media{}; return c }
	web := func(c httpapi.Config) httpapi.Config { c.Limits = httpapi.Limits{}; return c }
	for _, s := range []struct {
		name     string
		now, was any
	}{
		{"node", now.Node, was.Node}, {"http", web(now.HTTP), web(was.HTTP)}, {"store", now.Store, was.Store}, {"numbers", now.Numbers, was.Numbers},
		{"media", now.Media, was.Media}, {"sip", bare(now.SIP), bare(was.SIP)}, {"webhooks", now.Webhooks, was.Webhooks},
		{"calls.country", now.Calls.Country, was.Calls.Country}, {"limits.streams", now.Limits.Streams, was.Limits.Streams},
		{"limits.body_bytes", now.Limits.Body, was.Limits.Body},
	} {
		if !reflect.DeepEqual(s.now, s.was) {
			all = append(all, fmt.Sprintf("%s: is as it was at the start", s.name))
		}
	}
	return all
}
