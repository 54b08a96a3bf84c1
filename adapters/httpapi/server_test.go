package httpapi_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"c2d/adapters/httpapi"
	"c2d/core/access"
	"c2d/core/call"
	"c2d/core/fault"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// started starts w and stops it when the test ends.
func started(t *testing.T, w *world) string {
	t.Helper()
	if err := w.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := w.Stop(ctx); err != nil {
			t.Error(err)
		}
	})
	return "http://" + w.Addr().String()
}

func TestStopEndsStreamsAndReturns(t *testing.T) {
	w := newWorld(t)
	base := started(t, w)
	c := dialStream(t, base, "/v1/events", "system")
	if err := w.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := c.next(); got != "" {
		t.Errorf("after Stop the stream told %q", got)
	}
	if err := w.Stop(t.Context()); err != nil {
		t.Errorf("a second Stop: %v", err)
	}
	if _, err := net.Dial("tcp", w.Addr().String()); err == nil {
		t.Error("it still listens")
	}
}

func TestTakenAddress(t *testing.T) {
	first := newWorld(t)
	started(t, first)
	second := newWorld(t, func(c *httpapi.Config, _ *httpapi.Deps) { c.Listen = first.Addr().String() })
	if err := second.Start(); err == nil {
		t.Error("two servers on one address")
	}
	third := newWorld(t, func(c *httpapi.Config, _ *httpapi.Deps) { c.AdminListen = first.Addr().String() })
	if err := third.Start(); err == nil {
		t.Error("the admin address of one is the address of another")
	}
}

func TestParallelPostsWithOneKeyGetOneCall(t *testing.T) {
	w := newWorld(t)
	base := started(t, w)
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 50}}
	defer client.CloseIdleConnections()
	ids := make(chan string, 200)
	var wg sync.WaitGroup
	for range 200 {
		wg.Go(func() {
			r := ask{method: "POST", path: base + "/v1/calls", body: placeBody, headers: []string{"Idempotency-Key: k1"}}.request(t.Context())
			r.RequestURI = ""
			res, err := client.Do(r)
			if err != nil {
				t.Error(err)
				return
			}
			defer func() { _ = res.Body.Close() }()
			_, _ = io.Copy(io.Discard, res.Body)
			ids <- fmt.Sprint(res.StatusCode, " ", res.Header.Get("Location"))
		})
	}
	wg.Wait()
	close(ids)
	n := 0
	for id := range ids {
		if n++; id != "201 /v1/calls/call-1" {
			t.Errorf("got %q", id)
		}
	}
	if n != 200 || len(w.calls.placed) != 1 {
		t.Errorf("%d answers, %d calls", n, len(w.calls.placed))
	}
}

func TestHealth(t *testing.T) {
	down := fault.New(fault.CodeBackendUnavailable, "SECRET host")
	for name, c := range map[string]struct {
		health map[string]error
		key    string
		code   int
		body   string
	}{
		"all well, outsider":  {map[string]error{"store": nil, "house": nil}, "-", 200, `{"status":"ok"}`},
		"all well, insider":   {map[string]error{"store": nil, "house": nil}, "system_admin", 200, `{"status":"ok","checks":{"house":"ok","store":"ok"}}`},
		"without the scope":   {map[string]error{"store": nil}, "system", 200, `{"status":"ok"}`},
		"with a bad key":      {map[string]error{"store": nil}, "x", 200, `{"status":"ok"}`},
		"one backend down":    {map[string]error{"store": nil, "a": nil, "b": down}, "system_admin", 200, `{"status":"degraded","checks":{"a":"ok","b":"backend_unavailable","store":"ok"}}`},
		"every backend down":  {map[string]error{"store": nil, "b": down}, "-", 503, `{"status":"unavailable"}`},
		"the store down":      {map[string]error{"store": errors.New("SECRET"), "b": nil}, "system_admin", 503, `{"status":"unavailable","checks":{"b":"ok","store":"internal"}}`},
		"nobody knows better": {nil, "-", 200, `{"status":"ok"}`},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, func(_ *httpapi.Config, d *httpapi.Deps) {
				d.Health = func(context.Context) map[string]error { return c.health }
			})
			rec := w.do(t, ask{method: "GET", path: "/readyz", key: c.key})
			if got := strings.TrimSpace(rec.Body.String()); rec.Code != c.code || got != c.body {
				t.Errorf("%d %s, want %d %s", rec.Code, got, c.code, c.body)
			}
			if rec := w.do(t, ask{method: "GET", path: "/healthz", key: "-"}); rec.Code != 200 || rec.Body.String() != "ok\n" {
				t.Errorf("healthz: %d %q", rec.Code, rec.Body)
			}
		})
	}
}

func TestStoppingIsNotReady(t *testing.T) {
	w := newWorld(t, func(_ *httpapi.Config, d *httpapi.Deps) {
		d.Health = func(context.Context) map[string]error { return nil }
	})
	stop(w)
	if rec := w.do(t, ask{method: "GET", path: "/readyz", key: "-"}); rec.Code != http.StatusServiceUnavailable {
		t.Errorf("readyz: %d", rec.Code)
	}
}

