package arch

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// root is the module's folder, seen from this package.
const root = "../.."

func load(t *testing.T, dir string) []Package {
	t.Helper()
	all, err := Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestTree(t *testing.T) {
	all := load(t, root)
	if !slices.ContainsFunc(all, func(p Package) bool { return p.Path == "core/call" }) {
		t.Fatalf("core/call is not among %d packages: looked in the wrong place", len(all))
	}
	for _, p := range all {
		for _, bad := range slices.Concat(Imports(p), Shape(p)) {
			t.Error(bad)
		}
	}
}

func TestImports(t *testing.T) {
	cases := []struct {
		from, to string
		ok       bool
	}{
		{"core/call", "time", true},
		{"core/call", "net/netip", true},
		{"core/call", "c2d/core/fault", true},
		{"core/call", "c2d/adapters/sip", false},
		{"core/call", "c2d/test/pbx", false},
		{"core/call", "github.com/emiago/sipgo", false},
		{"core/call", "golang.org/x/text/width", false},
		{"core", "c2d/corelike", false},
		{"adapters/sim", "c2d/core/call", true},
		{"adapters/sim", "github.com/pion/rtp", true},
		{"adapters/sim", "c2d/adapters/sip", false},
		{"adapters/sip", "c2d/adapters/sip/dialog", true},
		{"adapters/sip/dialog", "c2d/adapters/sip/media", true},
		{"adapters/sip/dialog", "c2d/adapters/sipx", false},
		{"adapters/sip/dialog", "c2d/cmd/c2d/app", false},
		{"cmd/c2d/app", "c2d/adapters/sip", true},
	}
	for _, c := range cases {
		t.Run(c.from+" "+c.to, func(t *testing.T) {
			bad := Imports(Package{Path: c.from, Imports: []string{c.to}})
			if (len(bad) == 0) != c.ok {
				t.Errorf("got %q, want ok %v", bad, c.ok)
			}
		})
	}
}

func TestShape(t *testing.T) {
	doc := "// Package p is for a test.\n"
	cases := []struct {
		name, file, src string
		want            []string // a part of each complaint, in order
	}{
		{"fine", "p.go", doc + "package p\n", nil},
		{"no comment", "p.go", "package p\n", []string{"package comment"}},
		{"comment set apart", "p.go", doc + "\npackage p\n", []string{"package comment"}},
		{"a test needs none", "p_test.go", "package p\n", nil},
		{"too long", "p.go", doc + "package p\n" + strings.Repeat("\n", MaxLines), []string{"502 lines"}},
		{"too long a test", "p_test.go", "package p\n" + strings.Repeat("\n", MaxLines), []string{"501 lines"}},
		{"unfinished", "p.go", doc + "package p\n\nfunc f() { panic(\"" + "todo\") }\n", []string{"p/p.go:4: says"}},
		{"a marker", "p.go", doc + "package p // TO" + "DO more\n", []string{"p/p.go:2: says"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "p")
			if err := os.Mkdir(dir, 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, c.file), []byte(c.src), 0o600); err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, p := range load(t, filepath.Dir(dir)) {
				got = append(got, Shape(p)...)
			}
			if len(got) != len(c.want) {
				t.Fatalf("got %q, want %q", got, c.want)
			}
			for i := range got {
				if !strings.Contains(got[i], c.want[i]) {
					t.Errorf("got %q, want %q", got[i], c.want[i])
				}
			}
		})
	}
}
