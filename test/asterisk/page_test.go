package asterisk

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"c2d/test/admin"
	"c2d/test/pbx"
)

const page admin.Page = "../../pbx-configs/asterisk"

var (
	inPlace  = regexp.MustCompile(`(?s)\A; (\S+\.conf), (?:in \[([a-z-]+)\]|at the end)\n(.*)`)
	consoled = regexp.MustCompile("asterisk -rx \"([^\"`]+)\"")
)

// TestPageShowsItsFiles compares what the page shows of a file with the file.
func TestPageShowsItsFiles(t *testing.T) {
	shown := 0
	for _, m := range page.Framed(t) {
		name, text, _ := strings.Cut(m, "\n")
		if !strings.HasPrefix(name, "; include/") && !strings.HasPrefix(name, "; complete/") {
			continue
		}
		shown++
		file, err := os.ReadFile(filepath.Join(string(page), strings.TrimPrefix(name, "; ")))
		if err != nil || !strings.Contains(string(file), text) {
			t.Errorf("the page shows of %s what is not in it (%v):\n%s", name[2:], err, text)
		}
	}
	if shown == 0 {
		t.Error("the page shows no file")
	}
}

// TestPageLeadsSomewhere looks whether every file that the page names is there.
func TestPageLeadsSomewhere(t *testing.T) { page.LeadsSomewhere(t) }

// paste puts the lines of each frame where its first line says, in the place of lines of the same name.
func paste(t *testing.T, a *pbx.Asterisk, frames []string) {
	t.Helper()
	for _, f := range frames {
		m := inPlace.FindStringSubmatch(f)
		if m == nil {
			continue // it shows a file
		}
		edit(t, a, m[1], func(text string) string {
			if m[2] == "" {
				return text + "\n" + m[3]
			}
			return intoSection(t, text, m[2], m[3])
		})
	}
}

// edit changes one of Asterisk's files.
func edit(t *testing.T, a *pbx.Asterisk, name string, change func(string) string) {
	t.Helper()
	text, err := os.ReadFile(a.Etc(name))
	if err == nil {
		err = os.WriteFile(a.Etc(name), []byte(change(string(text))), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// intoSection is a file with lines put below the head of a section.
func intoSection(t *testing.T, text, section, lines string) string {
	t.Helper()
	head := "\n[" + section + "]\n"
	before, after, found := strings.Cut("\n"+text, head)
	if !found {
		t.Fatalf("no section %s in:\n%s", section, text)
	}
	for line := range strings.Lines(lines) {
		name, _, isOption := strings.Cut(line, " = ")
		if isOption {
			after = regexp.MustCompile(`(?m)^`+name+` *=.*\n`).ReplaceAllString(after, "")
		}
	}
	return before + head + lines + after
}

// commands gives every command of the page at the console, but for those with a number to fill in.
func commands(t *testing.T, a *pbx.Asterisk, text string) {
	t.Helper()
	var given []string
	for _, m := range consoled.FindAllStringSubmatch(text, -1) {
		if strings.Contains(m[1], "NUMBER") || slices.Contains(given, m[1]) {
			continue
		}
		given = append(given, m[1])
		if said := a.Console(t, m[1]); strings.Contains(said, "No such") || strings.Contains(said, "no existence") {
			t.Errorf("%s: %s", m[1], said)
		}
	}
	if len(given) == 0 {
		t.Error("no command is named")
	}
}
