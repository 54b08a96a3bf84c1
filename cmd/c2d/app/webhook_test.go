package app_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	standard "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"c2d/adapters/sqlstore"
	webhooks "c2d/adapters/webhook"
	"c2d/cmd/c2d/client"
	"c2d/cmd/c2d/config"
	"c2d/core/access"
	"c2d/core/audit"
	"c2d/core/event"
	"c2d/core/webhook"
	"c2d/test/pbx"
)

// receiver is a HIS that is told; answer says with what status, 200 if nil.
type receiver struct {
	*httptest.Server
	mu     sync.Mutex
	answer func(delivery) int
	all    []delivery
	more   chan struct{} // closed at the next delivery
}

// delivery is one request.
type delivery struct {
	id      string
	headers http.Header
	body    []byte
	Type    string `json:"type"`
	Data    struct {
		ID      string `json:"id"`
		Subject string `json:"subject"`
		Version int64  `json:"version"`
		Call    *client.Call
	} `json:"data"`
}

func newReceiver(t *testing.T) *receiver {
	t.Helper()
	r := &receiver{more: make(chan struct{})}
	r.Server = httptest.NewServer(r)
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, _ := io.ReadAll(req.Body)
	d := delivery{id: req.Header.Get("webhook-id"), headers: req.Header.Clone(), body: body}
	_ = json.Unmarshal(body, &d) // what cannot be read fails the test by its empty type
	r.mu.Lock()
	defer r.mu.Unlock()
	status := http.StatusOK
	if r.answer != nil {
		status = r.answer(d)
	}
	r.all = append(r.all, d)
	close(r.more)
	r.more = make(chan struct{})
	w.WriteHeader(status)
}

// until waits until what was delivered is enough.
func (r *receiver) until(t *testing.T, what string, enough func([]delivery) bool) []delivery {
	t.Helper()
	deadline := time.NewTimer(20 * time.Second)
	defer deadline.Stop()
	for {
		r.mu.Lock()
		all, more := slices.Clone(r.all), r.more
		r.mu.Unlock()
		if enough(all) {
			return all
		}
		select {
		case <-more:
		case <-deadline.C:
			t.Fatalf("not %s; told were %d: %v", what, len(all), types(all))
		}
	}
}

func (r *receiver) answers(f func(delivery) int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answer = f
}

func types(all []delivery) (s []string) {
	for _, d := range all {
		s = append(s, d.Type)
	}
	return s
}

func ended(calls int) func([]delivery) bool {
	return func(all []delivery) bool {
		n := 0
		for _, d := range all {
			if d.Type == "call.ended" {
				n++
			}
		}
		return n >= calls
	}
}

// hookView is a web hook as the API shows it.
type hookView struct {
	ID          string `json:"id"`
	Version     int64  `json:"version"`
	Enabled     bool   `json:"enabled"`
	DisabledWhy string `json:"disabled_why"`
	Secret      string `json:"secret"`
}

func telling(t *testing.T) config.Config {
	cfg := free(t)
	cfg.Webhooks = webhooks.Config{Networks: []string{"127.0.0.0/8"}}
	return cfg
}

func hook(t *testing.T, c *client.Client, url string) (h hookView) {
	t.Helper()
	ask := map[string]any{"name": "HIS", "url": url, "kinds": []string{"call.created", "call.ringing", "call.answered", "call.connected", "call.ended"}}
	if err := c.Post(t.Context(), "/v1/webhooks", ask, &h); err != nil {
		t.Fatal(err)
	}
	return h
}

// finished places a call of which both phones are simulated, and hangs it up once they talk.
func finished(t *testing.T, c *client.Client) client.Call {
	t.Helper()
	placed := reach(t, c, sandboxCall(t, c, "+16328300100"), "connected")
	if _, err := c.HangUp(t.Context(), placed.ID); err != nil {
		t.Fatal(err)
	}
	return placed
}

