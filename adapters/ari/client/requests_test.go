package client

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// odd is an id that would change what is asked for if it stood in a URL as it is; oddly is how it has to stand there.
const (
	odd   = "a/../b?c=d&e#f g%2F\r\nX: y"
	oddly = "a%2F..%2Fb%3Fc=d&e%23f%20g%252F%0D%0AX:%20y"
	asked = "a%2F..%2Fb%3Fc%3Dd%26e%23f+g%252F%0D%0AX%3A+y" // as a value of the query
)

// sent is one request, and what of it reaches Asterisk.
type sent struct {
	name, line, body string
	send             func(context.Context, *Client) error
}

// requests are all that a client can send.
func requests() []sent {
	return []sent{
		{"info", "GET /ari/asterisk/info?only=system", "", func(ctx context.Context, c *Client) error { _, err := c.Info(ctx); return err }},
		{"filter", "PUT /ari/applications/" + oddly + "/eventFilter", `{"allowed":[{"type":"Dial"}]}`, func(ctx context.Context, c *Client) error { return c.Filter(ctx, odd, []string{"Dial"}) }},
		{"subscribe", "POST /ari/applications/" + oddly + "/subscription?eventSource=channel%3A" + asked, "", func(ctx context.Context, c *Client) error { return c.Subscribe(ctx, odd, odd) }},
		{"create", "POST /ari/channels/create", `{"endpoint":"PJSIP/1","app":"c2d","channelId":"x","variables":{"A":"b"}}`, func(ctx context.Context, c *Client) error {
			return c.Create(ctx, Leg{Endpoint: "PJSIP/1", App: "c2d", ID: "x", Variables: map[string]string{"A": "b"}})
		}},
		{"dial", "POST /ari/channels/" + oddly + "/dial?timeout=7", "", func(ctx context.Context, c *Client) error { return c.Dial(ctx, odd, "7") }},
		{"channels", "GET /ari/channels", "", func(ctx context.Context, c *Client) error { _, err := c.Channels(ctx); return err }},
		{"variable", "GET /ari/channels/" + oddly + "/variable?variable=" + asked, "", func(ctx context.Context, c *Client) error { _, err := c.Variable(ctx, odd, odd); return err }},
		{"set variable", "POST /ari/channels/" + oddly + "/variable?value=" + asked + "&variable=V", "", func(ctx context.Context, c *Client) error { return c.SetVariable(ctx, odd, "V", odd) }},
		{"hang up", "DELETE /ari/channels/" + oddly + "?reason_code=17", "", func(ctx context.Context, c *Client) error { return c.HangUp(ctx, odd, "17") }},
		{"answer", "POST /ari/channels/" + oddly + "/answer", "", func(ctx context.Context, c *Client) error { return c.Answer(ctx, odd) }},
		{"ring", "POST /ari/channels/" + oddly + "/ring", "", func(ctx context.Context, c *Client) error { return c.Ring(ctx, odd) }},
		{"continue", "POST /ari/channels/" + oddly + "/continue", "", func(ctx context.Context, c *Client) error { return c.Continue(ctx, odd) }},
		{"press", "POST /ari/channels/" + oddly + "/dtmf?dtmf=12%23", "", func(ctx context.Context, c *Client) error { return c.Press(ctx, odd, "12#") }},
		{"play", "POST /ari/channels/" + oddly + "/play/" + oddly + "?media=tone%3Abusy", "", func(ctx context.Context, c *Client) error { return c.Play(ctx, odd, odd, "tone:busy") }},
		{"play into", "POST /ari/bridges/" + oddly + "/play/" + oddly, `{"media":["tone:1400/200,0/800"]}`, func(ctx context.Context, c *Client) error { return c.PlayInto(ctx, odd, odd, "tone:1400/200,0/800") }},
		{"stop playing", "DELETE /ari/playbacks/" + oddly, "", func(ctx context.Context, c *Client) error { return c.StopPlaying(ctx, odd) }},
		{"bridges", "GET /ari/bridges", "", func(ctx context.Context, c *Client) error { _, err := c.Bridges(ctx); return err }},
		{"make bridge", "POST /ari/bridges/" + oddly + "?name=" + asked + "&type=mixing", "", func(ctx context.Context, c *Client) error { return c.MakeBridge(ctx, odd, false) }},
		{"make bridge for many", "POST /ari/bridges/" + oddly + "?name=" + asked + "&type=mixing%2Cvideo_sfu", "", func(ctx context.Context, c *Client) error { return c.MakeBridge(ctx, odd, true) }},
		{"enter", "POST /ari/bridges/" + oddly + "/addChannel?channel=x%2Cy", "", func(ctx context.Context, c *Client) error { return c.Enter(ctx, odd, "x", "y") }},
		{"leave", "POST /ari/bridges/" + oddly + "/removeChannel?channel=" + asked, "", func(ctx context.Context, c *Client) error { return c.Leave(ctx, odd, odd) }},
		{"drop bridge", "DELETE /ari/bridges/" + oddly, "", func(ctx context.Context, c *Client) error { return c.DropBridge(ctx, odd) }},
		{"record", "POST /ari/bridges/" + oddly + "/record?format=wav&name=" + asked, "", func(ctx context.Context, c *Client) error { return c.Record(ctx, odd, odd) }},
		{"recording", "GET /ari/recordings/live/" + oddly, "", func(ctx context.Context, c *Client) error { _, err := c.Recording(ctx, odd); return err }},
		{"stop recording", "POST /ari/recordings/live/" + oddly + "/stop", "", func(ctx context.Context, c *Client) error { return c.StopRecording(ctx, odd) }},
		{"mute", "POST /ari/recordings/live/" + oddly + "/mute", "", func(ctx context.Context, c *Client) error { return c.MuteRecording(ctx, odd, true) }},
		{"unmute", "DELETE /ari/recordings/live/" + oddly + "/mute", "", func(ctx context.Context, c *Client) error { return c.MuteRecording(ctx, odd, false) }},
		{"recordings", "GET /ari/recordings/stored", "", func(ctx context.Context, c *Client) error { _, err := c.Recordings(ctx); return err }},
		{"drop recording", "DELETE /ari/recordings/stored/" + oddly, "", func(ctx context.Context, c *Client) error { return c.DropRecording(ctx, odd) }},
		{"writable", "DELETE /ari/channels/c2d-probe", "", func(ctx context.Context, c *Client) error { return c.Writable(ctx) }},
	}
}

