package httpapi_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"
)

// takers are the requests that bring something to be read.
var takers = []struct{ method, path, body string }{
	{"POST", "/v1/calls", placeBody}, {"POST", "/v1/resolve", `{"callee":"Mary"}`}, {"POST", "/v1/calls/call-1/hangup", ""},
	{"POST", "/v1/calls/call-1/hold", `{"side":"caller"}`}, {"POST", "/v1/calls/call-1/resume", `{}`}, {"POST", "/v1/calls/call-1/dtmf", `{"keys":"12#"}`},
	{"POST", "/v1/calls/call-1/transfer", `{"to":{"number":"300"}}`}, {"POST", "/v1/calls/call-1/transfer", `{"call":"call-2"}`},
	{"POST", "/v1/users", `{"login":"harry","name":"Harry","identifiers":[{"system":"staff","value":"9"}]}`}, {"PUT", "/v1/users/u-1", `{"login":"a","name":"b","version":1}`},
	{"POST", "/v1/users/u-1/devices", `{"name":"desk","kind":"desk","backend":"house","address":"sip:harry@hospital.example","password":"hunter2hunter2"}`},
	{"POST", "/v1/contacts", `{"name":"Mary","numbers":[{"use":"work","number":"+16328300101"}]}`}, {"PUT", "/v1/contacts/c-1", `{"name":"Mary"}`},
	{"POST", "/v1/contacts/import?dry_run=true", "name\nMary\n"}, {"POST", "/v1/keys", `{"name":"his","role":"system","networks":["10.0.0.0/8"],"expires_at":"2027-01-01T00:00:00+08:00"}`},
	{"POST", "/v1/tokens", `{"user_id":"u-1","origin":"https://his.example"}`}, {"POST", "/v1/webhooks", `{"name":"HIS","url":"https://his.example/c2d"}`},
	{"GET", "/v1/calls", ""}, {"GET", "/v1/events", ""}, {"GET", "/v1/audit", ""}, {"GET", "/v1/contacts", ""}, {"GET", "/v1/users", ""}, {"GET", "/v1/webhooks/h-1/attempts", ""},
}

// FuzzBodies holds that nothing that a client sends is an error of ours: each body and query is taken, or refused with a
// problem that names its fault.
func FuzzBodies(f *testing.F) {
	for i, a := range takers {
		f.Add(uint8(i), a.body, "", "application/json")
	}
	f.Add(uint8(0), "\x81\x30\x81\x30", "", "application/json; charset=GB18030")
	f.Add(uint8(13), "name\n\xff\n", "", "text/csv; charset=GBK")
	for i, query := range []string{"limit=0", "cursor=x&active=maybe", "after=e1&wait=-1s", "limit=99999999999999999999", "context.visit=%00", "identifier=a|b|c", "after=%zz"} {
		f.Add(uint8(17+i%6), "", query, "")
	}
	w := newWorld(f)
	placed(w)
	f.Fuzz(func(t *testing.T, which uint8, body, query, kind string) {
		a := takers[int(which)%len(takers)]
		target := a.path
		if a.method == "GET" {
			target, body = a.path+"?wait=0s&"+query, ""
		}
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond) // a query may ask for a long poll
		defer cancel()
		r := ask{method: a.method, path: a.path, body: body, key: "system_admin"}.request(ctx)
		if strings.ContainsAny(kind, "\r\n\x00") {
			kind = ""
		}
		r.Header.Set("Content-Type", kind)
		_, r.URL.RawQuery, _ = strings.Cut(target, "?")
		rec := &discarding{header: http.Header{}}
		w.Handler().ServeHTTP(rec, r)
		if rec.status >= 500 {
			t.Fatalf("%s %s: %d\n%s", a.method, target, rec.status, rec.text.String())
		}
		if rec.status >= 400 && !strings.Contains(rec.text.String(), `"code":"`) {
			t.Fatalf("%s %s: %d without a code\n%s", a.method, target, rec.status, rec.text.String())
		}
	})
}

// discarding is a response that is looked at and thrown away.
type discarding struct {
	header http.Header
	status int
	text   strings.Builder
}

func (d *discarding) Header() http.Header { return d.header }

func (d *discarding) WriteHeader(status int) { d.status = status }

func (d *discarding) Write(b []byte) (int, error) { return d.text.Write(b) }
