package app_test

import (
	"errors"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"c2d/adapters/esl"
	"c2d/adapters/sim"
	"c2d/adapters/sip/phone"
	"c2d/cmd/c2d/app"
	"c2d/cmd/c2d/client"
	"c2d/cmd/c2d/config"
)

// file is a configuration that an administrator edits.
type file struct {
	mu   sync.Mutex
	text config.Config
	err  error
}

func (f *file) load() (config.Config, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.text, f.err
}

func (f *file) edit(change func(*config.Config)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.text.Backends = slices.Clone(f.text.Backends)
	change(&f.text)
}

// reloadable is a service whose configuration can be edited.
func reloadable(t *testing.T) (*app.App, *client.Client, *file) {
	t.Helper()
	f := &file{text: free(t)}
	a := app.New(f.text, app.Deps{Load: f.load})
	if err := a.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stop(t, a) })
	return a, api(t, a), f
}

type reloaded struct {
	Changed []string `json:"changed"`
	Restart []string `json:"needs_restart"`
}

func reload(t *testing.T, c *client.Client) (done reloaded) {
	t.Helper()
	if err := c.Post(t.Context(), "/v1/reload", nil, &done); err != nil {
		t.Fatal(err)
	}
	return done
}

func sandbox(speed float64) config.Backend {
	return config.Backend{Name: "sandbox", Kind: "sim", Sim: &sim.Config{Name: "sandbox", Kind: "sim", Speed: speed}}
}

// refused places a call that is refused, and returns with which code.
func refused(t *testing.T, c *client.Client, callee string) string {
	t.Helper()
	_, err := c.Place(t.Context(), "harry", callee)
	var p *client.Problem
	if !errors.As(err, &p) {
		t.Fatalf("it is not refused: %v", err)
	}
	return p.Code
}

// TestASystemIsExchangedWhileTheyTalk: who talks goes on where he is, who calls next is with the next, and then there is none.
func TestASystemIsExchangedWhileTheyTalk(t *testing.T) {
	_, c, f := reloadable(t)
	first := reach(t, c, sandboxCall(t, c, "+16328300100"), "connected")
	f.edit(func(cfg *config.Config) { cfg.Backends[1] = sandbox(40) })
	if done := reload(t, c); !slices.Equal(done.Changed, []string{"backend sandbox: exchanged"}) || len(done.Restart) > 0 {
		t.Errorf("%+v", done)
	}
	second, err := c.Place(t.Context(), "harry", "+16328300100")
	if err != nil {
		t.Fatal(err)
	}
	second = reach(t, c, second, "connected")
	f.edit(func(cfg *config.Config) { cfg.Backends = cfg.Backends[:1] })
	if done := reload(t, c); !slices.Equal(done.Changed, []string{"backend sandbox: takes no new calls"}) {
		t.Errorf("%+v", done)
	}
	if code := refused(t, c, "+16328300100"); code != "no_route" {
		t.Errorf("refused with %s", code)
	}
	for _, talks := range []client.Call{first, second} {
		if now, err := c.HangUp(t.Context(), talks.ID); err != nil || now.End.Reason != "completed" {
			t.Errorf("%+v, %v", now.End, err)
		}
	}
	f.edit(func(cfg *config.Config) { cfg.Backends = append(cfg.Backends, sandbox(50)) })
	if done := reload(t, c); !slices.Equal(done.Changed, []string{"backend sandbox: added"}) {
		t.Errorf("%+v", done)
	}
	third, err := c.Place(t.Context(), "harry", "+16328300100")
	if err != nil {
		t.Fatal(err)
	}
	reach(t, c, third, "connected")
}

