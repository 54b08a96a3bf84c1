// Package swap shows the promise to vendors: the same request of an HIS, with another phone system behind it by configuration alone,
// has the same story.
package swap

import (
	"context"
	"fmt"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"c2d/adapters/sip/phone"
	"c2d/cmd/c2d/app"
	"c2d/cmd/c2d/client"
	"c2d/core/access"
	"c2d/core/identity"
	"c2d/test/pbx"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	password = "only-for-this-test"
	caller   = "20100"
)

// callees are the phones that Harry calls, by what they do; the simulator goes by the last two digits.
var callees = []struct {
	number string
	does   phone.Answer
	story  []string
}{
	{"20200", phone.Auto(200 * time.Millisecond), []string{"created", "ringing caller", "answered caller", "ringing callee", "answered callee", "connected", "ended completed - api"}},
	{"20201", phone.Busy(), []string{"created", "ringing caller", "answered caller", "ended busy callee callee"}},
	{"20202", phone.Reject(200 * time.Millisecond), []string{"created", "ringing caller", "answered caller", "ringing callee", "ended rejected callee callee"}},
}

// system is a phone system that the configuration names "pbx".
type system struct {
	backend string                   // its entry of the configuration
	address func(n string) string    // of a phone, for the administrator who adds a device
	phones  func(a *app.App) address // where phones register; nil without phones
}

type address struct {
	registrar netip.AddrPort
	domain    string
}

func bare(n string) string { return n }

var systems = map[string]func(t *testing.T) system{
	"sim": func(*testing.T) system { return system{backend: `{name: pbx, kind: sim, speed: 10}`, address: bare} },
	"native SIP": func(*testing.T) system {
		return system{
			backend: `{name: pbx, kind: sip}`,
			address: func(n string) string { return "sip:" + n + "@c2d.internal" },
			phones:  func(a *app.App) address { return address{a.SIP(), "c2d.internal"} },
		}
	},
	"Asterisk": func(t *testing.T) system {
		a := pbx.StartAsterisk(t, pbx.Switch{Files: asteriskPhones()})
		return system{
			backend: fmt.Sprintf(`{name: pbx, kind: asterisk, url: %q, username: %q, password: %q}`, a.URL, a.Username, a.Password), address: bare,
			phones: func(*app.App) address { return address{a.Addr, a.Addr.Addr().String()} },
		}
	},
	"FreeSWITCH": func(t *testing.T) system {
		f := pbx.StartFreeSWITCH(t, pbx.Exchange{Files: []pbx.File{pbx.Extensions(20100, 104, password)}})
		return system{
			backend: fmt.Sprintf(`{name: pbx, kind: freeswitch, address: %q, password: %q}`, f.Socket, f.Password), address: bare,
			phones: func(*app.App) address { return address{f.Addr, f.Addr.Addr().String()} },
		}
	},
}

func asteriskPhones() []pbx.File {
	var b strings.Builder
	for _, n := range numbers() {
		fmt.Fprintf(&b, "[%[1]s](phone)\naors = %[1]s\n[%[1]s]\ntype = aor\nmax_contacts = 1\n", n)
	}
	return []pbx.File{{Name: "pjsip_phones.conf", Text: b.String()}}
}

func numbers() []string {
	all := []string{caller, otherCaller, otherCallee}
	for _, c := range callees {
		all = append(all, c.number)
	}
	return all
}

// TestTheSameRequestOnEachSystem changes the entry of the configuration, and nothing that the HIS sends.
func TestTheSameRequestOnEachSystem(t *testing.T) {
	for name, open := range systems {
		t.Run(name, func(t *testing.T) {
			h := opens(t, open(t))
			for _, c := range callees {
				if got := h.story(t, c.number); !slices.Equal(got, c.story) {
					t.Errorf("%s:\n got %q\nwant %q", c.number, got, c.story)
				}
			}
		})
	}
}

// his is what the vendor's program has of C2D, and the phone on its user's desk.
type his struct {
	api  *client.Client
	file *file
	down chan phone.Event // the phone was put down; nil without phones
}

// opens starts C2D with one phone system, and has its phones registered.
func opens(t *testing.T, s system) his {
	t.Helper()
	h, a := begins(t, s)
	if s.phones != nil {
		h.down = make(chan phone.Event, 3*len(callees))
		registers(t, s.phones(a), caller, phone.Auto(200*time.Millisecond), func(e phone.Event) {
			if e.Kind == phone.Ended {
				h.down <- e
			}
		})
		for _, c := range callees {
			registers(t, s.phones(a), c.number, c.does, nil)
		}
	}
	return h
}

