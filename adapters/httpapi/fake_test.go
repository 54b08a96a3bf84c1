package httpapi_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"c2d/adapters/httpapi"
	"c2d/core/access"
	"c2d/core/audit"
	"c2d/core/call"
	"c2d/core/dial"
	"c2d/core/event"
	"c2d/core/fault"
)

var start = time.Date(2026, 11, 22, 8, 15, 30, 120e6, time.UTC)

// world is a server over fakes that tests may look into.
type world struct {
	*httpapi.Server
	deps  httpapi.Deps
	calls *fakeCalls
	users *fakeUsers
	book  *fakeBook
	keys  *fakeKeys
	log   *fakeLog
	audit *fakeAudit
	hooks *fakeWebhooks
}

func newWorld(t testing.TB, change ...func(*httpapi.Config, *httpapi.Deps)) *world {
	t.Helper()
	w := &world{calls: &fakeCalls{calls: map[string]call.Call{}, used: map[string]string{}}, users: &fakeUsers{}, book: &fakeBook{},
		keys: newKeys(), log: &fakeLog{changed: make(chan struct{})}, audit: &fakeAudit{}, hooks: &fakeWebhooks{}}
	cfg := httpapi.Config{Listen: "127.0.0.1:0", Origins: []string{"https://his.example"}}
	w.deps = httpapi.Deps{Calls: w.calls, Users: w.users, Book: w.book, Keys: w.keys, Events: w.log, Audit: w.audit, Webhooks: w.hooks, Version: "1.0.0"}
	for _, c := range change {
		c(&cfg, &w.deps)
	}
	var err error
	if w.Server, err = httpapi.New(cfg, w.deps); err != nil {
		t.Fatal(err)
	}
	return w
}

// ask is one request; headers are "Name: value".
type ask struct {
	method, path, body string
	key                string // "system" if empty; "-" sends none
	headers            []string
}

func (w *world) do(t testing.TB, a ask) *httptest.ResponseRecorder {
	t.Helper()
	rec := httptest.NewRecorder()
	w.Handler().ServeHTTP(rec, a.request(t.Context()))
	return rec
}

func (a ask) request(ctx context.Context) *http.Request {
	r := httptest.NewRequestWithContext(ctx, a.method, a.path, strings.NewReader(a.body))
	if a.body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	r.Header.Set("X-Request-ID", "req-1")
	switch a.key {
	case "-":
	case "":
		r.Header.Set("Authorization", "Bearer system")
	default:
		r.Header.Set("Authorization", "Bearer "+a.key)
	}
	for _, h := range a.headers {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Set(name, value)
	}
	return r
}

// fakeCalls places calls in memory: one per idempotency key.
type fakeCalls struct {
	mu      sync.Mutex
	calls   map[string]call.Call
	used    map[string]string // idempotency key to call id and body hash
	placed  []dial.Request
	query   call.Query
	resolve *dial.Ref
	orders  []string
	err     error
}

func (f *fakeCalls) Place(_ context.Context, a access.Actor, r dial.Request) (call.Call, bool, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err != nil {
		return call.Call{}, false, f.err
	}
	if was, used := f.used[r.IdempotencyKey]; used && r.IdempotencyKey != "" {
		id, hash, _ := strings.Cut(was, " ")
		if hash != r.BodyHash {
			return call.Call{}, false, fault.Field(fault.CodeIdempotencyMismatch, "request_id", "was used with another body")
		}
		return f.calls[id], true, nil
	}
	f.placed = append(f.placed, r)
	c := sampleCall(fmt.Sprintf("call-%d", len(f.placed)))
	f.calls[c.ID] = c
	f.used[r.IdempotencyKey] = c.ID + " " + r.BodyHash
	return c, false, nil
}

func (f *fakeCalls) Resolve(_ context.Context, _ access.Actor, caller *dial.Ref, callee dial.Ref) (dial.Resolution, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.resolve = &callee
	return dial.Resolution{ContactID: "c-1", Name: "Mary", Number: "+16328300101", Backends: []string{"house"}, Reachable: "yes"}, f.err
}

func (f *fakeCalls) Get(_ context.Context, a access.Actor, id string) (call.Call, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	c, ok := f.calls[id]
	if !ok || a.MayActFor(c.Caller.UserID) != nil {
		return c, fault.New(fault.CodeNotFound, "no such call")
	}
	return c, nil
}

func (f *fakeCalls) List(_ context.Context, _ access.Actor, q call.Query) ([]call.Call, string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.query = q
	return []call.Call{sampleCall("call-9")}, "next", f.err
}

func (f *fakeCalls) HangUp(ctx context.Context, a access.Actor, id string) (call.Call, error) {
	if _, err := f.Get(ctx, a, id); err != nil {
		return call.Call{}, err
	}
	return f.change(id, func(c *call.Call) {
		c.State, c.EndedAt = call.Ended, start.Add(30*time.Second)
		c.End = &call.End{Cause: call.Cause{Reason: call.Completed, Q850: 16}, By: call.ByAPI}
	}), nil
}

