package app_test

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"c2d/cmd/c2d/app"
	"c2d/cmd/c2d/client"
	"c2d/cmd/c2d/config"
	"c2d/core/access"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// free is a configuration on free loopback ports and a database of its own.
func free(t *testing.T) config.Config {
	t.Helper()
	text := `{http: {listen: "127.0.0.1:0"}, store: {url: "sqlite:` + filepath.Join(t.TempDir(), "c2d.db") + `"},
sip: {listen: ["udp:127.0.0.1:0"]}, backends: [{name: house, kind: sip}, {name: sandbox, kind: sim, speed: 50}]}`
	cfg, err := config.Parse("test", []byte(text), os.LookupEnv)
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

func start(t *testing.T, cfg config.Config) *app.App {
	t.Helper()
	a := app.New(cfg, app.Deps{})
	if err := a.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stop(t, a) })
	return a
}

func stop(t *testing.T, a *app.App) {
	t.Helper()
	began := time.Now()
	if err := a.Stop(context.Background()); err != nil {
		t.Error(err)
	}
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("Stop took %v", took)
	}
}

func key(t *testing.T, a *app.App, role access.Role) string {
	t.Helper()
	text, err := os.ReadFile(a.NewKeys()[role])
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(text))
}

func api(t *testing.T, a *app.App) *client.Client {
	t.Helper()
	c := client.New(a.URL(), key(t, a, access.SystemAdmin))
	t.Cleanup(c.Close)
	return c
}

func TestFirstStartWritesTheKeys(t *testing.T) {
	cfg := free(t)
	a := start(t, cfg)
	for _, role := range []access.Role{access.SystemAdmin, access.SecurityAdmin, access.AuditAdmin} {
		info, err := os.Stat(a.NewKeys()[role])
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("the file of %s: %v, %v", role, info, err)
		}
	}
	var users client.List[client.User]
	if err := api(t, a).Get(t.Context(), "/v1/users", &users); err != nil {
		t.Error(err)
	}
	stop(t, a)
	again := start(t, cfg)
	if len(again.NewKeys()) != 0 {
		t.Errorf("the second start made keys: %v", again.NewKeys())
	}
}