// begins starts C2D with one phone system, whose people have no phones yet.
func begins(t *testing.T, s system) (his, *app.App) {
	t.Helper()
	f := &file{t: t, store: filepath.Join(t.TempDir(), "c2d.db"), backend: s.backend}
	cfg, err := f.load()
	if err != nil {
		t.Fatal(err)
	}
	a := app.New(cfg, app.Deps{Load: f.load})
	t.Cleanup(func() { _ = a.Stop(context.Background()) })
	if err := a.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	key, err := os.ReadFile(a.NewKeys()[access.SystemAdmin])
	if err != nil {
		t.Fatal(err)
	}
	h := his{api: client.New(a.URL(), strings.TrimSpace(string(key))), file: f}
	t.Cleanup(h.api.Close)
	h.people(t, s)
	return h, a
}

// people are those of the hospital; Harry calls.
func (h his) people(t *testing.T, s system) {
	t.Helper()
	for _, n := range numbers() {
		u := client.User{Login: "u" + n, Name: "Somebody", Identifiers: []client.Identifier{{System: "staff", Value: n}}}
		if err := h.api.Post(t.Context(), "/v1/users", u, &u); err != nil {
			t.Fatal(err)
		}
		d := client.Device{Name: "desk", Kind: "desk", Backend: "pbx", Address: s.address(n), Number: n, Password: password}
		if err := h.api.Post(t.Context(), "/v1/users/"+u.ID+"/devices", d, nil); err != nil {
			t.Fatal(err)
		}
	}
}

func registers(t *testing.T, at address, n string, does phone.Answer, notify func(phone.Event)) *phone.Phone {
	t.Helper()
	p, err := phone.New(phone.Config{AOR: "sip:" + n + "@" + at.domain, Password: password, Registrar: at.registrar,
		Listen: netip.MustParseAddrPort("127.0.0.1:0"), ToneHz: 1000, Answer: does, Notify: notify})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if err := p.Register(ctx); err != nil {
		t.Fatal(err)
	}
	return p
}

// story places the call, hangs up once the two talk, and returns what the HIS is told.
func (h his) story(t *testing.T, number string) (told []string) {
	t.Helper()
	var before struct {
		Next string `json:"next"`
	}
	if err := h.api.Get(t.Context(), "/v1/events?wait=1ms", &before); err != nil {
		t.Fatal(err)
	}
	request := map[string]any{"caller": map[string]any{"identifier": identity.Identifier{System: "staff", Value: caller}},
		"callee": map[string]string{"number": number}, "context": map[string]string{"visit": "4711"}}
	var c client.Call
	if err := h.api.Post(t.Context(), "/v1/calls", request, &c); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(30 * time.Second); !c.Ended(); {
		if time.Now().After(deadline) {
			t.Fatalf("the call is %s", c.State)
		}
		next, err := h.api.Next(t.Context(), c, 5*time.Second)
		if err == nil && next.State == "connected" {
			next, err = h.api.HangUp(t.Context(), c.ID)
		}
		if err != nil {
			t.Fatal(err)
		}
		c = next
	}
	if h.down != nil { // who heard why is free for the next call
		select {
		case <-h.down:
		case <-time.After(30 * time.Second):
			t.Fatal("the caller's phone is never put down")
		}
	}
	return h.told(t, c.ID, before.Next)
}

// told are the events of a call that have a kind of their own.
func (h his) told(t *testing.T, id, after string) (all []string) {
	t.Helper()
	var page struct {
		Items []struct {
			Kind    string            `json:"kind"`
			Subject string            `json:"subject"`
			Data    map[string]string `json:"data"`
		} `json:"items"`
	}
	if err := h.api.Get(t.Context(), "/v1/events?after="+url.QueryEscape(after), &page); err != nil {
		t.Fatal(err)
	}
	for _, e := range page.Items {
		text := strings.TrimPrefix(e.Kind, "call.")
		switch {
		case e.Subject != id || text == "changed":
			continue
		case text == "ended":
			side := e.Data["side"]
			if side == "" {
				side = "-"
			}
			text += " " + e.Data["reason"] + " " + side + " " + e.Data["by"]
		case text == "ringing" || text == "answered":
			text += " " + e.Data["party"]
		}
		all = append(all, text)
	}
	return all
}
