package httpapi_test

import (
	"net/http"
	"slices"
	"testing"

	"c2d/core/access"
	"c2d/core/fault"
)

// TestKeysNeedTheirUser issues keys for, and asks with the token of, a user who is there, disabled and gone.
func TestKeysNeedTheirUser(t *testing.T) {
	issue := []ask{
		{method: "POST", path: "/v1/tokens", body: `{"user_id":"u-1","origin":"https://his.example"}`},
		{method: "POST", path: "/v1/keys", key: "system_admin", body: `{"name":"desk","role":"user","user_id":"u-1"}`},
	}
	for name, c := range map[string]struct {
		prepare       func(*fakeUsers)
		issued, asked int
	}{
		"there":    {func(*fakeUsers) {}, http.StatusCreated, http.StatusOK},
		"disabled": {func(f *fakeUsers) { f.user.Disabled = true }, http.StatusUnprocessableEntity, http.StatusUnauthorized},
		"gone":     {func(f *fakeUsers) { f.err = fault.New(fault.CodeNotFound, "no such user") }, http.StatusUnprocessableEntity, http.StatusUnauthorized},
		"store":    {func(f *fakeUsers) { f.err = fault.New(fault.CodeStoreUnavailable, "down") }, http.StatusServiceUnavailable, http.StatusServiceUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			c.prepare(w.users)
			for _, a := range issue {
				if rec := w.do(t, a); rec.Code != c.issued {
					t.Errorf("%s: %d %s", a.path, rec.Code, rec.Body)
				}
			}
			if rec := w.do(t, ask{method: "GET", path: "/v1/calls", key: "harry"}); rec.Code != c.asked {
				t.Errorf("with the token: %d %s", rec.Code, rec.Body)
			}
		})
	}
}

func TestDeletingAUserEndsItsKeys(t *testing.T) {
	for _, path := range []string{"/v1/users/u-1/delete", "/v1/users/u-2/delete"} {
		w := newWorld(t)
		w.keys.issued = access.Key{ID: "k-9", Role: access.User, UserID: "u-1"}
		if rec := w.do(t, ask{method: "POST", path: path}); rec.Code != http.StatusNoContent { // a system's key: it may not write keys
			t.Fatalf("%d %s", rec.Code, rec.Body)
		}
		ended := slices.Contains(w.keys.ended, "k-9")
		if ended != (path == "/v1/users/u-1/delete") || ended && w.keys.by.May(access.WriteKeys) != nil {
			t.Errorf("%s: ended %q by %+v", path, w.keys.ended, w.keys.by)
		}
	}
	w := newWorld(t)
	w.keys.issued = access.Key{ID: "k-9", Role: access.User, UserID: "u-1"}
	if rec := w.do(t, ask{method: "POST", path: "/v1/users/u-1/delete", key: "harry"}); rec.Code != http.StatusForbidden || w.keys.ended != nil {
		t.Errorf("by the user: %d %s, ended %q", rec.Code, rec.Body, w.keys.ended)
	}
}

// TestOwnTokenNeedsNoCaller clicks as a page does that has only the user's token.
func TestOwnTokenNeedsNoCaller(t *testing.T) {
	w := newWorld(t)
	if rec := w.do(t, ask{method: "POST", path: "/v1/calls", key: "harry", body: `{"callee":"Mary"}`}); rec.Code != http.StatusCreated {
		t.Errorf("a user: %d %s", rec.Code, rec.Body)
	}
	rec := w.do(t, ask{method: "POST", path: "/v1/calls", body: `{"callee":"Mary"}`})
	if rec.Code != http.StatusUnprocessableEntity || len(w.calls.placed) != 1 {
		t.Errorf("a system: %d %s", rec.Code, rec.Body)
	}
}
