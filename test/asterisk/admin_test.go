package asterisk

import (
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

// symptoms are how calls end that cannot be made, by dial form and number, as section 5 of the page has them: a phone that is
// not registered, an extension that is not there, and a number for which nothing leads outside.
var symptoms = map[string]map[string]string{
	"dialplan": {"103": "unreachable", "202": "invalid_number", "0532 8300 1199": "invalid_number"},
	"direct":   {"103": "unreachable", "202": "unreachable", "0532 8300 1199": "unreachable"},
}

// hospital is an Asterisk that an admin has set up by the page, and the service beside it.
type hospital struct {
	pbx   *pbx.Asterisk
	cfg   config.Config
	api   *client.Client
	tones map[*telephone.Phone]int

	url, keyFile string // once it is open
}

// outside is a number as the page's configuration writes it for the dialplan.
const outside = "9053283001102"

// TestAdminWithAnAsterisk follows sections 1, 3 and 4 of the page on the sample files of Asterisk's own package, with the
// phones and the dialplan that such an admin has already.
func TestAdminWithAnAsterisk(t *testing.T) {
	t.Parallel()
	addr := pbx.NextAddress()
	a := pbx.StartAsterisk(t, pbx.Switch{Addr: addr, Stock: true, Files: []pbx.File{
		{Name: "pjsip.conf", Text: existingPhones(addr)},
		{Name: "extensions.conf", Text: "[general]\nstatic = yes\n[from-internal]\nexten => _1XX,1,Dial(PJSIP/${EXTEN},60)\n same => n,Hangup()\nexten => " + outside + ",1,Dial(PJSIP/102,60)\n"},
	}})
	frames1 := frames(t, "1 ", "ini")
	for _, script := range frames(t, "1 ", "sh") {
		shell(t, a, "cp ", script)
	}
	paste(t, a, frames1)
	own(t, a, "http.conf", "ari_c2d.conf")
	for _, script := range frames(t, "1 ", "sh") {
		if strings.Contains(script, "asterisk -rx") {
			commands(t, a, script)
		}
	}
	for name, n := range map[string]int{"dialplan": 0, "direct": 1} {
		t.Run(name, func(t *testing.T) {
			h := newHospital(t, a, n)
			h.checks(t)
			h.opens(t)
			harry, mary := h.talks(t, "")
			if name == "dialplan" {
				h.clicks(t, "0532 8300 1102")
				h.over(t, harry, mary)
			}
			for number, want := range symptoms[name] {
				if got := h.ends(t, h.clicks(t, number)); got != want {
					t.Errorf("a call to %s ends as %s, the page says %s", number, got, want)
				}
				h.released(t, harry) // once he has heard that it failed
			}
		})
	}
	commands(t, a, page(t))
	t.Run("TLS", func(t *testing.T) { overTLS(t, a) })
}

// TestAdminWithNothing follows sections 2 and 3.
func TestAdminWithNothing(t *testing.T) {
	t.Parallel()
	a := pbx.StartAsterisk(t, pbx.Switch{})
	for _, script := range frames(t, "2 ", "sh") {
		shell(t, a, "cp ", script)
	}
	own(t, a, "http.conf", "ari.conf", "pjsip.conf")
	a.Stop()
	a.Start(t)
	h := newHospital(t, a, 1)
	h.checks(t)
	h.opens(t)
	h.talks(t, "replace-this-password-")
	a.Stop()
	h.ready(t, false)
	a.Start(t)
	h.ready(t, true)
}

// existingPhones is a pjsip.conf with the phones 101 to 103.
func existingPhones(addr netip.Addr) string {
	text := fmt.Sprintf("[udp]\ntype = transport\nprotocol = udp\nbind = %s:5060\n", addr)
	for _, x := range []string{"101", "102", "103"} {
		text += fmt.Sprintf("[%[1]s]\ntype = endpoint\ncontext = from-internal\ndisallow = all\nallow = alaw\naors = %[1]s\ndirect_media = no\n[%[1]s]\ntype = aor\nmax_contacts = 1\n", x)
	}
	return text
}

// own puts this test's address and password in the place of those that the files have.
func own(t *testing.T, a *pbx.Asterisk, files ...string) {
	t.Helper()
	for _, f := range files {
		edit(t, a, f, strings.NewReplacer("127.0.0.1", a.Addr.Addr().String(), "0.0.0.0", a.Addr.Addr().String(), "replace-this-ari-password", a.Password).Replace)
	}
}

// newHospital has the n-th configuration of the page.
func newHospital(t *testing.T, a *pbx.Asterisk, n int) *hospital {
	t.Helper()
	return &hospital{pbx: a, cfg: configured(t, a, n), tones: map[*telephone.Phone]int{}}
}

// configured is the n-th configuration of the page, with this test's addresses.
func configured(t *testing.T, a *pbx.Asterisk, n int) config.Config {
	t.Helper()
	text := strings.ReplaceAll(frames(t, "3 ", "yaml")[n], "http://127.0.0.1:8088/ari", a.URL)
	file := filepath.Join(t.TempDir(), "c2d.yaml")
	text += fmt.Sprintf("http: {listen: \"127.0.0.1:0\"}\nstore: {url: \"sqlite:%s\"}\n", filepath.Join(filepath.Dir(file), "c2d.db"))
	cfg, err := config.Parse(file, []byte(text), func(name string) (string, bool) { return a.Password, name == "ARI_PASSWORD" })
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

// checks is c2d check, which has nothing to say.
func (h *hospital) checks(t *testing.T) {
	t.Helper()
	for _, problem := range app.Check(t.Context(), h.cfg) {
		t.Errorf("c2d check: %s", problem)
	}
}

// opens starts the service.
func (h *hospital) opens(t *testing.T) {
	t.Helper()
	s := app.New(h.cfg, app.Deps{Log: slog.New(slog.NewTextHandler(t.Output(), nil))})
	t.Cleanup(func() { _ = s.Stop(context.Background()) })
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	h.url, h.keyFile = s.URL(), filepath.Join(filepath.Dir(strings.TrimPrefix(h.cfg.Store.URL, "sqlite:")), "c2d-admin.key")
	key, err := os.ReadFile(h.keyFile)
	if err != nil {
		t.Fatal(err)
	}
	h.api = client.New(h.url, strings.TrimSpace(string(key)))
	t.Cleanup(h.api.Close)
}

// talks gives the page's commands, whose click connects 101 and 102; then 101 dials *55 and is connected again, by the service.
func (h *hospital) talks(t *testing.T, secret string) (harry, mary *telephone.Phone) {
	t.Helper()
	harry, mary = h.phone(t, "101", secret, 600), h.phone(t, "102", secret, 1000)
	var called sync.WaitGroup
	called.Go(func() { h.commands(t, frames(t, "3 ", "sh")[0]) }) // the last is a call, which lasts until somebody hangs up
	h.over(t, harry, mary)
	called.Wait()
	h.does(t, "dial *55", func(ctx context.Context) error { return harry.Dial(ctx, "*55102") })
	h.over(t, mary, harry)
	h.does(t, "list the calls", func(ctx context.Context) error {
		var all struct{ Items []client.Call }
		if err := h.api.Get(ctx, "/v1/calls", &all); err != nil || len(all.Items) != 2 {
			return fmt.Errorf("%w; %d calls, 2 were made", err, len(all.Items))
		}
		return nil
	})
	return harry, mary
}

// commands gives the commands of a frame at the command line.
func (h *hospital) commands(t *testing.T, script string) {
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

func (h *hospital) clicks(t *testing.T, number string) (placed client.Call) {
	t.Helper()
	h.does(t, "click "+number, func(ctx context.Context) error {
		return h.api.Post(ctx, "/v1/calls", map[string]any{"caller": "harry", "callee": map[string]string{"number": number}}, &placed)
	})
	return placed
}

// ends waits for the end of a call and returns its reason.
func (h *hospital) ends(t *testing.T, c client.Call) string {
	t.Helper()
	h.does(t, "end", func(ctx context.Context) error {
		for !c.Ended() {
			if err := h.api.Get(ctx, fmt.Sprintf("/v1/calls/%s?wait=10s&after=%d", c.ID, c.Version), &c); err != nil {
				return err
			}
		}
		return nil
	})
	return c.End.Reason
}

// over waits until the two hear each other, and lets one hang up.
func (h *hospital) over(t *testing.T, one, other *telephone.Phone) {
	t.Helper()
	h.hears(t, one, other)
	h.hears(t, other, one)
	h.does(t, "hang up", one.HangUp)
	h.released(t, one, other)
}

// released waits until phones have no call any more.
func (h *hospital) released(t *testing.T, phones ...*telephone.Phone) {
	t.Helper()
	pbx.Eventually(t, 2*patience, "the phones are released", func() bool {
		return !slices.ContainsFunc(phones, func(p *telephone.Phone) bool { return p.RTP().IsValid() })
	})
}

func (h *hospital) hears(t *testing.T, one, other *telephone.Phone) {
	t.Helper()
	h.does(t, "hear", func(ctx context.Context) error {
		_, err := one.WaitHeard(ctx, telephone.Expect{Hz: h.tones[other], After: time.Now()})
		return err
	})
}

func (h *hospital) phone(t *testing.T, extension, secret string, hz int) *telephone.Phone {
	t.Helper()
	cfg := telephone.Config{AOR: "sip:" + extension + "@" + h.pbx.Addr.Addr().String(), Registrar: h.pbx.Addr, ToneHz: hz,
		Listen: netip.MustParseAddrPort("127.0.0.1:0"), Answer: telephone.Auto(20 * time.Millisecond)}
	if secret != "" {
		cfg.Password = secret + extension
	}
	p, err := telephone.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	h.tones[p] = hz
	h.does(t, "register", p.Register)
	return p
}

func (h *hospital) does(t *testing.T, what string, act func(context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
	defer cancel()
	if err := act(ctx); err != nil {
		t.Fatalf("%s: %v", what, err)
	}
}

// overTLS follows section 4: C2D reaches Asterisk over TLS, and only with the certificate's signer.
func overTLS(t *testing.T, a *pbx.Asterisk) {
	cert, key := pbx.Certificate(t, a.Addr.Addr())
	paste(t, a, frames(t, "4 ", "ini"))
	edit(t, a, "http.conf", strings.NewReplacer("127.0.0.1", a.Addr.Addr().String(), "/etc/asterisk/keys/ari.pem", cert, "/etc/asterisk/keys/ari.key", key).Replace)
	a.Console(t, "module reload http")
	cfg := configured(t, a, 0)
	ari := cfg.Backends[0].Asterisk
	ari.URL = fmt.Sprintf("https://%s:8089/ari", a.Addr.Addr())
	if said := app.Check(t.Context(), cfg); len(said) != 1 || !strings.Contains(said[0], "certificate") {
		t.Errorf("with a certificate that nobody knows, c2d check says %q", said)
	}
	ari.CA = cert
	h := &hospital{pbx: a, cfg: cfg}
	h.checks(t)
	h.opens(t)
	h.ready(t, true)
}

// ready waits until the service says that it can place calls, or that it cannot.
func (h *hospital) ready(t *testing.T, want bool) {
	t.Helper()
	pbx.Eventually(t, 2*patience, fmt.Sprintf("/readyz says %v", want), func() bool {
		return (h.api.Get(t.Context(), "/readyz", nil) == nil) == want
	})
}
