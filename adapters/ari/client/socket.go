package client

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/coder/websocket"
)

// Watch bounds how long a connection may be silent before it is taken for dead.
type Watch struct {
	Every  time.Duration // between two pings
	Answer time.Duration // that Asterisk has for each, and for the connect
}

// ErrReplaced says that another process has taken an application over: Asterisk keeps the connection and sends it nothing more.
var ErrReplaced = errors.New("another process has taken over the application's name in Asterisk")

// Listen connects the applications and hands every event to hear, in order, on one goroutine. ready is called once the
// applications are registered, before the first event is handed over. It returns when ctx ends, the connection is lost, or the
// first application is taken over: never nil.
func (c *Client) Listen(ctx context.Context, apps []string, w Watch, ready func(context.Context) error, hear func(Event)) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	conn, err := c.dial(ctx, apps, w.Answer)
	if err != nil {
		return err
	}
	defer func() { _ = conn.CloseNow() }()
	alive := make(chan struct{})
	go func() { // ends with ctx, which ends with us
		defer close(alive)
		stop(ping(ctx, conn, w))
	}()
	defer func() { stop(nil); <-alive }()
	if err := ready(ctx); err != nil {
		return err
	}
	for {
		_, raw, err := conn.Read(ctx)
		if err != nil {
			return errors.Join(context.Cause(ctx), err)
		}
		ev, err := Decode(raw)
		if err != nil {
			continue // a type that is not for us, or that came after our time
		}
		if ev.Replaced() && ev.GetApplication() == apps[0] {
			return ErrReplaced
		}
		hear(ev)
	}
}

func (c *Client) dial(ctx context.Context, apps []string, limit time.Duration) (*websocket.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	head := http.Header{}
	req := http.Request{Header: head}
	c.sign(&req)
	conn, res, err := websocket.Dial(ctx, c.at("/events"+query("app", strings.Join(apps, ","), "subscribeAll", "false")),
		&websocket.DialOptions{HTTPClient: c.http, HTTPHeader: head})
	if err != nil {
		if res != nil && res.StatusCode != http.StatusSwitchingProtocols {
			return nil, &Refused{Status: res.StatusCode, Text: "to the websocket"}
		}
		return nil, err
	}
	conn.SetReadLimit(1 << 20)
	return conn, nil
}

// ping asks for a sign of life until there is none, or ctx ends.
func ping(ctx context.Context, conn *websocket.Conn, w Watch) error {
	every := time.NewTicker(w.Every)
	defer every.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-every.C:
		}
		limit, cancel := context.WithTimeout(ctx, w.Answer)
		err := conn.Ping(limit)
		cancel()
		if err != nil {
			return fmt.Errorf("Asterisk gives no sign of life: %w", err)
		}
	}
}
