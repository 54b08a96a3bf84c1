package webhook

import (
	"context"
	"encoding/json"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"c2d/core/access"
	"c2d/core/audit"
	"c2d/core/event"
	"c2d/core/fault"
	"c2d/core/job"
)

const (
	page         = 100              // events that become jobs in one transaction
	abreast      = 8                // deliveries of one hook at once
	sendLimit    = 15 * time.Second // of one delivery
	lease        = 4 * sendLimit
	poll         = time.Second     // where other processes share the store, their commits wake nobody here
	storeRest    = 5 * time.Second // after the store has failed
	longestRest  = time.Hour       // between two attempts
	disableAfter = 72 * time.Hour  // of failures only
)

var rests = []time.Duration{5 * time.Second, 15 * time.Second, time.Minute, 5 * time.Minute, 15 * time.Minute, 30 * time.Minute, longestRest}

// Delivery is one signed POST.
type Delivery struct {
	URL       string
	ID        string // webhook-id: the same for each attempt
	At        time.Time
	Signature string
	Body      []byte // JSON
}

// Result is the answer to one.
type Result struct {
	Status     int           // 0 without an answer
	RetryAfter time.Duration // that the receiver asks for
	Error      string        // why there was no answer: a short text without the address
}

// Sender is the way out. Safe for concurrent use; ctx bounds it.
type Sender interface {
	Send(ctx context.Context, d Delivery) Result
}

// Config is what couriers need.
type Config struct {
	Tenant string
	Store  Store
	Events event.Log
	Sender Sender
	// Body returns what an event is told as, filled from the record as it is now: {"type", "timestamp", "data"}.
	Body func(ctx context.Context, e event.Event) ([]byte, error)
	Log  *slog.Logger
	Now  func() time.Time // nil is time.Now
}

// Couriers deliver for all hooks of a tenant. Make them with NewCouriers and let Run work.
type Couriers struct {
	cfg    Config
	wakeup chan struct{}
	work   sync.WaitGroup
}

// NewCouriers returns couriers that do nothing yet.
func NewCouriers(cfg Config) *Couriers {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	return &Couriers{cfg: cfg, wakeup: make(chan struct{}, 1)}
}

// Wake makes Run look again at which hooks there are. It returns at once.
func (c *Couriers) Wake() {
	select {
	case c.wakeup <- struct{}{}:
	default:
	}
}

// Run keeps one courier for each hook that works until ctx ends, and returns when all have.
func (c *Couriers) Run(ctx context.Context) {
	defer c.work.Wait()
	running := map[string]running{}
	again := time.NewTicker(30 * time.Second) // other processes may have changed hooks
	defer again.Stop()
	for {
		if hooks, err := c.cfg.Store.Hooks(ctx, c.cfg.Tenant); err == nil {
			c.staff(ctx, running, hooks)
		}
		select {
		case <-c.wakeup:
		case <-again.C:
		case <-ctx.Done():
			return
		}
	}
}

// running is a courier: its hook's version and place, and what stops it.
type running struct {
	version int64
	stop    context.CancelFunc
	gone    <-chan struct{}
}

// staff starts a courier for each hook that has none, and starts those anew whose hook was changed or whose courier has ended.
func (c *Couriers) staff(ctx context.Context, all map[string]running, hooks []Hook) {
	want := map[string]Hook{}
	for _, h := range hooks {
		if h.DisabledAt.IsZero() {
			want[h.ID] = h
		}
	}
	for id, r := range all {
		h, wanted := want[id]
		select {
		case <-r.gone:
		default:
			if wanted && h.Version == r.version {
				delete(want, id)
				continue
			}
		}
		r.stop()
		<-r.gone
		delete(all, id)
	}
	for id, h := range want {
		ctx, stop := context.WithCancel(ctx)
		gone := make(chan struct{})
		all[id] = running{version: h.Version, stop: stop, gone: gone}
		c.work.Go(func() { // ends with ctx, or when its hook is gone
			defer close(gone)
			c.serve(ctx, h)
		})
	}
}

