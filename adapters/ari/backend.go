package ari

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"c2d/adapters/ari/client"
	"c2d/core/call"
	"c2d/core/fault"
	"c2d/core/identity"
)

var (
	_ call.Backend = (*Backend)(nil)
	_ call.Parter  = (*Backend)(nil)
	_ call.Holder  = (*Backend)(nil)
	_ call.Keyer   = (*Backend)(nil)
)

// Deps are what a backend needs beside its configuration.
type Deps struct {
	Origin   identity.Origin     // whose legs are ours, also after a restart
	National func(string) string // writes numbers where the configuration wants national ones; see identity.Format
	Log      *slog.Logger        // nil is none
	Archive  string              // folder of recordings, made if it is not there; empty records nothing
	NoBeep   bool                // let nobody hear that he is recorded
}

// Backend is one Asterisk. Safe for concurrent use.
type Backend struct {
	cfg     Config
	app     string // our own, in which every leg that we ring is
	shared  string // to which the dialplan hands calls
	numbers identity.Dialling
	origin  identity.Origin
	api     *client.Client
	waits   waits
	archive archive
	noBeep  bool
	log     *slog.Logger
	sink    call.Sink   // set by Start, before anything is told
	clicks  call.Clicks // who does what phones ask for; nil is nobody

	mu       sync.Mutex
	legs     map[string]*leg // by leg id, those that have not ended
	channels map[string]*leg // by the id of each channel of a leg
	prompts  map[string]*leg // whose end is awaited, by playback
	bridges  map[string]*bridge
	turns    map[string]*turn   // of the bridges that something is being done to
	records  map[string]*record // that run or are being fetched, by file
	looking  int                // snapshots that are being taken
	over     map[string]bool    // channels that have ended since the first of them began
	count    int                // of prompts
	err      error              // why Asterisk cannot be reached; nil while it can
	closed   bool

	ctx    context.Context
	cancel context.CancelFunc
	work   sync.WaitGroup
}

// waits are the limits of what is waited for.
type waits struct {
	watch   client.Watch
	request time.Duration // for one request that no ctx of the caller's bounds
	first   time.Duration // that Start waits for the first connection
	retry   time.Duration // before the first reconnect; doubles up to 100 times that
	away    time.Duration // before a name that another process has taken is tried again
	prompt  time.Duration // that one prompt lasts
	rest    time.Duration // that the rest of an end is waited for, once a part of it is known; also before a recording is asked for again
	fetch   time.Duration // that a recording may take to come here
}

var defaultWaits = waits{
	watch:   client.Watch{Every: 5 * time.Second, Answer: 5 * time.Second},
	request: 5 * time.Second, first: 2 * time.Second, retry: 100 * time.Millisecond, away: time.Minute, prompt: 3 * time.Second, rest: time.Second, fetch: 10 * time.Minute,
}

// New returns a backend that has sent nothing yet; the configuration is valid.
func New(cfg Config, deps Deps) (*Backend, error) {
	how, err := cfg.client()
	if err != nil {
		return nil, err
	}
	if deps.Log == nil {
		deps.Log = slog.New(slog.DiscardHandler)
	}
	ctx, cancel := context.WithCancel(context.Background())
	return &Backend{
		cfg: cfg, app: "c2d-" + deps.Origin.Installation + "-" + deps.Origin.Node, shared: cfg.app(), origin: deps.Origin,
		numbers: identity.NewDialling(cfg.Dial, defaultDial, cfg.Out, deps.National), api: client.New(how), waits: defaultWaits, log: deps.Log.With("backend", cfg.Name),
		archive: archive(deps.Archive), noBeep: deps.NoBeep, records: map[string]*record{},
		legs: map[string]*leg{}, channels: map[string]*leg{}, prompts: map[string]*leg{}, bridges: map[string]*bridge{}, turns: map[string]*turn{},
		err: errors.New("not connected yet"), ctx: ctx, cancel: cancel,
	}, nil
}

// Name implements [call.Backend].
func (b *Backend) Name() string { return b.cfg.Name }

// Capabilities implements [call.Backend].
func (b *Backend) Capabilities() call.Capabilities {
	return call.Capabilities{Confirm: true, Hold: true, SendDTMF: true, Record: b.archive != "", Offers: true, Part: true, TalkLimit: true}
}

// Start implements [call.Backend]. It waits a moment for the first connection; an Asterisk that is absent is tried on and on,
// and told of by Link and Health.
func (b *Backend) Start(ctx context.Context, sink call.Sink, open []call.OpenLeg) error {
	if err := b.archive.make(); err != nil {
		return err
	}
	b.mu.Lock()
	b.sink = sink
	for _, o := range open {
		b.takeUp(o)
	}
	b.mu.Unlock()
	connected := make(chan struct{})
	b.work.Go(func() { b.run(sync.OnceFunc(func() { close(connected) })) })
	first := time.NewTimer(b.waits.first)
	defer first.Stop()
	select {
	case <-connected:
	case <-first.C:
	case <-ctx.Done():
		return ctx.Err()
	}
	return nil
}

