package client

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/CyCoreSystems/ari/v5"
)

// Info is what GET /asterisk/info says.
type Info struct {
	System struct{ Version string } `json:"system"`
}

// Info returns which Asterisk answers.
func (c *Client) Info(ctx context.Context) (i Info, err error) {
	return i, c.do(ctx, http.MethodGet, "/asterisk/info?only=system", nil, &i)
}

// Filter limits the events of an application to some types. It holds as long as the application is registered, and has to be
// sent again after each connect.
func (c *Client) Filter(ctx context.Context, app string, types []string) error {
	type one struct {
		Type string `json:"type"`
	}
	allowed := make([]one, 0, len(types))
	for _, t := range types {
		allowed = append(allowed, one{t})
	}
	return c.do(ctx, http.MethodPut, path("applications", app, "eventFilter"), map[string]any{"allowed": allowed}, nil)
}

// Subscribe lets the application hear of a channel that is not in it.
func (c *Client) Subscribe(ctx context.Context, app, channel string) error {
	return c.do(ctx, http.MethodPost, path("applications", app, "subscription")+query("eventSource", "channel:"+channel), nil, nil)
}

// Leg is a channel that is to be made.
type Leg struct {
	Endpoint  string            `json:"endpoint"`
	App       string            `json:"app"`
	AppArgs   string            `json:"appArgs,omitempty"`
	ID        string            `json:"channelId"`
	OtherID   string            `json:"otherChannelId,omitempty"` // of the far half of a Local channel
	Formats   string            `json:"formats,omitempty"`        // codecs, with commas
	Variables map[string]string `json:"variables,omitempty"`
}

// Create makes a channel that enters the application at once, and does not ring it.
func (c *Client) Create(ctx context.Context, l Leg) error {
	return c.do(ctx, http.MethodPost, "/channels/create", l, nil)
}

// Dial rings a created channel for some seconds. It must be in the application by now (StasisStart): else Asterisk answers 409.
func (c *Client) Dial(ctx context.Context, id, seconds string) error {
	return c.do(ctx, http.MethodPost, path("channels", id, "dial")+query("timeout", seconds), nil, nil)
}

// Channels lists every channel that there is.
func (c *Client) Channels(ctx context.Context) (all []ari.ChannelData, err error) {
	return all, c.do(ctx, http.MethodGet, "/channels", nil, &all)
}

// Variable returns a channel's variable, "" if it has none.
func (c *Client) Variable(ctx context.Context, id, name string) (string, error) {
	var v struct{ Value string }
	err := c.do(ctx, http.MethodGet, path("channels", id, "variable")+query("variable", name), nil, &v)
	if Gone(err) {
		return "", nil
	}
	return v.Value, err
}

// SetVariable sets a channel's variable.
func (c *Client) SetVariable(ctx context.Context, id, name, value string) error {
	return c.do(ctx, http.MethodPost, path("channels", id, "variable")+query("variable", name, "value", value), nil, nil)
}

// HangUp ends a channel. cause is a Q.850 cause, or one of Asterisk's own.
func (c *Client) HangUp(ctx context.Context, id, cause string) error {
	return c.do(ctx, http.MethodDelete, path("channels", id)+query("reason_code", cause), nil, nil)
}

// Answer answers a channel, Ring tells the one that called that it rings.
func (c *Client) Answer(ctx context.Context, id string) error {
	return c.do(ctx, http.MethodPost, path("channels", id, "answer"), nil, nil)
}

// Ring tells whoever called by this channel that it rings.
func (c *Client) Ring(ctx context.Context, id string) error {
	return c.do(ctx, http.MethodPost, path("channels", id, "ring"), nil, nil)
}

// Continue gives a channel back to the dialplan, where it left it.
func (c *Client) Continue(ctx context.Context, id string) error {
	return c.do(ctx, http.MethodPost, path("channels", id, "continue"), nil, nil)
}

// Outcomes of a transfer, as [Client.Transferred] takes them.
const (
	TransferDone     = "channel_answered"
	TransferDeclined = "channel_declined"
	TransferFailed   = "channel_unavailable"
)

