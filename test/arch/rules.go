package arch

import (
	"fmt"
	"strings"
)

// module is the prefix of our own import paths.
const module = "c2d/"

// MaxLines is the length at which a file is to be split.
const MaxLines = 500

// Imports returns what breaks the direction of the arrows: core knows the standard library and core alone; adapters
// know core, libraries and, inside one technology's tree, each other; only cmd and test see everything.
func Imports(p Package) []string {
	var bad []string
	for _, i := range p.Imports {
		if why := refuse(p.Path, i); why != "" {
			bad = append(bad, fmt.Sprintf("%s imports %s: %s", p.Path, i, why))
		}
	}
	return bad
}

func refuse(from, to string) string {
	ours, isOurs := strings.CutPrefix(to, module)
	switch top(from) {
	case "core":
		if isOurs && top(ours) != "core" || !isOurs && !standard(to) {
			return "core knows the standard library and core alone"
		}
	case "adapters":
		if isOurs && top(ours) != "core" && technology(ours) != technology(from) {
			return "adapters know core and their own technology's tree"
		}
	}
	return ""
}

// top is the first part of a path below the module.
func top(path string) string {
	first, _, _ := strings.Cut(path, "/")
	return first
}

// technology is the tree that an adapter belongs to: "adapters/sip" of "adapters/sip/dialog".
func technology(path string) string {
	parts := strings.SplitN(path, "/", 3)
	return strings.Join(parts[:min(2, len(parts))], "/")
}

// Shape returns what is wrong with the package and its files apart from imports.
func Shape(p Package) []string {
	var bad []string
	if !p.Doc && !p.OnlyTests() {
		bad = append(bad, p.Path+": no file has a package comment")
	}
	for _, f := range p.Files {
		if f.Lines > MaxLines {
			bad = append(bad, fmt.Sprintf("%s: %d lines, %d at most", f.Path, f.Lines, MaxLines))
		}
		for _, line := range f.Stubs {
			bad = append(bad, fmt.Sprintf("%s:%d: says that work is unfinished", f.Path, line))
		}
	}
	return bad
}