// TestAHISIsTold is a receiver that verifies with a library that others wrote, and is told all of a call in order.
func TestAHISIsTold(t *testing.T) {
	a := start(t, telling(t))
	c := api(t, a)
	r := newReceiver(t)
	h := hook(t, c, r.URL+"/c2d")
	placed := finished(t, c)
	all := r.until(t, "told of the end", ended(1))
	verifier, err := standard.NewWebhook(h.Secret)
	if err != nil {
		t.Fatal(err)
	}
	last := int64(0)
	for _, d := range all {
		if err := verifier.Verify(d.body, d.headers); err != nil {
			t.Errorf("%s: %v", d.Type, err)
		}
		if d.Data.Subject != placed.ID || d.Data.Version < last || d.Data.Call == nil || d.Data.Call.ID != placed.ID {
			t.Errorf("%s: %s", d.Type, d.body)
		}
		last = d.Data.Version
	}
	if got := types(all); got[0] != "call.created" || got[len(got)-1] != "call.ended" {
		t.Errorf("told were %v", got)
	}
	var tried client.List[struct {
		Status int    `json:"status"`
		Event  string `json:"event"`
	}]
	if err := c.Get(t.Context(), "/v1/webhooks/"+h.ID+"/attempts", &tried); err != nil || len(tried.Items) == 0 || tried.Items[0].Status != 200 {
		t.Errorf("attempts: %+v, %v", tried, err)
	}
	n := len(all)
	if err := c.Post(t.Context(), "/v1/webhooks/"+h.ID+"/replay", map[string]string{"after": all[0].Data.ID}, nil); err != nil {
		t.Fatal(err)
	}
	again := r.until(t, "told again", func(now []delivery) bool { return len(now) >= 2*n-1 })
	if again[n].id != again[1].id {
		t.Errorf("the first of the replay has the id %s, and had %s", again[n].id, again[1].id)
	}
}

func TestWhatWasNotToldIsToldAfterARestart(t *testing.T) {
	cfg := telling(t)
	a := start(t, cfg)
	c := api(t, a)
	secret := key(t, a, access.SystemAdmin)
	r := newReceiver(t)
	hook(t, c, r.URL)
	r.answers(func(delivery) int { return http.StatusServiceUnavailable })
	placed := finished(t, c)
	r.until(t, "tried", func(all []delivery) bool { return len(all) > 0 })
	stop(t, a)
	r.answers(nil)
	r.mu.Lock()
	r.all = nil
	r.mu.Unlock()
	again := client.New(start(t, cfg).URL(), secret)
	defer again.Close()
	all := r.until(t, "told of the end", ended(1))
	for _, d := range all {
		if d.Data.Subject != placed.ID {
			t.Errorf("told of %s", d.Data.Subject)
		}
	}
	if got := types(all); got[0] != "call.created" {
		t.Errorf("told were %v: the first waits for its turn", got)
	}
}

func TestAHookMustBePermitted(t *testing.T) {
	c := api(t, start(t, free(t)))
	err := c.Post(t.Context(), "/v1/webhooks", map[string]any{"name": "HIS", "url": "https://127.0.0.1/x"}, nil)
	var p *client.Problem
	if !errors.As(err, &p) || p.Code != "network_denied" {
		t.Errorf("without networks: %v", err)
	}
}

// desk is a store and a hook of it, with couriers whose clock the test holds.
type desk struct {
	store   *sqlstore.Store
	service *webhook.Service
	hook    webhook.Hook
	mu      sync.Mutex
	now     time.Time
}

func (d *desk) clock() time.Time {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.now
}

// pass puts the clock on, and wakes who waits for the log.
func (d *desk) pass(t *testing.T, by time.Duration) {
	t.Helper()
	d.mu.Lock()
	d.now = d.now.Add(by)
	d.mu.Unlock()
	d.happen(t, "other", "user.changed")
}

func (d *desk) happen(t *testing.T, subject string, kind event.Kind) {
	t.Helper()
	if err := d.store.Record(t.Context(), audit.Trail{Events: []event.Event{{Tenant: access.MainTenant, Kind: kind, Subject: subject, At: d.clock()}}}); err != nil {
		t.Fatal(err)
	}
}

func newDesk(t *testing.T, url string) *desk {
	t.Helper()
	s, err := sqlstore.Open(t.Context(), "sqlite:"+t.TempDir()+"/c2d.db", sqlstore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	sender, err := webhooks.NewSender(webhooks.Config{Networks: []string{"127.0.0.0/8"}}, "test")
	if err != nil {
		t.Fatal(err)
	}
	d := &desk{store: s, now: time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)}
	couriers := webhook.NewCouriers(webhook.Config{Tenant: access.MainTenant, Store: s, Events: s, Sender: sender, Now: d.clock,
		Body: func(_ context.Context, e event.Event) ([]byte, error) {
			return json.Marshal(map[string]any{"type": e.Kind, "data": map[string]any{"id": e.ID, "subject": e.Subject}})
		}})
	d.service = webhook.NewService(s, s, sender.CheckURL, couriers.Wake)
	kinds := []event.Kind{event.CallChanged, event.WebhookDisabled}
	d.hook, _, err = d.service.Create(t.Context(), access.Internal(access.MainTenant), webhook.Change{Name: "HIS", URL: url, Enabled: true}, kinds)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var work sync.WaitGroup
	work.Go(func() { couriers.Run(ctx) })
	t.Cleanup(func() {
		cancel()
		work.Wait()
		sender.Close()
	})
	return d
}

