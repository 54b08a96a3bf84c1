package call

import (
	"context"
	"time"
)

// Backend is a phone system that carries calls: Asterisk, FreeSWITCH, native SIP, or the simulator.
//
// Operations return when they are handed over; what comes of them is told as [LegEvent]s, in order per leg, at least
// once. SDP never crosses the port. All methods are safe for concurrent use; ctx bounds the handing over only.
// An operation on a leg that is gone returns nil: its Ended event was or will be told.
// Errors: fault.CodeBackendUnavailable when the system is known to be down, fault.CodeNotSupported for a capability
// that [Capabilities] does not declare.
type Backend interface {
	// Name is the backend's own name: two configured names with the same Backend behind them can be joined.
	Name() string
	Capabilities() Capabilities
	// Start begins to tell events to the sink and takes up the legs of calls that a former process left open; a leg
	// that is gone is told as Ended(Lost). It is called once, before every other method.
	Start(ctx context.Context, sink Sink, open []OpenLeg) error
	// Locate expands a way into those that would ring now: one for each registered phone. None means known to be
	// offline; a backend that cannot know returns the way as it is. One that reaches any number returns the ways to it in
	// the order of trying: they lead to one phone, and the next is for when it is proven that it did not ring.
	// Ways with Phone are phones of their own there too.
	Locate(ctx context.Context, w Way) ([]Way, error)
	// Prepare decides what Originate will send and returns it, to be stored before anything is sent. It sends
	// nothing, and waits for nobody.
	Prepare(ctx context.Context, o Originate) (resume []byte, err error)
	// Originate rings a phone. It is called once for a leg id, after the intent is durable; nothing retries it.
	Originate(ctx context.Context, o Originate, resume []byte) error
	// Join lets two answered legs hear each other; Joined or JoinFailed follows, on the first of them.
	// Errors: fault.CodeBackendUnavailable when it is not known whether they do.
	Join(ctx context.Context, a, b string) error
	// RingBack plays the country's ring-back tone to an answered leg, until it is switched off, joined, or early
	// media of the leg that is to be joined to it replaces it.
	RingBack(ctx context.Context, leg string, on bool) error
	// Tell plays what a reason sounds like (busy, congestion, the information tone) to an answered leg, once;
	// PromptDone follows.
	Tell(ctx context.Context, leg string, why Reason) error
	// AskKey plays the request to press a key; DTMF events follow. Only with Capabilities.Confirm.
	AskKey(ctx context.Context, leg string) error
	// HangUp ends a leg in any state: a ringing phone stops, a talking one is released. Ended follows.
	HangUp(ctx context.Context, leg string, why Reason) error
	// Answer, Refuse and GiveBack are for offered legs; Ring tells the phone that called that it rings.
	Ring(ctx context.Context, leg string) error
	Answer(ctx context.Context, leg string) error
	Refuse(ctx context.Context, leg string, why Reason) error
	GiveBack(ctx context.Context, leg string) error
	// Snapshot lists the legs that exist now and are ours.
	Snapshot(ctx context.Context) ([]LegInfo, error)
	// Health returns nil when calls can be carried now, else why not.
	Health(ctx context.Context) error
	// Stop releases what rings and was not answered, leaves talking legs as they are, and ends within ctx. Idempotent.
	Stop(ctx context.Context) error
}

// Parter is a backend with Capabilities.Part.
type Parter interface {
	// Part takes an answered leg away from whom it is joined to. It goes on: it listens to us, and can be joined
	// again. Errors: fault.CodeConflict unless it is answered, fault.CodeCongestion when it cannot be carried.
	Part(ctx context.Context, leg string) error
}

// Holder is a backend with Capabilities.Hold.
type Holder interface {
	// Hold lets the one that the leg is joined to wait, as if the leg's own phone had asked for it: neither hears the
	// other, and who waits hears that it does. Switched off, the two hear each other again. Held, or Resumed, of the leg
	// follows; ordered twice it may be told once. Errors: fault.CodeConflict unless the leg is joined,
	// fault.CodeCongestion when it cannot be carried.
	Hold(ctx context.Context, leg string, on bool) error
}

// Keyer is a backend with Capabilities.SendDTMF.
type Keyer interface {
	// SendDTMF presses keys, of 0-9 * # A-D, towards the phone of a joined leg, one after the other and after those that are
	// being pressed. Nothing is told of it. Errors: fault.CodeConflict unless the leg is joined, fault.CodeCongestion when it
	// cannot be carried, or too many keys wait.
	SendDTMF(ctx context.Context, leg, keys string) error
}

