package httpapi_test

import (
	"context"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"c2d/adapters/httpapi"
	"c2d/core/access"
	"c2d/core/fault"
)

func TestAuthentication(t *testing.T) {
	for name, c := range map[string]struct {
		header []string
		want   refused
	}{
		"none":           {nil, refused{401, "unauthenticated", ""}},
		"basic":          {[]string{"Basic c3lzdGVt"}, refused{401, "unauthenticated", ""}},
		"empty":          {[]string{"Bearer "}, refused{401, "unauthenticated", ""}},
		"two":            {[]string{"Bearer system", "Bearer harry"}, refused{401, "unauthenticated", ""}},
		"unknown":        {[]string{"Bearer x"}, refused{401, "unauthenticated", ""}},
		"expired":        {[]string{"Bearer old"}, refused{401, "key_expired", ""}},
		"endless":        {[]string{"Bearer " + strings.Repeat("x", 600)}, refused{401, "unauthenticated", ""}},
		"any case":       {[]string{"bearer system"}, refused{Status: 200}},
		"unknown path":   {nil, refused{401, "unauthenticated", ""}},
		"surplus spaces": {[]string{"Bearer  system "}, refused{Status: 200}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			rec := record(w, func(r *http.Request) { r.Header["Authorization"] = c.header })
			if rec.Code != c.want.Status {
				t.Fatalf("%d: %s", rec.Code, rec.Body)
			}
			if rec.Code == http.StatusOK {
				return
			}
			if got := problemOf(t, rec.Body.Bytes()); got != c.want || rec.Header().Get("WWW-Authenticate") == "" {
				t.Errorf("got %+v %v, want %+v", got, rec.Header(), c.want)
			}
		})
	}
}

func record(w *world, change func(*http.Request)) *recorder {
	rec := newRecorder()
	r := ask{method: "GET", path: "/v1/calls"}.request(context.Background())
	change(r)
	w.Handler().ServeHTTP(rec, r)
	return rec
}