// TestOneCallWaitsAndOthersGoOn is a receiver that refuses the events of one call: the next ones of that call wait behind the first.
func TestOneCallWaitsAndOthersGoOn(t *testing.T) {
	r := newReceiver(t)
	r.answers(func(d delivery) int {
		if d.Data.Subject == "bad" {
			return http.StatusInternalServerError
		}
		return http.StatusOK
	})
	d := newDesk(t, r.URL)
	for range 3 {
		d.happen(t, "bad", event.CallChanged)
		d.happen(t, "good", event.CallChanged)
	}
	all := r.until(t, "told of the good call", func(all []delivery) bool { return count(all, "good") == 3 })
	d.tried(t, 4)
	if n := count(all, "bad"); n != 1 {
		t.Errorf("the bad call was tried %d times at once", n)
	}
	r.answers(nil)
	d.pass(t, 6*time.Second)
	all = r.until(t, "told of the bad call", func(all []delivery) bool { return count(all, "bad") == 4 })
	var ids []string
	for _, x := range all {
		if x.Data.Subject == "bad" {
			ids = append(ids, x.id)
		}
	}
	if ids[0] != ids[1] || !slices.IsSorted(ids) {
		t.Errorf("webhook-id of the bad call's deliveries: %v", ids)
	}
}

func count(all []delivery, subject string) (n int) {
	for _, d := range all {
		if d.Data.Subject == subject {
			n++
		}
	}
	return n
}

func TestAHookThatFailsForThreeDaysIsDisabled(t *testing.T) {
	r := newReceiver(t)
	r.answers(func(delivery) int { return http.StatusNotFound })
	d := newDesk(t, r.URL)
	d.happen(t, "call", event.CallChanged)
	d.tried(t, 1)
	d.pass(t, 71*time.Hour)
	d.tried(t, 2)
	if h := d.stored(t); !h.DisabledAt.IsZero() {
		t.Fatal("disabled before three days")
	}
	d.pass(t, 2*time.Hour)
	d.untilDisabled(t)
	h := d.stored(t)
	if h.Why != "failing" || h.Cursor >= d.head(t) {
		t.Errorf("disabled for %q at %s of %s", h.Why, h.Cursor, d.head(t))
	}
	r.answers(nil)
	change := webhook.Change{Name: h.Name, URL: h.URL, Kinds: h.Kinds, Enabled: true}
	if _, err := d.service.Update(t.Context(), access.Internal(access.MainTenant), h.ID, change, h.Kinds); err != nil {
		t.Fatal(err)
	}
	r.until(t, "told what it has missed", func(all []delivery) bool {
		return len(all) > 3 && slices.ContainsFunc(all[3:], func(x delivery) bool { return x.id == all[0].id })
	})
}

func TestAReceiverThatIsGone(t *testing.T) {
	r := newReceiver(t)
	r.answers(func(delivery) int { return http.StatusGone })
	d := newDesk(t, r.URL)
	d.happen(t, "call", event.CallChanged)
	d.untilDisabled(t)
	if h := d.stored(t); h.Why != "gone" {
		t.Errorf("disabled for %q", h.Why)
	}
}

func (d *desk) stored(t *testing.T) webhook.Hook {
	t.Helper()
	h, err := d.store.Hook(t.Context(), access.MainTenant, d.hook.ID)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// tried waits until that many attempts are settled.
func (d *desk) tried(t *testing.T, n int) {
	t.Helper()
	pbx.Eventually(t, 10*time.Second, "attempts are settled", func() bool {
		all, err := d.store.Attempts(t.Context(), access.MainTenant, d.hook.ID, 10)
		return err == nil && len(all) >= n
	})
}

func (d *desk) head(t *testing.T) string {
	t.Helper()
	at, err := d.store.Head(t.Context(), access.MainTenant)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

func (d *desk) untilDisabled(t *testing.T) {
	t.Helper()
	pbx.Eventually(t, 10*time.Second, "an event tells that the hook is disabled", func() bool {
		p, err := d.store.Read(t.Context(), event.Filter{Tenant: access.MainTenant, Kinds: []event.Kind{event.WebhookDisabled}}, "", 2)
		return err == nil && len(p.Events) == 1 && p.Events[0].Subject == d.hook.ID
	})
}
