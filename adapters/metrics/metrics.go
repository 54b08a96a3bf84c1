// Package metrics tells Prometheus how calls go. It is a reader of the event log like any other: nothing in core knows
// that it is there, and no person, number or call is a label.
//
//	c2d_calls_placed_total                    calls that were admitted
//	c2d_calls_ended_total{reason,side}        calls that ended, by call.Reason and call.Side ("none" without one)
//	c2d_backend_calls_ended_total{backend,reason}  the same, once for each configured backend that the call has used
//	c2d_backend_up{backend}                   1 while calls can go over it, as /readyz tells
//	c2d_backend_circuit_open{backend}         1 while others of a route are used in its place, since its last calls failed
//	c2d_calls_active                          calls that have not ended
//	c2d_recordings_failed_total               recordings that failed while their call went on
//	c2d_webhooks_disabled_total               web hooks that were disabled since nothing could be delivered
//	c2d_call_setup_seconds{until}             from the click until "caller_answered", "callee_ringing", "connected"
//	c2d_store_commits_total                   transactions that the store made durable
//	c2d_store_writes_total                    changes in them: many to a commit when the service is busy
package metrics

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"c2d/core/call"
	"c2d/core/event"
	"c2d/core/fault"
)

const (
	batch = 200
	again = 5 * time.Second // after an error of the log or the store
)

// Metrics reads the events of one tenant. Make one with New, give Handler to the HTTP server, and let Run work.
type Metrics struct {
	log      event.Log
	tenant   string
	registry *prometheus.Registry
	placed   prometheus.Counter
	ended    *prometheus.CounterVec
	over     *prometheus.CounterVec // the same, by backend
	disabled prometheus.Counter
	unkept   prometheus.Counter // recordings that failed
	active   prometheus.Gauge
	setup    *prometheus.HistogramVec

	began map[string]time.Time // when each active call was created; Run's alone
}

// New returns metrics at zero, with those of the Go runtime and the process beside them.
func New(log event.Log, tenant string) *Metrics {
	m := &Metrics{log: log, tenant: tenant, registry: prometheus.NewRegistry(), began: map[string]time.Time{},
		placed: prometheus.NewCounter(prometheus.CounterOpts{Name: "c2d_calls_placed_total", Help: "Calls that were admitted."}),
		ended: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "c2d_calls_ended_total",
			Help: "Calls that ended, by end reason and the side that it was about."}, []string{"reason", "side"}),
		over: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "c2d_backend_calls_ended_total",
			Help: "Calls that ended, by the end reason, for each backend that they have used."}, []string{"backend", "reason"}),
		disabled: prometheus.NewCounter(prometheus.CounterOpts{Name: "c2d_webhooks_disabled_total", Help: "Web hooks that were disabled since nothing could be delivered."}),
		unkept:   prometheus.NewCounter(prometheus.CounterOpts{Name: "c2d_recordings_failed_total", Help: "Recordings that failed while their call went on."}),
		active:   prometheus.NewGauge(prometheus.GaugeOpts{Name: "c2d_calls_active", Help: "Calls that have not ended."}),
		setup: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "c2d_call_setup_seconds", Help: "Time from the click until a step of the call.",
			Buckets: []float64{.1, .25, .5, 1, 2, 4, 8, 15, 30, 60, 120}}, []string{"until"}),
	}
	m.registry.MustRegister(m.placed, m.ended, m.over, m.disabled, m.unkept, m.active, m.setup,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// Store adds what the store counts.
func (m *Metrics) Store(commits, writes func() int64) {
	count := func(name, help string, of func() int64) {
		m.registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{Name: name, Help: help}, func() float64 { return float64(of()) }))
	}
	count("c2d_store_commits_total", "Transactions that the store made durable.", commits)
	count("c2d_store_writes_total", "Changes in the transactions that the store made durable.", writes)
}

// Backend is how a configured backend is.
type Backend struct {
	Up   bool // calls can go over it
	Open bool // its circuit: it is passed by
}

// Backends adds the configured backends. all is asked each time that somebody reads the metrics, by several at once.
func (m *Metrics) Backends(all func() map[string]Backend) {
	gauge := func(name, help string) *prometheus.Desc {
		return prometheus.NewDesc(name, help, []string{"backend"}, nil)
	}
	m.registry.MustRegister(backendGauges{all: all,
		up:   gauge("c2d_backend_up", "Whether calls can go over a backend."),
		open: gauge("c2d_backend_circuit_open", "Whether a backend is passed by since its last calls failed."),
	})
}

// backendGauges implements [prometheus.Collector]: which backends there are changes when the configuration is read again.
type backendGauges struct {
	all      func() map[string]Backend
	up, open *prometheus.Desc
}

