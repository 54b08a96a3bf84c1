// Package admin follows the page that tells the admin of a phone system how to set it up beside C2D, word by word: what it shows in
// frames is put into the files, what it says is typed, and then a user's phones are rung. It is one for all phone systems.
package admin

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	telephone "c2d/adapters/sip/phone"
	"c2d/cmd/c2d/app"
	"c2d/cmd/c2d/cli"
	"c2d/cmd/c2d/client"
	"c2d/cmd/c2d/config"
	"c2d/test/pbx"
)

// patience is that of a phone's owner.
const patience = 10 * time.Second

// Hospital is a phone system that an admin has set up by the page, and the service beside it. It is for the test's own goroutine.
type Hospital struct {
	Page   Page
	Config config.Config
	Phones netip.AddrPort // where they register
	Domain string         // of their names; empty is the address of Phones

	api          *client.Client // once it is open
	tones        map[*telephone.Phone]int
	url, keyFile string
}

// Checks is c2d check, which has nothing to say.
func (h *Hospital) Checks(t *testing.T) {
	t.Helper()
	for _, problem := range app.Check(t.Context(), h.Config) {
		t.Errorf("c2d check: %s", problem)
	}
}

// Opens starts the service.
func (h *Hospital) Opens(t *testing.T) {
	t.Helper()
	s := app.New(h.Config, app.Deps{Log: slog.New(slog.NewTextHandler(t.Output(), nil))})
	t.Cleanup(func() { _ = s.Stop(context.Background()) })
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	h.url, h.keyFile = s.URL(), filepath.Join(filepath.Dir(strings.TrimPrefix(h.Config.Store.URL, "sqlite:")), "c2d-admin.key")
	key, err := os.ReadFile(h.keyFile)
	if err != nil {
		t.Fatal(err)
	}
	h.api = client.New(h.url, strings.TrimSpace(string(key)))
	t.Cleanup(h.api.Close)
}

// Talks gives the page's commands, whose click connects 101 and 102; then 101 dials *55 and is connected again, by the service.
func (h *Hospital) Talks(t *testing.T, secret string) (harry, mary *telephone.Phone) {
	t.Helper()
	harry, mary = h.Phone(t, "101", secret, 600), h.Phone(t, "102", secret, 1000)
	var called sync.WaitGroup
	called.Go(func() { h.Commands(t, h.Page.Frames(t, "3 ", "sh")[0]) }) // the last is a call, which lasts until somebody hangs up
	h.Over(t, harry, mary)
	called.Wait()
	h.Does(t, "dial *55", func(ctx context.Context) error { return harry.Dial(ctx, "*55102") })
	h.Over(t, mary, harry)
	h.Does(t, "list the calls", func(ctx context.Context) error {
		var all struct{ Items []client.Call }
		if err := h.api.Get(ctx, "/v1/calls", &all); err != nil || len(all.Items) != 2 {
			return fmt.Errorf("%w; %d calls, 2 were made", err, len(all.Items))
		}
		return nil
	})
	return harry, mary
}

// Commands gives the commands of a frame at the command line.
func (h *Hospital) Commands(t *testing.T, script string) {
	for line := range strings.Lines(script) {
		var args []string
		for _, word := range regexp.MustCompile(`"[^"]*"|\S+`).FindAllString(line, -1) {
			args = append(args, strings.Trim(word, `"`))
		}
		var said strings.Builder
		env := cli.Env{Stdout: &said, Stderr: &said, Lookup: func(string) (string, bool) { return "", false }}
		if code := cli.Run(t.Context(), append(args[1:], "--url", h.url, "--key-file", h.keyFile), env); code != 0 {
			t.Errorf("%s ends with %d: %s", strings.TrimSpace(line), code, said.String())
		}
	}
}

// Clicks asks for a call of Harry's to a number.
func (h *Hospital) Clicks(t *testing.T, number string) (placed client.Call) {
	t.Helper()
	h.Does(t, "click "+number, func(ctx context.Context) error {
		return h.api.Post(ctx, "/v1/calls", map[string]any{"caller": "harry", "callee": map[string]string{"number": number}}, &placed)
	})
	return placed
}

// Ends waits for the end of a call and returns its reason.
func (h *Hospital) Ends(t *testing.T, c client.Call) string {
	t.Helper()
	h.Does(t, "end", func(ctx context.Context) error {
		for !c.Ended() {
			if err := h.api.Get(ctx, fmt.Sprintf("/v1/calls/%s?wait=10s&after=%d", c.ID, c.Version), &c); err != nil {
				return err
			}
		}
		return nil
	})
	return c.End.Reason
}

// Over waits until the two hear each other, and lets one hang up.
func (h *Hospital) Over(t *testing.T, one, other *telephone.Phone) {
	t.Helper()
	h.hears(t, one, other)
	h.hears(t, other, one)
	h.Does(t, "hang up", one.HangUp)
	h.Released(t, one, other)
}

// Released waits until phones have no call any more.
func (h *Hospital) Released(t *testing.T, phones ...*telephone.Phone) {
	t.Helper()
	pbx.Eventually(t, 2*patience, "the phones are released", func() bool {
		return !slices.ContainsFunc(phones, func(p *telephone.Phone) bool { return p.RTP().IsValid() })
	})
}

func (h *Hospital) hears(t *testing.T, one, other *telephone.Phone) {
	t.Helper()
	h.Does(t, "hear", func(ctx context.Context) error {
		_, err := one.WaitHeard(ctx, telephone.Expect{Hz: h.tones[other], After: time.Now()})
		return err
	})
}

// Phone registers one; its password is the secret and the extension, none if there is no secret.
func (h *Hospital) Phone(t *testing.T, extension, secret string, hz int) *telephone.Phone {
	t.Helper()
	cfg := telephone.Config{AOR: "sip:" + extension + "@" + cmp.Or(h.Domain, h.Phones.Addr().String()), Registrar: h.Phones, ToneHz: hz,
		Listen: netip.MustParseAddrPort("127.0.0.1:0"), Answer: telephone.Auto(20 * time.Millisecond)}
	if secret != "" {
		cfg.Password = secret + extension
	}
	p, err := telephone.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	if h.tones == nil {
		h.tones = map[*telephone.Phone]int{}
	}
	h.tones[p] = hz
	h.Does(t, "register", p.Register)
	return p
}

// Does something within a while.
func (h *Hospital) Does(t *testing.T, what string, act func(context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
	defer cancel()
	if err := act(ctx); err != nil {
		t.Fatalf("%s: %v", what, err)
	}
}

// Ready waits until the service says that it can place calls, or that it cannot.
func (h *Hospital) Ready(t *testing.T, want bool) {
	t.Helper()
	pbx.Eventually(t, 2*patience, fmt.Sprintf("/readyz says %v", want), func() bool {
		return (h.api.Get(t.Context(), "/readyz", nil) == nil) == want
	})
}