func TestMetricsAndTheAdminAddress(t *testing.T) {
	metrics := func(_ *httpapi.Config, d *httpapi.Deps) {
		d.Metrics = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("c2d_calls 1\n")) })
	}
	w := newWorld(t, metrics)
	if rec := w.do(t, ask{method: "GET", path: "/metrics", key: "-"}); rec.Body.String() != "c2d_calls 1\n" {
		t.Errorf("metrics: %s", rec.Body)
	}
	if rec := newWorld(t).do(t, ask{method: "GET", path: "/metrics", key: "-"}); rec.Code != http.StatusNotFound {
		t.Errorf("without metrics: %d", rec.Code)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	_ = l.Close()
	w = newWorld(t, metrics, func(c *httpapi.Config, _ *httpapi.Deps) { c.AdminListen = address })
	started(t, w)
	for path, want := range map[string]string{"/metrics": "c2d_calls 1\n", "/healthz": "ok\n", "/readyz": `{"status":"ok"}` + "\n"} {
		res, err := http.Get("http://" + address + path)
		if err != nil {
			t.Fatal(err)
		}
		b, _ := io.ReadAll(res.Body)
		_ = res.Body.Close()
		if string(b) != want {
			t.Errorf("%s on the admin address: %q", path, b)
		}
	}
	http.DefaultClient.CloseIdleConnections()
	if rec := w.do(t, ask{method: "GET", path: "/metrics", key: "-"}); rec.Code != http.StatusUnauthorized {
		t.Errorf("metrics on the public address too: %d", rec.Code)
	}
}

// panicking panics where a bug would.
type panicking struct{ httpapi.Calls }

func (panicking) List(context.Context, access.Actor, call.Query) ([]call.Call, string, error) {
	panic("SECRET detail")
}

func TestPanicIsAProblemAndALine(t *testing.T) {
	var log bytes.Buffer
	w := newWorld(t, func(_ *httpapi.Config, d *httpapi.Deps) {
		d.Calls, d.Log = panicking{}, slog.New(slog.NewTextHandler(&log, nil))
	})
	rec := w.do(t, ask{method: "GET", path: "/v1/calls"})
	if got := problemOf(t, rec.Body.Bytes()); got != (refused{500, "internal", ""}) || strings.Contains(rec.Body.String(), "SECRET") {
		t.Errorf("got %+v: %s", got, rec.Body)
	}
	if !strings.Contains(log.String(), "request_id=req-1") || !strings.Contains(log.String(), "SECRET detail") {
		t.Errorf("log %q", log.String())
	}
}

func TestTLSWithClientCertificates(t *testing.T) {
	cert, key, pair := certificate(t)
	w := newWorld(t, func(c *httpapi.Config, _ *httpapi.Deps) {
		c.TLS = &httpapi.TLS{Cert: cert, Key: key, ClientCA: cert}
	})
	started(t, w)
	roots := x509.NewCertPool()
	roots.AddCert(pair.Leaf)
	get := func(certs ...tls.Certificate) error {
		client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, Certificates: certs}}}
		defer client.CloseIdleConnections()
		res, err := client.Get("https://" + w.Addr().String() + "/healthz")
		if err == nil {
			_ = res.Body.Close()
		}
		return err
	}
	if err := get(pair); err != nil {
		t.Errorf("with a certificate: %v", err)
	}
	if err := get(); err == nil {
		t.Error("without a certificate it answered")
	}
}

// certificate writes a certificate that signs itself, for a server and a client on 127.0.0.1.
func certificate(t *testing.T) (cert, key string, pair tls.Certificate) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "c2d"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	write := func(path, kind string, der []byte) {
		if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(cert, "CERTIFICATE", der)
	write(key, "PRIVATE KEY", pkcs8)
	if pair, err = tls.LoadX509KeyPair(cert, key); err != nil {
		t.Fatal(err)
	}
	return cert, key, pair
}

func TestConfigTellsEveryError(t *testing.T) {
	cfg := httpapi.Config{Listen: "0.0.0.0:80", AdminListen: "nowhere", TrustedProxies: []string{"10.0.0.0/8", "x"},
		Origins: []string{"https://his.example", "his.example", "https://his.example/path"}}
	var fields []string
	for _, err := range cfg.Check() {
		var f *fault.Error
		if errors.As(err, &f) {
			fields = append(fields, f.Field)
		}
	}
	if got := strings.Join(fields, " "); got != "listen admin_listen trusted_proxies[1] origins[1] origins[2]" {
		t.Errorf("fields %q", got)
	}
	if _, err := httpapi.New(cfg, httpapi.Deps{}); err == nil || strings.Count(err.Error(), "\n") != 4 {
		t.Errorf("New: %v", err)
	}
	cfg = httpapi.Config{Listen: "0.0.0.0:80", Insecure: true, AdminListen: "localhost:1", TLS: &httpapi.TLS{Cert: "none", Key: "none"}}
	if errs := cfg.Check(); len(errs) != 1 || !strings.Contains(errs[0].Error(), "tls") {
		t.Errorf("a missing certificate: %v", errs)
	}
}