func (g backendGauges) Describe(to chan<- *prometheus.Desc) { to <- g.up; to <- g.open }

func (g backendGauges) Collect(to chan<- prometheus.Metric) {
	for name, b := range g.all() {
		to <- prometheus.MustNewConstMetric(g.up, prometheus.GaugeValue, number(b.Up), name)
		to <- prometheus.MustNewConstMetric(g.open, prometheus.GaugeValue, number(b.Open), name)
	}
}

func number(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// Handler serves the metrics in the formats that Prometheus asks for.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}

// Run reads events until ctx ends. It is called once. open, asked after the place in the log is taken so that no call
// falls between, lists the calls that are open from before.
func (m *Metrics) Run(ctx context.Context, open func(context.Context) ([]call.Call, error)) {
	cursor, ready := "", false
	for ctx.Err() == nil {
		changed := m.log.Changed() // before the read, so that no event falls between
		var err error
		if !ready {
			cursor, err = m.begin(ctx, open)
			ready = err == nil
		}
		next := cursor
		if err == nil {
			next, err = m.read(ctx, cursor)
		}
		switch {
		case err != nil:
			ready = ready && !fault.Is(err, fault.CodeBadCursor) // events are gone: what is active must be counted anew
			pause(ctx)
		case next == cursor:
			wait(ctx, changed)
		}
		cursor = next
	}
}

func wait(ctx context.Context, changed <-chan struct{}) {
	select {
	case <-changed:
	case <-ctx.Done():
	}
}

// pause waits before the next try, so that a log that is down is not asked all the time.
func pause(ctx context.Context) {
	timer := time.NewTimer(again)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// begin takes a place in the log and counts the calls that are open.
func (m *Metrics) begin(ctx context.Context, open func(context.Context) ([]call.Call, error)) (cursor string, err error) {
	if cursor, err = m.log.Head(ctx, m.tenant); err != nil {
		return "", err
	}
	calls, err := open(ctx)
	if err != nil {
		return "", err
	}
	clear(m.began)
	for _, c := range calls {
		if c.Tenant == m.tenant && c.State != call.Ended {
			m.began[c.ID] = c.CreatedAt
		}
	}
	m.active.Set(float64(len(m.began)))
	return cursor, nil
}

// read takes one page up and returns where to go on. Errors: those of the log; fault.CodeBadCursor when events are gone.
func (m *Metrics) read(ctx context.Context, cursor string) (next string, err error) {
	page, err := m.log.Read(ctx, event.Filter{Tenant: m.tenant, Kinds: []event.Kind{event.CallCreated, event.CallRinging,
		event.CallAnswered, event.CallConnected, event.CallRecording, event.CallEnded, event.WebhookDisabled}}, cursor, batch)
	if err != nil {
		return cursor, err
	}
	if page.Reset {
		return cursor, fault.New(fault.CodeBadCursor, "events are gone")
	}
	for _, e := range page.Events {
		m.take(e)
	}
	m.active.Set(float64(len(m.began)))
	return page.Next, nil
}

func (m *Metrics) take(e event.Event) {
	party := call.Side(e.Data["party"])
	switch {
	case e.Kind == event.CallCreated:
		m.placed.Inc()
		m.began[e.Subject] = e.At
	case e.Kind == event.CallAnswered && party == call.CallerSide:
		m.observe("caller_answered", e)
	case e.Kind == event.CallRinging && party == call.CalleeSide:
		m.observe("callee_ringing", e)
	case e.Kind == event.CallConnected:
		m.observe("connected", e)
	case e.Kind == event.CallRecording && e.Data["recording_state"] == string(call.RecordFailed) && e.Data["state"] != string(call.Ended):
		m.unkept.Inc()
	case e.Kind == event.WebhookDisabled:
		m.disabled.Inc()
	case e.Kind == event.CallEnded:
		m.ended.WithLabelValues(word(e.Data["reason"]), word(e.Data["side"])).Inc()
		for _, backend := range backends(e) {
			m.over.WithLabelValues(word(backend), word(e.Data["reason"])).Inc()
		}
		delete(m.began, e.Subject)
	}
}

// observe notes how long after its click a call came this far; a call from before our time is left out.
func (m *Metrics) observe(until string, e event.Event) {
	if began, known := m.began[e.Subject]; known {
		m.setup.WithLabelValues(until).Observe(e.At.Sub(began).Seconds())
	}
}

// backends are all that a call has used; an event of an older release names that of the caller alone.
func backends(e event.Event) []string {
	if all := e.Data["backends"]; all != "" {
		return strings.Split(all, ",")
	}
	return []string{e.Data["backend"]}
}

func word(s string) string {
	if s == "" {
		return "none"
	}
	return s
}
