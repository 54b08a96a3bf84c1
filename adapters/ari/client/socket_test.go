package client

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/CyCoreSystems/ari/v5"
	"github.com/coder/websocket"
)

const (
	secret   = "secret-of-ari"
	patience = 10 * time.Second
)

var (
	apps    = []string{"c2d-here-n1", "c2d"}
	patient = Watch{Every: time.Minute, Answer: patience}
)

func ready(context.Context) error { return nil }
func deaf(Event)                  {}

func asError[E error](err error, target *E) bool { return errors.As(err, target) }
func isError(err, target error) bool             { return errors.Is(err, target) }

// serve is a client of a server.
func serve(t *testing.T, h http.HandlerFunc) *Client {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	c := New(Config{URL: s.URL + "/ari/", Username: "c2d", Password: secret})
	t.Cleanup(c.Close)
	return c
}

// hung is a client of a server that takes requests and says nothing.
func hung(t *testing.T) *Client {
	t.Helper()
	over := make(chan struct{})
	c := serve(t, func(http.ResponseWriter, *http.Request) { <-over })
	t.Cleanup(func() { close(over) }) // before the server waits for it
	return c
}

// ends fails the test unless f ends by itself, and with an error.
func ends(t *testing.T, f func(context.Context) error, want error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	over := make(chan error, 1)
	go func() { over <- f(ctx) }()
	select {
	case err := <-over:
		if !errors.Is(err, want) {
			t.Errorf("ends with %v, want %v", err, want)
		}
	case <-time.After(patience):
		cancel()
		t.Error("does not end; then:", <-over)
	}
}

// tells is a client of an Asterisk that does something with each websocket; it is cut when that is done.
func tells(t *testing.T, do func(context.Context, *websocket.Conn)) *Client {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	return serve(t, func(w http.ResponseWriter, r *http.Request) {
		conn, err := websocket.Accept(w, r, nil)
		if err != nil {
			return
		}
		defer func() { _ = conn.CloseNow() }()
		do(ctx, conn)
	})
}

func say(ctx context.Context, conn *websocket.Conn, text string) {
	_ = conn.Write(ctx, websocket.MessageText, []byte(text))
}

func digit(n int) string {
	return fmt.Sprintf(`{"type":"ChannelDtmfReceived","application":"c2d","digit":"%d","channel":{"id":"%d"}}`, n%10, n)
}

// TestOrderIsKept is a slow reader and many events: each is heard once, in the order in which Asterisk told it.
func TestOrderIsKept(t *testing.T) {
	const many = 10_000
	c := tells(t, func(ctx context.Context, conn *websocket.Conn) {
		for n := range many {
			say(ctx, conn, digit(n))
		}
	})
	next := 0
	err := c.Listen(t.Context(), apps, patient, ready, func(ev Event) {
		e, ok := ev.Event.(*ari.ChannelDtmfReceived)
		if !ok || e.Channel.ID != fmt.Sprint(next) {
			t.Errorf("%+v is heard as number %d", ev.Event, next)
		}
		next++
	})
	if err == nil || next != many {
		t.Errorf("%d events, then %v", next, err)
	}
}

// TestWhatCannotBeRead is skipped, and the connection goes on.
func TestWhatCannotBeRead(t *testing.T) {
	c := tells(t, func(ctx context.Context, conn *websocket.Conn) {
		for n, text := range []string{"", "{", "null", "[]", "7", `{}`, `{"type":7}`, `{"type":"Nonsense"}`, `{"type":"ChannelToneDetected","channel":{"id":"x"}}`,
			`{"type":"ApplicationRegistered"}`, `{"type":"RESTResponse"}`, `{"type":"Dial","peer":"x"}`, "\xff\x00", strings.Repeat("[", 20_000)} {
			if text == "\xff\x00" {
				_ = conn.Write(ctx, websocket.MessageBinary, []byte(text))
			} else {
				say(ctx, conn, text)
			}
			say(ctx, conn, digit(n))
		}
	})
	heard := 0
	_ = c.Listen(t.Context(), apps, patient, ready, func(ev Event) {
		if e, ok := ev.Event.(*ari.ChannelDtmfReceived); !ok || e.Channel.ID != fmt.Sprint(heard) {
			t.Errorf("%+v after %d", ev.Event, heard)
		}
		heard++
	})
	if heard != 14 {
		t.Error(heard, "events are heard")
	}
}

// TestReadyComesFirst: no event is handed over before, and what it refuses ends the connection.
func TestReadyComesFirst(t *testing.T) {
	c := tells(t, func(ctx context.Context, conn *websocket.Conn) {
		say(ctx, conn, digit(0))
		_, _, _ = conn.Read(ctx)
	})
	refused := errors.New("refused")
	ends(t, func(ctx context.Context) error {
		return c.Listen(ctx, apps, patient, func(context.Context) error { return refused }, func(Event) { t.Error("an event is heard") })
	}, refused)
}

