package call

import (
	"log/slog"
	"time"

	"c2d/core/access"
	"c2d/core/identity"
)

// State is where a call is. [Ended] is final.
type State string

const (
	Queued        State = "queued"         // admitted; waits for a free place on its backend, 5 s at most
	RingingCaller State = "ringing_caller" // the caller's own phone rings
	Confirming    State = "confirming"     // the caller has answered and is asked to press a key
	RingingCallee State = "ringing_callee" // the callee is looked up and rung; the caller hears ring-back
	Connecting    State = "connecting"     // both have answered; the backend joins them
	Connected     State = "connected"      // joined: the two talk
	Ended         State = "ended"
)

// Reason says why a call or a leg ended. The words are the same whatever the backend.
type Reason string

const (
	Completed         Reason = "completed" // the two talked, and one hung up
	Cancelled         Reason = "cancelled" // given up before they talked
	NoAnswer          Reason = "no_answer"
	Busy              Reason = "busy"
	Rejected          Reason = "rejected"
	Unreachable       Reason = "unreachable" // not registered, no reply, or switched off
	InvalidNumber     Reason = "invalid_number"
	Forbidden         Reason = "forbidden" // the network or PBX does not allow it
	Blocked           Reason = "blocked"   // the book does not allow it
	Congestion        Reason = "congestion"
	MediaFailed       Reason = "media_failed"
	NotConfirmed      Reason = "not_confirmed"
	Forwarded         Reason = "forwarded"
	Transferred       Reason = "transferred"
	MaxDuration       Reason = "max_duration"
	BackendFailed     Reason = "backend_failed"
	Lost              Reason = "lost"               // it vanished while nobody watched
	AnsweredElsewhere Reason = "answered_elsewhere" // legs only: another phone of the party won
)

// Side is a party of a call.
type Side string

const (
	NoSide     Side = ""
	CallerSide Side = "caller"
	CalleeSide Side = "callee"
)

// By says who ended a call.
type By string

const (
	ByCaller  By = "caller"  // the caller's phone, or its network
	ByCallee  By = "callee"  // the callee's phone, or its network
	ByAPI     By = "api"     // a client of the HTTP API
	BySystem  By = "system"  // a timer or a rule of ours
	ByBackend By = "backend" // the phone system behind us
)

// Cause is why a leg ended, as the backend told it: one of our reasons, with the raw values where known.
type Cause struct {
	Reason Reason `json:"reason"`
	SIP    int    `json:"sip,omitempty"`  // SIP status, RFC 3261 section 21
	Q850   int    `json:"q850,omitempty"` // ITU-T Q.850 cause
	Text   string `json:"text,omitempty"` // the peer's own words, printable ASCII, 80 characters at most
	// NotRung says that it is proven that no phone rang (connection refused; a 5xx or Q.850 34, 38, 41, 42 before
	// any 18x; no binding): only then may the next way be tried.
	NotRung bool `json:"not_rung,omitempty"`
}

// End is the one outcome of a call.
type End struct {
	Cause
	Side Side `json:"side,omitempty"`
	By   By   `json:"by"`
}

// LegState is where a leg is.
type LegState string

const (
	LegIntended LegState = "intended" // stored, perhaps sent
	LegTrying   LegState = "trying"
	LegRinging  LegState = "ringing"
	LegEarly    LegState = "early" // early media
	LegOffered  LegState = "offered"
	LegAnswered LegState = "answered"
	LegEnded    LegState = "ended"
)

// Way is one means to reach a device: an address on a backend.
type Way struct {
	Backend string `json:"backend"`           // configuration name
	Address string `json:"address"`           // what the backend dials: AOR, extension, number; personal data
	Contact string `json:"contact,omitempty"` // one registered phone of the AOR, as Locate found it; opaque to core
	Phone   bool   `json:"phone,omitempty"`   // one of several phones of the address that ring at once, where other ways of its backend are tried in order
}

// LogValue implements [slog.LogValuer]: the address is redacted.
func (w Way) LogValue() slog.Value {
	return slog.StringValue(w.Backend + ":" + identity.LastDigits(w.Address))
}

