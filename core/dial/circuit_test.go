package dial

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"c2d/core/call"
	"c2d/core/fault"
)

// carriers is a hospital whose phones reach the outside over two carriers, on a clock of the test's.
func carriers(t *testing.T) (s *Service, over func() []string, pass func(time.Duration)) {
	s, w, a := hospital(t)
	now := s.cfg.Now()
	s.cfg.Now = func() time.Time { return now }
	change(s, func(p *Plan) {
		p.Entries = append(p.Entries, Entry{Name: "ims", Backend: w.house}, Entry{Name: "line", Backend: w.house})
	})
	over = func() (names []string) {
		t.Helper()
		c, _, err := s.Place(t.Context(), a, Request{Caller: Ref{Name: "harry"}, Callee: Ref{Number: "+4930123456"}})
		if err != nil {
			t.Fatal(err)
		}
		found, err := s.LookUp(t.Context(), c)
		if err != nil || len(found.Attempts) != 1 || len(found.Attempts[0].Targets) != 1 {
			t.Fatalf("%v %+v", err, found)
		}
		for _, w := range found.Attempts[0].Targets[0].Ways {
			names = append(names, w.Backend)
		}
		return names
	}
	return s, over, func(d time.Duration) { now = now.Add(d) }
}

var (
	refused = &call.Cause{Reason: call.BackendFailed, NotRung: true}
	full    = &call.Cause{Reason: call.Congestion, SIP: 503, NotRung: true}
	busy    = &call.Cause{Reason: call.Busy, SIP: 486}
)

func repeat(s *Service, entry string, why *call.Cause, times int) {
	for range times {
		s.Outcome(entry, why)
	}
}

// TestACarrierThatCarriesNothingIsPassedBy: after its failures, until a pause has passed and a call went through.
func TestACarrierThatCarriesNothingIsPassedBy(t *testing.T) {
	s, over, pass := carriers(t)
	goes := func(want ...string) {
		t.Helper()
		if got := over(); !slices.Equal(got, want) {
			t.Errorf("goes over %v, want %v", got, want)
		}
	}
	repeat(s, "ims", refused, failuresInARow-1)
	goes("ims", "line")
	s.Outcome("ims", full)
	goes("line")
	if err := s.Open("ims"); !fault.Is(err, fault.CodeBackendUnavailable) || s.Open("line") != nil {
		t.Errorf("%v, %v", err, s.Open("line"))
	}
	pass(openFor)
	goes("ims", "line")
	s.Outcome("ims", refused) // the first try fails
	goes("line")
	pass(openFor)
	s.Outcome("ims", busy)
	repeat(s, "ims", refused, failuresInARow-1) // begins anew
	goes("ims", "line")
}

// TestWhatOpensNoCircuit is what phones say, and what is not known.
func TestWhatOpensNoCircuit(t *testing.T) {
	for name, why := range map[string]*call.Cause{
		"busy": busy, "silence": {Reason: call.Unreachable}, "nobody registered": {Reason: call.Unreachable, NotRung: true},
		"503 after 180": {Reason: call.Congestion, SIP: 503}, "our own limit": {Reason: call.Congestion, NotRung: true}, "rings": nil,
	} {
		s, over, _ := carriers(t)
		repeat(s, "ims", why, 3*failuresInARow)
		if got := over(); got[0] != "ims" {
			t.Errorf("%s: goes over %v", name, got)
		}
	}
	s, _, _ := carriers(t)
	repeat(s, "house", full, 3*failuresInARow)
	if err := s.Open("house"); err != nil {
		t.Errorf("a phone that says 503: %v", err)
	}
	repeat(s, "ims", refused, failuresInARow-1)
	s.Outcome("ims", nil)
	repeat(s, "ims", refused, failuresInARow-1)
	if err := s.Open("ims"); err != nil {
		t.Errorf("not in a row: %v", err)
	}
}

// TestTheLastWayIsTriedAllTheSame: to refuse would be no better.
func TestTheLastWayIsTriedAllTheSame(t *testing.T) {
	s, over, _ := carriers(t)
	repeat(s, "ims", refused, failuresInARow)
	repeat(s, "line", refused, failuresInARow)
	if got := over(); !slices.Equal(got, []string{"ims", "line"}) {
		t.Errorf("goes over %v", got)
	}
}

// TestACarrierThatIsDownIsPassedBy asks its health before the call goes there.
func TestACarrierThatIsDownIsPassedBy(t *testing.T) {
	s, over, _ := carriers(t)
	down := errors.New("no answer to OPTIONS")
	change(s, func(p *Plan) { p.Entries[2].Health = func(context.Context) error { return down } })
	if got := over(); !slices.Equal(got, []string{"line"}) {
		t.Errorf("goes over %v", got)
	}
	down = nil
	if got := over(); !slices.Equal(got, []string{"ims", "line"}) {
		t.Errorf("goes over %v", got)
	}
}
