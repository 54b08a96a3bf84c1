package call

import (
	"context"
	"errors"
	"time"

	"c2d/core/audit"
)

// Store keeps calls durably. Safe for concurrent use; every method is bound to one tenant but Open.
// Errors: fault.CodeNotFound, fault.CodeBadCursor, fault.CodeStoreUnavailable; others as each method says.
type Store interface {
	// Create stores a new call at Version 1 with the trail and, if idem is not nil, the idempotency row, all or
	// nothing. Errors: *[Replay] when the key was used; fault.CodeCallerBusy with the detail "call"
	// when the same caller's phone already rings for another call (Call.CallerRings).
	Create(ctx context.Context, c Call, idem *Idempotency, t audit.Trail) error
	// Save stores a later version; some between may never be stored. Errors: fault.CodeConflict unless the stored
	// version is a lower one, and node and epoch are the stored ones.
	// back is nil for what is waited for. Else the change may be stored with the next one of anybody, within 100 ms at the
	// latest; once back is closed it is taken back, with ErrTakenBack, unless it is being stored already.
	Save(ctx context.Context, c Call, t audit.Trail, back <-chan struct{}) error
	// TakeOver stores a new call at Version 1, as Create does, and the later versions of those that it takes its legs from,
	// as Save does, all or nothing. All are of one tenant.
	TakeOver(ctx context.Context, c Call, from []Call, t audit.Trail) error
	Get(ctx context.Context, tenant, id string) (Call, error)
	List(ctx context.Context, q Query) (items []Call, next string, err error)
	// Replayed returns the row of a used key that has not expired; fault.CodeNotFound if there is none.
	Replayed(ctx context.Context, tenant, keyID, key string) (Idempotency, error)
	// Open returns every call of the node whose Call.Open is true, of all tenants: for the start after a crash.
	Open(ctx context.Context, node string) ([]Call, error)
}

// ErrTakenBack says that a change was taken back, and nothing of it is stored: a later one of the same call says it, too.
var ErrTakenBack = errors.New("the change was taken back before it was stored")

// Idempotency is one used key. Its scope is tenant and API key; it is kept for 7 days.
type Idempotency struct {
	Tenant    string
	KeyID     string
	Key       string // 1 to 255 printable ASCII characters
	BodyHash  string // SHA-256 of the request's canonical body, hex
	CallID    string
	ExpiresAt time.Time
}

// Replay says that an idempotency key was used before: by Row.
type Replay struct{ Row Idempotency }

func (r *Replay) Error() string { return "idempotency key was used for call " + r.Row.CallID }

// Query selects calls of a tenant, newest first. Empty fields do not narrow.
type Query struct {
	Tenant  string
	Active  bool
	UserID  string            // the caller's user
	Context map[string]string // each must be equal; at most 4
	After   string            // keyset cursor
	Limit   int               // 1 to 500
}