// Transferred tells the phone of a channel what its transfer has come to.
func (c *Client) Transferred(ctx context.Context, id, outcome string) error {
	return c.do(ctx, http.MethodPost, path("channels", id, "transfer_progress")+query("states", outcome), nil, nil)
}

// Press sends keys towards a channel's phone, gap milliseconds apart.
func (c *Client) Press(ctx context.Context, id, keys string) error {
	return c.do(ctx, http.MethodPost, path("channels", id, "dtmf")+query("dtmf", keys), nil, nil)
}

// Play plays a tone or sound to a channel, under an id of ours.
func (c *Client) Play(ctx context.Context, channel, id, media string) error {
	return c.do(ctx, http.MethodPost, path("channels", channel, "play", id)+query("media", media), nil, nil)
}

// PlayInto plays to everybody in a bridge, after what plays there already. A comma does not end the media, as it does in a query.
// While what played there last is going, Asterisk hands the order to it, and answers 500 "Allocation failed": it is asked again then.
func (c *Client) PlayInto(ctx context.Context, bridge, id, media string) error {
	for wait := 10 * time.Millisecond; ; wait *= 2 {
		err := c.do(ctx, http.MethodPost, path("bridges", bridge, "play", id), map[string][]string{"media": {media}}, nil)
		if Status(err) != http.StatusInternalServerError || wait > mostGoing {
			return err
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return err
		}
	}
}

// mostGoing is the longest pause before a bridge is played to again that refuses.
const mostGoing = 500 * time.Millisecond

// StopPlaying ends what is played.
func (c *Client) StopPlaying(ctx context.Context, id string) error {
	return c.do(ctx, http.MethodDelete, path("playbacks", id), nil, nil)
}

// Bridges lists every bridge that there is.
func (c *Client) Bridges(ctx context.Context) (all []ari.BridgeData, err error) {
	return all, c.do(ctx, http.MethodGet, "/bridges", nil, &all)
}

// MakeBridge makes a mixing bridge, or finds the one of that id. Where a recording may join two who talk, many is to be true: else
// Asterisk changes the bridge to one for more than two then, and after that may send one of them nothing more (seen on 22.10, one
// time of about 40). One for several streams of video is for many from the beginning.
func (c *Client) MakeBridge(ctx context.Context, id string, many bool) error {
	kind := "mixing"
	if many {
		kind += ",video_sfu"
	}
	return c.do(ctx, http.MethodPost, path("bridges", id)+query("type", kind, "name", id), nil, nil)
}

// Enter puts channels into a bridge. One that has ended, or left the application, is told as [Gone].
func (c *Client) Enter(ctx context.Context, bridge string, channels ...string) error {
	target := path("bridges", bridge, "addChannel") + query("channel", strings.Join(channels, ","))
	return gone(c.do(ctx, http.MethodPost, target, nil, nil), http.StatusBadRequest, http.StatusUnprocessableEntity)
}

// Leave takes channels out of a bridge. One that has ended is told as [Gone].
func (c *Client) Leave(ctx context.Context, bridge string, channels ...string) error {
	target := path("bridges", bridge, "removeChannel") + query("channel", strings.Join(channels, ","))
	return gone(c.do(ctx, http.MethodPost, target, nil, nil), http.StatusBadRequest)
}

// gone is for requests that Asterisk refuses with another status than 404 when a channel is not there (any more).
func gone(err error, statuses ...int) error {
	var r *Refused
	if errors.As(err, &r) && slices.Contains(statuses, r.Status) {
		r.Status = http.StatusNotFound
	}
	return err
}

// DropBridge removes a bridge; who is in it stays in the application.
func (c *Client) DropBridge(ctx context.Context, id string) error {
	return c.do(ctx, http.MethodDelete, path("bridges", id), nil, nil)
}

// Writable asks for something that changes nothing, by a method that a user who may only read is refused (403).
func (c *Client) Writable(ctx context.Context) error {
	return c.do(ctx, http.MethodDelete, path("channels", "c2d-probe"), nil, nil)
}
