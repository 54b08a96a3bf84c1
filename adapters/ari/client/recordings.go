package client

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// Record keeps what is said in a bridge as a WAV file in Asterisk's spool: 16 bit, 8 kHz, all voices in one channel.
// RecordingStarted follows. It ends when it is stopped, and when all have left the bridge; the latter may not be told, since the
// application hears of the bridge only as long as somebody of it is inside. 409: there is one of that name, running or ended.
func (c *Client) Record(ctx context.Context, bridge, name string) error {
	return c.do(ctx, http.MethodPost, path("bridges", bridge, "record")+query("name", name, "format", "wav"), nil, nil)
}

// Recording returns the bridge that a running recording is of. One that has ended, or never was, is told as [Gone].
func (c *Client) Recording(ctx context.Context, name string) (bridge string, err error) {
	var live struct {
		Target string `json:"target_uri"`
	}
	err = c.do(ctx, http.MethodGet, path("recordings", "live", name), nil, &live)
	return strings.TrimPrefix(live.Target, "bridge:"), err
}

// StopRecording ends one. Its file is complete when [Client.Recording] tells it as gone.
func (c *Client) StopRecording(ctx context.Context, name string) error {
	return c.do(ctx, http.MethodPost, path("recordings", "live", name, "stop"), nil, nil)
}

// MuteRecording lets a recording go on with silence, or with sound again. Asterisk takes a second order of the same kind for the
// opposite (seen on 22.10).
func (c *Client) MuteRecording(ctx context.Context, name string, on bool) error {
	method := http.MethodDelete
	if on {
		method = http.MethodPost
	}
	return c.do(ctx, method, path("recordings", "live", name, "mute"), nil, nil)
}

// Recordings names those in Asterisk's spool, also those that still run. It fails with 500 if the folder is not there.
func (c *Client) Recordings(ctx context.Context) (names []string, err error) {
	var stored []struct{ Name string }
	err = c.do(ctx, http.MethodGet, "/recordings/stored", nil, &stored)
	for _, s := range stored {
		names = append(names, s.Name)
	}
	return names, err
}

// Download copies the file of a recording that has ended, at most that many bytes. It takes as long as ctx allows.
func (c *Client) Download(ctx context.Context, name string, to io.Writer, most int64) error {
	res, err := c.send(ctx, http.MethodGet, path("recordings", "stored", name, "file"), nil)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return read(res, nil)
	}
	n, err := io.Copy(to, io.LimitReader(res.Body, most+1))
	if err == nil && n > most {
		return &Refused{Status: http.StatusRequestEntityTooLarge, Text: fmt.Sprintf("a recording of more than %d bytes", most)}
	}
	return err
}

// DropRecording removes the file of a recording that has ended.
func (c *Client) DropRecording(ctx context.Context, name string) error {
	return c.do(ctx, http.MethodDelete, path("recordings", "stored", name), nil, nil)
}
