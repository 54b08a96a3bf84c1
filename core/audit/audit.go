// Package audit is the append-only record of who did what, for whom and from where, chained by hashes.
// It is written in the transaction of the act; refused look-ups and reads of numbers are written too.
package audit

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"time"

	"c2d/core/access"
	"c2d/core/event"
)

// Entry is one act. It holds ids and last digits, never a name, a whole number or a text.
type Entry struct {
	Seq        int64     `json:"seq"` // position in the tenant's chain, from 1; given by the store
	Tenant     string    `json:"tenant"`
	At         time.Time `json:"at"`
	KeyID      string    `json:"key_id"`
	UserID     string    `json:"user_id,omitempty"`
	OnBehalfOf string    `json:"on_behalf_of,omitempty"`
	Address    string    `json:"address,omitempty"`
	RequestID  string    `json:"request_id,omitempty"`
	Action     string    `json:"action"`           // such as "call.place", "contact.read"
	Target     string    `json:"target,omitempty"` // id of what was acted on
	Result     string    `json:"result"`           // "ok" or a fault code
	Prev       string    `json:"prev"`             // Hash of the entry before, hex; empty for the first
	Hash       string    `json:"hash"`             // SHA-256 over the entry with its Prev, hex
}

// New returns an entry for an act of the actor; the store gives Seq, Prev and Hash.
func New(a access.Actor, at time.Time, action, target, result string) Entry {
	e := Entry{Tenant: a.Tenant, At: at.UTC().Truncate(time.Millisecond), KeyID: a.KeyID, UserID: a.UserID, OnBehalfOf: a.OnBehalfOf,
		RequestID: a.RequestID, Action: action, Target: target, Result: result}
	if a.Address.IsValid() {
		e.Address = a.Address.String()
	}
	return e
}

// Chain returns the entry as the successor of one with that hash.
func (e Entry) Chain(seq int64, prev string) Entry {
	e.Seq, e.Prev, e.Hash = seq, prev, ""
	b, _ := json.Marshal(e) // a struct of strings, integers and a time: cannot fail
	sum := sha256.Sum256(b)
	e.Hash = hex.EncodeToString(sum[:])
	return e
}

// Trail is what a change leaves behind; the store writes it in the same transaction.
type Trail struct {
	Audit  []Entry
	Events []event.Event
}

// Store keeps the chain. Safe for concurrent use.
type Store interface {
	// Record writes a trail that belongs to no other change, such as a refused look-up.
	// Errors: fault.CodeStoreUnavailable.
	Record(ctx context.Context, t Trail) error
	// Entries returns up to limit entries of the tenant with Seq greater than after, ascending.
	Entries(ctx context.Context, tenant string, after int64, limit int) ([]Entry, error)
}

// Verify walks the tenant's chain and returns how many entries it has and the Seq of the first that does not fit,
// 0 if all do.
func Verify(ctx context.Context, s Store, tenant string) (n, broken int64, err error) {
	prev := ""
	for {
		page, err := s.Entries(ctx, tenant, n, 500)
		if err != nil || len(page) == 0 {
			return n, 0, err
		}
		for _, e := range page {
			if e.Seq != n+1 || e.Chain(e.Seq, prev) != e {
				return n, n + 1, nil
			}
			n, prev = e.Seq, e.Hash
		}
	}
}
