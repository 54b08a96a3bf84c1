// Package event is the one durable log of what happened, and the cursors that read it.
//
// Events are written in the transaction of the change that they tell of. They hold ids and last digits only; a reader
// fills in what its own client may see from the record. Delivery is at least once, in order per subject.
package event

import (
	"context"
	"time"
)

// Kind is a stable word such as "call.connected". Outsiders ignore kinds that they do not know.
type Kind string

const (
	CallCreated   Kind = "call.created"
	CallChanged   Kind = "call.changed" // any transition that has no kind of its own
	CallRinging   Kind = "call.ringing" // data.party says whose phone
	CallAnswered  Kind = "call.answered"
	CallConnected Kind = "call.connected"
	CallRecording Kind = "call.recording" // data.recording is its id, data.recording_state running, ended or failed
	CallEnded     Kind = "call.ended"     // data.reason, data.side, data.by
	UserChanged   Kind = "user.changed"
	DeviceChanged Kind = "device.changed"
	BookChanged   Kind = "contact.changed"
	KeyChanged    Kind = "key.changed"
	BackendLost   Kind = "backend.lost"
	BackendUp     Kind = "backend.restored"

	WebhookChanged  Kind = "webhook.changed"
	WebhookDisabled Kind = "webhook.disabled" // data.why: failing for three days, or gone
)

// Event is one entry of the log.
type Event struct {
	Seq     int64             `json:"-"`  // position in the log; ascending in commit order; given by the store
	ID      string            `json:"id"` // opaque cursor made from Seq; given by the store
	Tenant  string            `json:"-"`
	Kind    Kind              `json:"kind"`
	Subject string            `json:"subject"`           // id of the call, user, contact, key
	UserID  string            `json:"user_id,omitempty"` // the user whom it concerns (a call's caller), for filtering
	Version int64             `json:"version,omitempty"` // version of the subject after the change
	At      time.Time         `json:"at"`
	Data    map[string]string `json:"data,omitempty"`
}

// Filter narrows a read; empty fields do not.
type Filter struct {
	Tenant  string // required
	Subject string
	UserID  string
	Kinds   []Kind
}

// Log reads the durable log. Safe for concurrent use.
type Log interface {
	// Read returns up to limit events after the cursor, oldest first, and the cursor to go on from (which moves on
	// past events that the filter leaves out). An empty cursor reads from the start of what is retained.
	// Errors: fault.CodeBadCursor for one that is no cursor; reset is true when events after it are gone already,
	// and the read then starts at the oldest retained.
	Read(ctx context.Context, f Filter, after string, limit int) (page Page, err error)
	// Head returns the cursor of the newest event.
	Head(ctx context.Context, tenant string) (string, error)
	// Changed returns a channel that is closed at the next commit of events; ask again after it closes.
	Changed() <-chan struct{}
}

// Page is what one read returned.
type Page struct {
	Events []Event
	Next   string
	Reset  bool
}
