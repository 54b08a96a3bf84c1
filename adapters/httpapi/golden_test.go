package httpapi_test

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"c2d/core/access"
	"c2d/core/audit"
	"c2d/core/call"
	"c2d/core/fault"
)

var update = flag.Bool("update", false, "rewrite the golden files")

const placeBody = `{"caller":"harry","callee":"Mary","context":{"visit":"V-7"}}`

// TestGolden keeps whole answers in testdata, as a client sees them.
func TestGolden(t *testing.T) {
	for _, c := range []struct {
		name    string
		prepare func(*world)
		ask     ask
	}{
		{name: "place", ask: ask{method: "POST", path: "/v1/calls", body: placeBody, headers: []string{"Idempotency-Key: k1"}}},
		{name: "get-call", prepare: placed, ask: ask{method: "GET", path: "/v1/calls/call-1"}},
		{name: "list-calls", ask: ask{method: "GET", path: "/v1/calls?active=true"}},
		{name: "hangup", prepare: placed, ask: ask{method: "POST", path: "/v1/calls/call-1/hangup"}},
		{name: "hold", prepare: placed, ask: ask{method: "POST", path: "/v1/calls/call-1/hold"}},
		{name: "transfer-attended", prepare: placed, ask: ask{method: "POST", path: "/v1/calls/call-1/transfer", body: `{"call":"call-2"}`}},
		{name: "record", prepare: placed, ask: ask{method: "POST", path: "/v1/calls/call-1/record", body: `{"on":true}`}},
		{name: "transfer", prepare: placed, ask: ask{method: "POST", path: "/v1/calls/call-1/transfer", body: `{"to":{"number":"300"}}`}},
		{name: "resolve", ask: ask{method: "POST", path: "/v1/resolve", body: `{"callee":{"identifier":{"system":"mrn","value":"7"}}}`}},
		{name: "caller-busy", prepare: failing(fault.New(fault.CodeCallerBusy, "the phone rings already").With("call", "call-7")),
			ask: ask{method: "POST", path: "/v1/calls", body: placeBody}},
		{name: "ambiguous-zh", prepare: failing(fault.Field(fault.CodeAmbiguous, "callee", "two answer to this").With("candidates", []string{"c-1", "c-2"})),
			ask: ask{method: "POST", path: "/v1/calls", body: placeBody, headers: []string{"Accept-Language: zh-CN,zh;q=0.9,en;q=0.5"}}},
		{name: "rate-limited", prepare: failing(fault.New(fault.CodeRateLimited, "too many calls").With("retry_after_s", 7)),
			ask: ask{method: "POST", path: "/v1/calls", body: placeBody}},
		{name: "internal", prepare: failing(fmt.Errorf("SECRET: password=hunter2")), ask: ask{method: "POST", path: "/v1/calls", body: placeBody}},
		{name: "several-faults", ask: ask{method: "POST", path: "/v1/calls", body: `{"caler":"harry","callee":7,"devices":"d-1"}`}},
		{name: "no-key", ask: ask{method: "GET", path: "/v1/calls", key: "-"}},
		{name: "create-user", ask: ask{method: "POST", path: "/v1/users", body: `{"login":"harry","name":"Harry","identifiers":[{"system":"staff","value":"9"}]}`}},
		{name: "create-device", ask: ask{method: "POST", path: "/v1/users/u-1/devices",
			body: `{"name":"desk","kind":"desk","backend":"house","address":"sip:harry@hospital.example","password":"hunter2hunter2"}`}},
		{name: "create-contact", ask: ask{method: "POST", path: "/v1/contacts", body: `{"name":"Mary","numbers":[{"use":"work","number":"+16328300101"}]}`}},
		{name: "import", ask: ask{method: "POST", path: "/v1/contacts/import?dry_run=true", body: "name\nMary\n", headers: []string{"Content-Type: text/csv"}}},
		{name: "create-key", ask: ask{method: "POST", path: "/v1/keys", key: "system_admin",
			body: `{"name":"his","role":"system","scopes":["calls:place"],"networks":["10.0.0.0/8"],"expires_at":"2027-01-01T00:00:00+08:00"}`}},
		{name: "create-token", ask: ask{method: "POST", path: "/v1/tokens", body: `{"user_id":"u-1","origin":"https://his.example"}`}},
		{name: "create-webhook", ask: ask{method: "POST", path: "/v1/webhooks", body: `{"name":"HIS","url":"https://his.example/c2d"}`}},
		{name: "get-webhook", ask: ask{method: "GET", path: "/v1/webhooks/h-1"}},
		{name: "webhook-attempts", ask: ask{method: "GET", path: "/v1/webhooks/h-1/attempts?limit=1"}},
		{name: "audit", prepare: audited, ask: ask{method: "GET", path: "/v1/audit?limit=1", key: "audit_admin"}},
		{name: "audit-verify", prepare: audited, ask: ask{method: "GET", path: "/v1/audit/verify", key: "audit_admin"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			if c.prepare != nil {
				c.prepare(w)
			}
			rec := w.do(t, c.ask)
			var out bytes.Buffer
			fmt.Fprintf(&out, "%s %s\n%s\n\n%d\n", c.ask.method, c.ask.path, c.ask.body, rec.Code)
			for _, name := range []string{"Content-Type", "Content-Language", "Location", "ETag", "Idempotent-Replayed", "Retry-After", "Www-Authenticate"} {
				if v := rec.Header().Get(name); v != "" {
					fmt.Fprintf(&out, "%s: %s\n", name, v)
				}
			}
			out.WriteByte('\n')
			if err := json.Indent(&out, rec.Body.Bytes(), "", "  "); err != nil {
				t.Fatalf("no JSON: %v: %s", err, rec.Body)
			}
			if strings.Contains(rec.Body.String(), "SECRET") {
				t.Errorf("the answer tells a secret: %s", rec.Body)
			}
			golden(t, c.name, out.Bytes())
		})
	}
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func placed(w *world) { w.calls.calls["call-1"] = sampleCall("call-1") }

func failing(err error) func(*world) { return func(w *world) { w.calls.err = err } }

func audited(w *world) {
	a := access.Actor{Tenant: "main", KeyID: "k-1", RequestID: "req-0"}
	entries := []audit.Entry{audit.New(a, start, "call.place", "call-1", "ok"), audit.New(a, start, "contact.read", "c-1", "ok")}
	_ = w.audit.Record(context.Background(), audit.Trail{Audit: entries}) // the fake cannot fail
}

func TestTextsOfEveryCode(t *testing.T) {
	w := newWorld(t)
	for _, code := range fault.Codes() {
		for _, lang := range []string{"en", "zh-CN"} {
			w.calls.err = &fault.Error{Code: code}
			rec := w.do(t, ask{method: "POST", path: "/v1/calls", body: placeBody, headers: []string{"Accept-Language: " + lang}})
			var p struct{ Title, Detail, Code string }
			if err := json.Unmarshal(rec.Body.Bytes(), &p); err != nil || p.Code != string(code) || p.Title == "" || p.Detail == "" {
				t.Errorf("%s in %s: %v %s", code, lang, err, rec.Body)
			}
			chinese := strings.ContainsFunc(p.Title, func(r rune) bool { return r >= 0x4e00 && r < 0xa000 })
			if chinese != (lang == "zh-CN") {
				t.Errorf("%s in %s: %q", code, lang, p.Title)
			}
			if code != fault.CodeInternal && (strings.Contains(p.Title, "our side") || strings.Contains(p.Title, "服务内部")) {
				t.Errorf("%s in %s has no text of its own", code, lang)
			}
		}
	}
}

func TestOpenAPIDescribesTheCode(t *testing.T) {
	w := newWorld(t)
	for path, version := range map[string]string{"/openapi.json": "3.1.0", "/openapi-3.0.json": "3.0.3"} {
		rec := w.do(t, ask{method: "GET", path: path, key: "-"})
		var doc struct {
			OpenAPI    string
			Paths      map[string]map[string]struct{ Responses map[string]any }
			Components struct{ Schemas map[string]any }
		}
		if err := json.Unmarshal(rec.Body.Bytes(), &doc); err != nil || doc.OpenAPI != version {
			t.Fatalf("%s: version %q, %v", path, doc.OpenAPI, err)
		}
		var paths []string
		for p, methods := range doc.Paths {
			for m, op := range methods {
				paths = append(paths, strings.ToUpper(m)+" "+p)
				if op.Responses["default"] == nil {
					t.Errorf("%s %s documents no problem", m, p)
				}
			}
		}
		slices.Sort(paths)
		if version == "3.1.0" {
			golden(t, "openapi-paths", []byte(strings.Join(paths, "\n")+"\n"))
		}
		for _, schema := range []string{"CallView", "Problem", "UserView", "ContactView", "EventPage"} {
			if doc.Components.Schemas[schema] == nil {
				t.Errorf("%s has no schema %s", path, schema)
			}
		}
		if strings.Contains(rec.Body.String(), "ErrorModel") {
			t.Errorf("%s shows huma's own error", path)
		}
	}
}

func TestPlaceHandsOnEverything(t *testing.T) {
	w := newWorld(t)
	body := `{"caller":{"id":"u-1"},"callee":{"number":"80 01"},"devices":["d-1"],"present":"8000","context":{"visit":"V"},
		"limits":{"caller_ring_s":10,"callee_ring_s":20,"talk_s":30},"confirm":"never","priority":"urgent","request_id":"r-1"}`
	if rec := w.do(t, ask{method: "POST", path: "/v1/calls", body: body}); rec.Code != 201 {
		t.Fatal(rec.Body)
	}
	r := w.calls.placed[0]
	if r.Caller.ID != "u-1" || r.Callee.Number != "80 01" || r.Devices[0] != "d-1" || r.Present != "8000" || r.Context["visit"] != "V" ||
		r.CallerRing != 10 || r.CalleeRing != 20 || r.TalkLimit != 30 || r.Confirm != call.ConfirmNever || r.Priority != "urgent" ||
		r.IdempotencyKey != "r-1" || len(r.BodyHash) != 64 {
		t.Errorf("handed on %+v", r)
	}
}
