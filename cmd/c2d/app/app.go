// Package app wires C2D together: it is the one place that knows every adapter. Tests and the demo run it in-process,
// as many as they like, since nothing here is global.
//
//	Start   store -> node -> keys -> phone systems -> services -> runner -> background work -> HTTP
//	Stop    the same backwards: HTTP closes its door, ringing calls end, talking ones are left talking, the store closes
//
// Start that fails undoes what it began. Stop is idempotent and bounded by [StopLimit].
package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"sync"
	"time"

	"c2d/adapters/httpapi"
	"c2d/adapters/metrics"
	"c2d/adapters/sip"
	"c2d/adapters/sqlstore"
	"c2d/cmd/c2d/config"
	"c2d/core/access"
	"c2d/core/call"
	"c2d/core/call/swap"
	"c2d/core/dial"
	"c2d/core/identity"
)

// StopLimit is the longest that Stop takes.
const StopLimit = 9 * time.Second

// Deps are what main, the demo and the tests give; all are optional.
type Deps struct {
	Log     *slog.Logger      // nil discards
	Trace   func(sip.Message) // each SIP message in wire order; it must return at once
	Version string
	Load    func() (config.Config, error) // reads the configuration again; nil is never
}

// App is one C2D service. Start and Stop may be called from any goroutine, Start once.
type App struct {
	cfg  config.Config
	deps Deps

	store    *sqlstore.Store
	origin   identity.Origin
	keyFiles map[access.Role]string
	mu       sync.Mutex               // guards entries, stack, its address, and what Reload changes of cfg
	stack    *sip.Stack               // nil without a backend of kind sip
	sipAddr  netip.AddrPort           // where it listens, or did last
	sip      *swap.Backend            // what the stack is behind, also when it was taken away; nil if there was none yet
	entries  []dial.Entry             // replaced, not changed
	sipNames map[string]bool          // of kind sip, also of those that are configured no more
	slots    map[string]*swap.Backend // by name, also of those that are configured no more
	added    []*swap.Backend          // by Reload
	places   map[string]*swap.Backend // by where a phone system is or was, who connects there
	reloads  chan struct{}            // holds whoever reloads: one at a time, and none beside Stop
	running  context.Context          // ends when Stop begins
	halt     context.CancelFunc
	services services

	runner   *call.Runner
	limiters limiters
	metrics  *metrics.Metrics
	http     *httpapi.Server

	closers []closer
	stop    sync.Once
	stopErr error
}

// closer is one thing to undo, within its share of StopLimit.
type closer struct {
	name  string
	limit time.Duration
	close func(context.Context) error
}

// New returns a service that has not begun.
func New(cfg config.Config, deps Deps) *App {
	if deps.Log == nil {
		deps.Log = slog.New(slog.DiscardHandler)
	}
	a := &App{cfg: cfg, deps: deps, reloads: make(chan struct{}, 1)}
	a.running, a.halt = context.WithCancel(context.Background())
	return a
}

// Start begins the service and returns when it takes calls. ctx bounds the beginning only.
func (a *App) Start(ctx context.Context) error {
	for _, step := range []func(context.Context) error{
		a.openStore, a.openNode, a.openKeys, a.openPhoneSystems, a.openServices, a.startCalls, a.startWork, a.startHTTP,
	} {
		if err := step(ctx); err != nil {
			return errors.Join(err, a.Stop(context.WithoutCancel(ctx)))
		}
	}
	a.deps.Log.Info("ready", "url", a.URL(), "sip", a.SIP().String(), "node", a.origin.Installation+"-"+a.origin.Node)
	return nil
}

// undo notes what Stop has to do; the last noted is done first.
func (a *App) undo(name string, limit time.Duration, f func(context.Context) error) {
	a.closers = append(a.closers, closer{name, limit, f})
}

// Stop ends the calls that ring, leaves those that talk, and returns when everything is closed, in at most StopLimit or
// when ctx ends. Later calls wait for the first and return what it returned.
func (a *App) Stop(ctx context.Context) error {
	a.stop.Do(func() {
		ctx, cancel := context.WithTimeout(ctx, StopLimit)
		defer cancel()
		errs := []error{a.endReloads(ctx)}
		for i := len(a.closers) - 1; i >= 0; i-- {
			errs = append(errs, a.closers[i].run(ctx))
		}
		a.stopErr = errors.Join(errs...)
	})
	return a.stopErr
}

// endReloads breaks off a reload, and lets none begin any more. One that hangs in its file is not waited for to the end: what rings is
// ended before.
func (a *App) endReloads(ctx context.Context) error {
	a.halt()
	wait := time.NewTimer(reloadPatience)
	defer wait.Stop()
	select {
	case a.reloads <- struct{}{}: // for good
		return nil
	case <-wait.C:
	case <-ctx.Done():
	}
	return errors.New("the configuration is still being read")
}

func (c closer) run(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, c.limit)
	defer cancel()
	if err := c.close(ctx); err != nil {
		return fmt.Errorf("%s: %w", c.name, err)
	}
	return nil
}

// URL returns where the HTTP API is, once started.
func (a *App) URL() string {
	if a.http == nil || a.http.Addr() == nil {
		return ""
	}
	scheme := "http://"
	if a.cfg.HTTP.TLS != nil {
		scheme = "https://"
	}
	return scheme + a.http.Addr().String()
}

// SIP returns where phones register, once started; the zero value without a backend of kind sip, and where they did when it is gone.
func (a *App) SIP() netip.AddrPort {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.sipAddr
}

// NewKeys returns the files of the keys that this start has made, by role; empty but for the first start on a store.
func (a *App) NewKeys() map[access.Role]string { return a.keyFiles }
