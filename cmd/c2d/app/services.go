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
	switch {
	case b.SIP != nil:
		return dial.Entry{Name: b.Name, Backend: a.stack, Registered: !b.SIP.Trunk(),
			Health: func(ctx context.Context) error { return a.stack.EntryHealth(ctx, b.Name) }}, nil
	case b.Sim != nil:
		s := sim.New(*b.Sim, a.origin.LegID)
		a.undo(b.Name, 2*time.Second, s.Stop)
		return dial.Entry{Name: b.Name, Backend: s}, nil
	case b.Asterisk != nil:
		s, err := ari.New(*b.Asterisk, ari.Deps{
			Origin: a.origin, National: numbering.National(a.cfg.Numbers.Country), Log: a.deps.Log, Archive: a.cfg.Media.Recordings, NoBeep: a.cfg.Media.NoBeep})
		if err != nil {
			return dial.Entry{}, err
		}
		a.undo(b.Name, 3*time.Second, s.Stop)
		return dial.Entry{Name: b.Name, Backend: s}, nil
	case b.FreeSWITCH != nil:
		s, err := esl.New(*b.FreeSWITCH, esl.Deps{Origin: a.origin, Country: a.cfg.Calls.Country, National: numbering.National(a.cfg.Numbers.Country), NoBeep: a.cfg.Media.NoBeep, Log: a.deps.Log})
		if err != nil {
			return dial.Entry{}, err
		}
		a.undo(b.Name, 3*time.Second, s.Stop)
		return dial.Entry{Name: b.Name, Backend: s}, nil
	}
	return dial.Entry{}, fmt.Errorf("backend %s has no kind", b.Name)
}

func (a *App) openServices(context.Context) error {
	numbers, err := numbering.New(a.cfg.Numbers)
	if err != nil {
		return err
	}
	var names []string
	for _, e := range a.entries {
		names = append(names, e.Name)
	}
	routes, err := a.routes()
	if err != nil {
		return err
	}
	a.perBackend = newBackendLimiters(a.cfg.Limits)
	a.services.users = user.NewService(a.store, a.cfg.SIP.Domain, names, numbers)
	a.services.book = directory.NewService(a.store, numbers, numbering.Folder{})
	a.services.calls = dial.New(dial.Config{
		Calls: a.store, Users: a.store, Book: a.services.book, Contacts: a.store, Audit: a.store,
		Numbers: numbers, Allowed: numbers.Allowed, Entries: a.entries, Routes: routes,
		Ring: call.Seconds(a.cfg.Calls.Ring), Talk: call.Seconds(a.cfg.Calls.Talk), Emergency: a.cfg.Calls.Emergency,
		Limits: dial.Limits{PerUser: newLimiter(a.cfg.Limits.User), PerCallee: newLimiter(a.cfg.Limits.Callee), PerBackend: a.perBackend},
		Log:    a.deps.Log,
	})
	for _, e := range a.entries {
		if phones, ask := e.Backend.(interface{ Use(call.Clicks) }); ask {
			phones.Use(a.services.calls)
		}
	}
	return nil
}

func (a *App) routes() ([]dial.Route, error) {
	var all []dial.Route
	for _, r := range a.cfg.Routes {
		match, err := regexp.Compile(r.Match)
		if err != nil {
			return nil, fmt.Errorf("route %q: %w", r.Match, err)
		}
		all = append(all, dial.Route{Match: match, Backends: r.Backends})
	}
	return all, nil
}

// startCalls makes the runner, which takes up what a former process left and starts the backends.
func (a *App) startCalls(ctx context.Context) error {
	backends, gates := map[string]call.Backend{}, map[string]int{}
	for _, e := range a.entries {
		backends[e.Name] = e.Backend
		gates[e.Name] = a.cfg.Limits.RingingOn(e.Name)
	}
	runner := call.NewRunner(call.Config{Store: a.store, Backends: backends, Origin: a.origin, Epoch: epoch, Gates: gates, Allow: a.perBackend.may, Outcome: a.services.calls.Outcome, Log: a.deps.Log},
		a.services.calls, a.services.calls)
	a.services.calls.Use(runner)
	a.undo("calls", 4*time.Second, runner.Stop)
	return runner.Start(ctx)
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
		Limiter: byPrefix{keys: newLimiter(a.cfg.Limits.Key), addresses: newLimiter(a.cfg.Limits.Address)},
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
	for _, e := range a.entries {
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
