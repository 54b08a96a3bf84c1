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
	"c2d/core/access"
	"c2d/core/fault"
)

// file is a configuration that an administrator edits.
type file struct {
	mu   sync.Mutex
	old  config.Config
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
	f.old = f.text
	a := app.New(f.text, app.Deps{Load: f.load})
	if err := a.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stop(t, a) })
	return a, api(t, a), f
}

type reloaded struct {
	Changed  []string `json:"changed"`
	Added    []string `json:"added"`
	Draining []string `json:"draining"`
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
	if done := reload(t, c); !slices.Equal(done.Changed, []string{"backend sandbox: exchanged"}) || !slices.Equal(done.Draining, []string{"backend sandbox"}) {
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
	if done := reload(t, c); !slices.Equal(done.Added, []string{"backend sandbox"}) {
		t.Errorf("%+v", done)
	}
	third, err := c.Place(t.Context(), "harry", "+16328300100")
	if err != nil {
		t.Fatal(err)
	}
	reach(t, c, third, "connected")
}

// TestOneSystemUnderAnotherName: an address that is written in another way is the system that is connected.
func TestOneSystemUnderAnotherName(t *testing.T) {
	_, c, f := reloadable(t)
	freeswitch := func(name, address string) config.Backend {
		return config.Backend{Name: name, Kind: "freeswitch", FreeSWITCH: &esl.Config{Name: name, Kind: "freeswitch", Address: address, Password: "secret"}}
	}
	f.edit(func(cfg *config.Config) { cfg.Backends = append(cfg.Backends, freeswitch("ward", "127.0.0.1:1")) })
	if done := reload(t, c); !slices.Equal(done.Added, []string{"backend ward"}) {
		t.Errorf("%+v", done)
	}
	f.edit(func(cfg *config.Config) { cfg.Backends[2] = freeswitch("ward", "localhost:1") })
	if done := reload(t, c); !slices.Equal(done.Changed, []string{"backend ward"}) || len(done.Draining) > 0 {
		t.Errorf("%+v", done)
	}
	f.edit(func(cfg *config.Config) { cfg.Backends[2] = freeswitch("other", "127.0.0.1:1") })
	if why := refuses(t, c, 409); !strings.HasSuffix(why, ": backends[2].address") {
		t.Error(why)
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
	if done := reload(t, c); !slices.Equal(done.Changed, []string{"backend house: takes no new calls"}) || !slices.Equal(done.Draining, []string{"backend house"}) {
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

// refuses reloads what cannot be followed, and returns why.
func refuses(t *testing.T, c *client.Client, status int) string {
	t.Helper()
	var p *client.Problem
	if err := c.Post(t.Context(), "/v1/reload", nil, nil); !errors.As(err, &p) || p.Status != status {
		t.Fatalf("%v", err)
	}
	return p.Detail
}

// TestAWrongFileChangesNothing, and neither does one that only a restart could follow.
func TestAWrongFileChangesNothing(t *testing.T) {
	_, c, f := reloadable(t)
	f.err = errors.New("c2d.yaml:7: routes[0].match: must be a regular expression")
	if why := refuses(t, c, 422); !strings.Contains(why, "routes[0].match") {
		t.Error(why)
	}
	reach(t, c, sandboxCall(t, c, "+16328300100"), "connected")
	f.err = nil
	f.edit(func(cfg *config.Config) {
		cfg.Store.KeepDays, cfg.SIP.Domain, cfg.HTTP.Listen, cfg.Calls.Country = 5, "other.example", "127.0.0.1:1", "GB"
		cfg.Routes = []config.Route{{Match: "^1", Backends: []string{"sandbox"}}}
		cfg.Backends = append(cfg.Backends, config.Backend{Name: "new", Kind: "sim", Sim: &sim.Config{Name: "new", Kind: "sim"}})
	})
	if why := refuses(t, c, 409); why != "http.listen: needs a restart, and nothing has changed: http.listen, store.keep_days, sip.domain, calls.country" {
		t.Error(why)
	}
	placed, err := c.Place(t.Context(), "harry", "+16328300100")
	if err != nil {
		t.Fatal(err)
	}
	reach(t, c, placed, "connected")
	f.edit(func(cfg *config.Config) { *cfg = withRoutes(f.old, "^1") })
	if done := reload(t, c); !slices.Equal(done.Changed, []string{"routes"}) || len(done.Added) > 0 {
		t.Errorf("%+v", done)
	}
	if code := refused(t, c, "+16328300100"); code != "no_route" {
		t.Errorf("refused with %s", code)
	}
}

func withRoutes(cfg config.Config, match string) config.Config {
	cfg.Routes = []config.Route{{Match: match, Backends: []string{"sandbox"}}}
	return cfg
}

func parsed(t *testing.T, backend string) config.Backend {
	t.Helper()
	cfg, err := config.Parse("test", []byte("backends: ["+backend+"]"), nil)
	if err != nil {
		t.Fatal(err)
	}
	return cfg.Backends[0]
}

// TestAPhoneSystemThatIsConnectedStays, and goes by its new rules; what cannot change where it is, and a second connection that would
// take the calls of the first for its own, are refused.
func TestAPhoneSystemThatIsConnectedStays(t *testing.T) {
	_, c, f := reloadable(t)
	set := func(at int, backend string) {
		t.Helper()
		b := parsed(t, backend)
		f.edit(func(cfg *config.Config) { cfg.Backends = append(cfg.Backends[:at:at], b) })
	}
	follows := func(changed ...string) {
		t.Helper()
		if done := reload(t, c); !slices.Equal(done.Changed, changed) || len(done.Draining) > 0 {
			t.Errorf("%+v, want %q", done, changed)
		}
	}
	const pbx, fs = `name: pbx, kind: asterisk, url: "http://127.0.0.1:1/ari", username: u, password: `, `name: fs, kind: freeswitch, address: "127.0.0.1:1", password: `
	set(2, `{`+pbx+`p}`)
	follows()
	set(2, `{`+pbx+`q, dial: [{match: ".*", to: "PJSIP/{number}@trunk"}]}`)
	follows("backend pbx")
	set(3, `{`+fs+`p}`)
	follows()
	set(3, `{`+fs+`q, out: {format: digits}}`)
	follows("backend fs")
	for field, b := range map[string]string{
		"backends[3].listen": `{` + fs + `q, listen: "127.0.0.1:2"}`, "backends[3].recordings": `{` + fs + `q, recordings: "/r"}`,
		"backends[3].url": `{name: two, kind: asterisk, url: "http://127.0.0.1:1/ari", username: u, password: p}`, "backends[3].kind": `{name: fs, kind: sip}`,
	} {
		set(3, b)
		if why := refuses(t, c, 409); !strings.HasSuffix(why, ": "+field) {
			t.Errorf("%s: %s", field, why)
		}
	}
	set(3, `{name: house, kind: sim}`)
	f.edit(func(cfg *config.Config) { cfg.Backends = cfg.Backends[1:]; cfg.SIP.Entries = nil })
	if why := refuses(t, c, 409); !strings.HasSuffix(why, ": backends[2].kind") {
		t.Error(why)
	}
}

// TestWhatCannotBeginChangesNothing: of two that are new one has no door, and the other is not there either.
func TestWhatCannotBeginChangesNothing(t *testing.T) {
	_, c, f := reloadable(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	fs := func(listen string) config.Backend {
		return parsed(t, `{name: fs, kind: freeswitch, address: "127.0.0.1:1", password: p, listen: "`+listen+`"}`)
	}
	box := parsed(t, `{name: box, kind: sim}`)
	f.edit(func(cfg *config.Config) { cfg.Backends = append(cfg.Backends, box, fs(l.Addr().String())) })
	if why := refuses(t, c, 422); !strings.Contains(why, "backend fs: listen") {
		t.Error(why)
	}
	f.edit(func(cfg *config.Config) { cfg.Backends = append(f.old.Backends[:2:2], box) })
	if done := reload(t, c); !slices.Equal(done.Added, []string{"backend box"}) {
		t.Errorf("%+v", done)
	}
}

// TestStopWaitsForNoFile: a reload whose file hangs does not keep the service from ending what rings.
func TestStopWaitsForNoFile(t *testing.T) {
	reading, read := make(chan struct{}), make(chan struct{})
	f := &file{text: free(t)}
	f.old = f.text
	a := app.New(f.text, app.Deps{Load: func() (config.Config, error) {
		close(reading)
		<-read
		return f.load()
	}})
	if err := a.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	refused := make(chan error, 1)
	by := access.Internal(access.MainTenant)
	by.Scopes = []access.Scope{access.ReloadConfig}
	go func() { _, err := a.Reload(t.Context(), by); refused <- err }() // ends once read is closed
	<-reading
	began := time.Now()
	err := a.Stop(t.Context())
	if took := time.Since(began); err == nil || took >= app.StopLimit {
		t.Errorf("Stop took %v: %v", took, err)
	}
	close(read)
	if err := <-refused; !fault.Is(err, fault.CodeConflict) {
		t.Errorf("the reload: %v", err)
	}
}
