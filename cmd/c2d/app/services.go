package app

import (
	"context"
	"fmt"
	"regexp"
	"time"

	"c2d/adapters/ari"
	"c2d/adapters/esl"
	"c2d/adapters/httpapi"
	"c2d/adapters/numbering"
	"c2d/adapters/sim"
	"c2d/adapters/sqlstore"
	webhooks "c2d/adapters/webhook"
	"c2d/cmd/c2d/config"
	"c2d/core/access"
	"c2d/core/call"
	"c2d/core/call/swap"
	"c2d/core/dial"
	"c2d/core/directory"
	"c2d/core/event"
	"c2d/core/user"
	"c2d/core/webhook"
)

// epoch numbers the times that the calls of a node were taken over by another. There is no take-over yet.
const epoch = 1

// services are the core's, on the adapters.
type services struct {
	keys  *access.Service
	users *user.Service
	book  *directory.Service
	calls *dial.Service
	hooks *webhook.Service
}

func (a *App) openStore(ctx context.Context) (err error) {
	if a.store, err = sqlstore.Open(ctx, a.cfg.Store.URL, sqlstore.Options{}); err != nil {
		return err
	}
	a.undo("store", 5*time.Second, func(context.Context) error { return a.store.Close() })
	return nil
}

// openBackend makes one entry; entries of kind sip share one stack.
func (a *App) openBackend(b config.Backend) (dial.Entry, error) {
	if b.SIP != nil {
		a.nameSIP(b.Name)
		return a.sipEntry(*b.SIP), nil
	}
	s, err := a.phoneSystem(b, nil)
	if err != nil {
		return dial.Entry{}, err
	}
	kept := swap.New(b.Name, s, a.deps.Log)
	a.keep(b, kept)
	a.undo(b.Name, 3*time.Second, kept.Stop)
	return dial.Entry{Name: b.Name, Backend: kept}, nil
}

// phoneSystem makes that of an entry, which is not of kind sip. former is in whose place it comes, nil for nobody's.
func (a *App) phoneSystem(b config.Backend, former call.Backend) (call.Backend, error) {
	national := numbering.National(a.cfg.Numbers.Country)
	switch {
	case b.Sim != nil:
		return sim.New(*b.Sim, a.origin.LegID), nil
	case b.Asterisk != nil:
		return ari.New(*b.Asterisk, ari.Deps{Origin: a.origin, National: national, Log: a.deps.Log, Archive: a.cfg.Media.Recordings, NoBeep: a.cfg.Media.NoBeep})
	case b.FreeSWITCH != nil:
		place, _ := former.(*esl.Backend)
		return esl.New(*b.FreeSWITCH, esl.Deps{Origin: a.origin, Country: a.cfg.Calls.Country, National: national, NoBeep: a.cfg.Media.NoBeep, Log: a.deps.Log, Former: place})
	}
	return nil, fmt.Errorf("backend %s has no kind", b.Name)
}

func (a *App) openServices(context.Context) error {
	numbers, err := numbering.New(a.cfg.Numbers)
	if err != nil {
		return err
	}
	plan, err := a.plan(a.cfg, a.entries)
	if err != nil {
		return err
	}
	a.limiters.set(a.cfg.Limits)
	a.services.users = user.NewService(a.store, a.cfg.SIP.Domain, names(a.entries), numbers)
	a.services.book = directory.NewService(a.store, numbers, numbering.Folder{})
	a.services.calls = dial.New(dial.Config{
		Calls: a.store, Users: a.store, Book: a.services.book, Contacts: a.store, Audit: a.store,
		Numbers: numbers, Allowed: numbers.Allowed, Plan: plan, Log: a.deps.Log,
	})
	for _, e := range a.entries {
		if phones, ask := e.Backend.(interface{ Use(call.Clicks) }); ask {
			phones.Use(a.services.calls)
		}
	}
	return nil
}

func names(entries []dial.Entry) (all []string) {
	for _, e := range entries {
		all = append(all, e.Name)
	}
	return all
}

// plan is how calls are placed by a configuration, over these entries.
func (a *App) plan(cfg config.Config, entries []dial.Entry) (dial.Plan, error) {
	p := dial.Plan{Entries: entries, Ring: call.Seconds(cfg.Calls.Ring), Talk: call.Seconds(cfg.Calls.Talk), Emergency: cfg.Calls.Emergency, Limits: a.limiters.dial()}
	for _, r := range cfg.Routes {
		match, err := regexp.Compile(r.Match)
		if err != nil {
			return p, fmt.Errorf("route %q: %w", r.Match, err)
		}
		p.Routes = append(p.Routes, dial.Route{Match: match, Backends: r.Backends})
	}
	return p, nil
}

// startCalls makes the runner, which takes up what a former process left and starts the backends.
func (a *App) startCalls(ctx context.Context) error {
	backends := map[string]call.Backend{}
	for _, e := range a.entries {
		backends[e.Name] = e.Backend
	}
	a.runner = call.NewRunner(call.Config{Store: a.store, Backends: backends, Origin: a.origin, Epoch: epoch, Gates: gates(a.cfg.Limits, a.entries), Allow: a.limiters.may, Outcome: a.services.calls.Outcome, Log: a.deps.Log},
		a.services.calls, a.services.calls)
	a.services.calls.Use(a.runner)
	a.undo("calls", 4*time.Second, a.runner.Stop)
	return a.runner.Start(ctx)
}

// gates are how many calls ring at once on each entry.
func gates(limits config.Limits, entries []dial.Entry) map[string]int {
	all := map[string]int{}
	for _, e := range entries {
		all[e.Name] = limits.RingingOn(e.Name)
	}
	return all
}

func (a *App) startHTTP(context.Context) error {
	sender, err := webhooks.NewSender(a.cfg.Webhooks, a.deps.Version)
	if err != nil {
		return err
	}
	var server *httpapi.Server
	couriers := webhook.NewCouriers(webhook.Config{Tenant: access.MainTenant, Store: a.store, Events: a.store, Sender: sender, Log: a.deps.Log,
		Body: func(ctx context.Context, e event.Event) ([]byte, error) { return server.WebhookBody(ctx, e) }})
	a.services.hooks = webhook.NewService(a.store, a.store, sender.CheckURL, couriers.Wake)
	server, err = httpapi.New(a.cfg.HTTP, httpapi.Deps{
		Calls: a.services.calls, Users: a.services.users, Book: a.services.book, Keys: a.services.keys, Webhooks: a.services.hooks,
		Events: a.store, Audit: a.store, Health: a.health, Metrics: a.metrics.Handler(), Log: a.deps.Log, Version: a.deps.Version,
		Limiter: (*byPrefix)(&a.limiters), Reload: a.Reload,
	})
	if err != nil {
		return err
	}
	if err := server.Start(); err != nil {
		return err
	}
	a.http = server
	a.undo("http", 2*time.Second, server.Stop)
	a.startCouriers(couriers, sender)
	return nil
}

// health tells how the store and each backend are.
func (a *App) health(ctx context.Context) map[string]error {
	_, err := a.store.Head(ctx, access.MainTenant)
	if err == nil {
		err = a.store.Writable(ctx)
	}
	all := map[string]error{"store": err}
	for _, e := range a.configured() {
		all[e.Name] = a.entryHealth(ctx, e)
	}
	return all
}

// entryHealth is that of a backend, and of the calls that went over it.
func (a *App) entryHealth(ctx context.Context, e dial.Entry) error {
	if err := e.Well(ctx); err != nil {
		return err
	}
	return a.services.calls.Open(e.Name)
}
