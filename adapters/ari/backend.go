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
	"c2d/core/call/uplink"
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
	settings sync.RWMutex // guards the next two; it is held for a look only
	cfg      Config
	numbers  identity.Dialling

	app      string // our own, in which every leg that we ring is
	shared   string // to which the dialplan hands calls
	national func(string) string
	origin   identity.Origin
	api      *client.Client
	uplink   *uplink.Uplink
	waits    waits
	archive  archive
	noBeep   bool
	log      *slog.Logger
	sink     call.Sink   // set by Start, before anything is told
	clicks   call.Clicks // who does what phones ask for; nil is nobody

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
}

// waits are the limits of what is waited for.
type waits struct {
	prompt time.Duration // that one prompt lasts
	rest   time.Duration // that the rest of an end is waited for, once a part of it is known; also before a recording is asked for again
	fetch  time.Duration // that a recording may take to come here
}

var defaultWaits = waits{prompt: 3 * time.Second, rest: time.Second, fetch: 10 * time.Minute}

const (
	request = 5 * time.Second // for one request that no ctx of the caller's bounds
	away    = time.Minute     // before a name that another process has taken is tried again
)

var watch = client.Watch{Every: 5 * time.Second, Answer: 5 * time.Second}

// New returns a backend that has sent nothing yet; the configuration is valid.
func New(cfg Config, deps Deps) (*Backend, error) {
	how, err := cfg.client()
	if err != nil {
		return nil, err
	}
	if deps.Log == nil {
		deps.Log = slog.New(slog.DiscardHandler)
	}
	log := deps.Log.With("backend", cfg.Name)
	return &Backend{
		cfg: cfg, app: "c2d-" + deps.Origin.Installation + "-" + deps.Origin.Node, shared: cfg.app(), origin: deps.Origin, national: deps.National,
		numbers: identity.NewDialling(cfg.Dial, defaultDial, cfg.Out, deps.National), api: client.New(how), waits: defaultWaits, log: log,
		uplink:  uplink.New(uplink.Config{Entry: cfg.Name, System: "Asterisk", First: 2 * time.Second, Request: request, Retry: 100 * time.Millisecond, Pause: pause, Log: log}),
		archive: archive(deps.Archive), noBeep: deps.NoBeep, records: map[string]*record{},
		legs: map[string]*leg{}, channels: map[string]*leg{}, prompts: map[string]*leg{}, bridges: map[string]*bridge{}, turns: map[string]*turn{},
	}, nil
}

func pause(err error) time.Duration {
	if errors.Is(err, client.ErrReplaced) {
		return away
	}
	return 0
}

// Name implements [call.Backend].
func (b *Backend) Name() string { return b.config().Name }

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
	return b.uplink.Start(ctx, sink, b.connection)
}

// connection is one connection from its beginning to its end.
func (b *Backend) connection(ctx context.Context, up func()) error {
	apps := []string{b.app, b.shared}
	return b.api.Listen(ctx, apps, watch, func(ctx context.Context) error {
		if err := b.ready(ctx, apps); err != nil {
			return err
		}
		up()
		return nil
	}, b.hear)
}

// ready is what every connection begins with.
func (b *Backend) ready(ctx context.Context, apps []string) error {
	ctx, cancel := context.WithTimeout(ctx, request)
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

// Health implements [call.Backend].
func (b *Backend) Health(context.Context) error { return b.down() }

// down returns fault.CodeBackendUnavailable while Asterisk cannot be reached.
func (b *Backend) down() error {
	err := b.uplink.Err()
	if err == nil {
		return nil
	}
	text := "Asterisk cannot be reached"
	switch {
	case client.Status(err) == http.StatusUnauthorized:
		text = "Asterisk refuses the user name and password"
	case errors.Is(err, client.ErrReplaced):
		text = "another process has taken over the application " + b.app + " in Asterisk: two services have one node name"
	}
	return fault.Wrap(fault.CodeBackendUnavailable, err, "%s", text)
}

// tell is [call.Sink].Leg; b.mu is held, so that order is kept.
func (b *Backend) tell(ev call.LegEvent) {
	ev.At = time.Now().UTC()
	b.sink.Leg(ev)
}

// Stop implements [call.Backend]: what rings is hung up, what was offered goes back to the dialplan, who talks goes on talking.
func (b *Backend) Stop(ctx context.Context) error {
	var errs []error
	if b.down() == nil {
		for _, l := range b.unanswered() {
			errs = append(errs, b.leave(ctx, l))
		}
	}
	if err := b.uplink.Close(ctx); err != nil {
		return errors.Join(append(errs, err)...)
	}
	b.api.Close()
	return errors.Join(errs...)
}

func (b *Backend) unanswered() []*leg {
	b.mu.Lock()
	defer b.mu.Unlock()
	var all []*leg
	for _, l := range b.legs {
		if l.state != call.LegAnswered {
			all = append(all, l)
		}
	}
	return all
}

// leave lets go of a leg that was not answered, because we stop.
func (b *Backend) leave(ctx context.Context, l *leg) error {
	if l.offered {
		return b.GiveBack(ctx, l.id)
	}
	return b.HangUp(ctx, l.id, call.Cancelled)
}
