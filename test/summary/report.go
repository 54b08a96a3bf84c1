package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
)

// event is one line of `go test -json`; see `go doc test2json`.
type event struct {
	Action  string
	Package string
	Test    string
	Elapsed float64
	Output  string
}

// report counts events and writes what a person needs of them.
type report struct {
	w      io.Writer
	output map[key]*strings.Builder // of tests and packages that have not ended
	failed map[string]int           // failed tests by package
	skips  []*skipped
	pass   int
	fail   int
}

// skipped are the tests of a package that were skipped for one reason.
type skipped struct {
	pkg, test, why string // test is the first
	tests          int
}

type key struct{ pkg, test string }

func newReport(w io.Writer) *report {
	return &report{w: w, output: map[key]*strings.Builder{}, failed: map[string]int{}}
}

// read takes events until the end of r. A line that is no event (a build error on an older go) is passed on.
func (r *report) read(in io.Reader) error {
	lines := bufio.NewReader(in)
	for {
		line, err := lines.ReadBytes('\n')
		var e event
		switch {
		case len(line) == 0:
		case json.Unmarshal(line, &e) != nil:
			_, _ = r.w.Write(line)
		default:
			r.take(e)
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func (r *report) take(e event) {
	k := key{e.Package, e.Test}
	switch e.Action {
	case "output":
		r.keep(k, e.Output)
	case "build-output":
		fmt.Fprint(r.w, e.Output)
	case "pass", "fail", "skip":
		if e.Test == "" {
			r.endPackage(e)
		} else {
			r.endTest(e, k)
		}
		delete(r.output, k)
	}
}

func (r *report) keep(k key, text string) {
	if r.output[k] == nil {
		r.output[k] = &strings.Builder{}
	}
	r.output[k].WriteString(text)
}

func (r *report) endTest(e event, k key) {
	switch e.Action {
	case "pass":
		r.pass++
	case "fail":
		r.fail++
		r.failed[e.Package]++
		fmt.Fprintf(r.w, "--- %s %s\n%s", e.Package, e.Test, r.text(k))
	case "skip":
		r.skip(e, reason(r.text(k)))
	}
}

func (r *report) skip(e event, why string) {
	at := slices.IndexFunc(r.skips, func(s *skipped) bool { return s.pkg == e.Package && s.why == why })
	if at < 0 {
		at = len(r.skips)
		r.skips = append(r.skips, &skipped{pkg: e.Package, test: e.Test, why: why})
	}
	r.skips[at].tests++
}

// endPackage counts a package that failed as one failure when none of its tests did: it does not build, panicked
// outside a test, or leaked. One without tests ("skip") is not worth a line.
func (r *report) endPackage(e event) {
	switch e.Action {
	case "fail":
		if r.failed[e.Package] == 0 {
			r.fail++
		}
		r.unfinished(e.Package)
		fmt.Fprint(r.w, r.text(key{e.Package, ""}))
		fmt.Fprintf(r.w, "FAIL  %s (%.1f s)\n", e.Package, e.Elapsed)
	case "pass":
		fmt.Fprintf(r.w, "ok    %s (%.1f s)\n", e.Package, e.Elapsed)
	}
}

// unfinished writes the output of tests that a panic or the timeout cut off.
func (r *report) unfinished(pkg string) {
	for k, b := range r.output {
		if k.pkg == pkg && k.test != "" {
			fmt.Fprintf(r.w, "--- %s %s did not end\n%s", pkg, k.test, b)
			delete(r.output, k)
		}
	}
}

func (r *report) text(k key) string {
	if b := r.output[k]; b != nil {
		return b.String()
	}
	return ""
}

// close writes the skips and the closing line.
func (r *report) close() {
	skips := 0
	for _, s := range r.skips {
		skips += s.tests
		which := s.test
		if s.tests > 1 {
			which = fmt.Sprintf("%s and %d more", s.test, s.tests-1)
		}
		fmt.Fprintf(r.w, "skip  %s %s: %s\n", s.pkg, which, s.why)
	}
	fmt.Fprintf(r.w, "%d passed, %d failed, %d skipped\n", r.pass, r.fail, skips)
}

// place is where in a file something was said.
var place = regexp.MustCompile(`^[A-Za-z0-9_]+\.go:[0-9]+: `)

// reason is what a test said when it skipped itself: its output without the lines of the test runner, each thing once.
func reason(output string) string {
	var said []string
	for line := range strings.Lines(output) {
		line = place.ReplaceAllString(strings.TrimSpace(line), "")
		if line != "" && !slices.Contains(said, line) && !strings.HasPrefix(line, "=== ") && !strings.HasPrefix(line, "--- ") {
			said = append(said, line)
		}
	}
	return strings.Join(said, " ")
}