// Target is one device of a party and the ways to reach it, tried in order while it is proven that none has rung.
type Target struct {
	Device  string `json:"device,omitempty"` // device id; empty for a number that is nobody's device here
	Number  string `json:"number,omitempty"` // the number that it is reached by; personal data
	Confirm bool   `json:"confirm,omitempty"`
	Ways    []Way  `json:"ways"`
}

// Leg is one phone that rings, is offered, or talks.
type Leg struct {
	ID         string    `json:"id"` // chosen and stored by core before anything is sent; see identity.Origin
	Target     int       `json:"target"`
	Way        Way       `json:"way"`
	WayIndex   int       `json:"way_index"`
	Handle     string    `json:"handle,omitempty"` // the backend's own name for it, if it has one
	State      LegState  `json:"state"`
	Rang       bool      `json:"rang,omitempty"`
	Forwarded  bool      `json:"forwarded,omitempty"`
	Held       bool      `json:"held,omitempty"`
	CreatedAt  time.Time `json:"created_at"`
	RingingAt  time.Time `json:"ringing_at,omitzero"`
	AnsweredAt time.Time `json:"answered_at,omitzero"`
	EndedAt    time.Time `json:"ended_at,omitzero"`
	End        *Cause    `json:"end,omitempty"`
	JoinedTo   string    `json:"joined_to,omitempty"` // leg id
	HangUp     Reason    `json:"hang_up,omitempty"`   // set once core has ordered its end, and why
	Resume     []byte    `json:"resume,omitempty"`    // opaque to core: what the backend needs after a restart
}

// Open reports whether the leg still exists, as far as core knows.
func (l *Leg) Open() bool { return l.State != LegEnded }

// Attempt is a set of targets whose legs ring at once. Legs grows when a target's next way is tried.
type Attempt struct {
	Targets []Target `json:"targets"`
	Legs    []Leg    `json:"legs,omitempty"`
}

// Party is one side of a call: who it is, and the attempts to reach it, in order.
type Party struct {
	UserID    string    `json:"user_id,omitempty"`
	ContactID string    `json:"contact_id,omitempty"`
	Name      string    `json:"name,omitempty"`     // to show on the other's display; personal data
	Number    string    `json:"number,omitempty"`   // normalised; personal data
	Attempts  []Attempt `json:"attempts,omitempty"` // the callee's are empty until the caller has answered
	Current   int       `json:"current"`            // index of the attempt that runs or ran last
	RingLimit Seconds   `json:"ring_limit_s"`
}

// LogValue implements [slog.LogValuer].
func (p Party) LogValue() slog.Value { return slog.StringValue("party " + p.UserID + p.ContactID) }

// Seconds is a duration in whole seconds, as stored and as told to outsiders.
type Seconds int

// Duration returns it as a [time.Duration].
func (s Seconds) Duration() time.Duration { return time.Duration(s) * time.Second }

// Flag is what a call is beside its state.
type Flag string

const (
	Unsure    Flag = "unsure"    // its backend is lost; what we know may be out of date
	Recovered Flag = "recovered" // found talking without a record, and adopted
	Adopted   Flag = "adopted"   // begun by a phone or dialplan, not by us
	Outside   Flag = "outside"   // adopted from a network outside: it reaches phones of ours only, and is not sent out again
)

// Timer names a deadline of a call.
type Timer string

const (
	QueueTimer   Timer = "queue"
	CallerTimer  Timer = "ring_caller"
	ConfirmTimer Timer = "confirm"
	LookUpTimer  Timer = "look_up"
	CalleeTimer  Timer = "ring_callee"
	JoinTimer    Timer = "join"
	TalkTimer    Timer = "talk"
	TellTimer    Timer = "tell"    // the caller hears why the callee cannot be reached
	ReleaseTimer Timer = "release" // after the end: legs that have not ended by then are ordered to again
)

