package app

import (
	"context"
	"sync"
	"time"

	"c2d/adapters/metrics"
	webhooks "c2d/adapters/webhook"
	"c2d/core/access"
	"c2d/core/call"
	"c2d/core/webhook"
)

// pruneEvery is how often what is too old is removed. The first time is at the start.
const pruneEvery = time.Hour

// startWork begins what runs beside the calls: metrics, and the removal of what is too old.
func (a *App) startWork(context.Context) error {
	a.metrics = metrics.New(a.store, access.MainTenant)
	a.metrics.Store(func() int64 { return a.store.Stats().Commits }, func() int64 { return a.store.Stats().Writes })
	a.metrics.Backends(a.backendStates)
	ctx, cancel := context.WithCancel(context.Background())
	var work sync.WaitGroup
	work.Go(func() { a.metrics.Run(ctx, a.openCalls) })
	work.Go(func() { a.prune(ctx) })
	a.undo("background work", 2*time.Second, func(context.Context) error {
		cancel()
		work.Wait()
		return nil
	})
	return nil
}

// backendStates is how each backend is, for the metrics.
func (a *App) backendStates() map[string]metrics.Backend {
	all := map[string]metrics.Backend{}
	for _, e := range a.configured() {
		all[e.Name] = metrics.Backend{Up: a.entryHealth(context.Background(), e) == nil, Open: a.services.calls.Open(e.Name) != nil}
	}
	return all
}

// startCouriers tells web hooks what happens, until Stop.
func (a *App) startCouriers(c *webhook.Couriers, s *webhooks.Sender) {
	ctx, cancel := context.WithCancel(context.Background())
	var work sync.WaitGroup
	work.Go(func() { c.Run(ctx) })
	a.undo("web hooks", 2*time.Second, func(context.Context) error {
		cancel()
		work.Wait()
		s.Close()
		return nil
	})
}

func (a *App) openCalls(ctx context.Context) ([]call.Call, error) {
	return a.store.Open(ctx, a.origin.Node)
}

// prune runs until ctx ends. What fails is tried again the next time.
func (a *App) prune(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case now := <-timer.C:
			if err := a.store.Prune(ctx, now.AddDate(0, 0, -a.cfg.Store.KeepDays)); err != nil && ctx.Err() == nil {
				a.deps.Log.Warn("old events are not removed", "error", err)
			}
			timer.Reset(pruneEvery)
		case <-ctx.Done():
			return
		}
	}
}
