package metrics_test

import (
	"context"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"c2d/adapters/metrics"
	"c2d/core/call"
	"c2d/core/event"
	"c2d/core/fault"
)

// events is an event log in memory that can be down, and can lose what it has.
type events struct {
	mu      sync.Mutex
	list    []event.Event
	lost    int
	changed chan struct{}
	down    bool
}

func (l *events) add(list ...event.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.list = append(l.list, list...)
	close(l.changed)
	l.changed = make(chan struct{})
}

func (l *events) set(down bool, lost int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.down, l.lost = down, lost
}

func (l *events) Read(_ context.Context, _ event.Filter, after string, limit int) (event.Page, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.down {
		return event.Page{}, fault.New(fault.CodeStoreUnavailable, "down")
	}
	from, err := strconv.Atoi(after)
	if err != nil {
		return event.Page{}, fault.New(fault.CodeBadCursor, "no cursor")
	}
	reset := from < l.lost
	from = min(max(from, l.lost), len(l.list))
	to := min(from+limit, len(l.list))
	return event.Page{Events: l.list[from:to], Next: strconv.Itoa(to), Reset: reset}, nil
}

func (l *events) Head(context.Context, string) (string, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strconv.Itoa(len(l.list)), nil
}

func (l *events) Changed() <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.changed
}

// run runs metrics in a bubble, with one call open from before, until body returns.
func run(t *testing.T, body func(m *metrics.Metrics, l *events)) {
	synctest.Test(t, func(t *testing.T) {
		l := &events{changed: make(chan struct{})}
		l.list = []event.Event{{Kind: event.CallEnded, Subject: "long ago"}}
		m := metrics.New(l, "main")
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			m.Run(ctx, func(context.Context) ([]call.Call, error) {
				return []call.Call{{ID: "old", Tenant: "main", State: call.Connected, CreatedAt: time.Now()},
					{ID: "releasing", Tenant: "main", State: call.Ended}, {ID: "other's", Tenant: "other"}}, nil
			})
		}()
		synctest.Wait()
		body(m, l)
		cancel()
		<-ended
	})
}

// shows checks lines of what Prometheus would read.
func shows(t *testing.T, m *metrics.Metrics, lines ...string) {
	t.Helper()
	synctest.Wait()
	rec := httptest.NewRecorder()
	m.Handler().ServeHTTP(rec, httptest.NewRequest("GET", "/metrics", nil))
	for _, line := range lines {
		if !strings.Contains(rec.Body.String(), "\n"+line+"\n") {
			t.Errorf("no %q in\n%s", line, rec.Body)
		}
	}
}

func TestACall(t *testing.T) {
	run(t, func(m *metrics.Metrics, l *events) {
		shows(t, m, "c2d_calls_active 1", "c2d_calls_placed_total 0")
		at := time.Now()
		step := func(k event.Kind, after time.Duration, data map[string]string) event.Event {
			return event.Event{Kind: k, Subject: "new", UserID: "u-1", At: at.Add(after), Data: data}
		}
		l.add(step(event.CallCreated, 0, nil))
		shows(t, m, "c2d_calls_active 2", "c2d_calls_placed_total 1")
		l.add(step(event.CallRinging, time.Second, map[string]string{"party": "caller"}),
			step(event.CallAnswered, 3*time.Second, map[string]string{"party": "caller"}),
			step(event.CallRinging, 5*time.Second, map[string]string{"party": "callee"}),
			step(event.CallAnswered, 9*time.Second, map[string]string{"party": "callee"}),
			step(event.CallConnected, 10*time.Second, nil),
			step(event.CallEnded, 60*time.Second, map[string]string{"reason": "completed", "by": "caller"}))
		shows(t, m, "c2d_calls_active 1", `c2d_calls_ended_total{reason="completed",side="none"} 1`,
			`c2d_call_setup_seconds_sum{until="caller_answered"} 3`, `c2d_call_setup_seconds_count{until="caller_answered"} 1`,
			`c2d_call_setup_seconds_sum{until="callee_ringing"} 5`, `c2d_call_setup_seconds_sum{until="connected"} 10`)
		for _, state := range []string{"running", "failed"} {
			l.add(event.Event{Kind: event.CallRecording, Subject: "old", Data: map[string]string{"recording": "x", "recording_state": state, "state": "connected"}})
		}
		l.add(event.Event{Kind: event.CallRecording, Subject: "old", Data: map[string]string{"recording": "y", "recording_state": "failed", "state": "ended"}})
		l.add(event.Event{Kind: event.WebhookDisabled, Subject: "hook"})
		l.add(event.Event{Kind: event.CallEnded, Subject: "old", Data: map[string]string{"reason": "busy", "side": "callee", "backend": "pbx", "backends": "pbx,ims"}})
		l.add(event.Event{Kind: event.CallEnded, Subject: "older", Data: map[string]string{"reason": "lost", "backend": "pbx"}})
		shows(t, m, "c2d_calls_active 0", "c2d_webhooks_disabled_total 1", "c2d_recordings_failed_total 1", `c2d_calls_ended_total{reason="busy",side="callee"} 1`,
			`c2d_backend_calls_ended_total{backend="none",reason="completed"} 1`, `c2d_backend_calls_ended_total{backend="pbx",reason="busy"} 1`,
			`c2d_backend_calls_ended_total{backend="ims",reason="busy"} 1`, `c2d_backend_calls_ended_total{backend="pbx",reason="lost"} 1`)
		rec := httptest.NewRecorder()
		m.Handler().ServeHTTP(rec, httptest.NewRequest("GET", "/metrics", nil))
		for _, person := range []string{"u-1", `"new"`, `"old"`} {
			if strings.Contains(rec.Body.String(), person) {
				t.Errorf("a label tells of %s", person)
			}
		}
	})
}

