package pbx

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// ending is how a test that needs something ends.
type ending struct {
	testing.TB
	how, said string
}

func (e *ending) Helper() {}
func (e *ending) Skipf(format string, args ...any) {
	e.TB.Helper()
	e.end("skipped", format)
}
func (e *ending) Fatalf(format string, args ...any) {
	e.TB.Helper()
	e.end("failed", format)
}

func (e *ending) end(how, said string) {
	if e.how == "" {
		e.how, e.said = how, said
	}
}

// What is demanded is no skip, whatever else is missing.
func TestWhatIsDemandedIsNotSkipped(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	for demands, want := range map[string]string{"": "skipped", "baresip,tshark": "skipped", "sipp": "failed", "baresip, sipp": "failed", "all": "failed"} {
		t.Setenv(Required, demands)
		e := &ending{TB: t}
		Need(e, "sipp")
		if e.how != want {
			t.Errorf("%s=%q: %q, want %s", Required, demands, e.how, want)
		}
	}
}

// A name that nobody knows demands nothing: neither here nor in CI.
func TestEveryDemandIsKnown(t *testing.T) {
	ci, err := os.ReadFile(filepath.Join(repository(), ".ci", "run"))
	if err != nil {
		t.Fatal(err)
	}
	list := regexp.MustCompile(Required + `=(\S+)`).FindSubmatch(ci)
	if list == nil {
		t.Fatalf(".ci/run does not set %s", Required)
	}
	for _, name := range append(strings.Split(string(list[1]), ","), demanded()...) {
		if _, known := programs[name]; !known && name != "all" {
			t.Errorf("%s names %q, which no test asks for", Required, name)
		}
	}
}
