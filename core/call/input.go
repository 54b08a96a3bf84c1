package call

import (
	"time"

	"c2d/core/audit"
)

// Input is what the step takes: an event of a leg, or one of the types of this file.
type Input interface{ input() }

// Started begins a call: its caller is rung, or an offered leg is taken up.
type Started struct{ Queue bool } // Queue: no place is free on the backend now

// Found begins a call for two legs that talk and have no record: see recover.go.
type Found struct{}

// Admitted says that a queued call has its place.
type Admitted struct{}

// Tick says that the time of the step has come: the deadlines that have passed by then are acted on.
type Tick struct{}

// LookedUp answers the LookUp action: how to reach the callee, or why not.
type LookedUp struct {
	Name     string
	Number   string
	Attempts []Attempt // without legs
	Failed   *Cause
}

// HangUpOrdered ends the call in any state.
type HangUpOrdered struct {
	By     By
	Reason Reason        // Cancelled when empty; a connected call is Completed
	Audit  []audit.Entry // who ordered it, stored with the transition; nil for nobody outside
}

// HandedOver says that a leg which talks here goes on in another call: its phone's peer has transferred it. Both calls are
// stored in one transaction: see transfer.go.
type HandedOver struct{ Leg string }

// LinkChanged says that the connection to the call's backend was lost or is back.
type LinkChanged struct{ Up bool }

// Seen is what the backend knew of our legs when its connection came back.
// Legs that were created after it was asked may be missing from it.
type Seen struct {
	Asked time.Time
	Legs  map[string]LegInfo
}

// Restarted is the first input after our own process was started again.
type Restarted struct{}

// NotDurable says that the store did not take a transition that would have rung a phone or joined two people.
type NotDurable struct{}

func (Started) input()       {}
func (Found) input()         {}
func (Admitted) input()      {}
func (Tick) input()          {}
func (LookedUp) input()      {}
func (HangUpOrdered) input() {}
func (LinkChanged) input()   {}
func (HandedOver) input()    {}
func (Seen) input()          {}
func (Restarted) input()     {}
func (NotDurable) input()    {}
func (RecordOrdered) input() {}
func (LegEvent) input()      {}

// Op is what an action does; the words are those of [Backend].
type Op string

const (
	OpOriginate Op = "originate"
	OpLookUp    Op = "look_up" // core/dial, not the backend
	OpJoin      Op = "join"
	OpPart      Op = "part"
	OpRingBack  Op = "ring_back"
	OpQuiet     Op = "quiet" // ring-back off
	OpTell      Op = "tell"
	OpAskKey    Op = "ask_key"
	OpHangUp    Op = "hang_up"
	OpRing      Op = "ring"
	OpAnswer    Op = "answer"
	OpRefuse    Op = "refuse"

	OpRecord     Op = "record"
	OpStopRecord Op = "stop_record"
)

// Action is what the step wants done.
type Action struct {
	Op     Op
	Leg    string
	Peer   string // join: the other leg; originate: the leg that it will be joined to
	Reason Reason // hang_up, refuse, tell

	Recording string // record, stop_record: its name
}

// releases reports whether the action only lets go: such actions never wait for the store.
func (a Action) releases() bool {
	return a.Op == OpHangUp || a.Op == OpRefuse || a.Op == OpQuiet || a.Op == OpStopRecord
}

// binds reports whether the action can make a phone ring, join two people or listen to them: it is done once it is durable.
func (a Action) binds() bool {
	return a.Op == OpOriginate || a.Op == OpJoin || a.Op == OpAnswer || a.Op == OpPart || a.Op == OpRecord
}

// Limits of the step that no request changes.
const (
	queueLimit   = 5 * time.Second
	confirmLimit = 20 * time.Second
	lookUpLimit  = 5 * time.Second
	joinLimit    = 10 * time.Second
	tellLimit    = 6 * time.Second
	releaseLimit = 40 * time.Second // beyond 64*T1 (RFC 3261 timers B and F), in which a lost BYE ends by itself
)
