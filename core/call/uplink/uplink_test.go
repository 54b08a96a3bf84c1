package uplink

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"c2d/core/call"
)

// told is what a sink was told of the connection.
type told struct {
	call.Sink
	links []bool
}

func (t *told) Link(_ string, up bool) { t.links = append(t.links, up) }

func config() Config {
	return Config{Entry: "pbx", System: "a PBX", First: 2 * time.Second, Request: 5 * time.Second, Retry: 100 * time.Millisecond, Log: slog.New(slog.DiscardHandler)}
}

// in runs f in a bubble, with an uplink that is closed after.
func in(t *testing.T, cfg Config, f func(t *testing.T, u *Uplink)) {
	synctest.Test(t, func(t *testing.T) {
		u := New(cfg)
		f(t, u)
		if err := u.Close(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

func TestStartWaitsAMomentForTheFirstConnection(t *testing.T) {
	for name, c := range map[string]struct{ after, waits time.Duration }{
		"a system that is there":       {0, 0},
		"one that is slow":             {time.Second, time.Second},
		"one that is not there at all": {time.Hour, 2 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			in(t, config(), func(t *testing.T, u *Uplink) {
				began := time.Now()
				err := u.Start(t.Context(), &told{}, func(ctx context.Context, up func()) error {
					select {
					case <-time.After(c.after):
						up()
					case <-ctx.Done():
					}
					<-ctx.Done()
					return ctx.Err()
				})
				if took := time.Since(began); err != nil || took != c.waits {
					t.Errorf("Start took %v: %v", took, err)
				}
				if there := u.Err() == nil; there != (c.after <= c.waits) {
					t.Errorf("after Start: %v", u.Err())
				}
			})
		})
	}
}

// TestReconnect: the pauses double while nothing answers, and are short again after a connection that served; the sink is told of
// each change once.
func TestReconnect(t *testing.T) {
	cfg := config()
	taken := errors.New("taken over")
	cfg.Pause = func(err error) time.Duration {
		if errors.Is(err, taken) {
			return time.Minute
		}
		return 0
	}
	in(t, cfg, func(t *testing.T, u *Uplink) {
		serves := func(up func()) error { up(); return errors.New("lost") }
		refuses := func(func()) error { return errors.New("refused") }
		story := []func(up func()) error{serves, refuses, refuses, refuses, serves, func(func()) error { return taken }, refuses}
		var at []time.Duration
		began, sink, all := time.Now(), &told{}, make(chan struct{})
		err := u.Start(t.Context(), sink, func(ctx context.Context, up func()) error {
			at = append(at, time.Since(began))
			if len(at) > len(story) {
				close(all)
				<-ctx.Done()
				return ctx.Err()
			}
			return story[len(at)-1](up)
		})
		if err != nil {
			t.Fatal(err)
		}
		<-all
		ms := time.Millisecond
		// lost: 100; refused three times: 200, 400, 800; lost again: 100; taken over: a minute; refused: the third in a row, 400
		want := []time.Duration{0, 100 * ms, 300 * ms, 700 * ms, 1500 * ms, 1600 * ms, 61600 * ms, 62000 * ms}
		if !slices.Equal(at, want) {
			t.Errorf("connects at %v, want %v", at, want)
		}
		if want := []bool{true, false, true, false}; !slices.Equal(sink.links, want) {
			t.Errorf("told %v, want %v", sink.links, want)
		}
		if err := u.Err(); err == nil || err.Error() != "refused" {
			t.Errorf("why there is none: %v", err)
		}
	})
}

// TestClose: what runs has its limit, is told of the end, and is waited for; nothing begins after.
func TestClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := New(config())
		var ended sync.Map // by name
		began := time.Now()
		run := func(name string, start func(func(context.Context))) {
			start(func(ctx context.Context) { <-ctx.Done(); ended.Store(name, time.Since(began)) })
			synctest.Wait()
		}
		run("limited", u.Go)
		run("unlimited", u.Run)
		u.After(time.Second, func() { ended.Store("after a second", time.Since(began)) })
		u.After(time.Hour, func() { t.Error("runs after Close") })
		time.Sleep(8 * time.Second)
		if err := u.Close(t.Context()); err != nil {
			t.Error(err)
		}
		u.Go(func(context.Context) { t.Error("begins after Close") })
		time.Sleep(2 * time.Hour)
		for name, want := range map[string]time.Duration{"limited": 5 * time.Second, "unlimited": 8 * time.Second, "after a second": time.Second} {
			if got, _ := ended.Load(name); got != want {
				t.Errorf("%s ended after %v, want %v", name, got, want)
			}
		}
		if u.Err() != ErrClosed {
			t.Errorf("why there is none: %v", u.Err())
		}
	})
}

// TestCloseWaitsNoLongerThanItsContext, whoever hangs.
func TestCloseWaitsNoLongerThanItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u, release := New(config()), make(chan struct{})
		u.Run(func(context.Context) { <-release })
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := u.Close(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Close: %v", err)
		}
		close(release)
	})
}
