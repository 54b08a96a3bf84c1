package httpapi_test

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"c2d/adapters/httpapi"
	"c2d/core/call"
	"c2d/core/event"
)

// client is an open stream, read line by line from a real connection.
type client struct {
	t     *testing.T
	lines *bufio.Scanner
	res   *http.Response
}

// open serves w until the test ends and opens a stream.
func open(t *testing.T, w *world, path, key string, headers ...string) *client {
	t.Helper()
	srv := httptest.NewServer(w.Handler())
	t.Cleanup(srv.Close)
	return dialStream(t, srv.URL, path, key, headers...)
}

func dialStream(t *testing.T, base, path, key string, headers ...string) *client {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	r, err := http.NewRequestWithContext(ctx, "GET", base+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+key)
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Set(name, value)
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cancel(); _ = res.Body.Close() })
	return &client{t: t, lines: bufio.NewScanner(res.Body), res: res}
}

// next returns the next event as "id kind subject", skipping what is no event; "" at the end of the stream.
func (c *client) next() string {
	c.t.Helper()
	id, name := "", ""
	for c.lines.Scan() {
		field, value, _ := strings.Cut(c.lines.Text(), ": ")
		switch field {
		case "id":
			id = value
		case "event":
			name = value
		case "data":
			var v struct {
				Subject string
				Call    *struct{ ID string }
			}
			if err := json.Unmarshal([]byte(value), &v); err != nil {
				c.t.Fatal(err)
			}
			out := strings.TrimSpace(id + " " + name + " " + v.Subject)
			if v.Call != nil {
				out += " with " + v.Call.ID
			}
			return out
		}
	}
	return ""
}

func (c *client) want(events ...string) {
	c.t.Helper()
	for _, e := range events {
		if got := c.next(); got != e {
			c.t.Fatalf("got %q, want %q", got, e)
		}
	}
}

func TestStreamResumesAfterLastEventID(t *testing.T) {
	w := newWorld(t)
	placed(w)
	w.log.add(event.Event{Kind: event.CallCreated, Subject: "call-1", UserID: "u-1"})
	w.log.add(event.Event{Kind: event.CallRinging, Subject: "call-1", UserID: "u-1"})
	srv := httptest.NewServer(w.Handler())
	t.Cleanup(srv.Close)

	first := dialStream(t, srv.URL, "/v1/events", "system")
	if ct := first.res.Header.Get("Content-Type"); ct != "text/event-stream" {
		t.Fatalf("content type %q", ct)
	}
	w.log.add(event.Event{Kind: event.CallAnswered, Subject: "call-1", UserID: "u-1"})
	first.want("3 call.answered call-1 with call-1") // from now on, without what was before

	again := dialStream(t, srv.URL, "/v1/events", "system", "Last-Event-ID: 1")
	again.want("2 call.ringing call-1 with call-1", "3 call.answered call-1 with call-1")
	w.log.add(event.Event{Kind: event.BookChanged, Subject: "c-1"})
	again.want("4 contact.changed c-1")
	first.want("4 contact.changed c-1")
}

func TestStreamOfACallBeginsAtItsBeginning(t *testing.T) {
	w := newWorld(t)
	placed(w)
	w.log.add(event.Event{Kind: event.CallCreated, Subject: "call-7", UserID: "u-2"})
	w.log.add(event.Event{Kind: event.CallCreated, Subject: "call-1", UserID: "u-1"})
	open(t, w, "/v1/calls/call-1/events", "harry").want("2 call.created call-1 with call-1")
}

func TestUsersSeeTheirOwnCallsOnly(t *testing.T) {
	w := newWorld(t)
	placed(w)
	c := open(t, w, "/v1/events?after=0", "mary", "Accept: text/event-stream")
	for _, e := range []event.Event{
		{Kind: event.CallCreated, Subject: "call-1", UserID: "u-1"},
		{Kind: event.UserChanged, Subject: "u-2", UserID: "u-2"}, // no scope for users
		{Kind: event.KeyChanged, Subject: "k-1"},
		{Kind: event.CallCreated, Subject: "call-2", UserID: "u-2"},
	} {
		w.log.add(e)
	}
	c.want("4 call.created call-2")
	rec := w.do(t, ask{method: "GET", path: "/v1/calls/call-1/events", key: "mary"})
	if rec.Code != http.StatusNotFound {
		t.Errorf("another's call: %d", rec.Code)
	}
}

func TestResetTellsThatEventsAreGone(t *testing.T) {
	w := newWorld(t)
	for range 3 {
		w.log.add(event.Event{Kind: event.BookChanged, Subject: "c-1"})
	}
	w.log.lost = 2
	open(t, w, "/v1/events", "system", "Last-Event-ID: 1").want("reset", "3 contact.changed c-1")
	rec := w.do(t, ask{method: "GET", path: "/v1/events?after=1"})
	if !strings.Contains(rec.Body.String(), `"next":"3","reset":true`) {
		t.Errorf("long poll: %s", rec.Body)
	}
}

func TestLongPollOfEvents(t *testing.T) {
	w := newWorld(t)
	w.log.add(event.Event{Kind: event.BookChanged, Subject: "c-1"})
	rec := w.do(t, ask{method: "GET", path: "/v1/events", headers: []string{"Accept: application/json"}})
	if got := rec.Body.String(); got != `{"items":[],"next":"1","reset":false}`+"\n" {
		t.Errorf("the first poll: %s", got)
	}
	answered := make(chan *httptest.ResponseRecorder)
	go func() { answered <- w.do(t, ask{method: "GET", path: "/v1/events?after=1&wait=20s"}) }()
	w.log.add(event.Event{Kind: event.KeyChanged, Subject: "k-1"}) // a system key may not see it
	w.log.add(event.Event{Kind: event.BookChanged, Subject: "c-2"})
	var page struct {
		Items []struct{ ID, Subject, At string }
		Next  string
	}
	if err := json.Unmarshal((<-answered).Body.Bytes(), &page); err != nil {
		t.Fatal(err)
	}
	if len(page.Items) != 1 || page.Items[0].Subject != "c-2" || page.Items[0].At != "2026-11-22T08:15:30.120Z" || page.Next != "3" {
		t.Errorf("page %+v", page)
	}
}

