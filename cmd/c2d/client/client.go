// Package client calls C2D's own HTTP API, as the command line and the demo do. It knows the wire format and nothing of
// the service behind it.
package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// maxAnswer bounds what is read of one answer.
const maxAnswer = 64 << 20

// Client sends requests with one key. Safe for concurrent use.
type Client struct {
	base string
	key  string
	http http.Client
}

// New returns a client of the service at base, such as "http://127.0.0.1:8080".
func New(base, key string) *Client {
	return &Client{base: strings.TrimSuffix(base, "/"), key: key}
}

// Close gives up the connections that wait to be used again.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Problem is the service's refusal (RFC 9457).
type Problem struct {
	Status    int            `json:"status"`
	Code      string         `json:"code"`
	Title     string         `json:"title"`
	Detail    string         `json:"detail"`
	RequestID string         `json:"request_id"`
	Details   map[string]any `json:"details"`
}

func (p *Problem) Error() string {
	text := p.Detail
	if text == "" {
		text = p.Title
	}
	return fmt.Sprintf("%s (%s)", text, p.Code)
}

// Get reads path into out.
func (c *Client) Get(ctx context.Context, path string, out any) error {
	return c.send(ctx, http.MethodGet, path, "", nil, out)
}

// Post sends in as JSON, or nothing if it is nil, and reads the answer into out; out may be nil.
func (c *Client) Post(ctx context.Context, path string, in, out any) error {
	if in == nil {
		return c.send(ctx, http.MethodPost, path, "", nil, out)
	}
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	return c.send(ctx, http.MethodPost, path, "application/json", bytes.NewReader(body), out)
}

// Upload sends a body of another media type.
func (c *Client) Upload(ctx context.Context, path, mediaType string, body io.Reader, out any) error {
	return c.send(ctx, http.MethodPost, path, mediaType, body, out)
}

func (c *Client) send(ctx context.Context, method, path, mediaType string, body io.Reader, out any) error {
	req, err := http.NewRequestWithContext(ctx, method, c.base+path, body)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+c.key)
	if mediaType != "" {
		req.Header.Set("Content-Type", mediaType)
	}
	res, err := c.http.Do(req)
	if err != nil {
		return fmt.Errorf("the service cannot be reached: %w", errors.Unwrap(err)) // without the method and URL
	}
	defer res.Body.Close()
	text, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err != nil {
		return err
	}
	if res.StatusCode >= 300 {
		return refusal(res.StatusCode, text)
	}
	if out == nil || len(text) == 0 {
		return nil
	}
	return json.Unmarshal(text, out)
}

func refusal(status int, text []byte) error {
	p := &Problem{}
	if json.Unmarshal(text, p) != nil || p.Code == "" {
		return fmt.Errorf("the service answered %d %s", status, http.StatusText(status))
	}
	p.Status = status
	return p
}
