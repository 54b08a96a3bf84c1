package cli

import (
	"bytes"
	"context"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"c2d/cmd/c2d/app"
	"c2d/cmd/c2d/config"
	"c2d/core/access"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// shell runs command lines against one service, as a person with its key would.
type shell struct {
	t   *testing.T
	env map[string]string
}

func (s shell) run(stdin string, args ...string) (stdout, stderr string, code int) {
	s.t.Helper()
	var out, errs bytes.Buffer
	code = Run(s.t.Context(), args, Env{Stdin: strings.NewReader(stdin), Stdout: &out, Stderr: &errs, Version: "1.2.3",
		Lookup: func(name string) (string, bool) { v, ok := s.env[name]; return v, ok }})
	return out.String(), errs.String(), code
}

// ok runs a command that must succeed and returns what it printed.
func (s shell) ok(args ...string) string {
	s.t.Helper()
	out, errs, code := s.run("", args...)
	if code != 0 {
		s.t.Fatalf("c2d %s: %d\n%s%s", strings.Join(args, " "), code, out, errs)
	}
	return out
}

// with returns a shell beside a running service.
func with(t *testing.T) shell {
	t.Helper()
	text := `{http: {listen: "127.0.0.1:0"}, store: {url: "sqlite:` + filepath.Join(t.TempDir(), "c2d.db") + `"},
sip: {listen: ["udp:127.0.0.1:0"]}, backends: [{name: house, kind: sip}, {name: sandbox, kind: sim, speed: 50}]}`
	cfg, err := config.Parse("test", []byte(text), os.LookupEnv)
	if err != nil {
		t.Fatal(err)
	}
	service := app.New(cfg, app.Deps{})
	if err := service.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := service.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	key, err := os.ReadFile(service.NewKeys()[access.SystemAdmin])
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("C2D_URL", service.URL()) // kong reads them itself
	t.Setenv("C2D_SIP", service.SIP().String())
	return shell{t, map[string]string{"C2D_KEY": strings.TrimSpace(string(key))}}
}

// TestHelp compares every help text with its golden file.
func TestHelp(t *testing.T) {
	for _, command := range []string{"", "serve", "demo", "check", "call", "refer", "user add", "user list", "user device add",
		"contacts add", "contacts list", "contacts import", "key add", "key list", "key revoke", "key restore", "version"} {
		t.Run(command, func(t *testing.T) {
			t.Chdir(t.TempDir())
			out, errs, code := shell{t: t}.run("", append(strings.Fields(command), "--help")...)
			if code != 0 || errs != "" {
				t.Fatalf("%d, %s", code, errs)
			}
			golden(t, "help-"+strings.ReplaceAll(command, " ", "-"), out)
		})
	}
}

var source = func() string { dir, _ := os.Getwd(); return dir }()

func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join(source, "testdata", strings.TrimSuffix(name, "-")+".txt")
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}

func TestVersion(t *testing.T) {
	if out := (shell{t: t}).ok("version"); out != "c2d 1.2.3\n" {
		t.Errorf("%q", out)
	}
}

func TestWrongCommandLines(t *testing.T) {
	for _, line := range []string{"", "dance", "call harry", "user device add harry sip:x@y --kind boat", "serve extra"} {
		if out, errs, code := (shell{t: t}).run("", strings.Fields(line)...); code != 2 || !strings.HasPrefix(errs, "c2d: ") || out != "" {
			t.Errorf("c2d %s: %d\n%s%s", line, code, out, errs)
		}
	}
}

func TestPeopleAndCalls(t *testing.T) {
	s := with(t)
	s.ok("user", "add", "harry", "Harry H", "--identifier", "staff=17")
	s.ok("user", "device", "add", "harry", "5550100", "--backend", "sandbox")
	made := s.ok("user", "device", "add", "harry", "sip:harry@c2d.internal", "--name", "soft")
	if !regexp.MustCompile(`\npassword [a-z0-9]{16}\n$`).MatchString(made) {
		t.Errorf("a device that registers: %q", made)
	}
	s.ok("contacts", "add", "Mary", "+16328300100", "--department", "Ward 3")
	if out := s.ok("user", "list"); !regexp.MustCompile(`(?m)^harry +Harry H +2 +[0-9a-f-]{36}$`).MatchString(out) {
		t.Errorf("users:\n%s", out)
	}
	out := s.ok("call", "harry", "Mary", "--hangup-after", "50ms")
	if !regexp.MustCompile(`(?s)^call [0-9a-f-]{36}\n.* connected\n.* ended: completed by api\n$`).MatchString(out) {
		t.Errorf("call:\n%s", out)
	}
	out, errs, code := s.run("", "call", "harry", "+16328300101")
	if code != 1 || errs != "c2d: the call ended: busy\n" || !strings.Contains(out, "ended: busy by callee (SIP 486)") {
		t.Errorf("a busy callee: %d\n%s%s", code, out, errs)
	}
	if _, errs, code := s.run("", "call", "harry", "Nobody"); code != 1 || !strings.Contains(errs, "callee_unknown") {
		t.Errorf("an unknown callee: %d, %s", code, errs)
	}
}

