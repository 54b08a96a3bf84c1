package app_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"c2d/cmd/c2d/client"
	"c2d/core/access"
)

// TestABackendThatCarriesNothingIsTold: the last calls have failed there, so monitoring hears of it.
func TestABackendThatCarriesNothingIsTold(t *testing.T) {
	a := start(t, free(t))
	c := api(t, a)
	tells := func(path, want string) {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, a.URL()+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+key(t, a, access.SystemAdmin))
		req.Close = true
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(res.Body)
		_ = res.Body.Close()
		if err != nil || !strings.Contains(string(text), want) {
			t.Errorf("%s: no %q (%v) in\n%s", path, want, err, text)
		}
	}
	tells("/metrics", "\nc2d_backend_circuit_open{backend=\"sandbox\"} 0\n")
	u := client.User{Login: "harry", Name: "Harry"}
	if err := c.Post(t.Context(), "/v1/users", u, &u); err != nil {
		t.Fatal(err)
	}
	d := client.Device{Name: "desk", Kind: "desk", Backend: "sandbox", Address: "5550107"} // 503, whoever is called
	if err := c.Post(t.Context(), "/v1/users/"+u.ID+"/devices", d, nil); err != nil {
		t.Fatal(err)
	}
	clicks := func() {
		t.Helper()
		now, err := c.Place(t.Context(), "harry", "+16328300100")
		if err != nil {
			t.Fatal(err)
		}
		if now = reach(t, c, now, "ended"); now.End.Reason != "congestion" {
			t.Fatalf("it ended with %+v", now.End)
		}
	}
	for range 5 {
		clicks()
	}
	tells("/readyz", `"status":"degraded","checks":{"house":"ok","sandbox":"backend_unavailable"`)
	tells("/metrics", "\nc2d_backend_circuit_open{backend=\"sandbox\"} 1\n")
	tells("/metrics", "\nc2d_backend_up{backend=\"sandbox\"} 0\n")
	clicks() // nobody else leads there, so it is tried all the same
}
