package httpapi_test

import (
	"encoding/json"
	"net/http"
	"testing"
)

func TestLists(t *testing.T) {
	w := newWorld(t)
	for _, path := range []string{"/v1/calls?active=true&cursor=c1&limit=7&context.visit=V%201&context.病房=3", "/v1/users?identifier=staff|9&cursor=c1&limit=7",
		"/v1/contacts?q=Ma&cursor=c1&limit=7", "/v1/keys", "/v1/users/u-1/devices"} {
		if rec := w.do(t, ask{method: "GET", path: path, key: "system_admin"}); rec.Code != http.StatusOK {
			t.Errorf("%s: %s", path, rec.Body)
		}
	}
	q := w.calls.query
	if !q.Active || q.After != "c1" || q.Limit != 7 || len(q.Context) != 2 || q.Context["visit"] != "V 1" || q.Context["病房"] != "3" {
		t.Errorf("calls %+v", q)
	}
	if w.users.query.System != "staff" || w.users.query.Value != "9" || w.users.page.After != "c1" || w.users.page.Limit != 7 {
		t.Errorf("users %+v %+v", w.users.query, w.users.page)
	}
	if w.book.q != "Ma" || w.book.id != nil || w.book.page.Limit != 7 {
		t.Errorf("contacts %q %v %+v", w.book.q, w.book.id, w.book.page)
	}
	w.do(t, ask{method: "GET", path: "/v1/contacts?identifier=mrn|7|8"})
	if w.book.id.System != "mrn" || w.book.id.Value != "7|8" || w.book.page.Limit != 50 {
		t.Errorf("contacts %v %+v", w.book.id, w.book.page)
	}
}

// TestWhatIsReadCanBeSentBack changes one thing in an answer and sends it whole, by PUT and by POST.
func TestWhatIsReadCanBeSentBack(t *testing.T) {
	for name, c := range map[string]struct {
		create, one, body string
		name              func(*world) (string, int64)
	}{
		"user": {"/v1/users", "/v1/users/u-1", `{"login":"harry","name":"Harry","site":"north","device_ids":["d-1"],"disabled":true}`,
			func(w *world) (string, int64) { return w.users.user.Name, w.users.user.Version }},
		"device": {"/v1/users/u-1/devices", "/v1/users/u-1/devices/d-1", `{"name":"desk","kind":"desk","backend":"house","address":"8001","number":"8001","proved":true}`,
			func(w *world) (string, int64) { return w.users.device.Name, w.users.device.Version }},
		"contact": {"/v1/contacts", "/v1/contacts/c-1", `{"name":"Mary","kind":"role","aliases":["a"],"numbers":[{"number":"8001","use":"work"}],"uris":["sip:a@b"],"blocked":true}`,
			func(w *world) (string, int64) { return string(w.book.contact.Name), w.book.contact.Version }},
	} {
		for _, method := range []string{"PUT", "POST"} {
			t.Run(name+" by "+method, func(t *testing.T) {
				w := newWorld(t)
				w.users.user.DeviceIDs = []string{"d-1"}
				rec := w.do(t, ask{method: "POST", path: c.create, body: c.body})
				var read map[string]any
				if err := json.Unmarshal(rec.Body.Bytes(), &read); err != nil || rec.Code != http.StatusCreated {
					t.Fatalf("%d %s", rec.Code, rec.Body)
				}
				read["name"] = "New"
				sent, _ := json.Marshal(read)
				rec = w.do(t, ask{method: method, path: c.one, body: string(sent)})
				if got, version := c.name(w); rec.Code != http.StatusOK || got != "New" || version != 1 {
					t.Errorf("%d %s: name %q, version %d", rec.Code, rec.Body, got, version)
				}
				delete(read, "version")
				sent, _ = json.Marshal(read)
				for match, want := range map[string]int64{`"7"`: 7, "8": 8, `W/"9"`: 9, "*": 0} {
					rec = w.do(t, ask{method: method, path: c.one, body: string(sent), headers: []string{"If-Match: " + match}})
					if _, version := c.name(w); rec.Code != http.StatusOK || version != want {
						t.Errorf("If-Match %s: %d, version %d", match, rec.Code, version)
					}
				}
			})
		}
	}
}

func TestDeletions(t *testing.T) {
	for _, a := range []ask{{method: "DELETE", path: "/v1/users/u-1"}, {method: "POST", path: "/v1/users/u-1/delete"},
		{method: "DELETE", path: "/v1/users/u-1/devices/d-1"}, {method: "POST", path: "/v1/users/u-1/devices/d-1/delete"},
		{method: "DELETE", path: "/v1/contacts/c-1"}, {method: "POST", path: "/v1/contacts/c-1/delete"},
		{method: "POST", path: "/v1/keys/k-1/revoke"}} {
		w := newWorld(t)
		rec := w.do(t, a)
		if rec.Code != http.StatusNoContent || rec.Body.Len() != 0 {
			t.Errorf("%s %s: %d %s", a.method, a.path, rec.Code, rec.Body)
		}
	}
	w := newWorld(t)
	w.do(t, ask{method: "POST", path: "/v1/users/u-1/devices/d-1/delete"})
	if w.users.deleted != "u-1/d-1" {
		t.Errorf("deleted %q", w.users.deleted)
	}
}

func TestHangUpByDelete(t *testing.T) {
	w := newWorld(t)
	placed(w)
	rec := w.do(t, ask{method: "DELETE", path: "/v1/calls/call-1"})
	if rec.Code != http.StatusOK || w.calls.calls["call-1"].End == nil {
		t.Errorf("%d %s", rec.Code, rec.Body)
	}
	rec = w.do(t, ask{method: "POST", path: "/v1/calls/call-1/transfer", body: `{"to":"Zoe"}`})
	if got := problemOf(t, rec.Body.Bytes()); got.Code != "call_ended" {
		t.Errorf("transfer of an ended call: %+v", got)
	}
}
