package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"c2d/core/call/calltest"
)

// What a cell says.
const (
	pass         = "pass"
	coarse       = "pass (coarse)"
	fail         = "fail"
	notSupported = "not supported"
	didNotRun    = "did not run"
)

// matrix is behaviour x backend.
type matrix struct {
	rows    []string
	columns []string            // backends, in order of appearance
	peers   map[string][]string // by backend
	cells   map[cell]string
	notes   map[cell]string // why it is coarse, or not supported
	output  map[cell]*strings.Builder
}

// cell names one; a row that is empty is the whole column.
type cell struct{ row, column string }

func newMatrix(rows []string) *matrix {
	return &matrix{rows: rows, peers: map[string][]string{}, cells: map[cell]string{}, notes: map[cell]string{}, output: map[cell]*strings.Builder{}}
}

// event is one line of `go test -json`; see `go doc test2json`.
type event struct {
	Action string
	Test   string
	Output string
}

// read takes the events of a run to its end. What failed, and what does not build, is written to failures.
func (m *matrix) read(in io.Reader, failures io.Writer) error {
	d := json.NewDecoder(in)
	for {
		var e event
		err := d.Decode(&e)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("reading go test -json: %w", err)
		}
		if e.Action == "build-output" || e.Action == "output" && e.Test == "" {
			fmt.Fprint(failures, e.Output)
		}
		m.take(e, failures)
	}
}

func (m *matrix) take(e event, failures io.Writer) {
	if e.Test == "TestConformance" {
		m.left(e, failures)
	}
	at, ok := m.locate(e.Test)
	if !ok {
		return
	}
	if !slices.Contains(m.columns, at.column) {
		m.columns = append(m.columns, at.column)
	}
	switch e.Action {
	case "output":
		m.hear(at, e.Output)
	case "pass", "fail", "skip":
		m.cells[at] = m.result(at, e.Action)
		if m.cells[at] == fail && at.row != "" {
			fmt.Fprintf(failures, "--- %s: %s\n%s", at.column, at.row, m.output[at])
		}
	}
}

// left tells why a backend's run was left out: the test around its column says what it lacks.
func (m *matrix) left(e event, failures io.Writer) {
	switch e.Action {
	case "output":
		m.hear(cell{}, e.Output)
	case "skip":
		fmt.Fprintf(failures, "a column is left out:\n%s", m.output[cell{}])
	}
}

// locate finds the cell of TestConformance/<backend>/<behaviour>, as the test runner writes names.
func (m *matrix) locate(test string) (cell, bool) {
	parts := strings.SplitN(test, "/", 3)
	if len(parts) < 2 || parts[0] != "TestConformance" {
		return cell{}, false
	}
	at := cell{column: strings.ReplaceAll(parts[1], "_", " ")}
	if len(parts) == 2 {
		return at, true
	}
	i := slices.IndexFunc(m.rows, func(r string) bool { return strings.ReplaceAll(r, " ", "_") == parts[2] })
	if i < 0 {
		return cell{}, false
	}
	at.row = m.rows[i]
	return at, true
}

// hear keeps what a test writes, and what it says for the matrix.
func (m *matrix) hear(at cell, text string) {
	if m.output[at] == nil {
		m.output[at] = &strings.Builder{}
	}
	m.output[at].WriteString(text)
	if _, peer, ok := strings.Cut(text, calltest.MarkPeer); ok {
		m.peers[at.column] = append(m.peers[at.column], strings.TrimSpace(peer))
	}
	for _, mark := range []string{calltest.MarkNotSupported, calltest.MarkCoarse} {
		if _, why, ok := strings.Cut(text, mark); ok {
			m.notes[at] = mark + strings.TrimSpace(why)
		}
	}
}

func (m *matrix) result(at cell, action string) string {
	note := m.notes[at]
	switch {
	case action == "fail":
		return fail
	case action == "pass" && strings.HasPrefix(note, calltest.MarkCoarse):
		return coarse
	case action == "pass":
		return pass
	case strings.HasPrefix(note, calltest.MarkNotSupported):
		return notSupported
	}
	return didNotRun
}

func (m *matrix) at(row, column string) string {
	if r, ok := m.cells[cell{row, column}]; ok {
		return r
	}
	return didNotRun
}

// count returns how many cells of a column say so.
func (m *matrix) count(column, result string) (n int) {
	for _, r := range m.rows {
		if m.at(r, column) == result {
			n++
		}
	}
	return n
}

// verdict returns an error unless every cell is a pass or not supported, and there is one.
func (m *matrix) verdict() error {
	if len(m.columns) == 0 {
		return errors.New("no backend ran the suite")
	}
	var errs []error
	for _, c := range m.columns {
		if failed, missing := m.count(c, fail), m.count(c, didNotRun); failed+missing > 0 {
			errs = append(errs, fmt.Errorf("%s: %d behaviours failed, %d did not run", c, failed, missing))
		}
	}
	return errors.Join(errs...)
}

// markdown draws the matrix, and under it why cells are coarse or not supported.
func (m *matrix) markdown() string {
	var b strings.Builder
	b.WriteString("# Call control: behaviour x backend\n\n")
	for _, c := range m.columns {
		with := "no other program takes part"
		if len(m.peers[c]) > 0 {
			with = strings.Join(m.peers[c], ", ")
		}
		fmt.Fprintf(&b, "- %s (%s): %d pass, %d coarse, %d fail, %d not supported, %d did not run\n", c, with,
			m.count(c, pass), m.count(c, coarse), m.count(c, fail), m.count(c, notSupported), m.count(c, didNotRun))
	}
	fmt.Fprintf(&b, "\n| behaviour | %s |\n|---|%s\n", strings.Join(m.columns, " | "), strings.Repeat("---|", len(m.columns)))
	for _, r := range m.rows {
		fmt.Fprintf(&b, "| %s |", r)
		for _, c := range m.columns {
			fmt.Fprintf(&b, " %s |", m.at(r, c))
		}
		b.WriteString("\n")
	}
	m.footnotes(&b)
	return b.String()
}

func (m *matrix) footnotes(b *strings.Builder) {
	b.WriteString("\n")
	for _, c := range m.columns {
		for _, r := range m.rows {
			if note := m.notes[cell{r, c}]; note != "" {
				fmt.Fprintf(b, "- %s, %s: %s\n", c, r, note)
			}
		}
	}
}
