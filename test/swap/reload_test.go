package swap

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"c2d/adapters/sip/phone"
	"c2d/cmd/c2d/app"
	"c2d/cmd/c2d/client"
	"c2d/cmd/c2d/config"
	"c2d/core/identity"
	"c2d/test/pbx"
)

// Two more people, who call each other while the first two talk.
const (
	otherCaller = "20101"
	otherCallee = "20203"
)

// file is the configuration that an administrator edits.
type file struct {
	t     *testing.T
	store string

	mu      sync.Mutex
	backend string // the one entry
}

func (f *file) load() (config.Config, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	text := fmt.Sprintf("{http: {listen: \"127.0.0.1:0\"}, store: {url: \"sqlite:%s\"}, sip: {listen: [\"udp:127.0.0.1:0\"]}, numbers: {extension: \"[0-9]{3,5}\"}, backends: [%s]}",
		f.store, f.backend)
	return config.Parse("c2d.yaml", []byte(text), os.LookupEnv)
}

type reloaded struct {
	Changed  []string `json:"changed"`
	Draining []string `json:"draining"`
}

// reload follows another entry.
func (h his) reload(t *testing.T, backend string) (done reloaded) {
	t.Helper()
	h.file.mu.Lock()
	h.file.backend = backend
	h.file.mu.Unlock()
	if err := h.api.Post(t.Context(), "/v1/reload", nil, &done); err != nil {
		t.Fatal(err)
	}
	return done
}

// places has somebody call a number, and waits for a state, or the end.
func (h his) places(t *testing.T, from, to, state string) (c client.Call) {
	t.Helper()
	request := map[string]any{"caller": map[string]any{"identifier": identity.Identifier{System: "staff", Value: from}}, "callee": map[string]string{"number": to}}
	if err := h.api.Post(t.Context(), "/v1/calls", request, &c); err != nil {
		t.Fatal(err)
	}
	return h.until(t, c, state)
}

func (h his) until(t *testing.T, c client.Call, state string) client.Call {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); c.State != state; {
		if c.Ended() || time.Now().After(end) {
			t.Fatalf("the call is %s %+v, want %s", c.State, c.End, state)
		}
		next, err := h.api.Next(t.Context(), c, 5*time.Second)
		if err != nil {
			t.Fatal(err)
		}
		c = next
	}
	return c
}

// pair are two phones that answer.
type pair struct{ caller, callee *phone.Phone }

func phones(t *testing.T, at address, from, to string) pair {
	t.Helper()
	answers := phone.Auto(100 * time.Millisecond)
	return pair{registers(t, at, from, answers, nil), registers(t, at, to, answers, nil)}
}

// hear waits until each hears the other, from now on.
func (p pair) hear(t *testing.T) {
	t.Helper()
	for _, one := range []*phone.Phone{p.caller, p.callee} {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		_, err := one.WaitHeard(ctx, phone.Expect{Hz: 1000, After: time.Now()})
		cancel()
		if err != nil {
			t.Fatalf("the other is not heard: %v; %v", err, one.Heard())
		}
	}
}

// rest waits until both are at rest: the next call would find them busy.
func (p pair) rest(t *testing.T) {
	t.Helper()
	pbx.Eventually(t, 20*time.Second, "the two are at rest", func() bool { return !p.caller.RTP().IsValid() && !p.callee.RTP().IsValid() })
}

// places are two systems of a kind, and how an entry of the configuration names them.
type places struct {
	at    [2]address
	entry func(which int, rules string) string
	no    string // a rule by which nobody answers at otherCallee
}