func (f *fakeCalls) Can(c call.Call) []string {
	return call.Can(&c, call.Capabilities{Hold: true, SendDTMF: true, Part: true, Record: true})
}

func (f *fakeCalls) Hold(ctx context.Context, a access.Actor, id string, by call.Side, on bool) (call.Call, error) {
	return f.ordered(ctx, a, id, fmt.Sprintf("hold %s %v", by, on))
}

func (f *fakeCalls) SendDTMF(ctx context.Context, a access.Actor, id string, to call.Side, keys string) (call.Call, error) {
	return f.ordered(ctx, a, id, fmt.Sprintf("dtmf %s %s", to, keys))
}

func (f *fakeCalls) Record(ctx context.Context, a access.Actor, id string, on bool) (call.Call, error) {
	c, err := f.ordered(ctx, a, id, fmt.Sprintf("record %v", on))
	if err == nil {
		c.Recordings = []call.Recording{
			{ID: "rec-1", Leg: "leg-1", State: call.RecordFailed, OrderedBy: call.PlacedBy{KeyID: "k"}, OrderedAt: start, EndedAt: start.Add(time.Second), Why: "the disk is full"},
			{ID: "rec-2", Leg: "leg-1", State: call.RecordRunning, OrderedAt: start.Add(2 * time.Second), StartedAt: start.Add(3 * time.Second)},
		}
	}
	return c, err
}

func (f *fakeCalls) TransferCall(ctx context.Context, a access.Actor, id string, leaves call.Side, to dial.Ref) (call.Call, error) {
	if _, err := f.ordered(ctx, a, id, fmt.Sprintf("transfer %s %+v", leaves, to)); err != nil {
		return call.Call{}, err
	}
	return sampleCall("call-next"), nil
}

func (f *fakeCalls) JoinCalls(ctx context.Context, a access.Actor, id string, leaves call.Side, other string) (call.Call, error) {
	if _, err := f.ordered(ctx, a, id, fmt.Sprintf("join %s %s", leaves, other)); err != nil {
		return call.Call{}, err
	}
	return sampleCall("call-next"), nil
}

// ordered notes an order.
func (f *fakeCalls) ordered(ctx context.Context, a access.Actor, id, order string) (call.Call, error) {
	if err := a.May(access.ControlCalls); err != nil {
		return call.Call{}, err
	}
	c, err := f.Get(ctx, a, id)
	if err == nil && c.State == call.Ended {
		err = fault.New(fault.CodeCallEnded, "the call has ended")
	}
	if err == nil {
		f.orders = append(f.orders, order)
		err = f.err
	}
	return c, err
}

func (f *fakeCalls) change(id string, edit func(*call.Call)) call.Call {
	f.mu.Lock()
	defer f.mu.Unlock()
	c := f.calls[id]
	c.Version++
	edit(&c)
	f.calls[id] = c
	return c
}

// sampleCall has everything that must be shown, and much that must not.
func sampleCall(id string) call.Call {
	way := call.Way{Backend: "house", Address: "SECRET-address", Contact: "SECRET-contact"}
	leg := call.Leg{ID: "c2d-n1-leg", Way: way, Handle: "SECRET-handle", State: call.LegAnswered, CreatedAt: start,
		RingingAt: start.Add(time.Second), AnsweredAt: start.Add(2 * time.Second), Resume: []byte("SECRET-resume")}
	gone := leg
	gone.ID, gone.Target, gone.State, gone.AnsweredAt = "c2d-n1-other", 1, call.LegEnded, time.Time{}
	gone.EndedAt, gone.End = start.Add(2*time.Second), &call.Cause{Reason: call.AnsweredElsewhere, SIP: 487, NotRung: true}
	return call.Call{ID: id, Tenant: "main", Version: 3, Node: "SECRET-node", State: call.Connected, Backend: "house",
		Flags: []call.Flag{call.Unsure}, Context: map[string]string{"visit": "V-7"}, Priority: "urgent",
		Caller: call.Party{UserID: "u-1", Name: "Harry", Number: "+16328300100", Attempts: []call.Attempt{{
			Targets: []call.Target{{Device: "d-1", Ways: []call.Way{way}}, {Device: "d-2", Ways: []call.Way{way}}},
			Legs:    []call.Leg{leg, gone}}}},
		Callee:    call.Party{ContactID: "c-1", Name: "Mary", Number: "+16328300101"},
		PlacedBy:  call.PlacedBy{KeyID: "SECRET-key"},
		CreatedAt: start, UpdatedAt: start.Add(4 * time.Second), CallerAnsweredAt: start.Add(2 * time.Second),
		CalleeAnsweredAt: start.Add(3 * time.Second), ConnectedAt: start.Add(4 * time.Second), CallerLeg: leg.ID,
		Timers: map[call.Timer]time.Time{call.TalkTimer: start}}
}

