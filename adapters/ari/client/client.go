package client

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

// longest is how much of an answer is read: a list of a thousand channels is about a megabyte.
const longest = 32 << 20

// Config is how an Asterisk is reached.
type Config struct {
	URL      string // "http://127.0.0.1:8088/ari"
	Username string
	Password string
	TLS      *tls.Config // nil is the system's
	Dial     Dial        // nil is the network's
}

// Dial makes a connection; see [net.Dialer.DialContext].
type Dial func(ctx context.Context, network, address string) (net.Conn, error)

// slowest is how long a request may take if its ctx does not say so.
const slowest = 30 * time.Second

// Client sends requests to one Asterisk. Safe for concurrent use. Every method is bounded by its ctx, and a request by half a
// minute if that has no end.
type Client struct {
	cfg   Config // TLS and Dial are fixed
	mu    sync.Mutex
	http  *http.Client
	limit time.Duration // slowest
}

// New returns a client; nothing is sent.
func New(cfg Config) *Client {
	cfg.URL = trimmed(cfg.URL)
	t := &http.Transport{
		DialContext: cfg.Dial, TLSClientConfig: cfg.TLS, MaxIdleConnsPerHost: 64, IdleConnTimeout: 30 * time.Second,
		TLSHandshakeTimeout: 5 * time.Second, ExpectContinueTimeout: time.Second,
	}
	return &Client{cfg: cfg, limit: slowest, http: &http.Client{Transport: t, CheckRedirect: func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse // a redirection would be handed the password
	}}}
}

func trimmed(url string) string { return strings.TrimSuffix(url, "/") }

// Follow lets the requests from now on go to another address of the same Asterisk, as another user's; a connection that is up stays as
// it is.
func (c *Client) Follow(url, username, password string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cfg.URL, c.cfg.Username, c.cfg.Password = trimmed(url), username, password
}

// at is the address of a request.
func (c *Client) at(target string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.cfg.URL + target
}

func (c *Client) sign(req *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	req.SetBasicAuth(c.cfg.Username, c.cfg.Password)
}

// Close gives the idle connections back.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Refused is an answer other than 2xx.
type Refused struct {
	Status int    // 404: what it is about is gone; 409: not in this state; 401: wrong password
	Text   string // what Asterisk says of it
}

func (r *Refused) Error() string { return fmt.Sprintf("Asterisk answers %d %s", r.Status, r.Text) }

// Status returns the status of a [Refused] answer, 0 for any other error and for nil.
func Status(err error) int {
	var r *Refused
	if errors.As(err, &r) {
		return r.Status
	}
	return 0
}

// Gone reports that what a request was about is not there (any more).
func Gone(err error) bool { return Status(err) == http.StatusNotFound }

// path joins path segments, each escaped.
func path(segments ...string) string {
	var b strings.Builder
	for _, s := range segments {
		b.WriteString("/" + url.PathEscape(s))
	}
	return b.String()
}

// query makes a query string of pairs.
func query(pairs ...string) string {
	v := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			v.Set(pairs[i], pairs[i+1])
		}
	}
	return "?" + v.Encode()
}

// do sends one request and reads the answer. in and out may be nil.
func (c *Client) do(ctx context.Context, method, target string, in, out any) error {
	ctx, cancel := context.WithTimeout(ctx, c.limit)
	defer cancel()
	res, err := c.send(ctx, method, target, in)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	return read(res, out)
}

// send sends one request; the caller closes the body of the answer. in may be nil.
func (c *Client) send(ctx context.Context, method, target string, in any) (*http.Response, error) {
	var body io.Reader
	if in != nil {
		raw, err := json.Marshal(in)
		if err != nil {
			return nil, err
		}
		body = bytes.NewReader(raw)
	}
	req, err := http.NewRequestWithContext(ctx, method, c.at(target), body)
	if err != nil {
		return nil, err
	}
	c.sign(req)
	if in != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	return c.http.Do(req)
}

func read(res *http.Response, out any) error {
	raw, err := io.ReadAll(io.LimitReader(res.Body, longest))
	if err != nil {
		return err
	}
	if res.StatusCode/100 != 2 {
		return &Refused{Status: res.StatusCode, Text: reason(raw)}
	}
	if out == nil {
		return nil
	}
	return json.Unmarshal(raw, out)
}

// reason returns what an error's body says, at most 200 characters of printable ASCII.
func reason(raw []byte) string {
	var said struct{ Message, Error string }
	_ = json.Unmarshal(raw, &said) // some answers are HTML
	text := strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return -1
		}
		return r
	}, said.Message+said.Error)
	return text[:min(len(text), 200)]
}
