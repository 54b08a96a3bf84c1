package app_test

import (
	"context"
	"io"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"c2d/adapters/sip/phone"
	"c2d/cmd/c2d/app"
	"c2d/cmd/c2d/client"
	"c2d/cmd/c2d/config"
	"c2d/core/access"
)

func within(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// person makes a user with a phone that is registered.
func person(t *testing.T, a *app.App, c *client.Client, login, number string, hz int) *phone.Phone {
	t.Helper()
	aor, password := "sip:"+login+"@c2d.internal", login+"-secret"
	u := client.User{Login: login, Name: login}
	if err := c.Post(t.Context(), "/v1/users", u, &u); err != nil {
		t.Fatal(err)
	}
	d := client.Device{Name: "desk", Kind: "desk", Backend: "house", Address: aor, Number: number, Password: password}
	if err := c.Post(t.Context(), "/v1/users/"+u.ID+"/devices", d, nil); err != nil {
		t.Fatal(err)
	}
	p, err := phone.New(phone.Config{AOR: aor, Password: password, Registrar: a.SIP(), Listen: netip.MustParseAddrPort("127.0.0.1:0"),
		ToneHz: hz, Answer: phone.Auto(0)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	if err := p.Register(within(t)); err != nil {
		t.Fatal(err)
	}
	return p
}

// talking places a call between two phones and returns once they hear each other directly.
func talking(t *testing.T, a *app.App, c *client.Client) (client.Call, *phone.Phone, *phone.Phone) {
	t.Helper()
	harry, mary := person(t, a, c, "harry", "+16328300100", 600), person(t, a, c, "mary", "+16328300101", 1000)
	placed, err := c.Place(t.Context(), "harry", "+16328300101")
	if err != nil {
		t.Fatal(err)
	}
	connected := reach(t, c, placed, "connected")
	hear(t, harry, phone.Expect{Hz: 1000, From: mary.RTP()})
	hear(t, mary, phone.Expect{Hz: 600, From: harry.RTP()})
	return connected, harry, mary
}

func hear(t *testing.T, p *phone.Phone, want phone.Expect) {
	t.Helper()
	if _, err := p.WaitHeard(within(t), want); err != nil {
		t.Fatalf("%d Hz from %v is not heard, but %v", want.Hz, want.From, p.Heard())
	}
}

// same is the configuration of a service on the ports that a former one had.
func same(a *app.App, cfg config.Config) config.Config {
	cfg.HTTP.Listen = strings.TrimPrefix(a.URL(), "http://")
	cfg.SIP.Listen = []string{"udp:" + a.SIP().String()}
	return cfg
}

// TestRestartLeavesThemTalking stops the service in the middle of a call and starts it again.
func TestRestartLeavesThemTalking(t *testing.T) {
	cfg := free(t)
	first := start(t, cfg)
	c := api(t, first)
	connected, harry, mary := talking(t, first, c)
	stop(t, first)
	hear(t, harry, phone.Expect{Hz: 1000, From: mary.RTP(), After: time.Now()})
	start(t, same(first, cfg))
	t.Cleanup(harry.Close) // while there is a registrar
	t.Cleanup(mary.Close)
	hear(t, mary, phone.Expect{Hz: 600, From: harry.RTP(), After: time.Now()})
	var now client.Call
	if err := c.Get(t.Context(), "/v1/calls/"+connected.ID, &now); err != nil || now.State != "connected" {
		t.Fatalf("after the restart: %s, %v", now.State, err)
	}
	if err := mary.HangUp(within(t)); err != nil {
		t.Fatal(err)
	}
	if _, err := harry.Wait(within(t), phone.Ended); err != nil {
		t.Fatal(err)
	}
	if end := reach(t, c, now, "ended"); end.End.Reason != "completed" || end.End.By != "callee" || !end.ConnectedAt.Equal(connected.ConnectedAt) {
		t.Errorf("the record: %+v, connected at %v", end.End, end.ConnectedAt)
	}
}

// TestPhoneThatKnowsOnlyOurAddress registers as people set up a softphone: the server's address as its domain.
func TestPhoneThatKnowsOnlyOurAddress(t *testing.T) {
	a := start(t, free(t))
	c := api(t, a)
	harry, mary := person(t, a, c, "harry", "+16328300100", 600), person(t, a, c, "mary", "+16328300101", 1000)
	harry.Close()
	soft, err := phone.New(phone.Config{AOR: "sip:harry@" + a.SIP().String(), Password: "harry-secret", Registrar: a.SIP(),
		Listen: netip.MustParseAddrPort("127.0.0.1:0"), ToneHz: 600, Answer: phone.Auto(0)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(soft.Close)
	if err := soft.Register(within(t)); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Place(t.Context(), "harry", "+16328300101"); err != nil {
		t.Fatal(err)
	}
	hear(t, soft, phone.Expect{Hz: 1000})
	hear(t, mary, phone.Expect{Hz: 600})
}

// TestPhoneCallsPhone dials from one phone to the other.
func TestPhoneCallsPhone(t *testing.T) {
	a := start(t, free(t))
	c := api(t, a)
	harry, mary := person(t, a, c, "harry", "+16328300100", 600), person(t, a, c, "mary", "+16328300101", 1000)
	if err := harry.Dial(within(t), "+16328300101"); err != nil {
		t.Fatal(err)
	}
	hear(t, harry, phone.Expect{Hz: 1000, From: mary.RTP()})
	hear(t, mary, phone.Expect{Hz: 600, From: harry.RTP()})
	if err := harry.HangUp(within(t)); err != nil {
		t.Fatal(err)
	}
	if _, err := mary.Wait(within(t), phone.Ended); err != nil {
		t.Fatal(err)
	}
	var calls client.List[client.Call]
	if err := c.Get(t.Context(), "/v1/calls", &calls); err != nil || len(calls.Items) != 1 {
		t.Fatalf("the records: %+v, %v", calls, err)
	}
	if end := reach(t, c, calls.Items[0], "ended"); end.End.Reason != "completed" || end.End.By != "caller" {
		t.Errorf("the record: %+v", end.End)
	}
}

func TestMetricsAndHealth(t *testing.T) {
	a := start(t, free(t))
	for path, want := range map[string]string{"/healthz": "ok", "/readyz": "ok", "/metrics": "\nc2d_backend_up{backend=\"house\"} 1\n"} {
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
		if err != nil || res.StatusCode != 200 || !strings.Contains(string(text), want) {
			t.Errorf("%s: %d %v\n%.300s", path, res.StatusCode, err, text)
		}
	}
}