// fakeKeys knows a key for each role by the role's name, and harry's token.
type fakeKeys struct {
	mu     sync.Mutex
	actors map[string]access.Actor
	addr   netip.Addr
	origin string
	issued access.Key
	ended  []string
	by     access.Actor // who ended the last
	err    error
}

func newKeys() *fakeKeys {
	f := &fakeKeys{actors: map[string]access.Actor{}}
	for _, r := range []access.Role{access.SystemAdmin, access.SecurityAdmin, access.AuditAdmin, access.System} {
		f.actors[string(r)] = access.Actor{Tenant: "main", KeyID: "k-" + string(r), Role: r, Scopes: r.Scopes()}
	}
	f.actors["harry"] = access.Actor{Tenant: "main", KeyID: "k-harry", Role: access.User, Scopes: access.User.Scopes(), UserID: "u-1"}
	f.actors["mary"] = access.Actor{Tenant: "main", KeyID: "k-mary", Role: access.User, Scopes: access.User.Scopes(), UserID: "u-2"}
	return f
}

func (f *fakeKeys) Authenticate(_ context.Context, secret string, addr netip.Addr, origin string) (access.Actor, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.addr, f.origin = addr, origin
	a, known := f.actors[secret]
	switch {
	case secret == "old":
		return a, fault.New(fault.CodeKeyExpired, "the key has expired")
	case !known:
		return a, fault.New(fault.CodeUnauthenticated, "no such key")
	}
	return a, nil
}

func (f *fakeKeys) revoke(secret string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.actors, secret)
}

func (f *fakeKeys) Issue(_ context.Context, _ access.Actor, k access.Key) (access.Key, string, error) {
	k.ID, k.CreatedAt, k.Hash = "k-1", start, []byte("SECRET-hash")
	f.issued = k
	return k, "the-secret", f.err
}

func (f *fakeKeys) IssueToken(_ context.Context, _ access.Actor, userID, origin string) (access.Key, string, error) {
	return access.Key{ID: "t-1", UserID: userID, Origin: origin, ExpiresAt: start.Add(15 * time.Minute)}, "the-token", f.err
}

func (f *fakeKeys) Revoke(_ context.Context, a access.Actor, id string) error {
	f.ended, f.by = append(f.ended, id), a
	return f.err
}

func (f *fakeKeys) List(context.Context, access.Actor) ([]access.Key, error) {
	return []access.Key{f.issued}, f.err
}

// fakeLog is an event log in memory; a cursor is a number, and those before lost are gone.
type fakeLog struct {
	mu      sync.Mutex
	events  []event.Event
	lost    int
	changed chan struct{}
	err     error
}

func (f *fakeLog) add(e event.Event) {
	f.mu.Lock()
	defer f.mu.Unlock()
	e.Seq = int64(len(f.events) + 1)
	e.ID, e.Tenant, e.At = strconv.FormatInt(e.Seq, 10), "main", start
	f.events = append(f.events, e)
	close(f.changed)
	f.changed = make(chan struct{})
}

func (f *fakeLog) Read(_ context.Context, want event.Filter, after string, limit int) (event.Page, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	from := 0
	if after != "" {
		var err error
		if from, err = strconv.Atoi(after); err != nil || from > len(f.events) {
			return event.Page{}, fault.Field(fault.CodeBadCursor, "after", "is no cursor")
		}
	}
	p := event.Page{Next: after, Reset: after != "" && from < f.lost}
	for _, e := range f.events[max(from, f.lost):] {
		if len(p.Events) == limit {
			break
		}
		p.Next = e.ID
		kind := false
		for _, k := range want.Kinds {
			kind = kind || k == e.Kind
		}
		if kind && (want.Subject == "" || want.Subject == e.Subject) && (want.UserID == "" || want.UserID == e.UserID) {
			p.Events = append(p.Events, e)
		}
	}
	return p, f.err
}

func (f *fakeLog) Head(context.Context, string) (string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return strconv.Itoa(len(f.events)), f.err
}

func (f *fakeLog) Changed() <-chan struct{} {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.changed
}

// fakeAudit is a chain in memory.
type fakeAudit struct{ entries []audit.Entry }

func (f *fakeAudit) Record(_ context.Context, t audit.Trail) error {
	for _, e := range t.Audit {
		prev := ""
		if n := len(f.entries); n > 0 {
			prev = f.entries[n-1].Hash
		}
		f.entries = append(f.entries, e.Chain(int64(len(f.entries)+1), prev))
	}
	return nil
}

func (f *fakeAudit) Entries(_ context.Context, _ string, after int64, limit int) ([]audit.Entry, error) {
	rest := f.entries[min(int(after), len(f.entries)):]
	return rest[:min(limit, len(rest))], nil
}