// TestSilenceIsNoticed is an Asterisk that hangs with its connections open: nothing is read any more, so no ping answered.
func TestSilenceIsNoticed(t *testing.T) {
	c := tells(t, func(ctx context.Context, _ *websocket.Conn) { <-ctx.Done() })
	began := time.Now()
	ends(t, func(ctx context.Context) error {
		return c.Listen(ctx, apps, Watch{Every: 20 * time.Millisecond, Answer: 50 * time.Millisecond}, ready, deaf)
	}, context.DeadlineExceeded)
	if took := time.Since(began); took < 50*time.Millisecond {
		t.Error("given up after", took)
	}
}

// TestPingsAreAnswered: an Asterisk that lives and has nothing to tell is not taken for dead.
func TestPingsAreAnswered(t *testing.T) {
	pings := make(chan struct{}, 100)
	over := errors.New("over")
	ctx, cancel := context.WithCancelCause(t.Context())
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{OnPingReceived: func(context.Context, []byte) bool {
			pings <- struct{}{}
			return true
		}})
		if err != nil {
			return
		}
		_, _, _ = conn.Read(context.Background())
		_ = conn.CloseNow()
	})
	go func() { // ends with the pings, or the connection
		for range 5 {
			select {
			case <-pings:
			case <-ctx.Done():
				return
			}
		}
		cancel(over)
	}()
	ends(t, func(context.Context) error {
		defer cancel(nil)
		return c.Listen(ctx, apps, Watch{Every: 5 * time.Millisecond, Answer: patience}, ready, deaf)
	}, over)
}

// TestHungConnect is an Asterisk that takes the connection and never upgrades it.
func TestHungConnect(t *testing.T) {
	c := hung(t)
	ends(t, func(ctx context.Context) error {
		return c.Listen(ctx, apps, Watch{Every: time.Minute, Answer: 30 * time.Millisecond}, ready, deaf)
	}, context.DeadlineExceeded)
}

// TestRefusedConnect: which answer it was is known.
func TestRefusedConnect(t *testing.T) {
	for _, status := range []int{200, 401, 403, 404, 500, 503} {
		c := serve(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) })
		err := c.Listen(t.Context(), apps, patient, ready, deaf)
		if Status(err) != status || strings.Contains(err.Error(), secret) {
			t.Errorf("%d: %v", status, err)
		}
	}
}

// TestConnectsAsOneself is what Asterisk is asked for.
func TestConnectsAsOneself(t *testing.T) {
	var asked, user, password string
	c := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		asked = r.RequestURI
		user, password, _ = r.BasicAuth()
	})
	_ = c.Listen(t.Context(), apps, patient, ready, deaf)
	if asked != "/ari/events?app=c2d-here-n1%2Cc2d&subscribeAll=false" || user != "c2d" || password != secret {
		t.Errorf("%s by %s", asked, user)
	}
}

// TestTakenOver: if our own application goes to another process we are told; the shared one goes to whoever came last, and
// the connection stays.
func TestTakenOver(t *testing.T) {
	over := make(chan struct{})
	t.Cleanup(func() { close(over) })
	c := tells(t, func(ctx context.Context, conn *websocket.Conn) {
		say(ctx, conn, `{"type":"ApplicationReplaced","application":"c2d"}`)
		say(ctx, conn, digit(0))
		say(ctx, conn, `{"type":"ApplicationReplaced","application":"c2d-here-n1"}`)
		<-over // Asterisk keeps the connection, and says nothing more
	})
	var heard []string
	ends(t, func(ctx context.Context) error {
		return c.Listen(ctx, apps, patient, ready, func(ev Event) { heard = append(heard, ev.GetType()) })
	}, ErrReplaced)
	if strings.Join(heard, " ") != "ApplicationReplaced ChannelDtmfReceived" {
		t.Error(heard)
	}
}

// TestListenEndsWithItsCtx, in every stage.
func TestListenEndsWithItsCtx(t *testing.T) {
	for _, stage := range []string{"connect", "ready", "silence", "event"} {
		t.Run(stage, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			t.Cleanup(cancel)
			c := hung(t)
			if stage == "connect" {
				cancel()
			} else {
				c = tells(t, func(ctx context.Context, conn *websocket.Conn) { say(ctx, conn, digit(0)); <-ctx.Done() })
			}
			ends(t, func(context.Context) error {
				return c.Listen(ctx, apps, patient, func(ctx context.Context) error {
					if stage == "ready" {
						cancel()
						<-ctx.Done()
						return ctx.Err()
					}
					if stage == "silence" {
						cancel()
					}
					return nil
				}, func(Event) { cancel() })
			}, context.Canceled)
		})
	}
}

// TestConnectionIsCut is told at once, with or without a farewell.
func TestConnectionIsCut(t *testing.T) {
	for name, how := range map[string]func(*websocket.Conn) error{
		"cut": (*websocket.Conn).CloseNow, "closed": func(c *websocket.Conn) error { return c.Close(websocket.StatusGoingAway, "shutdown") },
	} {
		t.Run(name, func(t *testing.T) {
			c := tells(t, func(_ context.Context, conn *websocket.Conn) { _ = how(conn) })
			over := make(chan error, 1)
			go func() { over <- c.Listen(t.Context(), apps, patient, ready, deaf) }()
			select {
			case err := <-over:
				if err == nil {
					t.Error("no error")
				}
			case <-time.After(patience):
				t.Error("not noticed")
			}
		})
	}
}