var kinds = map[string]func(t *testing.T) places{
	"Asterisk": func(t *testing.T) places {
		var all [2]*pbx.Asterisk
		for i := range all {
			all[i] = pbx.StartAsterisk(t, pbx.Switch{Files: asteriskPhones()})
		}
		return places{
			at: [2]address{{all[0].Addr, all[0].Addr.Addr().String()}, {all[1].Addr, all[1].Addr.Addr().String()}},
			entry: func(which int, rules string) string {
				a := all[which]
				return fmt.Sprintf(`{name: pbx, kind: asterisk, url: %q, username: %q, password: %q, dial: [%s]}`, a.URL, a.Username, a.Password, rules)
			},
			no: `{match: "^` + otherCallee + `$", to: "PJSIP/no{number}"}`,
		}
	},
	"FreeSWITCH": func(t *testing.T) places {
		door := netip.AddrPortFrom(pbx.NextAddress(), 8084)
		var all [2]*pbx.FreeSWITCH
		for i := range all {
			all[i] = pbx.StartFreeSWITCH(t, pbx.Exchange{Socket: door, Files: []pbx.File{pbx.Extensions(20100, 104, password)}})
		}
		return places{
			at: [2]address{{all[0].Addr, all[0].Addr.Addr().String()}, {all[1].Addr, all[1].Addr.Addr().String()}},
			entry: func(which int, rules string) string {
				f := all[which]
				return fmt.Sprintf(`{name: pbx, kind: freeswitch, address: %q, password: %q, listen: %q, dial: [%s]}`, f.Socket, f.Password, door, rules)
			},
			no: `{match: "^` + otherCallee + `$", to: "user/no{number}"}`,
		}
	},
}

// TestASystemFollowsAndMovesWhileTheyTalk: its dial rules change over the connection that it has; then it is another one, which rings
// who is called from then on, by click or by the dialplan, and the two of the beginning talk on where they are.
func TestASystemFollowsAndMovesWhileTheyTalk(t *testing.T) {
	for name, open := range kinds {
		t.Run(name, func(t *testing.T) {
			p := open(t)
			h, _ := begins(t, system{backend: p.entry(0, ""), address: bare, phones: func(*app.App) address { return p.at[0] }})
			first, second := phones(t, p.at[0], caller, "20200"), phones(t, p.at[0], otherCaller, otherCallee)
			talk := h.places(t, caller, "20200", "connected")
			first.hear(t)

			if done := h.reload(t, p.entry(0, p.no)); !slices.Equal(done.Changed, []string{"backend pbx"}) || len(done.Draining) > 0 {
				t.Errorf("%+v", done)
			}
			h.places(t, otherCaller, otherCallee, "ended")
			second.rest(t)
			h.reload(t, p.entry(0, ""))
			h.hangsUp(t, h.places(t, otherCaller, otherCallee, "connected"))
			second.rest(t)
			first.hear(t)
			second.caller.Close()
			second.callee.Close()

			if done := h.reload(t, p.entry(1, "")); !slices.Equal(done.Changed, []string{"backend pbx: exchanged"}) || !slices.Equal(done.Draining, []string{"backend pbx"}) {
				t.Errorf("%+v", done)
			}
			second = phones(t, p.at[1], otherCaller, otherCallee)
			clicked := h.places(t, otherCaller, otherCallee, "connected")
			second.hear(t)
			first.hear(t)
			h.hangsUp(t, clicked)
			second.rest(t)

			dialled := make(chan error, 1)
			go func() { dialled <- second.caller.Dial(t.Context(), "*55"+otherCallee) }() // ends with the call
			second.hear(t)
			if err := second.callee.HangUp(t.Context()); err != nil {
				t.Error(err)
			}
			<-dialled
			first.hear(t)
			h.hangsUp(t, talk)
			pbx.Eventually(t, 10*time.Second, "the former system has been left", func() bool { return len(h.reload(t, p.entry(1, "")).Draining) == 0 })
		})
	}
}

func (h his) hangsUp(t *testing.T, c client.Call) {
	t.Helper()
	if c, err := h.api.HangUp(t.Context(), c.ID); err != nil || c.End.Reason != "completed" {
		t.Errorf("%v %+v", err, c.End)
	}
}
