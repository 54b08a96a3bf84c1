package app

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"c2d/adapters/ari"
	"c2d/cmd/c2d/config"
)

// TestLimitsNameTheirBackend is what c2d check adds of an Asterisk that works and is old.
func TestLimitsNameTheirBackend(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"system":{"version":"20.5.0"}}`)
	}))
	t.Cleanup(s.Close)
	cfg := config.Default()
	cfg.Backends = append(cfg.Backends, config.Backend{Name: "pbx", Kind: "asterisk", Asterisk: &ari.Config{Name: "pbx", URL: s.URL + "/ari", Username: "c2d", Password: "x"}})
	if got := Limits(t.Context(), cfg); len(got) != 1 || !strings.HasPrefix(got[0], "backend pbx: Asterisk 20.5.0 transfers by itself") {
		t.Errorf("%q", got)
	}
}
