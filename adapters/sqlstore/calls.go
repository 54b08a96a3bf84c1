package sqlstore

import (
	"context"
	"database/sql"

	"c2d/core/audit"
	"c2d/core/call"
	"c2d/core/fault"
)

var _ call.Store = (*Store)(nil)

// Create implements [call.Store]. A used key is told before a busy caller: a replay must find its own call.
func (s *Store) Create(ctx context.Context, c call.Call, idem *call.Idempotency, t audit.Trail) error {
	return s.change(ctx, c.Tenant, t, func(ctx context.Context, tx *tx) error {
		if idem != nil {
			if err := tx.useKey(ctx, c.Tenant, *idem, s.now()); err != nil {
				return err
			}
		}
		return tx.createCall(ctx, &c)
	})
}

func (t *tx) createCall(ctx context.Context, c *call.Call) error {
	if c.ID == "" || c.Version != 1 {
		return fault.New(fault.CodeInvalid, "a new call has an id and version 1")
	}
	if _, found, err := find(ctx, t, scalar[int64], "SELECT version FROM calls WHERE tenant = ? AND id = ?", c.Tenant, c.ID); err != nil {
		return err
	} else if found {
		return exists("id")
	}
	if err := t.checkCaller(ctx, c); err != nil {
		return err
	}
	doc, labels, err := callDocs(c)
	if err != nil {
		return err
	}
	_, err = t.exec(ctx, `INSERT INTO calls (tenant, id, version, node, epoch, active, is_open, user_id, caller_ringing, created_at, context, doc)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`, c.Tenant, c.ID, c.Version, c.Node, c.Epoch, flag(c.State != call.Ended), flag(c.Open()),
		c.Caller.UserID, ringing(c), millis(c.CreatedAt), labels, doc)
	if err != nil {
		return err
	}
	return t.putContext(ctx, c)
}

// Save implements [call.Store].
func (s *Store) Save(ctx context.Context, c call.Call, t audit.Trail, back <-chan struct{}) error {
	return s.changeSoon(ctx, c.Tenant, t, back, func(ctx context.Context, tx *tx) error { return tx.saveCall(ctx, &c) })
}

// TakeOver implements [call.Store].
func (s *Store) TakeOver(ctx context.Context, c call.Call, from []call.Call, t audit.Trail) error {
	return s.change(ctx, c.Tenant, t, func(ctx context.Context, tx *tx) error {
		for i := range from {
			if from[i].Tenant != c.Tenant {
				return fault.New(fault.CodeInvalid, "a call takes over legs of its own tenant")
			}
			if err := tx.saveCall(ctx, &from[i]); err != nil {
				return err
			}
		}
		return tx.createCall(ctx, &c)
	})
}

// fence is what a stored call checks its next version by.
type fence struct {
	version, epoch int64
	node           string
}

func scanFence(rows *sql.Rows) (f fence, err error) {
	err = rows.Scan(&f.version, &f.epoch, &f.node)
	return f, err
}

// saveCall is one statement for what is usual: a later version of a call that is still the same user's, with the same
// context. What is not assigned leaves its indexes alone.
func (t *tx) saveCall(ctx context.Context, c *call.Call) error {
	if err := t.checkCaller(ctx, c); err != nil {
		return err
	}
	doc, labels, err := callDocs(c)
	if err != nil {
		return err
	}
	n, err := t.exec(ctx, `UPDATE calls SET version = ?, active = ?, is_open = ?, caller_ringing = ?, doc = ?
		WHERE tenant = ? AND id = ? AND version < ? AND node = ? AND epoch = ? AND user_id = ? AND created_at = ? AND context = ?`,
		c.Version, flag(c.State != call.Ended), flag(c.Open()), ringing(c), doc,
		c.Tenant, c.ID, c.Version, c.Node, c.Epoch, c.Caller.UserID, millis(c.CreatedAt), labels)
	if err != nil || n == 1 {
		return err
	}
	return t.replaceCall(ctx, c, doc, labels)
}

// replaceCall is saveCall for all others, and says why a call cannot be saved.
func (t *tx) replaceCall(ctx context.Context, c *call.Call, doc, labels string) error {
	f, err := one(ctx, t, scanFence, "SELECT version, epoch, node FROM calls WHERE tenant = ? AND id = ?", c.Tenant, c.ID)
	if err != nil {
		return err
	}
	if f.version >= c.Version || f.epoch != c.Epoch || f.node != c.Node {
		return conflict()
	}
	_, err = t.exec(ctx, `UPDATE calls SET version = ?, active = ?, is_open = ?, user_id = ?, caller_ringing = ?, created_at = ?, context = ?, doc = ?
		WHERE tenant = ? AND id = ?`, c.Version, flag(c.State != call.Ended), flag(c.Open()), c.Caller.UserID, ringing(c),
		millis(c.CreatedAt), labels, doc, c.Tenant, c.ID)
	if err != nil {
		return err
	}
	if _, err := t.exec(ctx, "DELETE FROM call_context WHERE tenant = ? AND call_id = ?", c.Tenant, c.ID); err != nil {
		return err
	}
	return t.putContext(ctx, c)
}

// checkCaller refuses a call whose caller's phone rings for another one.
func (t *tx) checkCaller(ctx context.Context, c *call.Call) error {
	who := ringing(c)
	if !who.Valid {
		return nil
	}
	first, found, err := find(ctx, t, scalar[string],
		"SELECT id FROM calls WHERE tenant = ? AND caller_ringing = ? AND id <> ?", c.Tenant, who.String, c.ID)
	if err != nil || !found {
		return err
	}
	return fault.New(fault.CodeCallerBusy, "the caller's phone already rings for another call").With("call", first)
}

// ringing is whose phone rings for the call: a user's, as long as it does; nobody's for a caller who is no user.
func ringing(c *call.Call) sql.NullString {
	if !c.CallerRings() {
		return sql.NullString{}
	}
	return nullable(c.Caller.UserID)
}

func callDocs(c *call.Call) (doc, labels string, err error) {
	if doc, err = encode(c); err != nil {
		return "", "", err
	}
	labels, err = encode(c.Context) // keys are sorted
	return doc, labels, err
}

// Get implements [call.Store].
func (s *Store) Get(ctx context.Context, tenant, id string) (call.Call, error) {
	return one(ctx, s.reader, scanCall, "SELECT doc FROM calls WHERE tenant = ? AND id = ?", tenant, id)
}

// Open implements [call.Store].
func (s *Store) Open(ctx context.Context, node string) ([]call.Call, error) {
	return all(ctx, s.reader, scanCall, "SELECT doc FROM calls WHERE node = ? AND is_open = 1 ORDER BY tenant, id", node)
}

func scanCall(rows *sql.Rows) (call.Call, error) {
	c, err := document[call.Call](rows)
	if err != nil {
		return c, err
	}
	round(&c.CreatedAt, &c.UpdatedAt, &c.CallerAnsweredAt, &c.CalleeAnsweredAt, &c.ConnectedAt, &c.EndedAt)
	for name, at := range c.Timers {
		c.Timers[name] = rounded(at)
	}
	for l := range c.Legs {
		round(&l.CreatedAt, &l.RingingAt, &l.AnsweredAt, &l.EndedAt)
	}
	return c, nil
}