// Call is the whole record of one call: what the pure step reads and writes, what the store keeps, what the API shows.
// It is a value; the step returns a new one.
type Call struct {
	ID        string            `json:"id"`
	Tenant    string            `json:"tenant"`
	Version   int64             `json:"version"` // one higher at each transition, from 1; what follows closely is stored as one
	Node      string            `json:"node"`
	Epoch     int64             `json:"epoch"`
	State     State             `json:"state"`
	Flags     []Flag            `json:"flags,omitempty"`
	Caller    Party             `json:"caller"`
	Callee    Party             `json:"callee"`
	Backend   string            `json:"backend"`  // configuration name of the one that carries it: that of the caller's leg
	LegBase   string            `json:"leg_base"` // its leg ids are this, a hyphen and a count; see identity.Origin.LegID
	Confirm   ConfirmPolicy     `json:"confirm"`
	Confirmed bool              `json:"confirmed,omitempty"`
	Present   string            `json:"present,omitempty"` // number to show to the callee
	Context   map[string]string `json:"context,omitempty"` // the HIS's own, kept as given: visit, patient
	Priority  string            `json:"priority,omitempty"`
	TalkLimit Seconds           `json:"talk_limit_s"`
	PlacedBy  PlacedBy          `json:"placed_by"`

	CreatedAt        time.Time `json:"created_at"`
	UpdatedAt        time.Time `json:"updated_at"`
	CallerAnsweredAt time.Time `json:"caller_answered_at,omitzero"`
	CalleeAnsweredAt time.Time `json:"callee_answered_at,omitzero"`
	ConnectedAt      time.Time `json:"connected_at,omitzero"`
	EndedAt          time.Time `json:"ended_at,omitzero"`
	End              *End      `json:"end,omitempty"`

	Recordings []Recording `json:"recordings,omitempty"` // in the order of their orders

	CallerLeg string              `json:"caller_leg,omitempty"` // the leg that won
	CalleeLeg string              `json:"callee_leg,omitempty"`
	Timers    map[Timer]time.Time `json:"timers,omitempty"` // deadlines; durable, so that a restart keeps them
}

// PlacedBy is who placed the call, for the record.
type PlacedBy struct {
	KeyID      string `json:"key_id"`
	OnBehalfOf string `json:"on_behalf_of,omitempty"`
	RequestID  string `json:"request_id,omitempty"`
}

// PlacedByActor returns the stored form of an actor.
func PlacedByActor(a access.Actor) PlacedBy {
	return PlacedBy{KeyID: a.KeyID, OnBehalfOf: a.OnBehalfOf, RequestID: a.RequestID}
}

// ConfirmPolicy says when the caller is asked to press a key before the callee is rung.
type ConfirmPolicy string

const (
	ConfirmAuto   ConfirmPolicy = "auto" // when a mobile or an outside number answers, or the leg was forwarded
	ConfirmAlways ConfirmPolicy = "always"
	ConfirmNever  ConfirmPolicy = "never"
)

// Open reports whether anything of the call may still be alive: it has not ended, or a leg of it has not.
func (c *Call) Open() bool {
	if c.State != Ended {
		return true
	}
	for l := range c.Legs {
		if l.Open() {
			return true
		}
	}
	return false
}

// CallerRings reports whether the caller's phone rings, or is about to.
func (c *Call) CallerRings() bool {
	return c.State == Queued || c.State == RingingCaller || c.State == Confirming
}

// Legs yields every leg, the caller's first, in order of creation, with its side. The pointers are into c.
func (c *Call) Legs(yield func(*Leg) bool) {
	for _, p := range []*Party{&c.Caller, &c.Callee} {
		for a := range p.Attempts {
			for i := range p.Attempts[a].Legs {
				if !yield(&p.Attempts[a].Legs[i]) {
					return
				}
			}
		}
	}
}

// Find returns the leg with that id, the side it is on, and its target; nil if there is none.
func (c *Call) Find(legID string) (*Leg, Side, *Target) {
	for _, s := range []Side{CallerSide, CalleeSide} {
		p := c.Party(s)
		for a := range p.Attempts {
			for i := range p.Attempts[a].Legs {
				if l := &p.Attempts[a].Legs[i]; l.ID == legID {
					return l, s, &p.Attempts[a].Targets[l.Target]
				}
			}
		}
	}
	return nil, NoSide, nil
}

// Party returns the party of a side.
func (c *Call) Party(s Side) *Party {
	if s == CalleeSide {
		return &c.Callee
	}
	return &c.Caller
}

// Has reports whether the flag is set.
func (c *Call) Has(f Flag) bool {
	for _, g := range c.Flags {
		if g == f {
			return true
		}
	}
	return false
}