func TestABackendThatIsLostAndBack(t *testing.T) {
	run(t, func(m *metrics.Metrics, _ *events) {
		all := map[string]metrics.Backend{"house": {Up: true}, "pbx": {Up: true}}
		m.Backends(func() map[string]metrics.Backend { return all })
		shows(t, m, `c2d_backend_up{backend="house"} 1`, `c2d_backend_up{backend="pbx"} 1`, `c2d_backend_circuit_open{backend="pbx"} 0`)
		all["pbx"] = metrics.Backend{Open: true}
		shows(t, m, `c2d_backend_up{backend="house"} 1`, `c2d_backend_up{backend="pbx"} 0`, `c2d_backend_circuit_open{backend="pbx"} 1`)
		all["pbx"] = metrics.Backend{Up: true}
		shows(t, m, `c2d_backend_up{backend="pbx"} 1`, `c2d_backend_circuit_open{backend="pbx"} 0`)
	})
}

func TestManyEventsAtOnceAreAllTaken(t *testing.T) {
	run(t, func(m *metrics.Metrics, l *events) {
		var list []event.Event
		for i := range 1000 {
			list = append(list, event.Event{Kind: event.CallCreated, Subject: strconv.Itoa(i)})
		}
		l.add(list...)
		shows(t, m, "c2d_calls_placed_total 1000", "c2d_calls_active 1001")
	})
}

func TestAnOutageLosesNothing(t *testing.T) {
	run(t, func(m *metrics.Metrics, l *events) {
		l.set(true, 0)
		l.add(event.Event{Kind: event.CallCreated, Subject: "meanwhile"})
		shows(t, m, "c2d_calls_active 1", "c2d_calls_placed_total 0")
		l.set(false, 0)
		time.Sleep(6 * time.Second)
		shows(t, m, "c2d_calls_active 2", "c2d_calls_placed_total 1")
	})
}

func TestEventsThatAreGoneBeginACountOfWhatIsOpen(t *testing.T) {
	run(t, func(m *metrics.Metrics, l *events) {
		l.add(event.Event{Kind: event.CallCreated, Subject: "ends unseen"})
		shows(t, m, "c2d_calls_active 2")
		l.set(false, len(l.list)+1)
		l.add(event.Event{Kind: event.CallEnded, Subject: "ends unseen"})
		time.Sleep(6 * time.Second)
		shows(t, m, "c2d_calls_active 1", "c2d_calls_placed_total 1")
		l.add(event.Event{Kind: event.CallCreated, Subject: "seen"})
		shows(t, m, "c2d_calls_active 2", "c2d_calls_placed_total 2")
	})
}
