package app

import (
	"context"
	"time"

	"c2d/adapters/httpapi"
	"c2d/cmd/c2d/config"
	"c2d/core/access"
	"c2d/core/audit"
	"c2d/core/dial"
	"c2d/core/fault"
)

// reloadLimit bounds what phone systems take to begin.
const reloadLimit = 10 * time.Second

// reloadPatience is how long Stop waits for a reload that it breaks off.
const reloadPatience = 2 * time.Second

// Reload reads the configuration again and follows it in backends, routes, limits and the times of calls, with no call dropped: what
// has not changed is kept as it is; a phone system that stays where it is gets its new dial rules; one that is another now, or none,
// keeps its connection until its calls have ended. On an error nothing has changed. One at a time.
// Errors: fault.CodeScopeMissing, fault.CodeInvalid for a file that is wrong, fault.CodeConflict with the field for what only a restart
// can change, fault.CodeNotSupported without a file.
func (a *App) Reload(ctx context.Context, by access.Actor) (done httpapi.Reloaded, err error) {
	if err := by.May(access.ReloadConfig); err != nil {
		return done, err
	}
	select {
	case a.reloads <- struct{}{}:
		defer func() { <-a.reloads }()
	default:
		return done, fault.New(fault.CodeConflict, "the configuration is being read, or the service stops")
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), reloadLimit) // half of it would be worse than whoever asked has patience for
	defer cancel()
	defer context.AfterFunc(a.running, cancel)()
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
		a.deps.Log.Info("the configuration is followed", "changed", done.Changed, "added", done.Added, "draining", done.Draining)
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
	if a.running.Err() != nil {
		return done, fault.New(fault.CodeConflict, "the service stops")
	}
	plan, err := a.plan(cfg, nil)
	if err != nil {
		return done, err
	}
	next, err := a.reshape(cfg)
	if err != nil {
		return done, err
	}
	if err := next.begin(ctx); err != nil {
		next.drop(ctx)
		return done, err
	}
	next.changed = append(next.changed, differ(cfg, a.cfg)...)
	next.take()
	plan.Entries = next.entries
	a.follow(cfg, next.entries, plan)
	next.remove()
	return httpapi.Reloaded{Changed: next.changed, Added: next.added, Draining: a.draining()}, nil
}

// follow lets what is placed from now on go by the new configuration.
func (a *App) follow(cfg config.Config, entries []dial.Entry, plan dial.Plan) {
	a.mu.Lock()
	a.entries, a.cfg.Backends, a.cfg.SIP.Entries = entries, cfg.Backends, cfg.SIP.Entries
	a.cfg.Routes, a.cfg.Calls, a.cfg.Limits = cfg.Routes, cfg.Calls, cfg.Limits // nothing else differs
	a.mu.Unlock()
	a.limiters.set(cfg.Limits)
	a.services.users.SetBackends(names(entries))
	a.services.calls.Change(plan)
	a.runner.Limit(gates(cfg.Limits, entries))
}

// configured are the entries now.
func (a *App) configured() []dial.Entry {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.entries
}
