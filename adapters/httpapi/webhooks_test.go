package httpapi_test

import (
	"strings"
	"testing"

	"c2d/core/access"
	"c2d/core/event"
)

func TestWebhooks(t *testing.T) {
	w := newWorld(t)
	rec := w.do(t, ask{method: "POST", path: "/v1/webhooks", body: `{"name":"HIS","url":"https://his.example/c2d","kinds":["call.ended"]}`})
	if rec.Code != 201 || !w.hooks.change.Enabled || w.hooks.change.URL != "https://his.example/c2d" || w.hooks.change.Kinds[0] != event.CallEnded {
		t.Errorf("created: %d %s, asked %+v", rec.Code, rec.Body, w.hooks.change)
	}
	rec = w.do(t, ask{method: "PUT", path: "/v1/webhooks/h-1", body: `{"name":"HIS","url":"https://his.example/c2d","enabled":false,"version":7}`})
	if rec.Code != 200 || w.hooks.change.Enabled || w.hooks.change.Version != 7 {
		t.Errorf("changed: %d %s, asked %+v", rec.Code, rec.Body, w.hooks.change)
	}
	if rec := w.do(t, ask{method: "PUT", path: "/v1/webhooks/h-1", body: `{"name":"HIS","url":"https://his.example/c2d"}`}); rec.Code != 422 {
		t.Errorf("a change that does not say what it saw: %d %s", rec.Code, rec.Body)
	}
	if rec := w.do(t, ask{method: "POST", path: "/v1/webhooks/h-1/replay", body: `{"after":"e7"}`}); rec.Code != 204 || w.hooks.after != "e7" {
		t.Errorf("replay: %d %s", rec.Code, rec.Body)
	}
	if rec := w.do(t, ask{method: "POST", path: "/v1/webhooks/h-1/delete", body: `{}`}); rec.Code != 204 || !w.hooks.gone {
		t.Errorf("deleted: %d %s", rec.Code, rec.Body)
	}
}

// TestAHookIsToldWhatItsMakerMaySee compares the kinds that a key of few scopes can ask for with those of a wide one.
func TestAHookIsToldWhatItsMakerMaySee(t *testing.T) {
	w := newWorld(t)
	w.keys.actors["narrow"] = access.Actor{Tenant: access.MainTenant, KeyID: "k", Role: access.System, Scopes: []access.Scope{access.WriteWebhooks, access.ReadBook}}
	if rec := w.do(t, ask{method: "POST", path: "/v1/webhooks", key: "narrow", body: `{"name":"HIS","url":"https://his.example/c2d"}`}); rec.Code != 201 {
		t.Fatal(rec.Body)
	}
	for _, k := range w.hooks.may {
		if strings.HasPrefix(string(k), "call.") || strings.HasPrefix(string(k), "user.") {
			t.Errorf("may be told %s", k)
		}
	}
}