// serve is one courier's life.
func (c *Couriers) serve(ctx context.Context, h Hook) {
	for ctx.Err() == nil {
		changed := c.cfg.Events.Changed() // before the read, so that no event falls between
		busy, err := c.round(ctx, h.ID)
		switch {
		case fault.Is(err, fault.CodeNotFound) || fault.Is(err, errDisabled):
			return
		case err != nil:
			c.cfg.Log.Warn("web hook waits for the store", "webhook", h.ID, "error", err)
			c.wait(ctx, nil, storeRest)
		case !busy:
			c.wait(ctx, changed, c.untilNext(ctx, h.ID))
		}
	}
}

const errDisabled = fault.CodeForbidden // round found its hook disabled

// round makes jobs of new events and delivers what is due; busy says that there may be more of either at once.
func (c *Couriers) round(ctx context.Context, id string) (busy bool, err error) {
	h, err := c.cfg.Store.Hook(ctx, c.cfg.Tenant, id)
	if err != nil {
		return false, err
	}
	if !h.DisabledAt.IsZero() {
		return false, fault.New(errDisabled, "the hook is disabled")
	}
	more, err := c.fanOut(ctx, h)
	if err != nil {
		return false, err
	}
	jobs, err := c.cfg.Store.Claim(ctx, h.Tenant, job.Webhook, h.ID, c.cfg.Now(), lease, abreast)
	if err != nil {
		return false, err
	}
	errs := make([]error, len(jobs))
	var sends sync.WaitGroup
	for i, j := range jobs {
		sends.Go(func() { errs[i] = c.deliver(ctx, h, j) }) // bounded by sendLimit
	}
	sends.Wait()
	for _, err := range errs {
		if err != nil {
			return false, err
		}
	}
	return more || len(jobs) > 0, nil
}

// fanOut turns the next events into jobs, unless enough wait already.
func (c *Couriers) fanOut(ctx context.Context, h Hook) (more bool, err error) {
	pending, err := c.cfg.Store.Pending(ctx, h.Tenant, h.ID)
	if err != nil || pending >= maxPending {
		return false, err
	}
	p, err := c.cfg.Events.Read(ctx, event.Filter{Tenant: h.Tenant, Kinds: h.Kinds}, h.Cursor, page)
	if err != nil || p.Next == h.Cursor {
		return false, err
	}
	if p.Reset {
		c.cfg.Log.Error("web hook has missed events: they are older than what the log keeps", "webhook", h.ID)
	}
	jobs, after := make([]job.Job, len(p.Events)), h.Cursor
	for i, e := range p.Events {
		if jobs[i], err = newJob(h, e, after); err != nil {
			return false, err
		}
		after = e.ID
	}
	err = c.cfg.Store.Advance(ctx, h.Tenant, h.ID, h.Cursor, p.Next, jobs)
	if fault.Is(err, fault.CodeConflict) { // another process, or a replay, was first
		return true, nil
	}
	return err == nil, err
}

// told is what a job keeps of its event.
type told struct {
	Event event.Event `json:"event"`
	Seq   int64       `json:"seq"`
	After string      `json:"after"` // the place in the log before it
}

func newJob(h Hook, e event.Event, after string) (job.Job, error) {
	data, err := json.Marshal(told{Event: e, Seq: e.Seq, After: after})
	return job.Job{Tenant: h.Tenant, Kind: job.Webhook, ID: jobID(h.ID, e.Seq), Subject: h.ID, Line: e.Subject, Data: data}, err
}

func read(j job.Job) (t told, err error) {
	if err := json.Unmarshal(j.Data, &t); err != nil {
		return t, fault.Wrap(fault.CodeInternal, err, "a job cannot be read")
	}
	t.Event.Tenant, t.Event.Seq = j.Tenant, t.Seq
	return t, nil
}

// jobID is ascending with the place in the log, and the same whenever the event is told again: it is the webhook-id.
func jobID(hook string, seq int64) string {
	const digits = "0123456789abcdef"
	b := []byte(hook + "-0000000000000000")
	for i := len(b) - 1; seq > 0; i, seq = i-1, seq>>4 {
		b[i] = digits[seq&15]
	}
	return string(b)
}