func TestImport(t *testing.T) {
	s := with(t)
	const rows = "name,number,identifier_system,identifier_value\nBob,+16328300105,staff,9\n"
	for _, c := range []struct {
		in   string
		args []string
		code int
		want string
	}{
		{rows, []string{"--dry-run"}, 0, "dry run, nothing written: 1 rows, 1 new, 0 replaced\n"},
		{rows, nil, 0, "done: 1 rows, 1 new, 0 replaced\n"},
		{rows, nil, 0, "done: 1 rows, 0 new, 1 replaced\n"},
		{"name,number\nBob,hello\n", nil, 1, "line 2: number: "},
		{"name,fax\n", nil, 1, "header[1]"},
	} {
		out, errs, code := s.run(c.in, append([]string{"contacts", "import", "-"}, c.args...)...)
		if code != c.code || !strings.Contains(out+errs, c.want) {
			t.Errorf("%q: %d\n%s%s", c.in, code, out, errs)
		}
	}
	if out := s.ok("contacts", "list", "bo"); strings.Count(out, "Bob") != 1 {
		t.Errorf("the book:\n%s", out)
	}
}

func TestKeys(t *testing.T) {
	s := with(t)
	secret, errs, code := s.run("", "key", "add", "his", "--expires", "24h", "--scope", "users:read")
	id, ok := strings.CutPrefix(strings.TrimSpace(errs), "key ")
	if code != 0 || !ok || secret == "" {
		t.Fatalf("%d, %q", code, errs)
	}
	narrow := shell{t, map[string]string{"C2D_KEY": strings.TrimSpace(secret)}}
	narrow.ok("user", "list")
	if _, errs, code := narrow.run("", "contacts", "list"); code != 1 || !strings.Contains(errs, "scope_missing") {
		t.Errorf("beyond its scopes: %d, %s", code, errs)
	}
	s.ok("key", "revoke", id)
	if out := s.ok("key", "list"); !regexp.MustCompile(`(?m)^his +system +revoked`).MatchString(out) {
		t.Errorf("keys:\n%s", out)
	}
	if _, errs, code := narrow.run("", "user", "list"); code != 1 || !strings.Contains(errs, "unauthenticated") {
		t.Errorf("a revoked key: %d, %s", code, errs)
	}
}

func TestWithoutKeyOrService(t *testing.T) {
	t.Chdir(t.TempDir())
	if _, errs, code := (shell{t: t}).run("", "user", "list"); code != 1 || !strings.Contains(errs, "no key: set C2D_KEY or --key-file") {
		t.Errorf("without a key: %d, %s", code, errs)
	}
	s := shell{t, map[string]string{"C2D_KEY": "x"}}
	if _, errs, code := s.run("", "user", "list", "--url", "http://127.0.0.1:1"); code != 1 || !strings.Contains(errs, "the service cannot be reached") {
		t.Errorf("without a service: %d, %s", code, errs)
	}
}

func TestCheckTellsAllErrors(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.WriteFile("c2d.yaml", []byte("htp: {}\nsip: {domain: \"${NOBODY}\"}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	out, errs, code := (shell{t: t}).run("", "check")
	want := "c2d.yaml:1: htp: unknown key; known here are backends, calls, http, limits, media, node, numbers, routes, sip, store, webhooks\n" +
		"c2d.yaml:2: sip.domain: the environment has no NOBODY\n"
	if code != 1 || errs != "" || out != want {
		t.Errorf("%d\n%s%s", code, out, errs)
	}
}

// TestServe runs it in an empty folder until it is told to stop.
func TestServe(t *testing.T) {
	t.Chdir(t.TempDir())
	text := `{http: {listen: "127.0.0.1:0"}, sip: {listen: ["udp:127.0.0.1:0"]}}`
	if err := os.WriteFile("c2d.yaml", []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	out := &ending{stop: cancel, last: "(system_admin)"}
	var errs bytes.Buffer
	if code := Run(ctx, []string{"serve"}, Env{Stdout: out, Stderr: &errs, Lookup: os.LookupEnv}); code != 0 {
		t.Errorf("%d\n%s", code, errs.String())
	}
	if got := out.String(); !strings.Contains(got, "HTTP API  http://127.0.0.1:") || !strings.Contains(got, "new key   c2d-admin.key") {
		t.Errorf("it says:\n%s", got)
	}
	if secret, err := os.ReadFile("c2d-admin.key"); err != nil || strings.Contains(out.String()+errs.String(), strings.TrimSpace(string(secret))) {
		t.Errorf("the key's file, or the key itself in the output: %v", err)
	}
}

// ending stops the service once it has printed its last line.
type ending struct {
	bytes.Buffer
	stop func()
	last string
}

func (f *ending) Write(b []byte) (int, error) {
	if strings.Contains(string(b), f.last) {
		defer f.stop()
	}
	return f.Buffer.Write(b)
}

func TestKeyRestore(t *testing.T) {
	t.Chdir(t.TempDir())
	s := shell{t: t}
	if out := s.ok("key", "restore", "audit_admin"); out != "new key   c2d-audit.key\n" {
		t.Errorf("%q", out)
	}
	if err := os.Remove("c2d-audit.key"); err != nil {
		t.Fatal(err)
	}
	if _, errs, code := s.run("", "key", "restore", "audit_admin"); code != 1 || !strings.Contains(errs, "live") {
		t.Errorf("while one is live: %d, %s", code, errs)
	}
	if _, err := os.Stat("c2d-audit.key"); err == nil {
		t.Error("a file without a key stays")
	}
}
