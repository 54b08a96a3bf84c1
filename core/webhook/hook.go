// Package webhook tells other systems what happens, by a signed POST to an address of theirs.
//
//	event log ──cursor──► one job for each event ──► POST, in order per subject ──► settled: gone, or again later
//
// Each hook has its own cursor into the event log (core/event) and one goroutine, its courier. The courier turns events
// into jobs in the same transaction that moves the cursor, so that none is left out or told twice by two processes, and
// delivers what is due: first come first served within a subject (a call), side by side between subjects. At most
// [maxPending] jobs of a hook wait; beyond, its cursor stays, and the log keeps the rest.
//
// What fails is tried again after 5 s, 15 s, 1 min, 5 min, 15 min, 30 min, then each hour. After three days without one success
// the hook is disabled, which an event, the log and the metrics tell; enabled again, it goes on where it stopped. 410 Gone
// disables at once. Delivery is at least once: a receiver keeps the webhook-id that it has seen.
//
// Signatures and headers follow Standard Webhooks 1.0 (webhook-id, webhook-timestamp, webhook-signature). A secret that is
// replaced signs beside the new one for a day.
//
// Rejected: deliveries straight from the event readers without jobs (one slow receiver would need a place for each call that
// waits); one queue for all hooks (one dead receiver would fill it).
package webhook

import (
	"context"
	"time"

	"c2d/core/audit"
	"c2d/core/event"
	"c2d/core/job"
)

// Hook is one address that is told.
type Hook struct {
	ID           string       `json:"id"`
	Tenant       string       `json:"-"`
	Version      int64        `json:"version"` // of what an administrator has set
	Name         string       `json:"name"`
	URL          string       `json:"url"`
	Kinds        []event.Kind `json:"kinds"` // what it is told of; never empty
	Secrets      []Secret     `json:"-"`     // newest first, one or two
	CreatedAt    time.Time    `json:"created_at"`
	DisabledAt   time.Time    `json:"-"` // zero while it works
	Why          string       `json:"-"` // it was disabled: "failing", "gone", "ordered"
	FailingSince time.Time    `json:"-"` // first failure after the last success; zero when the last delivery succeeded
	Cursor       string       `json:"-"` // of the event log: up to where jobs were made
}

// Secret signs deliveries.
type Secret struct {
	Key   []byte    `json:"key"`
	Until time.Time `json:"until,omitzero"` // when a replaced one ends
}

// Attempt is one delivery that was tried.
type Attempt struct {
	At       time.Time     `json:"at"`
	Event    string        `json:"event"` // its id
	Kind     event.Kind    `json:"kind"`
	Try      int           `json:"try"`    // from 1
	Status   int           `json:"status"` // of the answer; 0 without one
	Error    string        `json:"error"`  // why there was none, or why it counts as failed; empty after a success
	Duration time.Duration `json:"duration"`
}

// Outcome is how an attempt changes what waits.
type Outcome struct {
	Attempt Attempt
	Job     job.Job
	Again   time.Time // when to try again; zero removes the job
}

// Store keeps hooks, their places in the log and what was tried. Errors: fault.CodeNotFound, fault.CodeConflict,
// fault.CodeStoreUnavailable. Safe for concurrent use.
type Store interface {
	job.Store
	// PutHook creates a hook (Version 0) or replaces what an administrator sets of one (its stored Version); it returns it
	// as stored. DisabledAt, Why and, of a new one, Cursor are set too; FailingSince begins anew.
	PutHook(ctx context.Context, h Hook, t audit.Trail) (Hook, error)
	Hook(ctx context.Context, tenant, id string) (Hook, error)
	// Hooks lists all of a tenant by id.
	Hooks(ctx context.Context, tenant string) ([]Hook, error)
	// DeleteHook removes a hook with its jobs and attempts.
	DeleteHook(ctx context.Context, tenant, id string, t audit.Trail) error
	// Advance moves the cursor on and puts the jobs, in one transaction; fault.CodeConflict unless it stood at from.
	Advance(ctx context.Context, tenant, id, from, to string, jobs []job.Job) error
	// Rewind removes the jobs and sets the cursor.
	Rewind(ctx context.Context, tenant, id, to string, t audit.Trail) error
	// Disable ends deliveries, sets the cursor and removes the jobs; fault.CodeNotFound if they had ended already.
	Disable(ctx context.Context, tenant, id, why string, at time.Time, to string, t audit.Trail) error
	// Settle notes an attempt and removes its job or puts it off. It returns FailingSince as it is then.
	Settle(ctx context.Context, tenant, id string, o Outcome) (failingSince time.Time, err error)
	// Attempts lists what was tried last, the newest first, limit at most; some hundred are kept for each hook.
	Attempts(ctx context.Context, tenant, id string, limit int) ([]Attempt, error)
	// Oldest returns the first job of a subject by id.
	Oldest(ctx context.Context, tenant string, k job.Kind, subject string) (job.Job, error)
	// Pending counts the jobs of a hook.
	Pending(ctx context.Context, tenant, id string) (int, error)
}