// TestOneSystemUnderAnotherName: an address that is written in another way is the system that is connected; a door that the former one
// holds is not the next one's.
func TestOneSystemUnderAnotherName(t *testing.T) {
	_, c, f := reloadable(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	door := l.Addr().String()
	l.Close()
	freeswitch := func(address string) config.Backend {
		return config.Backend{Name: "ward", Kind: "freeswitch", FreeSWITCH: &esl.Config{Name: "ward", Kind: "freeswitch", Address: address, Password: "secret", Listen: door}}
	}
	f.edit(func(cfg *config.Config) { cfg.Backends = append(cfg.Backends, freeswitch("127.0.0.1:1")) })
	if done := reload(t, c); !slices.Equal(done.Changed, []string{"backend ward: added"}) {
		t.Errorf("%+v", done)
	}
	f.edit(func(cfg *config.Config) { cfg.Backends[2] = freeswitch("localhost:1") })
	if done := reload(t, c); len(done.Changed) > 0 || len(done.Restart) != 1 || !strings.HasPrefix(done.Restart[0], "backend ward: it is the phone system that is connected") {
		t.Errorf("%+v", done)
	}
	f.edit(func(cfg *config.Config) { cfg.Backends[2] = freeswitch("127.0.0.2:1") })
	var p *client.Problem
	if err := c.Post(t.Context(), "/v1/reload", nil, nil); !errors.As(err, &p) || !strings.Contains(p.Error(), "backend ward: listen") {
		t.Errorf("%v", err)
	}
}

// TestACallThatRingsOutlivesItsSystemsPlace: its callee is looked up when the system is configured no more.
func TestACallThatRingsOutlivesItsSystemsPlace(t *testing.T) {
	_, c, f := reloadable(t)
	f.edit(func(cfg *config.Config) { cfg.Backends[1] = sandbox(2) }) // its phones take half a second
	reload(t, c)
	rings := reach(t, c, sandboxCall(t, c, "+16328300100"), "ringing_caller")
	f.edit(func(cfg *config.Config) { cfg.Backends = cfg.Backends[:1] })
	reload(t, c)
	reach(t, c, rings, "connected")
}

// TestPhonesTalkOnWhenTheirBackendIsTakenAway is native SIP: they hear each other, and nobody new is called.
func TestPhonesTalkOnWhenTheirBackendIsTakenAway(t *testing.T) {
	a, c, f := reloadable(t)
	placed, harry, mary := talking(t, a, c)
	f.edit(func(cfg *config.Config) { cfg.Backends = cfg.Backends[1:]; cfg.SIP.Entries = nil })
	if done := reload(t, c); !slices.Equal(done.Changed, []string{"backend house: takes no new calls"}) || len(done.Restart) != 1 {
		t.Errorf("%+v", done)
	}
	if code := refused(t, c, "+16328300101"); code != "no_route" {
		t.Errorf("refused with %s", code)
	}
	hear(t, harry, phone.Expect{Hz: 1000, From: mary.RTP(), After: time.Now()})
	hear(t, mary, phone.Expect{Hz: 600, From: harry.RTP(), After: time.Now()})
	if err := mary.HangUp(within(t)); err != nil {
		t.Fatal(err)
	}
	if end := reach(t, c, placed, "ended"); end.End.Reason != "completed" || end.End.By != "callee" {
		t.Errorf("%+v", end.End)
	}
}

// TestAWrongFileChangesNothing, and what only a restart can change is told, each time.
func TestAWrongFileChangesNothing(t *testing.T) {
	_, c, f := reloadable(t)
	f.err = errors.New("c2d.yaml:7: routes[0].match: must be a regular expression")
	var p *client.Problem
	if err := c.Post(t.Context(), "/v1/reload", nil, nil); !errors.As(err, &p) || p.Status != 422 || !strings.Contains(p.Detail, "routes[0].match") {
		t.Errorf("%v", err)
	}
	reach(t, c, sandboxCall(t, c, "+16328300100"), "connected")
	f.err = nil
	f.edit(func(cfg *config.Config) {
		cfg.Store.KeepDays, cfg.SIP.Domain, cfg.HTTP.Listen = 5, "other.example", "127.0.0.1:1"
		cfg.Limits.User = config.Rate{PerSecond: 0.001, Burst: 1}
		cfg.Routes = []config.Route{{Match: "^1", Backends: []string{"sandbox"}}}
	})
	done := reload(t, c)
	if !slices.Equal(done.Changed, []string{"routes", "limits"}) || len(done.Restart) != 3 || !strings.HasPrefix(strings.Join(done.Restart, "\n"), "http: ") {
		t.Errorf("%+v", done)
	}
	if again := reload(t, c); len(again.Changed) > 0 || len(again.Restart) != 3 {
		t.Errorf("%+v", again)
	}
	if code := refused(t, c, "+16328300100"); code != "no_route" {
		t.Errorf("refused with %s", code)
	}
}

// TestAPhoneSystemThatIsConnectedStays: a second connection would take the calls of the first for its own.
func TestAPhoneSystemThatIsConnectedStays(t *testing.T) {
	_, c, f := reloadable(t)
	asterisk := func(dial string) config.Backend {
		cfg, err := config.Parse("test", []byte(`backends: [{name: pbx, kind: asterisk, url: "http://127.0.0.1:1/ari", username: u, password: p, dial: [{match: ".*", to: "`+dial+`"}]}]`), nil)
		if err != nil {
			t.Fatal(err)
		}
		return cfg.Backends[0]
	}
	f.edit(func(cfg *config.Config) { cfg.Backends = append(cfg.Backends, asterisk("PJSIP/{number}")) })
	if done := reload(t, c); !slices.Equal(done.Changed, []string{"backend pbx: added"}) {
		t.Errorf("%+v", done)
	}
	f.edit(func(cfg *config.Config) { cfg.Backends[2] = asterisk("PJSIP/{number}@trunk") })
	if done := reload(t, c); len(done.Changed) > 0 || len(done.Restart) != 1 || !strings.HasPrefix(done.Restart[0], "backend pbx: ") {
		t.Errorf("%+v", done)
	}
}
