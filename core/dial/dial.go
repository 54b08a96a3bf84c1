// Package dial is click-to-dial itself: it decides who calls whom, on which devices, over which backends, and answers
// the look-up that a call asks for once its caller has answered.
package dial

import (
	"context"

	"c2d/core/access"
	"c2d/core/call"
	"c2d/core/identity"
)

// Ref says whom a request means: exactly one of its fields is set.
type Ref struct {
	ID         string               `json:"id,omitempty"`         // user id or contact id
	Identifier *identity.Identifier `json:"identifier,omitempty"` // the HIS's own key
	Number     string               `json:"number,omitempty"`     // as typed
	URI        string               `json:"uri,omitempty"`        // sip: or tel:
	Name       string               `json:"name,omitempty"`       // callee: exact name or alias; caller: login
}

// ParseRef reads the short form, a string: a URI, a + number, a user's login (caller) or a name with a letter (callee).
// Errors: fault.CodeKindUnclear for bare digits, fault.CodeInvalid for an empty one; both with the field.
func ParseRef(field, s string) (Ref, error) { panic("todo") }

// Request asks for a call.
type Request struct {
	Caller         Ref
	Callee         Ref
	Devices        []string // ids of the caller's devices to ring at once; empty is the default one
	Present        string   // number to show to the callee
	Context        map[string]string
	CallerRing     call.Seconds // 0 is the configured one
	CalleeRing     call.Seconds
	TalkLimit      call.Seconds
	Confirm        call.ConfirmPolicy // empty is auto
	Priority       string
	IdempotencyKey string
	BodyHash       string // of the canonical body, for IdempotencyKey
}

// Resolution is whom and how a call would reach.
type Resolution struct {
	UserID    string   `json:"user_id,omitempty"`
	ContactID string   `json:"contact_id,omitempty"`
	Name      string   `json:"name,omitempty"`
	Number    string   `json:"number,omitempty"`
	Blocked   bool     `json:"blocked,omitempty"`
	Backends  []string `json:"backends"`
	Reachable string   `json:"reachable"` // yes, no, unknown
}

// Service places calls. Safe for concurrent use.
type Service struct{}

// Place admits a call, stores it and begins to ring the caller. It returns when the call and its first legs are
// durable, whatever rings then. replayed says that the idempotency key was used: the call is that of the first use.
// Errors: fault.CodeScopeMissing, CodeForbidden, CodeCallerUnknown, CodeCalleeUnknown, CodeAmbiguous (detail
// "candidates"), CodeKindUnclear, CodeInvalidNumber, CodeEmergencyNumber, CodeNumberDenied, CodeBlocked, CodeNoRoute,
// CodeSameParty, CodeCallerBusy (detail "call"), CodeCallerOffline, CodeCallerNoDevice, CodeIdempotencyMismatch,
// CodeRateLimited, CodeCongestion, CodeStoreUnavailable, CodeBackendUnavailable, CodeShuttingDown; those of input carry the field.
func (s *Service) Place(ctx context.Context, a access.Actor, r Request) (c call.Call, replayed bool, err error) {
	panic("todo")
}

// Resolve says whom and how a call to ref would reach, dialling nothing. It is audited.
func (s *Service) Resolve(ctx context.Context, a access.Actor, caller *Ref, callee Ref) (Resolution, error) {
	panic("todo")
}

// Get returns a call that the actor may see; fault.CodeNotFound otherwise.
func (s *Service) Get(ctx context.Context, a access.Actor, id string) (call.Call, error) {
	panic("todo")
}

// List returns calls that the actor may see, newest first.
func (s *Service) List(ctx context.Context, a access.Actor, q call.Query) (items []call.Call, next string, err error) {
	panic("todo")
}

// HangUp ends a call in any state and returns it ended; a call that has ended already is returned as it is.
func (s *Service) HangUp(ctx context.Context, a access.Actor, id string) (call.Call, error) {
	panic("todo")
}
