package e2e

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"c2d/adapters/sip"
	"c2d/cmd/c2d/app"
	"c2d/cmd/c2d/client"
	"c2d/cmd/c2d/config"
	"c2d/test/pbx"
)

// soon bounds what happens at once when all is well; it is long because the machine may be busy.
const soon = 15 * time.Second

// house is a hospital with the service running in it.
type house struct {
	t        *testing.T
	ip       netip.Addr
	dir      string
	api      *client.Client
	wire     wire
	log      journal
	over     string // how its phones register; empty is UDP
	softs    []*soft
	database string // its URL, if it is no file of its own

	app  *app.App     // in-process
	prog *pbx.Program // or as a program
}

// open starts a house in this process. more is added to its configuration.
func open(t *testing.T, more ...string) *house {
	t.Helper()
	h := build(t, more...)
	h.start()
	return h
}

// build prepares a house without starting the service.
func build(t *testing.T, more ...string) *house {
	t.Helper()
	h := &house{t: t, ip: pbx.NextAddress(), dir: t.TempDir()}
	text := fmt.Sprintf(`
http: {listen: "%[1]s:8080"}
store: {url: "sqlite:%[2]s"}
numbers: {country: "+86", area: "532", extension: "^[0-9]{4}$", emergency: ["110", "119", "120"]}
media: {address: "%[1]s", ports: "26000-26199"}
backends: [{name: house, kind: sip}]
`, h.ip, filepath.Join(h.dir, "c2d.db"))
	sipText := fmt.Sprintf("sip: {domain: hospital.example, listen: [\"udp:%s:5060\"]}\n", h.ip)
	for _, m := range more {
		if strings.HasPrefix(m, "sip:") {
			sipText = strings.ReplaceAll(m, "IP", h.ip.String())
			continue
		}
		text += m
	}
	if err := os.WriteFile(h.file(), []byte(text+sipText), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("on the wire:\n%s\nin the log:\n%s", h.wire.ladder(), h.log.String())
		}
	})
	return h
}

func (h *house) file() string { return filepath.Join(h.dir, "c2d.yaml") }

func (h *house) registrar() netip.AddrPort { return netip.AddrPortFrom(h.ip, 5060) }

func (h *house) url() string { return fmt.Sprintf("http://%s:8080", h.ip) }

// start runs the service in this process; the first start makes the key that the test uses.
func (h *house) start() {
	h.t.Helper()
	cfg, err := config.Load(h.file(), os.LookupEnv)
	if err != nil {
		h.t.Fatal(err)
	}
	a := app.New(cfg, app.Deps{Trace: h.wire.note, Log: slog.New(slog.NewTextHandler(&h.log, nil))})
	if err := a.Start(h.t.Context()); err != nil {
		h.t.Fatal(err)
	}
	h.app = a
	h.t.Cleanup(func() { _ = a.Stop(context.Background()) }) // again, when the story stopped it: harmless
	h.signIn()
}

func (h *house) stop() {
	h.t.Helper()
	if err := h.app.Stop(context.Background()); err != nil {
		h.t.Fatal(err)
	}
}

// serve runs the service as a program.
func (h *house) serve() {
	h.t.Helper()
	h.prog = pbx.Launch(h.t, h.dir, binary(h.t), "serve", "--config", h.file())
	pbx.Eventually(h.t, soon, "c2d serves", func() bool {
		if h.prog.Wait(0) == nil {
			h.t.Fatalf("c2d ended:\n%s", h.prog.Output())
		}
		res, err := http.Get(h.url() + "/healthz")
		if err != nil {
			return false
		}
		_ = res.Body.Close()
		return res.StatusCode == http.StatusOK
	})
	h.signIn()
}

func (h *house) signIn() {
	h.t.Helper()
	key, err := os.ReadFile(filepath.Join(h.dir, "c2d-admin.key"))
	if err != nil {
		h.t.Fatal(err)
	}
	h.api = client.New(h.url(), strings.TrimSpace(string(key)))
	h.t.Cleanup(h.api.Close)
}

// binary builds the program once for all stories.
func binary(t *testing.T) string {
	t.Helper()
	path, err := built()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

var buildDir string // of TestMain

var built = sync.OnceValues(func() (string, error) {
	path := filepath.Join(buildDir, "c2d")
	out, err := exec.Command("go", "build", "-o", path, "c2d/cmd/c2d").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, out)
	}
	return path, nil
})

func TestMain(m *testing.M) {
	os.Exit(inFolder(m.Run))
}

func inFolder(run func() int) int {
	dir, err := os.MkdirTemp("", "c2d-e2e")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	buildDir = dir
	return run()
}

// journal is the service's log, told when a test fails.
type journal struct {
	mu   sync.Mutex
	text strings.Builder
}

func (j *journal) Write(b []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(b)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.String()
}

// wire keeps the SIP messages of a house. Safe for concurrent use.
type wire struct {
	mu  sync.Mutex
	all []sip.Message
}

func (w *wire) note(m sip.Message) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.all = append(w.all, m)
}

// messages returns those that f selects, in wire order.
func (w *wire) messages(f func(sip.Message) bool) []sip.Message {
	w.mu.Lock()
	defer w.mu.Unlock()
	var some []sip.Message
	for _, m := range w.all {
		if f(m) {
			some = append(some, m)
		}
	}
	return some
}

func (w *wire) ladder() string {
	var b strings.Builder
	for _, m := range w.messages(func(sip.Message) bool { return true }) {
		arrow := "<-"
		if m.Sent {
			arrow = "->"
		}
		fmt.Fprintf(&b, "%s %s %s  %s  (%s, %s)\n", m.At.Format("15:04:05.000"), arrow, m.Remote, m.StartLine, m.CSeq, m.CallID)
	}
	return b.String()
}