func TestKeysOfAnotherStoreStay(t *testing.T) {
	cfg := free(t)
	dir := filepath.Dir(strings.TrimPrefix(cfg.Store.URL, "sqlite:"))
	old := filepath.Join(dir, "c2d-audit.key")
	if err := os.WriteFile(old, []byte("old\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	a := app.New(cfg, app.Deps{})
	if err := a.Start(t.Context()); err == nil || !strings.Contains(err.Error(), "c2d-audit.key") {
		t.Errorf("Start: %v", err)
	}
	if text, err := os.ReadFile(old); err != nil || string(text) != "old\n" {
		t.Errorf("the old key is %q, %v", text, err)
	}
	if _, err := os.Stat(filepath.Join(dir, "c2d-admin.key")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a key file without a key stays: %v", err)
	}
	if err := os.Remove(old); err != nil {
		t.Fatal(err)
	}
	start(t, cfg)
}

func TestStopIsIdempotent(t *testing.T) {
	a := start(t, free(t))
	stop(t, a)
	stop(t, a)
	if _, err := net.DialTimeout("tcp", strings.TrimPrefix(a.URL(), "http://"), time.Second); err == nil {
		t.Error("the HTTP API still listens")
	}
}

func TestStartUndoesItself(t *testing.T) {
	taken := start(t, free(t))
	cfg := free(t)
	cfg.HTTP.Listen = strings.TrimPrefix(taken.URL(), "http://")
	a := app.New(cfg, app.Deps{})
	if err := a.Start(t.Context()); err == nil {
		t.Fatal("two services on one port")
	}
	cfg.HTTP.Listen = "127.0.0.1:0"
	start(t, cfg) // the store and the SIP port are free again
}

func TestNodeIsKept(t *testing.T) {
	cfg := free(t)
	stop(t, start(t, cfg))
	file := filepath.Join(filepath.Dir(strings.TrimPrefix(cfg.Store.URL, "sqlite:")), "c2d.node")
	first, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	stop(t, start(t, cfg))
	if again, err := os.ReadFile(file); err != nil || string(again) != string(first) {
		t.Errorf("the node was %q, is %q, %v", first, again, err)
	}
	if err := os.WriteFile(file, []byte("St Mary\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := app.New(cfg, app.Deps{}).Start(t.Context()); err == nil {
		t.Error("a broken node file is taken")
	}
}

// sandboxCall places a call between two numbers of the simulator.
func sandboxCall(t *testing.T, c *client.Client, callee string) client.Call {
	t.Helper()
	u := client.User{Login: "harry", Name: "Harry"}
	if err := c.Post(t.Context(), "/v1/users", u, &u); err != nil {
		t.Fatal(err)
	}
	d := client.Device{Name: "desk", Kind: "desk", Backend: "sandbox", Address: "5550100"}
	if err := c.Post(t.Context(), "/v1/users/"+u.ID+"/devices", d, nil); err != nil {
		t.Fatal(err)
	}
	made, err := c.Place(t.Context(), "harry", callee)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

// reach follows a call until it is in the state.
func reach(t *testing.T, c *client.Client, now client.Call, state string) client.Call {
	t.Helper()
	for now.State != state {
		if now.Ended() {
			t.Fatalf("the call ended: %+v", now.End)
		}
		var err error
		if now, err = c.Next(t.Context(), now, time.Second); err != nil {
			t.Fatal(err)
		}
	}
	return now
}

func TestCallInTheSandbox(t *testing.T) {
	c := api(t, start(t, free(t)))
	talking := reach(t, c, sandboxCall(t, c, "+16328300100"), "connected")
	if _, err := c.HangUp(t.Context(), talking.ID); err != nil {
		t.Fatal(err)
	}
	if end := reach(t, c, talking, "ended"); end.End.Reason != "completed" || end.End.By != "api" {
		t.Errorf("the end is %+v", end.End)
	}
}

func TestStopEndsRingingCalls(t *testing.T) {
	cfg := free(t)
	a := start(t, cfg)
	c, admin := api(t, a), key(t, a, access.SystemAdmin)
	ringing := reach(t, c, sandboxCall(t, c, "+16328300103"), "ringing_callee")
	stop(t, a)
	again := client.New(start(t, cfg).URL(), admin)
	defer again.Close()
	var now client.Call
	if err := again.Get(t.Context(), "/v1/calls/"+ringing.ID, &now); err != nil {
		t.Fatal(err)
	}
	if !now.Ended() || now.End.Reason != "cancelled" || now.End.By != "system" {
		t.Errorf("the call is %s, %+v", now.State, now.End)
	}
}

func TestCheck(t *testing.T) {
	cfg := free(t)
	if problems := app.Check(t.Context(), cfg); len(problems) > 0 {
		t.Errorf("nothing is wrong, but: %q", problems)
	}
	if _, err := os.Stat(strings.TrimPrefix(cfg.Store.URL, "sqlite:")); err == nil {
		t.Error("a check made the database")
	}
	running := start(t, cfg)
	cfg.HTTP.Listen = strings.TrimPrefix(running.URL(), "http://")
	cfg.SIP.Listen = []string{"udp:" + running.SIP().String()}
	cfg.Store.URL = "sqlite:/nowhere/c2d.db"
	cfg.Media.Recordings = "/dev/null/kept"
	problems := app.Check(t.Context(), cfg)
	for i, want := range []string{"store: ", "http.listen: ", "media.recordings: ", "sip.listen: "} {
		if i >= len(problems) || !strings.HasPrefix(problems[i], want) {
			t.Errorf("problem %d of %q is not about %s", i, problems, want)
		}
	}
}