// deliver tries one job once and settles it.
func (c *Couriers) deliver(ctx context.Context, h Hook, j job.Job) error {
	t, err := read(j)
	if err != nil {
		return err
	}
	began := c.cfg.Now()
	result := c.send(ctx, h, j, t.Event, began)
	if ctx.Err() != nil {
		return ctx.Err() // the lease ends by itself; another courier tries again
	}
	o := Outcome{Job: j, Attempt: Attempt{At: began.UTC().Truncate(time.Millisecond), Event: t.Event.ID, Kind: t.Event.Kind, Try: j.Attempts + 1,
		Status: result.Status, Error: failure(result), Duration: c.cfg.Now().Sub(began)}}
	if o.Attempt.Error != "" {
		o.Again = c.cfg.Now().Add(rest(j.Attempts, result.RetryAfter))
	}
	failingSince, err := c.cfg.Store.Settle(ctx, h.Tenant, h.ID, o)
	if err != nil || o.Attempt.Error == "" {
		return err
	}
	c.cfg.Log.Warn("web hook not delivered", "webhook", h.ID, "event", t.Event.ID, "try", o.Attempt.Try, "status", result.Status, "error", o.Attempt.Error)
	return c.judge(ctx, h, result, failingSince)
}

func (c *Couriers) send(ctx context.Context, h Hook, j job.Job, e event.Event, at time.Time) Result {
	body, err := c.cfg.Body(ctx, e)
	if err != nil {
		return Result{Error: "the record cannot be read"}
	}
	ctx, cancel := context.WithTimeout(ctx, sendLimit)
	defer cancel()
	return c.cfg.Sender.Send(ctx, Delivery{URL: h.URL, ID: j.ID, At: at, Signature: Sign(h.Secrets, j.ID, at, body), Body: body})
}

// judge disables a hook that is gone, or that nothing has reached for too long.
func (c *Couriers) judge(ctx context.Context, h Hook, r Result, failingSince time.Time) error {
	why := ""
	switch now := c.cfg.Now(); {
	case r.Status == statusGone:
		why = "gone"
	case !failingSince.IsZero() && now.Sub(failingSince) >= disableAfter:
		why = "failing"
	default:
		return nil
	}
	return c.disable(ctx, h, why)
}

// disable ends deliveries. The cursor goes back to before the oldest event that was not delivered: enabled again, the hook is
// told all that it has missed, and some of it twice.
func (c *Couriers) disable(ctx context.Context, h Hook, why string) error {
	first, err := c.cfg.Store.Oldest(ctx, h.Tenant, job.Webhook, h.ID)
	if err != nil {
		return err
	}
	t, err := read(first)
	if err != nil {
		return err
	}
	now := c.cfg.Now().UTC().Truncate(time.Millisecond)
	c.cfg.Log.Error("web hook disabled", "webhook", h.ID, "why", why)
	err = c.cfg.Store.Disable(ctx, h.Tenant, h.ID, why, now, t.After, audit.Trail{
		Audit:  []audit.Entry{audit.New(access.Internal(h.Tenant), now, "webhook.disable", h.ID, "ok")},
		Events: []event.Event{{Tenant: h.Tenant, Kind: event.WebhookDisabled, Subject: h.ID, At: now, Data: map[string]string{"why": why}}},
	})
	if fault.Is(err, fault.CodeNotFound) { // another delivery was first
		return nil
	}
	return err
}

const statusGone = 410

// failure says why a result is none; empty for 2xx. A redirection is a failure: it could lead anywhere.
func failure(r Result) string {
	switch {
	case r.Error != "":
		return r.Error
	case r.Status >= 200 && r.Status < 300:
		return ""
	case r.Status >= 300 && r.Status < 400:
		return "redirections are not followed"
	}
	return "the receiver refused it"
}

// rest is how long to wait after that many failures before, with a tenth of chance so that a receiver that was down is
// not met by all at once; longer when the receiver asks for it.
func rest(failed int, asked time.Duration) time.Duration {
	d := rests[min(failed, len(rests)-1)]
	d += time.Duration(rand.Int64N(int64(d/10) + 1))
	return min(max(d, asked), longestRest+longestRest/10)
}

// untilNext is how long nothing will be due, as far as is known.
func (c *Couriers) untilNext(ctx context.Context, id string) time.Duration {
	at, found, err := c.cfg.Store.Next(ctx, c.cfg.Tenant, job.Webhook, id)
	if err != nil || !found {
		return poll
	}
	return min(max(at.Sub(c.cfg.Now()), time.Millisecond), poll)
}

func (c *Couriers) wait(ctx context.Context, changed <-chan struct{}, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-changed:
	case <-timer.C:
	case <-ctx.Done():
	}
}