// run keeps the connection up until Stop.
func (b *Backend) run(connected func()) {
	apps := []string{b.app, b.shared}
	for failures := 0; b.ctx.Err() == nil; {
		err := b.api.Listen(b.ctx, apps, b.waits.watch, func(ctx context.Context) error {
			if err := b.ready(ctx, apps); err != nil {
				return err
			}
			failures = 0
			b.note(nil)
			connected()
			return nil
		}, b.hear)
		if b.ctx.Err() != nil {
			return
		}
		b.note(err)
		failures++
		pause := b.waits.retry << min(failures-1, 6)
		if errors.Is(err, client.ErrReplaced) {
			pause = b.waits.away
		}
		select {
		case <-time.After(pause):
		case <-b.ctx.Done():
		}
	}
}

// ready is what every connection begins with.
func (b *Backend) ready(ctx context.Context, apps []string) error {
	ctx, cancel := context.WithTimeout(ctx, b.waits.request)
	defer cancel()
	for _, app := range apps {
		if err := b.api.Filter(ctx, app, wanted); err != nil {
			return err
		}
	}
	if err := b.sweep(ctx); err != nil {
		return err
	}
	b.collect(ctx)
	return nil
}

// note tells of each change of the connection: nil is up.
func (b *Backend) note(err error) {
	b.mu.Lock()
	was := b.err
	b.err = err
	b.mu.Unlock()
	switch {
	case err == nil:
		b.log.Info("Asterisk is connected")
		b.sink.Link(b.cfg.Name, true)
	case was == nil:
		b.log.Warn("Asterisk is lost", "error", err)
		b.sink.Link(b.cfg.Name, false)
	case was.Error() != err.Error():
		b.log.Warn("Asterisk cannot be reached", "error", err)
	}
}

// Health implements [call.Backend].
func (b *Backend) Health(context.Context) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.down()
}

// down returns fault.CodeBackendUnavailable while Asterisk cannot be reached; b.mu is held.
func (b *Backend) down() error {
	if b.err == nil && !b.closed {
		return nil
	}
	text := "Asterisk cannot be reached"
	switch {
	case client.Status(b.err) == http.StatusUnauthorized:
		text = "Asterisk refuses the user name and password"
	case errors.Is(b.err, client.ErrReplaced):
		text = "another process has taken over the application " + b.app + " in Asterisk: two services have one node name"
	}
	return fault.Wrap(fault.CodeBackendUnavailable, b.err, "%s", text)
}

// spawn runs f until Stop at the latest, which waits for it; b.mu is held.
func (b *Backend) spawn(f func(context.Context)) {
	if b.closed {
		return
	}
	b.work.Go(func() {
		ctx, cancel := context.WithTimeout(b.ctx, b.waits.request)
		defer cancel()
		f(ctx)
	})
}

// tell is [call.Sink].Leg; b.mu is held, so that order is kept.
func (b *Backend) tell(ev call.LegEvent) {
	ev.At = time.Now().UTC()
	b.sink.Leg(ev)
}

// Stop implements [call.Backend]: what rings is hung up, what was offered goes back to the dialplan, who talks goes on talking.
func (b *Backend) Stop(ctx context.Context) error {
	b.mu.Lock()
	if b.closed {
		b.mu.Unlock()
		return nil
	}
	var ringing []*leg
	for _, l := range b.legs {
		if l.state != call.LegAnswered {
			ringing = append(ringing, l)
		}
	}
	reachable := b.err == nil
	b.mu.Unlock()
	var errs []error
	if reachable {
		for _, l := range ringing {
			errs = append(errs, b.leave(ctx, l))
		}
	}
	b.mu.Lock()
	b.closed = true
	b.mu.Unlock()
	b.cancel()
	ended := make(chan struct{})
	go func() { b.work.Wait(); close(ended) }() // ends with the last of ours, which all watch b.ctx
	select {
	case <-ended:
		b.api.Close()
	case <-ctx.Done():
		errs = append(errs, ctx.Err())
	}
	return errors.Join(errs...)
}

// leave lets go of a leg that was not answered, because we stop.
func (b *Backend) leave(ctx context.Context, l *leg) error {
	if l.offered {
		return b.GiveBack(ctx, l.id)
	}
	return b.HangUp(ctx, l.id, call.Cancelled)
}
