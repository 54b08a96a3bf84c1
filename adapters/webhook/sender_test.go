package webhook

import (
	"context"
	"crypto/tls"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"c2d/core/fault"
	"c2d/core/webhook"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func newSender(t *testing.T, c Config) *Sender {
	t.Helper()
	if errs := c.Check(); len(errs) > 0 {
		t.Fatal(errs)
	}
	s, err := NewSender(c, "test")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

func loopback(t *testing.T) *Sender {
	return newSender(t, Config{Networks: []string{"127.0.0.0/8"}})
}

// receiver answers as h says.
func receiver(t *testing.T, h http.HandlerFunc) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s
}

func send(t *testing.T, s *Sender, url string) webhook.Result {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	return s.Send(ctx, webhook.Delivery{URL: url, ID: "msg-1", At: time.Unix(1_700_000_000, 0), Signature: "v1,abc", Body: []byte(`{"type":"x"}`)})
}

func TestADelivery(t *testing.T) {
	var got *http.Request
	var body []byte
	r := receiver(t, func(w http.ResponseWriter, req *http.Request) {
		got = req.Clone(context.Background())
		body, _ = io.ReadAll(req.Body)
		w.WriteHeader(http.StatusNoContent)
	})
	if res := send(t, loopback(t), r.URL+"/c2d?x=1"); res.Status != 204 || res.Error != "" {
		t.Fatalf("result is %+v", res)
	}
	for k, v := range map[string]string{"Webhook-Id": "msg-1", "Webhook-Timestamp": "1700000000", "Webhook-Signature": "v1,abc",
		"Content-Type": "application/json", "User-Agent": "C2D/test"} {
		if got.Header.Get(k) != v {
			t.Errorf("%s is %q, want %q", k, got.Header.Get(k), v)
		}
	}
	if got.Method != http.MethodPost || got.RequestURI != "/c2d?x=1" || string(body) != `{"type":"x"}` {
		t.Errorf("%s %s %s", got.Method, got.RequestURI, body)
	}
}

func TestARedirectionIsNotFollowed(t *testing.T) {
	followed := false
	secret := receiver(t, func(http.ResponseWriter, *http.Request) { followed = true })
	r := receiver(t, func(w http.ResponseWriter, req *http.Request) {
		http.Redirect(w, req, secret.URL, http.StatusTemporaryRedirect)
	})
	if res := send(t, loopback(t), r.URL); res.Status != http.StatusTemporaryRedirect || followed {
		t.Errorf("result is %+v, followed %v", res, followed)
	}
}

func TestRetryAfter(t *testing.T) {
	r := receiver(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "120")
		w.WriteHeader(http.StatusServiceUnavailable)
	})
	if res := send(t, loopback(t), r.URL); res.Status != 503 || res.RetryAfter != 2*time.Minute {
		t.Errorf("result is %+v", res)
	}
	for text, want := range map[string]time.Duration{"": 0, "-1": 0, "soon": 0, "99999999": time.Hour} {
		if d := retryAfter(text); d != want {
			t.Errorf("%q: %v, want %v", text, d, want)
		}
	}
}

// TestANameThatResolvesElsewhere is a name that looks permitted when the hook is made and leads to this machine when it is told.
func TestANameThatResolvesElsewhere(t *testing.T) {
	called := false
	r := receiver(t, func(http.ResponseWriter, *http.Request) { called = true })
	s := newSender(t, Config{Networks: []string{"192.0.2.0/24"}, Insecure: true})
	_, port, err := net.SplitHostPort(r.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	url := "http://localhost:" + port
	if err := s.CheckURL(url); err != nil {
		t.Fatalf("a name is judged when it is told: %v", err)
	}
	if res := send(t, s, url); res.Error != errNetwork.Error() || called {
		t.Errorf("result is %+v, called %v", res, called)
	}
}

func TestWhatGoesWrong(t *testing.T) {
	closed := receiver(t, nil)
	closed.Close()
	hangs := make(chan struct{})
	silent := receiver(t, func(http.ResponseWriter, *http.Request) { <-hangs })
	t.Cleanup(func() { close(hangs) }) // before the server is closed, which waits
	untrusted := httptest.NewUnstartedServer(http.NotFoundHandler())
	untrusted.Config.ErrorLog = log.New(io.Discard, "", 0)
	untrusted.TLS = &tls.Config{MinVersion: tls.VersionTLS12}
	untrusted.StartTLS()
	t.Cleanup(untrusted.Close)
	for url, want := range map[string]string{
		closed.URL:    "connection refused",
		untrusted.URL: "its certificate is not trusted",
		"http://127.0.0.1:1/" + strings.Repeat("x", 10): "connection refused",
	} {
		if res := send(t, loopback(t), url); res.Error != want {
			t.Errorf("%s: %+v, want %q", url, res, want)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if res := loopback(t).Send(ctx, webhook.Delivery{URL: silent.URL}); res.Error != "no answer in time" {
		t.Errorf("silent: %+v", res)
	}
}

func TestAddressesThatAreRefused(t *testing.T) {
	s := newSender(t, Config{Networks: []string{"10.0.0.0/8", "127.0.0.0/8"}})
	for url, code := range map[string]fault.Code{
		"https://10.1.2.3/x":           "",
		"https://his.example/x":        "",
		"http://127.0.0.1:9/x":         "",
		"http://10.1.2.3/x":            fault.CodeInvalid,
		"http://his.example/x":         fault.CodeInvalid,
		"https://192.0.2.1/x":          fault.CodeNetworkDenied,
		"https://[::ffff:192.0.2.1]/x": fault.CodeNetworkDenied,
		"https://[::ffff:10.0.0.1]/x":  "",
		"https://user:pw@his.example/": fault.CodeInvalid,
		"https://his.example/#a":       fault.CodeInvalid,
		"ftp://his.example/":           fault.CodeInvalid,
		"https:///x":                   fault.CodeInvalid,
		"mailto:a@b":                   fault.CodeInvalid,
		"":                             fault.CodeInvalid,
		"https://his.example/\r\nX: y": fault.CodeInvalid,
	} {
		err := s.CheckURL(url)
		if code == "" && err != nil || code != "" && !fault.Is(err, code) {
			t.Errorf("%q: %v, want %q", url, err, code)
		}
	}
	if err := newSender(t, Config{}).CheckURL("https://his.example/"); !fault.Is(err, fault.CodeNetworkDenied) {
		t.Errorf("without networks: %v", err)
	}
}

func TestConfigIsChecked(t *testing.T) {
	errs := Config{Networks: []string{"10.0.0.0/8", "10.0.0.1", "x"}, CA: "/nowhere"}.Check()
	if len(errs) != 3 {
		t.Errorf("found %v", errs)
	}
}