// TestRequests is what each request is on the wire: nothing in an id or a value leaves its place.
func TestRequests(t *testing.T) {
	var line, body, user, password string
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		raw, _ := io.ReadAll(r.Body)
		line, body = r.Method+" "+r.RequestURI, string(raw)
		user, password, _ = r.BasicAuth()
		w.WriteHeader(http.StatusNoContent)
	})
	for _, s := range requests() {
		t.Run(s.name, func(t *testing.T) {
			var none *json.SyntaxError // a list that is asked for is not there
			if err := s.send(t.Context(), c); err != nil && !asError(err, &none) {
				t.Fatal(err)
			}
			if line != s.line || body != s.body || user != "c2d" || password != secret {
				t.Errorf("%s %s by %s; want %s %s", line, body, user, s.line, s.body)
			}
		})
	}
}

// TestEveryRequestIsBounded is an Asterisk that hangs: each request ends with its ctx, and without one of the caller's too.
func TestEveryRequestIsBounded(t *testing.T) {
	c := hung(t)
	c.limit = 20 * time.Millisecond
	for _, s := range requests() {
		t.Run(s.name, func(t *testing.T) {
			ends(t, func(ctx context.Context) error { return s.send(ctx, c) }, context.DeadlineExceeded)
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			if err := s.send(ctx, c); !isError(err, context.Canceled) {
				t.Error("after the end of its ctx:", err)
			}
		})
	}
}

// TestRefused is what Asterisk says when it does not do what it is asked.
func TestRefused(t *testing.T) {
	long := strings.Repeat("x", 300)
	for name, c := range map[string]struct {
		status     int
		body, text string
	}{
		"wrong password":    {401, `{"message":"Authentication required"}`, "Authentication required"},
		"gone":              {404, `{"message":"Channel not found"}`, "Channel not found"},
		"another state":     {409, `{"message":"Channel not in Stasis application"}`, "Channel not in Stasis application"},
		"no such endpoint":  {500, `{"error":"Allocation failed"}`, "Allocation failed"},
		"HTML":              {401, "<html><body>401</body></html>", ""},
		"gone, nothing":     {404, "", ""},
		"conflict, a list":  {409, "[1,2]", ""},
		"broken JSON":       {500, `{"message":`, ""},
		"a redirection":     {302, "", ""},
		"control chars":     {500, `{"message":"a\r\nb\u001b[1mü"}`, "ab[1m"},
		"a very long text":  {500, `{"message":"` + long + `"}`, long[:200]},
		"a number for text": {500, `{"message":7}`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			api := serve(t, func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(c.status)
				_, _ = io.WriteString(w, c.body)
			})
			for _, s := range requests() {
				err := s.send(t.Context(), api)
				var r *Refused
				switch {
				case s.name == "variable" && c.status == 404: // has none
					if err != nil {
						t.Error(err)
					}
				case !asError(err, &r) || r.Status != c.status || r.Text != c.text || Status(err) != c.status || Gone(err) != (c.status == 404):
					t.Errorf("%s: %v", s.name, err)
				case strings.Contains(err.Error(), secret):
					t.Error("the password is told:", err)
				}
			}
		})
	}
}

// TestNoAnswerThatCanBeRead is a 200 that is not what was asked for: an error, not an empty list.
func TestNoAnswerThatCanBeRead(t *testing.T) {
	for _, body := range []string{"", "<html>", `{"message":"hello"}`, `[{"id":`} {
		c := serve(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, body) })
		if all, err := c.Channels(t.Context()); err == nil {
			t.Errorf("%q is taken for %v", body, all)
		}
		if all, err := c.Bridges(t.Context()); err == nil {
			t.Errorf("%q is taken for %v", body, all)
		}
	}
}

// TestNoRedirection is a web server that sends us elsewhere: the password stays here.
func TestNoRedirection(t *testing.T) {
	elsewhere := 0
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { elsewhere++ }))
	t.Cleanup(other.Close)
	for _, status := range []int{301, 302, 303, 307, 308} {
		c := serve(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, other.URL, status) })
		for _, s := range requests() {
			if err := s.send(t.Context(), c); Status(err) != status {
				t.Errorf("%s: %v", s.name, err)
			}
		}
		if err := c.Listen(t.Context(), apps, patient, ready, deaf); Status(err) != status {
			t.Errorf("the websocket: %v", err)
		}
	}
	if elsewhere != 0 {
		t.Error("was followed")
	}
}

// TestStatusOfOtherErrors is what no answer says.
func TestStatusOfOtherErrors(t *testing.T) {
	if Status(nil) != 0 || Gone(nil) || Status(io.EOF) != 0 || Gone(io.EOF) {
		t.Error("an error that is no answer has a status")
	}
}
