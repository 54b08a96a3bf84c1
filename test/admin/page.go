package admin

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Page is the folder of an admin's page, README.md.
type Page string

var framed = regexp.MustCompile("(?ms)^```([a-z]+)\n(.*?)^```$")

// Text is all of it.
func (p Page) Text(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(string(p), "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// Framed returns what it shows in frames, in order.
func (p Page) Framed(t *testing.T) (all []string) {
	t.Helper()
	for _, m := range framed.FindAllStringSubmatch(p.Text(t), -1) {
		all = append(all, m[2])
	}
	return all
}

// Frames returns those of a language below a heading, in order.
func (p Page) Frames(t *testing.T, heading, language string) (all []string) {
	t.Helper()
	_, rest, found := strings.Cut(p.Text(t), "\n## "+heading)
	if !found {
		t.Fatalf("the page has no heading %q", heading)
	}
	section, _, _ := strings.Cut(rest, "\n## ")
	for _, m := range framed.FindAllStringSubmatch(section, -1) {
		if m[1] == language {
			all = append(all, m[2])
		}
	}
	if len(all) == 0 {
		t.Fatalf("nothing is framed as %s below %q", language, heading)
	}
	return all
}

// LeadsSomewhere looks whether every file that the page names is there.
func (p Page) LeadsSomewhere(t *testing.T) {
	t.Helper()
	for _, m := range regexp.MustCompile(`\]\(([^)#]+)`).FindAllStringSubmatch(p.Text(t), -1) {
		if _, err := os.Stat(filepath.Join(string(p), m[1])); err != nil {
			t.Error(err)
		}
	}
}

// Shell runs a frame's lines that begin with a word, with the folder etc in the place of the one that the page names.
func (p Page) Shell(t *testing.T, script, word, named, etc string) {
	t.Helper()
	for line := range strings.Lines(script) {
		if !strings.HasPrefix(line, word) {
			continue
		}
		cmd := exec.Command("sh", "-ec", strings.ReplaceAll(line, named, etc))
		cmd.Dir = string(p)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s%v: %s", line, err, out)
		}
	}
}
