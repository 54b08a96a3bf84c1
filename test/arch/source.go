package arch

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/build"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Package is what the rules need to know of one package of the module.
type Package struct {
	Path    string   // import path below the module: "core/call", "adapters/sip/dialog"
	Dir     string   // where its files are
	Imports []string // of its files that are no tests, whatever their build constraints
	Doc     bool     // one of its files has a package comment
	Files   []File   // tests too
}

// File is one Go file.
type File struct {
	Path  string // below the module
	Test  bool
	Lines int
	Stubs []int // lines that hold a marker of unfinished work
}

// Load reads every package below root. testdata and hidden folders are left out, as the go command does.
func Load(root string) ([]Package, error) {
	var all []Package
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return err
		}
		if path != root && hidden(d.Name()) {
			return filepath.SkipDir
		}
		p, err := loadDir(root, path)
		if err == nil && len(p.Files) > 0 {
			all = append(all, p)
		}
		return err
	})
	return all, err
}

func hidden(name string) bool {
	return name == "testdata" || strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_")
}

func loadDir(root, dir string) (Package, error) {
	rel, err := filepath.Rel(root, dir)
	if err != nil {
		return Package{}, err
	}
	p := Package{Path: filepath.ToSlash(rel), Dir: dir}
	names, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		return p, err
	}
	for _, name := range names {
		if err := p.add(name); err != nil {
			return p, fmt.Errorf("%s: %w", name, err)
		}
	}
	return p, nil
}

func (p *Package) add(name string) error {
	src, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	tree, err := parser.ParseFile(token.NewFileSet(), name, src, parser.ParseComments)
	if err != nil {
		return err
	}
	f := File{Path: p.Path + "/" + filepath.Base(name), Test: strings.HasSuffix(name, "_test.go"), Lines: bytes.Count(src, []byte("\n"))}
	if !f.Test {
		f.Stubs = stubs(src)
		p.Doc = p.Doc || tree.Doc != nil && len(strings.TrimSpace(tree.Doc.Text())) > 0
		p.Imports = append(p.Imports, imports(tree)...)
	}
	p.Files = append(p.Files, f)
	return nil
}

func imports(tree *ast.File) []string {
	var paths []string
	for _, i := range tree.Imports {
		paths = append(paths, strings.Trim(i.Path.Value, `"`+"`"))
	}
	return paths
}

// stubs returns the lines that say that work is unfinished.
func stubs(src []byte) []int {
	markers := []string{"TO" + "DO", "FIX" + "ME", `panic("` + `todo`, `panic("` + `not implemented`}
	var found []int
	for i, line := range strings.Split(string(src), "\n") {
		for _, m := range markers {
			if strings.Contains(line, m) {
				found = append(found, i+1)
				break
			}
		}
	}
	return found
}

// OnlyTests reports whether the package has no file but tests.
func (p Package) OnlyTests() bool {
	for _, f := range p.Files {
		if !f.Test {
			return false
		}
	}
	return true
}

// standard reports whether an import path is of Go itself, as the toolchain at hand has it.
func standard(path string) bool {
	p, err := build.Default.Import(path, "", build.FindOnly)
	return err == nil && p.Goroot
}