func TestClientAddress(t *testing.T) {
	for name, c := range map[string]struct {
		peer, forwarded, want string
	}{
		"no proxy":            {"192.0.2.1:99", "", "192.0.2.1"},
		"a stranger's header": {"192.0.2.1:99", "10.9.9.9", "192.0.2.1"},
		"a proxy":             {"10.0.0.1:99", "192.0.2.7", "192.0.2.7"},
		"a proxy's proxy":     {"10.0.0.1:99", "203.0.113.9, 192.0.2.7, 10.0.0.2", "192.0.2.7"},
		"a forged hop":        {"10.0.0.1:99", "10.0.0.3, evil", "10.0.0.1"},
		"only proxies":        {"10.0.0.1:99", "10.0.0.3, 10.0.0.2", "10.0.0.3"},
		"mapped IPv4":         {"[::ffff:10.0.0.1]:99", "::ffff:192.0.2.7", "192.0.2.7"},
		"IPv6":                {"[2001:db8::1]:99", "192.0.2.7", "2001:db8::1"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, func(c *httpapi.Config, _ *httpapi.Deps) { c.TrustedProxies = []string{"10.0.0.0/8"} })
			record(w, func(r *http.Request) {
				r.RemoteAddr = c.peer
				if c.forwarded != "" {
					r.Header.Set("X-Forwarded-For", c.forwarded)
				}
			})
			if got := w.keys.addr.String(); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

func TestCORS(t *testing.T) {
	w := newWorld(t)
	const known, other = "https://his.example", "https://evil.example"
	preflight := func(origin string) *recorder {
		return record(w, func(r *http.Request) {
			r.Method = http.MethodOptions
			r.Header.Del("Authorization")
			r.Header.Set("Origin", origin)
			r.Header.Set("Access-Control-Request-Method", "POST")
		})
	}
	if rec := preflight(known); rec.Code != http.StatusNoContent || rec.Header().Get("Access-Control-Allow-Origin") != known ||
		!strings.Contains(rec.Header().Get("Access-Control-Allow-Headers"), "Authorization") {
		t.Errorf("preflight of a known origin: %d %v", rec.Code, rec.Header())
	}
	if rec := preflight(other); rec.Code != http.StatusForbidden || rec.Header().Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("preflight of another origin: %d %v", rec.Code, rec.Header())
	}
	for origin, want := range map[string]string{known: known, other: ""} {
		rec := record(w, func(r *http.Request) { r.Header.Set("Origin", origin) })
		if got := rec.Header().Get("Access-Control-Allow-Origin"); got != want || rec.Header().Get("Vary") != "Origin" || w.keys.origin != origin {
			t.Errorf("%s: allowed %q, vary %q, checked %q", origin, got, rec.Header().Get("Vary"), w.keys.origin)
		}
	}
}

// limiter allows so many of each key.
type limiter struct {
	mu   sync.Mutex
	left map[string]int
}

func (l *limiter) Allow(key string) (bool, time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.left[key]--
	return l.left[key] >= 0, 1500 * time.Millisecond
}

func TestRateLimits(t *testing.T) {
	l := &limiter{left: map[string]int{"key/k-system": 1, "addr/192.0.2.1": 1}}
	w := newWorld(t, func(_ *httpapi.Config, d *httpapi.Deps) { d.Limiter = l })
	for _, want := range []int{200, 429} {
		rec := w.do(t, ask{method: "GET", path: "/v1/calls"})
		if rec.Code != want || want == 429 && rec.Header().Get("Retry-After") != "2" {
			t.Errorf("a key: %d %v, want %d", rec.Code, rec.Header(), want)
		}
	}
	for _, want := range []int{401, 429} {
		if rec := w.do(t, ask{method: "GET", path: "/v1/calls", key: "guess"}); rec.Code != want {
			t.Errorf("a guess: %d, want %d", rec.Code, want)
		}
	}
}

func TestRequestID(t *testing.T) {
	w := newWorld(t)
	if rec := w.do(t, ask{method: "GET", path: "/v1/calls"}); rec.Header().Get("X-Request-ID") != "req-1" {
		t.Errorf("given: %v", rec.Header())
	}
	for _, odd := range []string{"a b", strings.Repeat("a", 65), "a\"b"} {
		rec := w.do(t, ask{method: "GET", path: "/v1/calls", headers: []string{"X-Request-ID: " + odd}})
		if got := rec.Header().Get("X-Request-ID"); got == odd || len(got) != 36 {
			t.Errorf("for %q: %q", odd, got)
		}
	}
}

func TestLanguages(t *testing.T) {
	for header, want := range map[string]string{"": "en", "zh": "zh-CN", "zh-TW,en;q=0.5": "zh-CN", "de,zh;q=0.5": "zh-CN",
		"en-GB,zh;q=0.5": "en", "de": "en", "zh;q=0.2,en;q=0.8": "en", ";;": "en"} {
		w := newWorld(t)
		rec := w.do(t, ask{method: "GET", path: "/v1/calls", key: "-", headers: []string{"Accept-Language: " + header}})
		if got := rec.Header().Get("Content-Language"); got != want {
			t.Errorf("%q: %q, want %q", header, got, want)
		}
	}
}

func TestStoreDownAtSignInIsNoReproach(t *testing.T) {
	l := &limiter{left: map[string]int{}}
	w := newWorld(t, func(_ *httpapi.Config, d *httpapi.Deps) {
		d.Limiter = l
		d.Keys = downKeys{}
	})
	rec := w.do(t, ask{method: "GET", path: "/v1/calls"})
	if got := problemOf(t, rec.Body.Bytes()); got.Code != "store_unavailable" || rec.Header().Get("Retry-After") == "" {
		t.Errorf("got %+v %v", got, rec.Header())
	}
}

type downKeys struct{ httpapi.Keys }

func (downKeys) Authenticate(context.Context, string, netip.Addr, string) (access.Actor, error) {
	return access.Actor{}, fault.New(fault.CodeStoreUnavailable, "the store is down")
}
