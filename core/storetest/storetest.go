// Package storetest is the suite that every store passes: what the ports in core/call, core/user, core/directory,
// core/access, core/audit, core/event, core/job and core/webhook promise, told as tests.
//
// A store's own tests call [Run] with a function that opens a new, empty store and closes it when the test ends.
// Each group opens its own. What a store does beyond the ports (restarts, lost connections) is for its own tests.
package storetest

import (
	"context"
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"c2d/core/access"
	"c2d/core/audit"
	"c2d/core/call"
	"c2d/core/directory"
	"c2d/core/event"
	"c2d/core/fault"
	"c2d/core/user"
	"c2d/core/webhook"
)

// Stores is all of the ports, and the retention of the log, on one store.
type Stores interface {
	call.Store
	user.Store
	user.Locations
	directory.Store
	access.Store
	audit.Store
	event.Log
	webhook.Store
	// Prune removes the events from before that time, the bindings and tokens that had expired by then, and the
	// idempotency rows that have expired by now.
	Prune(ctx context.Context, before time.Time) error
}

// Run runs the suite; open returns an empty store for one test.
func Run(t *testing.T, open func(t *testing.T) Stores) {
	for _, g := range []struct {
		name string
		run  func(*testing.T, Stores)
	}{
		{"calls", testCalls}, {"call lists", testCallLists}, {"idempotency", testIdempotency},
		{"users", testUsers}, {"devices", testDevices}, {"locations", testLocations},
		{"contacts", testContacts}, {"contact lists", testContactLists}, {"keys", testKeys}, {"jobs", testJobs}, {"web hooks", testHooks},
		{"audit", testAudit}, {"events", testEvents}, {"retention", testRetention},
		{"concurrency", testConcurrency}, {"tenants", testTenants}, {"bad text", testBadText},
	} {
		t.Run(g.name, func(t *testing.T) { g.run(t, open(t)) })
	}
}

// The two tenants of the suite; most of it happens in the first.
const (
	tenantA = "a"
	tenantB = "b"
)

// start is a time with a part below the millisecond and a zone of its own; noon is as every store gives it back.
var (
	start = time.Date(2026, 11, 22, 16, 15, 30, 120_456_789, time.FixedZone("CST", 8*3600))
	noon  = time.Date(2026, 11, 22, 8, 15, 30, 120_000_000, time.UTC)
)

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("unexpected error: %v", err)
	}
}

func wantCode(t *testing.T, err error, code fault.Code) *fault.Error {
	t.Helper()
	if !fault.Is(err, code) {
		t.Fatalf("error is %v, want code %s", err, code)
	}
	f, _ := err.(*fault.Error)
	return f
}

func wantField(t *testing.T, err error, code fault.Code, field string) {
	t.Helper()
	if f := wantCode(t, err, code); f == nil || f.Field != field {
		t.Fatalf("error is %v, want field %q", err, field)
	}
}

// same compares two values, and shows them as JSON.
func same[T any](t *testing.T, got, want T) {
	t.Helper()
	if reflect.DeepEqual(got, want) {
		return
	}
	g, _ := json.Marshal(got)
	w, _ := json.Marshal(want)
	t.Fatalf("got  %s\nwant %s\n(%#v\n %#v)", g, w, got, want)
}

// trail is what a change of the tenant leaves: one entry and one event about the subject.
func trail(tenant, subject string) audit.Trail {
	a := access.Actor{Tenant: tenant, KeyID: "key-" + tenant}
	return audit.Trail{
		Audit:  []audit.Entry{audit.New(a, start, "test.change", subject, "ok")},
		Events: []event.Event{{Tenant: tenant, Kind: event.CallChanged, Subject: subject, At: start, Data: map[string]string{"n": "1"}}},
	}
}

// left counts what changes of the tenant have left, entries and events.
func left(t *testing.T, s Stores, tenant string) (entries, events int) {
	t.Helper()
	e, err := s.Entries(t.Context(), tenant, 0, 500)
	ok(t, err)
	p, err := s.Read(t.Context(), event.Filter{Tenant: tenant}, "", 500)
	ok(t, err)
	return len(e), len(p.Events)
}
