package cli

import (
	"bytes"
	"context"
	"os"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"c2d/test/pbx"
)

// spoken is an output that a test reads while it is written.
type spoken struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (s *spoken) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(b)
}

// waits until something was said, and returns it.
func (s *spoken) waits(t *testing.T, form string) (found string) {
	t.Helper()
	pbx.Eventually(t, 20*time.Second, "it says "+form, func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		found = regexp.MustCompile(form).FindString(s.text.String())
		return found != ""
	})
	return found
}

// TestReload edits the file of a running service: c2d reload tells what is different, a signal is as good.
func TestReload(t *testing.T) {
	t.Chdir(t.TempDir())
	write := func(more string) {
		t.Helper()
		text := `{http: {listen: "127.0.0.1:0"}, sip: {listen: ["udp:127.0.0.1:0"]}, backends: [{name: house, kind: sip}, ` + more + `]}`
		if err := os.WriteFile("c2d.yaml", []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("{name: box, kind: sim}")
	ctx, stop := context.WithCancel(t.Context())
	var out, errs spoken
	var served sync.WaitGroup
	served.Go(func() { Run(ctx, []string{"serve"}, Env{Stdout: &out, Stderr: &errs, Lookup: os.LookupEnv}) })
	defer served.Wait()
	defer stop()
	url := strings.TrimSpace(out.waits(t, `http://\S+\n`))
	out.waits(t, `\(system_admin\)`)
	reload := func() (string, int) {
		var text bytes.Buffer
		code := Run(ctx, []string{"reload", "--url", url}, Env{Stdout: &text, Stderr: &text, Lookup: os.LookupEnv})
		return text.String(), code
	}
	var lives bytes.Buffer
	if code := Run(ctx, []string{"health", "--url", url}, Env{Stdout: &lives, Stderr: &lives, Lookup: os.LookupEnv}); code != 0 || lives.String() != "ok\n" {
		t.Errorf("%d %s", code, lives.String())
	}
	if code := Run(ctx, []string{"health", "--url", "http://127.0.0.1:1"}, Env{Stdout: &lives, Stderr: &lives, Lookup: os.LookupEnv}); code != 1 {
		t.Errorf("%d %s", code, lives.String())
	}
	if text, code := reload(); code != 0 || text != "nothing has changed\n" {
		t.Errorf("%d %s", code, text)
	}
	write("{name: box, kind: sim, speed: 2}, {name: tin, kind: sim}], calls: {ring_s: 20}, routes: [{match: \".*\", backends: [tin]}")
	want := `changed   backend box: exchanged
changed   routes
changed   calls
added     backend tin
`
	if text, code := reload(); code != 0 || text != want {
		t.Errorf("%d\n%s", code, text)
	}
	write("{name: box, kind: sim, speed: 2}], store: {keep_days: 7}, media: {ports: \"31000-31010\"}, routes: [{match: \".*\", backends: [box]}")
	if text, code := reload(); code != 1 || !strings.Contains(text, "needs a restart, and nothing has changed: store.keep_days, media.ports") {
		t.Errorf("%d %s", code, text)
	}
	write("{name: box, kind: sip2}")
	if text, code := reload(); code != 1 || !strings.Contains(text, "c2d.yaml:1: backends[1].kind: must be") {
		t.Errorf("%d %s", code, text)
	}
	write("{name: box, kind: sim, speed: 3}")
	if err := syscall.Kill(os.Getpid(), syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	errs.waits(t, `changed="\[backend box: exchanged backend tin: takes no new calls`)
}
