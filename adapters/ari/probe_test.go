package ari

import (
	"context"
	"encoding/pem"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"c2d/core/fault"
	"c2d/core/identity"
)

// asterisk answers as one does to what a probe asks.
func asterisk(version string, status, write int) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case status != http.StatusOK:
			http.Error(w, "<html>nothing</html>", status)
		case r.Method == http.MethodGet:
			_, _ = io.WriteString(w, `{"system":{"version":"`+version+`"}}`)
		default:
			http.Error(w, `{"message":"Channel not found"}`, write)
		}
	})
}

// TestProbeOfAnAnswer is what c2d check says of a web server that answers.
func TestProbeOfAnAnswer(t *testing.T) {
	for name, c := range map[string]struct {
		server http.Handler
		want   string // empty is all well
	}{
		"well":           {asterisk("22.10.1", 200, 404), ""},
		"the oldest":     {asterisk("20.0.0", 200, 404), ""},
		"built by hand":  {asterisk("GIT-22-abc", 200, 404), ""},
		"certified":      {asterisk("certified/20.7-cert1", 200, 404), ""},
		"too old":        {asterisk("18.26.4", 200, 404), "Asterisk 18.26.4 is too old: 20 or newer is needed"},
		"wrong password": {asterisk("", 401, 0), "compare username and password with ari.conf"},
		"forbidden":      {asterisk("", 403, 0), "permit and deny"},
		"disabled":       {asterisk("", 404, 0), "is enabled = yes in ari.conf"},
		"read only":      {asterisk("22.10.1", 200, 403), "the ARI user c2d may only read"},
		"broken":         {asterisk("", 500, 0), "is no ARI"},
		"moved":          {asterisk("", 301, 0), "is no ARI"},
		"a home page":    {http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<html>") }), "is no ARI: is url right?"},
	} {
		t.Run(name, func(t *testing.T) {
			s := httptest.NewServer(c.server)
			t.Cleanup(s.Close)
			says(t, Config{URL: s.URL + "/ari"}, c.want)
		})
	}
}

// TestProbeWithoutAnswer is what c2d check says where no HTTP comes back.
func TestProbeWithoutAnswer(t *testing.T) {
	plain, secure, hung, gone := server(t, httptest.NewServer), server(t, httptest.NewTLSServer), quiet(t), httptest.NewServer(nil)
	gone.Close()
	ca := signer(t, secure)
	for name, c := range map[string]struct {
		cfg  Config
		want string
	}{
		"absent":                   {Config{URL: gone.URL + "/ari"}, "web server does not answer at " + gone.URL},
		"hung":                     {Config{URL: hung.URL + "/ari"}, hangs},
		"a stranger's certificate": {Config{URL: secure.URL + "/ari"}, "ca must be the file"},
		"another's certificate":    {Config{URL: strings.Replace(secure.URL, "127.0.0.1", "localhost", 1) + "/ari", CA: ca}, "names another host"},
		"a known certificate":      {Config{URL: secure.URL + "/ari", CA: ca}, ""},
		"no TLS there":             {Config{URL: strings.Replace(plain.URL, "http:", "https:", 1) + "/ari"}, "there is no TLS"},
		"no such host":             {Config{URL: "http://pbx.invalid:8088/ari"}, "host name in url is not known"},
	} {
		t.Run(name, func(t *testing.T) { says(t, c.cfg, c.want) })
	}
}

// hangs is said of an Asterisk that takes a connection and nothing else.
const hangs = "says nothing"

func says(t *testing.T, c Config, want string) {
	t.Helper()
	c.Username, c.Password = "c2d", "secret-of-ari"
	b := backend(t, c)
	limit := 10 * time.Second
	if want == hangs {
		limit = 100 * time.Millisecond // it is waited for in vain
	}
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	err := b.Probe(ctx)
	if want == "" {
		if err != nil {
			t.Error(err)
		}
		return
	}
	if !fault.Is(err, fault.CodeBackendUnavailable) || !strings.Contains(err.Error(), want) || strings.ContainsAny(err.Error(), "\n") || strings.Contains(err.Error(), c.Password) {
		t.Errorf("says %v, want %q", err, want)
	}
}

// server is an Asterisk.
func server(t *testing.T, start func(http.Handler) *httptest.Server) *httptest.Server {
	t.Helper()
	s := start(asterisk("22.10.1", 200, 404))
	s.Config.ErrorLog = log.New(io.Discard, "", 0) // what clients do wrong here is on purpose
	t.Cleanup(s.Close)
	return s
}

// quiet takes connections and says nothing.
func quiet(t *testing.T) *httptest.Server {
	t.Helper()
	over := make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-over:
		case <-r.Context().Done():
		}
	}))
	t.Cleanup(func() { close(over); s.Close() })
	return s
}

// signer is the file of who has signed the certificate of an Asterisk.
func signer(t *testing.T, s *httptest.Server) string {
	t.Helper()
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	return ca
}

// TestWhatAnOlderAsteriskCannot is what c2d check adds.
func TestWhatAnOlderAsteriskCannot(t *testing.T) {
	plan := []identity.Dial{{Match: ".*", To: "Local/{number}@from-internal/n"}}
	for version, limited := range map[string]bool{"20.12.9": true, "20.13.0": false, "21.7.0": true, "21.8.0": false, "22.2.0": true, "22.3.0": false,
		"22.10.1": false, "23.0.0": false, "certified/20.7-cert1": true, "GIT-22-abc": false} {
		s := httptest.NewServer(asterisk(version, 200, 404))
		t.Cleanup(s.Close)
		said := strings.Join(backend(t, Config{URL: s.URL + "/ari"}).Limits(t.Context()), "\n")
		if strings.HasPrefix(said, "Asterisk "+version+" transfers by itself") != limited || strings.Contains(said, "\n") || !limited && said != "" {
			t.Errorf("of %s it says %q", version, said)
		}
		if said := backend(t, Config{URL: s.URL + "/ari", Dial: plan}).Limits(t.Context()); len(said) != 0 {
			t.Errorf("behind the dialplan, of %s it says %q", version, said)
		}
	}
}
