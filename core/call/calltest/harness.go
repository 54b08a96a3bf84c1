package calltest

import (
	"testing"

	"c2d/core/call"
)

// Harness is one phone system with its phones, for one behaviour. It ends what it began with t.Cleanup. Its methods are
// called from the test's goroutine, but for those of phones, which must be safe for concurrent use.
type Harness interface {
	// Name is the configuration name by which ways reach the backend.
	Name() string
	// Open returns the backend of a new process of ours, not started. After Crash it is one that takes the place of the
	// former: phones reach it where they reached that. The suite stops it.
	Open(t *testing.T) call.Backend
	// Crash ends the process of the last Open as kill -9 does: no phone is told.
	Crash(t *testing.T)
	// Phone adds a phone that does as it is told, and otherwise what its owner does.
	Phone(t *testing.T, does Does) Phone
	// Lose cuts the connection to the phone system, Restore brings it back. Only with Abilities.Lose.
	Lose()
	Restore()
}

// Archive is a [Harness] of a backend with Capabilities.Record.
type Archive interface {
	// Recorded waits until a recording is complete, and fails the test unless it holds what each of the two phones said, left
	// and right unless they are Mixed. Only with Abilities.Sound.
	Recorded(t *testing.T, name string, left, right Phone)
	// BreakRecordings lets every recording that is ordered from now on fail.
	BreakRecordings(t *testing.T)
}

// Phone is one telephone and its owner. What cannot be done in its present state fails the test.
type Phone interface {
	Address() string // what a way to it dials
	Lift(t *testing.T)
	PutDown(t *testing.T) // hangs up, refuses what rings, gives up what it dials; nothing if it is at rest
	Idle() bool           // neither rings nor talks
	Rang() int            // how often it was rung
	Wake(t *testing.T)    // one that is Late rings now, if it is called still
	// The rest is by ability.
	Press(t *testing.T, keys string)
	Hold(t *testing.T, on bool)
	Dial(t *testing.T, number string)
	Hears(t *testing.T, other Phone)     // waits until it does
	HearsTone(t *testing.T)              // waits until it hears what no phone of the harness says
	HearsKeys(t *testing.T, keys string) // waits until these were pressed towards it, in order, and no others
}

// Does is what a phone does by itself.
type Does string

const (
	Rings     Does = "rings" // until somebody does something
	Answers   Does = "answers"
	Busy      Does = "busy"
	Rejects   Does = "rejects"
	Offline   Does = "offline" // no phone is there
	Unknown   Does = "unknown" // the number is nobody's
	Congested Does = "congested"
	Early     Does = "early"     // plays early media and never answers
	Redirects Does = "redirects" // 302
	Forwards  Does = "forwards"  // 181, then rings
	Silent    Does = "silent"    // no sign of life
	Late      Does = "late"      // silent until Wake; Rang counts how often it is called
)

// Abilities say which behaviours a harness can show. What it cannot is "not supported" in the matrix.
type Abilities struct {
	Sound    bool // phones say and hear tones
	Anchored bool // the caller's sound is with the backend while the callee rings: it hears ring-back, its keys are told
	Keys     bool // Phone.Press
	Holds    bool // Phone.Hold
	Dials    bool // Phone.Dial
	Forwards bool // the phone system tells that it forwards
	Lose     bool // Lose and Restore
	Outlives bool // its legs go on, and can be listed, when our process and our records are gone
	Mixed    bool // a recording keeps both voices in one channel
	Twins    bool // the harness is [Twins]
	Refers   bool // phones are [Referrer], and the phone system obeys them by itself
	// Coarse holds, for a reason that the backend cannot tell apart, what it tells instead: see the table in doc.go.
	Coarse map[call.Reason]call.Reason
}

// Suite is one backend's run.
type Suite struct {
	Backend string   // its column in the matrix
	Peers   []string // name and version of each real program that takes part; none for a fake
	Can     Abilities
	Open    func(t *testing.T) Harness
	Store   func(t *testing.T) call.Store              // an empty one; nil is in memory
	Around  func(t *testing.T, run func(t *testing.T)) // such as synctest.Test; nil runs as it is
}