// recorder is a response that another goroutine may read while it is written.
type recorder struct {
	mu sync.Mutex
	httptest.ResponseRecorder
}

func newRecorder() *recorder { return &recorder{ResponseRecorder: *httptest.NewRecorder()} }

func (r *recorder) Write(b []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.ResponseRecorder.Write(b)
}

func (r *recorder) text() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.Body.String()
}

func TestHeartbeatAndRevocation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		rec, ended := newRecorder(), make(chan struct{})
		go func() {
			defer close(ended)
			w.Handler().ServeHTTP(rec, ask{method: "GET", path: "/v1/events"}.request(t.Context()))
		}()
		time.Sleep(31 * time.Second)
		synctest.Wait()
		if n := strings.Count(rec.text(), ": still here\n"); n != 2 {
			t.Errorf("%d comments in 31 s: %q", n, rec.text())
		}
		w.keys.revoke("system")
		<-ended // at the next heartbeat
	})
}

func TestLongPollsEnd(t *testing.T) {
	for name, c := range map[string]struct {
		path string
		end  func(*world)
		code int
		took time.Duration
	}{
		"events, time up":         {"/v1/events?wait=25s", func(*world) {}, 200, 25 * time.Second},
		"events, at most a while": {"/v1/events?wait=9h", func(*world) {}, 200, time.Minute},
		"events, bare seconds":    {"/v1/events?wait=7", func(*world) {}, 200, 7 * time.Second},
		"call, time up":           {"/v1/calls/call-1?wait=25s&after=3", func(*world) {}, 200, 25 * time.Second},
		"call, newer already":     {"/v1/calls/call-1?wait=25s&after=2", func(*world) {}, 200, 0},
		"call, changes":           {"/v1/calls/call-1?wait=25s&after=3", change, 200, time.Second},
		"events, service stops":   {"/v1/events?wait=25s", stop, 200, time.Second},
		"call, service stops":     {"/v1/calls/call-1?wait=25s&after=3", stop, 200, time.Second},
		"stream, service stops":   {"/v1/events", stop, 200, time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				placed(w)
				began, rec, ended := time.Now(), newRecorder(), make(chan struct{})
				go func() {
					defer close(ended)
					w.Handler().ServeHTTP(rec, ask{method: "GET", path: c.path}.request(t.Context()))
				}()
				time.AfterFunc(time.Second, func() { c.end(w) })
				<-ended
				if took := time.Since(began); took != c.took || rec.Code != c.code {
					t.Errorf("%d after %v, want %d after %v: %s", rec.Code, took, c.code, c.took, rec.text())
				}
				time.Sleep(time.Second) // the AfterFunc has run
			})
		})
	}
}

func change(w *world) {
	w.calls.change("call-1", func(c *call.Call) { c.State = call.Ended })
	w.log.add(event.Event{Kind: event.CallEnded, Subject: "call-1"})
}

func stop(w *world) { _ = w.Stop(context.Background()) } // nothing listens: it cannot fail

func TestStreamsOfOneKeyAreLimited(t *testing.T) {
	w := newWorld(t, func(c *httpapi.Config, _ *httpapi.Deps) { c.Limits.Streams = 1 })
	srv := httptest.NewServer(w.Handler())
	t.Cleanup(srv.Close)
	first := dialStream(t, srv.URL, "/v1/events", "system")
	rec := w.do(t, ask{method: "GET", path: "/v1/events?wait=1s"})
	if got := problemOf(t, rec.Body.Bytes()); got.Code != "rate_limited" || rec.Header().Get("Retry-After") != "5" {
		t.Errorf("a second of the same key: %+v", got)
	}
	if other := dialStream(t, srv.URL, "/v1/events", "harry"); other.res.StatusCode != http.StatusOK {
		t.Errorf("another key: %d", other.res.StatusCode)
	}
	_ = first.res.Body.Close() // the server notices at its own pace
	deadline := time.Now().Add(10 * time.Second)
	for rec.Code != http.StatusOK && time.Now().Before(deadline) {
		w.log.add(event.Event{Kind: event.BookChanged, Subject: "c-1"}) // so that the gone client is written to
		rec = w.do(t, ask{method: "GET", path: "/v1/events?after=0"})
	}
	if rec.Code != http.StatusOK {
		t.Errorf("after the first has gone: %s", rec.Body)
	}
}

func TestSlowReaderStallsNobody(t *testing.T) {
	w := newWorld(t)
	srv := httptest.NewServer(w.Handler())
	t.Cleanup(srv.Close)
	dialStream(t, srv.URL, "/v1/events", "system") // never reads
	quick := dialStream(t, srv.URL, "/v1/events", "system")
	big := map[string]string{"reason": strings.Repeat("x", 10_000)}
	for i := range 1000 {
		w.log.add(event.Event{Kind: event.BackendLost, Subject: "house", Data: big, Version: int64(i)})
	}
	quick.lines.Buffer(nil, 64<<10)
	for i := range 1000 {
		if got := quick.next(); got == "" {
			t.Fatalf("the stream ended after %d events: %v", i, quick.lines.Err())
		}
	}
}
