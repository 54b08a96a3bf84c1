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
}

// Backend is one FreeSWITCH. Safe for concurrent use.
type Backend struct {
	cfg      Config
	to       client.Config // how FreeSWITCH is reached
	country  string
	noBeep   bool
	dialling identity.Dialling
	origin   identity.Origin
	waits    waits
	log      *slog.Logger
	sink     call.Sink // set by Start, before anything is told
	door     *client.Door

	mu       sync.Mutex
	conn     *client.Conn    // nil while there is none
	legs     map[string]*leg // by leg id, those that have not ended
	channels map[string]*leg // by the UUID of its channel
	joins    map[string]*join
	hangups  int   // so far
	err      error // why FreeSWITCH cannot be reached; nil while it can
	closed   bool

	ctx    context.Context
	cancel context.CancelFunc
	work   sync.WaitGroup
}

// waits are the limits of what is waited for.
type waits struct {
	watch   client.Watch
	request time.Duration // for one command that no ctx of the caller's bounds
	first   time.Duration // that Start waits for the first connection
	settle  time.Duration // that FreeSWITCH's list of channels has to catch up with what is, after a connect
	retry   time.Duration // before the first reconnect; doubles up to 64 times that
	away    time.Duration // before FreeSWITCH is tried again that another process of our name uses
	prompt  time.Duration // that one prompt lasts, about
	rest    time.Duration // that the end of a leg is waited for that is known to be over
}

var defaultWaits = waits{
	watch: client.Watch{Every: 5 * time.Second, Answer: 5 * time.Second}, request: 5 * time.Second, first: 2 * time.Second,
	settle: 250 * time.Millisecond, retry: 100 * time.Millisecond, away: time.Minute, prompt: 3 * time.Second, rest: time.Second,
}

// New returns a backend that has sent nothing yet; the configuration is valid.
func New(cfg Config, deps Deps) (*Backend, error) {
	if deps.Log == nil {
		deps.Log = slog.New(slog.DiscardHandler)
	}
	b := &Backend{
		cfg: cfg, to: cfg.client(), country: deps.Country, dialling: identity.NewDialling(cfg.Dial, defaultDial, cfg.Out, deps.National), origin: deps.Origin,
		waits: defaultWaits, log: deps.Log.With("backend", cfg.Name),
		legs: map[string]*leg{}, channels: map[string]*leg{}, joins: map[string]*join{}, err: errors.New("not connected yet"),
	}
	if cfg.Listen != "" {
		door, err := client.Open(cfg.Listen)
		if err != nil {
			return nil, fault.Field(fault.CodeInvalid, "listen", "%s", err)
		}
		b.door = door
	}
	b.ctx, b.cancel = context.WithCancel(context.Background())
	return b, nil
}

// Name implements [call.Backend].
func (b *Backend) Name() string { return b.cfg.Name }

// Capabilities implements [call.Backend].
func (b *Backend) Capabilities() call.Capabilities {
	return call.Capabilities{Confirm: true, Hold: true, SendDTMF: true, Offers: b.door != nil, Part: true, TalkLimit: true, Record: b.cfg.Recordings != ""}
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
	if b.door != nil {
		b.work.Go(func() { b.door.Serve(b.offer) })
	}
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
	for failures := 0; b.ctx.Err() == nil; {
		err := b.connection(func() { failures = 0; connected() })
		if b.ctx.Err() != nil {
			return
		}
		b.note(nil, err)
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

// connection is one connection from its beginning to its end; it returns why it ended. Who serves it is told of events before
// core asks for a snapshot, so that nothing falls between the two.
func (b *Backend) connection(up func()) error {
	ctx, stop := context.WithCancel(b.ctx)
	defer stop()
	conn, err := client.Dial(ctx, b.to)
	if err != nil {
		return err
	}
	defer conn.Close()
	context.AfterFunc(ctx, conn.Close)
	mark, me := "c2d_"+strings.TrimSuffix(b.origin.Prefix(), "-"), identity.NewID()
	var ours sync.WaitGroup
	defer ours.Wait()
	var why error
	ours.Go(func() { // ends with ctx, and with conn
		limit, cancel := context.WithTimeout(ctx, b.waits.request)
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
		b.note(conn, nil)
		up()
		why = conn.Keep(ctx, b.waits.watch, mark, me)
	})
	err = conn.Serve(b.hear)
	stop()
	ours.Wait()
	return errors.Join(why, err)
}

// ours are the filters: events of our legs, of the results of our originates, and of channels that were handed to us.
func (b *Backend) ours() []client.Match {
	prefix := "^" + regexp.QuoteMeta(b.origin.Prefix())
	return []client.Match{{Header: "Unique-ID", Of: prefix}, {Header: "Job-UUID", Of: prefix}, {Header: "variable_" + legVariable, Of: prefix}}
}

// note tells of each change of the connection: without an error it is up.
func (b *Backend) note(conn *client.Conn, err error) {
	b.mu.Lock()
	was := b.err
	b.conn, b.err = conn, err
	b.mu.Unlock()
	switch {
	case err == nil:
		b.log.Info("FreeSWITCH is connected")
		b.sink.Link(b.cfg.Name, true)
	case was == nil:
		b.log.Warn("FreeSWITCH is lost", "error", err)
		b.sink.Link(b.cfg.Name, false)
	case was.Error() != err.Error():
		b.log.Warn("FreeSWITCH cannot be reached", "error", err)
	}
}

// Health implements [call.Backend].
func (b *Backend) Health(context.Context) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.down()
}

// down returns fault.CodeBackendUnavailable while FreeSWITCH cannot be reached; b.mu is held.
func (b *Backend) down() error {
	if b.err == nil && !b.closed {
		return nil
	}
	text := "FreeSWITCH cannot be reached"
	if errors.Is(b.err, client.ErrPassword) || errors.Is(b.err, client.ErrDenied) {
		text = advice(b.err, b.cfg)
	}
	if errors.Is(b.err, client.ErrReplaced) {
		text = "another process uses this FreeSWITCH under the name of this one: two services have one installation and node name"
	}
	return fault.Wrap(fault.CodeBackendUnavailable, b.err, "%s", text)
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

func (b *Backend) line() (*client.Conn, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.conn, b.down()
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
	for _, l := range ringing {
		if reachable {
			errs = append(errs, b.leave(ctx, l))
		}
	}
	b.mu.Lock()
	b.closed = true
	b.mu.Unlock()
	b.cancel()
	if b.door != nil {
		b.door.Close()
	}
	ended := make(chan struct{})
	go func() { b.work.Wait(); close(ended) }() // ends with the last of ours, which all watch b.ctx
	select {
	case <-ended:
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
