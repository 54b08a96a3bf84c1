package calltest

import (
	"fmt"
	"slices"
	"testing"
)

// What the suite writes into the log of a test, for the program that draws the matrix.
const (
	MarkPeer         = "conformance peer: "
	MarkNotSupported = "not supported: "
	MarkCoarse       = "coarse: "
)

// behaviour is one row of the matrix.
type behaviour struct {
	name string
	run  func(*stage)
}

// all returns the rows in the order of the matrix.
func all() []behaviour {
	return slices.Concat(talks(), reached(), released(), cancelled(), together(), atOneAddress(), offered(), disordered(), limited(),
		able(), attended(), referred(), consulted(), lostAndRestored(), restarted(), crowded())
}

// Behaviours returns the names of the rows in the order of the matrix.
func Behaviours() []string {
	var names []string
	for _, b := range all() {
		names = append(names, b.name)
	}
	return names
}

// Run runs the suite for one backend: each behaviour is the subtest <Backend>/<behaviour>.
func Run(t *testing.T, s Suite) {
	if s.Around == nil {
		s.Around = func(t *testing.T, run func(*testing.T)) { run(t) }
	}
	t.Run(s.Backend, func(t *testing.T) {
		for _, p := range s.Peers {
			t.Log(MarkPeer + p)
		}
		for _, b := range all() {
			t.Run(b.name, func(t *testing.T) { s.show(t, b) })
		}
	})
}

// show runs one behaviour. A synctest bubble does not tell the test around it that it was skipped, so that is done here.
func (s Suite) show(t *testing.T, b behaviour) {
	lacks := ""
	s.Around(t, func(t *testing.T) {
		stage := newStage(t, s)
		defer func() { lacks = stage.lacks }()
		b.run(stage)
		stage.settle()
	})
	if lacks != "" {
		t.Skip(MarkNotSupported + lacks)
	}
}

// needs ends the behaviour as not supported unless there is what it needs.
func (s *stage) needs(there bool, what string) {
	if !there {
		s.lacks = what
		s.t.Skip(MarkNotSupported + what)
	}
}

// coarse notes that the backend cannot tell what happened more exactly.
func (s *stage) coarse(what string, a ...any) { s.t.Log(MarkCoarse + fmt.Sprintf(what, a...)) }
