// Package job is work that is done later and, when it fails, again: deliveries of web hooks, and whatever else must
// outlive the process that wanted it. All kinds share one table of the store.
//
// Jobs of one line are done one after the other, in the order of their ids; jobs of different lines do not wait for each
// other. Each is done at least once: a process that dies in the middle leaves its lease to run out.
package job

import (
	"context"
	"encoding/json"
	"time"
)

// Kind says whose work a job is.
type Kind string

// Webhook is the delivery of one event to one web hook.
const Webhook Kind = "webhook"

// Job is one piece of work. Data holds ids and last digits only.
type Job struct {
	Tenant    string
	Kind      Kind
	ID        string // orders the jobs of a line; one that is there already is not put again
	Subject   string // id of what it is for
	Line      string // what is done one after the other, within the subject
	Data      json.RawMessage
	Attempts  int // that have failed
	NotBefore time.Time
}

// Store keeps jobs; what puts and ends them stands with the port of each kind, in one transaction with what it
// changes beside them. Errors: fault.CodeStoreUnavailable. Safe for concurrent use.
type Store interface {
	// Claim gives up to limit jobs of a subject to the caller alone until the lease ends: of each line the first, if it is
	// due and nobody has it.
	Claim(ctx context.Context, tenant string, k Kind, subject string, now time.Time, lease time.Duration, limit int) ([]Job, error)
	// Next returns when Claim will next have something to give, by time alone; found is false if there are no jobs.
	Next(ctx context.Context, tenant string, k Kind, subject string) (at time.Time, found bool, err error)
}