// Recorder is a backend with Capabilities.Record. Where the sound lies, and as what, is the backend's; core keeps its name.
type Recorder interface {
	// Record begins to keep what the phone of a joined leg and the one that it is joined to say to each other, under a name
	// of [A-Za-z0-9-] that core chose: the leg's phone on the left, the other on the right, where the backend can. The parties
	// hear that they are recorded, as the backend's configuration says. Recording of the leg follows, or RecordFailed; ordered
	// again under the same name it goes on. It ends with StopRecord, and with the joining: a leg that is parted, or joined to
	// another, is not recorded any more. A recording that fails leaves the two talking. While one holds the other, silence
	// is kept, so that times stay right. A call that goes on after a restart of ours is recorded on.
	// Errors: fault.CodeConflict unless the leg is joined, or while it is recorded under another name.
	Record(ctx context.Context, leg, name string) error
	// StopRecord ends a recording; Recorded follows once it is complete, and of one that does not run too.
	StopRecord(ctx context.Context, leg, name string) error
}

// Capabilities are the optional abilities of a backend.
type Capabilities struct {
	Confirm   bool // AskKey, with DTMF events
	Hold      bool // implements [Holder]
	SendDTMF  bool // implements [Keyer]
	Record    bool // implements [Recorder]
	Offers    bool // tells Offered
	Part      bool // implements [Parter]: a party may hand its peer to a third one
	TalkLimit bool // enforces Originate.TalkLimit even if this process dies
}

// Originate is the order to ring one phone.
type Originate struct {
	Leg        string
	Tenant     string
	Way        Way
	Show       Shown         // what the phone's display shows
	RingLimit  time.Duration // the backend's own, a little longer than core's
	TalkLimit  time.Duration // where Capabilities.TalkLimit
	JoinTo     string        // the answered leg that it will be joined to; empty for the first
	AutoAnswer bool
}

// Shown is the other party as a display shows it. The backend refuses what it cannot send safely.
type Shown struct {
	Name   string
	Number string
}

// OpenLeg is a leg of a stored call that may still be alive.
type OpenLeg struct {
	Leg      string
	Way      Way
	State    LegState
	JoinedTo string
	Resume   []byte
}

// LegInfo is a leg as the backend sees it.
type LegInfo struct {
	Leg      string // our id
	Handle   string
	State    LegState
	JoinedTo string
	Since    time.Time
	Unsure   bool // it cannot be asked for now: the rest is not known. Link tells when it can
}

// Sink takes what a backend tells. Both return at once and never block on the store. Safe for concurrent use.
type Sink interface {
	Leg(LegEvent)
	// Link tells that the connection to the phone system was lost, or is back (then core asks for a Snapshot).
	Link(backend string, up bool)
}

// LegEventKind says what happened to a leg.
type LegEventKind string

const (
	EvOffered    LegEventKind = "offered" // a phone or dialplan hands us a call: From, To
	EvTrying     LegEventKind = "trying"
	EvRinging    LegEventKind = "ringing"
	EvEarlyMedia LegEventKind = "early_media"
	EvForwarded  LegEventKind = "forwarded" // the call goes on to another phone (SIP 181)
	EvAnswered   LegEventKind = "answered"
	EvJoined     LegEventKind = "joined"
	EvJoinFailed LegEventKind = "join_failed"
	EvParted     LegEventKind = "parted"
	EvDTMF       LegEventKind = "dtmf" // Digit
	EvPromptDone LegEventKind = "prompt_done"
	EvHeld       LegEventKind = "held"
	EvResumed    LegEventKind = "resumed"
	EvRecording  LegEventKind = "recording" // Recording, here and in the next two
	EvRecorded   LegEventKind = "recorded"
	EvRecordFail LegEventKind = "record_failed" // Text says why; what was kept until then stays
	EvMedia      LegEventKind = "media"         // Text says "direct" or "relay": the media path changed; for the record only
	EvResume     LegEventKind = "resume"        // nothing but a new Resume
	EvEnded      LegEventKind = "ended"         // Cause; the last event of a leg
)

// LegEvent is what a backend tells of a leg. Resume, when not nil, replaces what is stored for the leg, in the same
// transaction as the transition.
type LegEvent struct {
	Leg    string
	Kind   LegEventKind
	At     time.Time
	Handle string
	Peer   string // joined: the other leg
	Cause  Cause
	Digit  byte
	Text   string
	// Recording is the name of the one that is told of.
	Recording string
	From      string // offered: the AOR that the phone proved to be; with Outside the number that the network names, or nothing
	To        string // offered: what it dialled
	// Offered: the configured backend that the call came over; empty is the one that tells. Outside says that no phone of
	// ours has proved itself.
	Backend string
	Outside bool
	Resume  []byte
}
