// Package uplink keeps the connection of an adapter to its phone system up, and says how it is. What is said over it, and what it
// means, is the adapter's.
package uplink

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"c2d/core/call"
)

// Config are the limits of an uplink, and its names.
type Config struct {
	Entry   string                    // the backend's entry in the configuration
	System  string                    // whom the log names: "Asterisk"
	First   time.Duration             // that Start waits for the first connection
	Request time.Duration             // that one piece of work may last; see [Uplink.Go]
	Retry   time.Duration             // before the first reconnect; doubles up to 64 times that
	Pause   func(error) time.Duration // before the reconnect after this error; 0 is the usual one. nil is always the usual one
	Log     *slog.Logger
}

// Connect makes one connection, calls up when it serves, and returns why it has ended: when it is lost, or when ctx is done.
type Connect func(ctx context.Context, up func()) error

// Uplink is a connection that is made again whenever it is lost. Safe for concurrent use.
type Uplink struct {
	cfg  Config
	sink call.Sink // set by Start

	mu     sync.Mutex
	err    error // why there is no connection; nil while there is
	closed bool

	ctx    context.Context
	cancel context.CancelFunc
	work   sync.WaitGroup
}

// ErrClosed is why there is no connection after Close.
var ErrClosed = errors.New("closed")

// New returns an uplink that has not connected yet.
func New(cfg Config) *Uplink {
	u := &Uplink{cfg: cfg, err: errors.New("not connected yet")}
	u.ctx, u.cancel = context.WithCancel(context.Background())
	return u
}

// Start connects, and goes on doing so until Close; sink is told of every change. It waits a moment for the first connection, and
// does not fail because there is none. Errors: ctx's.
func (u *Uplink) Start(ctx context.Context, sink call.Sink, connect Connect) error {
	u.sink = sink
	first := make(chan struct{})
	u.work.Go(func() { u.keep(connect, sync.OnceFunc(func() { close(first) })) })
	wait := time.NewTimer(u.cfg.First)
	defer wait.Stop()
	select {
	case <-first:
	case <-wait.C:
	case <-ctx.Done():
		return ctx.Err()
	}
	return nil
}

func (u *Uplink) keep(connect Connect, connected func()) {
	for failures := 0; ; failures++ {
		err := connect(u.ctx, func() {
			failures = 0
			u.note(nil)
			connected()
		})
		if u.ctx.Err() != nil {
			return
		}
		u.note(err)
		select {
		case <-time.After(u.pause(failures, err)):
		case <-u.ctx.Done():
			return
		}
	}
}

func (u *Uplink) pause(failures int, err error) time.Duration {
	if u.cfg.Pause != nil {
		if other := u.cfg.Pause(err); other > 0 {
			return other
		}
	}
	return u.cfg.Retry << min(failures, 6)
}

// note tells of each change: nil is up.
func (u *Uplink) note(err error) {
	u.mu.Lock()
	was := u.err
	u.err = err
	u.mu.Unlock()
	switch {
	case err == nil:
		u.cfg.Log.Info(u.cfg.System + " is connected")
		u.sink.Link(u.cfg.Entry, true)
	case was == nil:
		u.cfg.Log.Warn(u.cfg.System+" is lost", "error", err)
		u.sink.Link(u.cfg.Entry, false)
	case was.Error() != err.Error():
		u.cfg.Log.Warn(u.cfg.System+" cannot be reached", "error", err)
	}
}

// Err returns why there is no connection, nil while there is: what connect returned last, or ErrClosed.
func (u *Uplink) Err() error {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.closed {
		return ErrClosed
	}
	return u.err
}

// Done is closed when Close begins.
func (u *Uplink) Done() <-chan struct{} { return u.ctx.Done() }

// Go runs f beside the caller, in at most cfg.Request, and not at all after Close, which waits for it.
func (u *Uplink) Go(f func(context.Context)) {
	u.Run(func(ctx context.Context) {
		ctx, cancel := context.WithTimeout(ctx, u.cfg.Request)
		defer cancel()
		f(ctx)
	})
}

// Run is Go for what may last until Close: f then ends by its ctx.
func (u *Uplink) Run(f func(context.Context)) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if !u.closed {
		u.work.Go(func() { f(u.ctx) })
	}
}

// After runs f in d, and not at all after Close.
func (u *Uplink) After(d time.Duration, f func()) {
	time.AfterFunc(d, func() { u.Run(func(context.Context) { f() }) })
}

// Close ends the connection, and waits until all that runs has ended. Errors: ctx's.
func (u *Uplink) Close(ctx context.Context) error {
	u.mu.Lock()
	u.closed = true
	u.mu.Unlock()
	u.cancel()
	ended := make(chan struct{})
	go func() { u.work.Wait(); close(ended) }() // ends with the last of ours, which all watch u.ctx
	select {
	case <-ended:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
