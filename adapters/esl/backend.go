package esl

import (
	"context"
	"errors"
	"log/slog"
	"regexp"
	"strings"
	"sync"
	"time"

	"c2d/adapters/esl/client"
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
	Country  string              // whose tones are played: "CN"; see core/tone
	National func(string) string // writes numbers where the configuration wants national ones; see identity.Format
	NoBeep   bool                // who is recorded does not hear that he is
	Log      *slog.Logger        // nil is none
	Former   *Backend            // in whose place it comes: it listens where that did, from [Backend.TakeOver] on; nil is nobody's
}

func (d Deps) heir(cfg Config) bool { return d.Former != nil && d.Former.config().Listen == cfg.Listen }

// Backend is one FreeSWITCH. Safe for concurrent use.
type Backend struct {
	settings sync.RWMutex // guards the next four; it is held for a look only
	cfg      Config
	to       client.Config // how FreeSWITCH is reached
	dialling identity.Dialling
	door     *client.Door // where its dialplan hands us calls, nil for nowhere

	country  string
	noBeep   bool
	national func(string) string
	origin   identity.Origin
	waits    waits
	log      *slog.Logger
	sink     call.Sink // set by Start, before anything is told
	uplink   *uplink.Uplink

	mu       sync.Mutex
	conn     *client.Conn    // nil while there is none that serves
	legs     map[string]*leg // by leg id, those that have not ended
	channels map[string]*leg // by the UUID of its channel
	joins    map[string]*join
	hangups  int  // so far
	stopping bool // nothing new is rung, or taken
}

// waits are the limits of what is waited for.
type waits struct {
	settle time.Duration // that FreeSWITCH's list of channels has to catch up with what is, after a connect
	prompt time.Duration // that one prompt lasts, about
	rest   time.Duration // that the end of a leg is waited for that is known to be over
}

var defaultWaits = waits{settle: 250 * time.Millisecond, prompt: 3 * time.Second, rest: time.Second}

const (
	request = 5 * time.Second // for one command that no ctx of the caller's bounds
	away    = time.Minute     // before FreeSWITCH is tried again that another process of our name uses
)

var watch = client.Watch{Every: 5 * time.Second, Answer: 5 * time.Second}

// New returns a backend that has sent nothing yet; the configuration is valid.
func New(cfg Config, deps Deps) (*Backend, error) {
	if deps.Log == nil {
		deps.Log = slog.New(slog.DiscardHandler)
	}
	log := deps.Log.With("backend", cfg.Name)
	b := &Backend{
		cfg: cfg, to: cfg.client(), country: deps.Country, dialling: identity.NewDialling(cfg.Dial, defaultDial, cfg.Out, deps.National), origin: deps.Origin, national: deps.National,
		waits: defaultWaits, log: log,
		uplink: uplink.New(uplink.Config{Entry: cfg.Name, System: "FreeSWITCH", First: 2 * time.Second, Request: request, Retry: 100 * time.Millisecond, Pause: pause, Log: log}),
		legs:   map[string]*leg{}, channels: map[string]*leg{}, joins: map[string]*join{},
	}
	if cfg.Listen != "" && !deps.heir(cfg) {
		door, err := client.Open(cfg.Listen)
		if err != nil {
			return nil, fault.Field(fault.CodeInvalid, "listen", "%s", err)
		}
		b.door = door
	}
	return b, nil
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
	return call.Capabilities{Confirm: true, Hold: true, SendDTMF: true, Offers: b.config().Listen != "", Part: true, TalkLimit: true, Record: b.config().Recordings != ""}
}

// Start implements [call.Backend]. It waits a moment for the first connection; a FreeSWITCH that is absent is tried on and on,
// and told of by Link and Health.
func (b *Backend) Start(ctx context.Context, sink call.Sink, open []call.OpenLeg) error {
	b.mu.Lock()
	b.sink = sink
	for _, o := range open {
		b.takeUp(o)
	}
	b.takeUpJoins(open)
	b.mu.Unlock()
	b.serve()
	return b.uplink.Start(ctx, sink, b.connection)
}

