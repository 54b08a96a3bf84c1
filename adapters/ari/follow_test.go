package ari

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
)

// TestRequestsGoWhereTheConfigurationSays: of localhost, the address that answers may be the other one.
func TestRequestsGoWhereTheConfigurationSays(t *testing.T) {
	b, _ := connected(t, http.NotFoundHandler())
	asked := make(chan string, 1)
	next := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		user, _, _ := r.BasicAuth()
		asked <- user + " " + r.URL.Path
	}))
	t.Cleanup(next.Close)
	cfg := b.config()
	cfg.URL, cfg.Username = next.URL+"/ari/", "other"
	b.Follow(cfg)
	if err := b.api.HangUp(context.Background(), "x", "normal"); err != nil {
		t.Fatal(err)
	}
	if got := <-asked; got != "other /ari/channels/x" {
		t.Errorf("asked %s", got)
	}
}