// connection is one connection from its beginning to its end; it returns why it ended. Who serves it is told of events before
// core asks for a snapshot, so that nothing falls between the two.
func (b *Backend) connection(ctx context.Context, up func()) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	conn, err := client.Dial(ctx, b.reached())
	if err != nil {
		return err
	}
	defer conn.Close()
	context.AfterFunc(ctx, conn.Close)
	mark, me := "c2d_"+strings.TrimSuffix(b.origin.Prefix(), "-"), identity.NewID()
	var ours sync.WaitGroup
	defer func() { ours.Wait(); b.use(nil) }()
	var why error
	ours.Go(func() { // ends with ctx, and with conn
		limit, cancel := context.WithTimeout(ctx, request)
		err := errors.Join(conn.Subscribe(limit, wanted, b.ours()), conn.Mark(limit, mark, me))
		cancel()
		if err != nil {
			why = err
			conn.Close()
			return
		}
		select { // what began before this and is not listed yet would be missed
		case <-time.After(b.waits.settle):
		case <-ctx.Done():
			return
		}
		b.use(conn)
		up()
		why = conn.Keep(ctx, watch, mark, me)
	})
	err = conn.Serve(b.hear)
	stop()
	ours.Wait()
	return errors.Join(why, err)
}

// ours are the filters: events of our legs, of the results of our originates, and of channels that were handed to us, of which some
// say nothing of variables.
func (b *Backend) ours() []client.Match {
	prefix := "^" + regexp.QuoteMeta(b.origin.Prefix())
	all := []client.Match{{Header: "Unique-ID", Of: prefix}, {Header: "Job-UUID", Of: prefix}, {Header: "variable_" + legVariable, Of: prefix}}
	b.mu.Lock()
	defer b.mu.Unlock()
	for channel, l := range b.channels {
		if l.offered {
			all = append(all, about(channel))
		}
	}
	return all
}

// about is the filter of a channel that was handed to us: it has an id of its own.
func about(channel string) client.Match { return client.Match{Header: "Unique-ID", Is: channel} }

// follow lets events of a channel pass that has an id of its own.
func (b *Backend) follow(ctx context.Context, channel string) error {
	conn, err := b.line()
	if err != nil {
		return err
	}
	return conn.Pass(ctx, about(channel))
}

// unfollow ends that, for a leg whose channel is no more, or not its own; b.mu is held.
func (b *Backend) unfollow(l *leg) {
	conn, channel := b.conn, l.channel
	if !l.offered || channel == "" || conn == nil {
		return
	}
	b.uplink.Go(func(ctx context.Context) { _ = conn.PassNoMore(ctx, about(channel)) })
}

// use takes the connection that serves; nil is none.
func (b *Backend) use(conn *client.Conn) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.conn = conn
}

// Health implements [call.Backend].
func (b *Backend) Health(context.Context) error {
	_, err := b.line()
	return err
}

// line returns the connection that serves. Errors: fault.CodeBackendUnavailable while there is none.
func (b *Backend) line() (*client.Conn, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.conn, b.down()
}

// down returns fault.CodeBackendUnavailable while FreeSWITCH cannot be reached; b.mu is held.
func (b *Backend) down() error {
	err := b.uplink.Err()
	if err == nil && b.conn != nil {
		return nil
	}
	text := "FreeSWITCH cannot be reached"
	if errors.Is(err, client.ErrPassword) || errors.Is(err, client.ErrDenied) {
		text = advice(err, b.config())
	}
	if errors.Is(err, client.ErrReplaced) {
		text = "another process uses this FreeSWITCH under the name of this one: two services have one installation and node name"
	}
	return fault.Wrap(fault.CodeBackendUnavailable, err, "%s", text)
}

// call runs a command that is done at once. Errors: fault.CodeBackendUnavailable while there is no connection; those of
// [client.Conn.Call].
func (b *Backend) call(ctx context.Context, name string, arguments ...string) (string, error) {
	conn, err := b.line()
	if err != nil {
		return "", err
	}
	return conn.Call(ctx, name, arguments...)
}

// tell is [call.Sink].Leg; b.mu is held, so that order is kept.
func (b *Backend) tell(ev call.LegEvent) {
	ev.At = time.Now().UTC()
	b.sink.Leg(ev)
}
