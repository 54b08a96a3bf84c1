package sqlstore

import (
	"context"
	"database/sql"
	"maps"

	"c2d/core/audit"
	"c2d/core/event"
	"c2d/core/fault"
)

// head is how far a tenant's event log and audit chain have come.
type head struct {
	event, pruned int64 // Seq of the newest event, and of the newest that is gone
	audit         int64 // Seq and Hash of the newest entry
	hash          string
}

// head returns the tenant's head as this transaction leaves it.
func (t *tx) head(ctx context.Context, tenant string) (head, error) {
	if h, ok := t.heads[tenant]; ok {
		return h, nil
	}
	h, _, err := find(ctx, t, scanHead,
		"SELECT event_seq, event_pruned, audit_seq, audit_hash FROM heads WHERE tenant = ?", tenant)
	if err != nil {
		return head{}, err
	}
	t.heads[tenant], t.stored[tenant] = h, h
	return h, nil
}

func scanHead(rows *sql.Rows) (h head, err error) {
	err = rows.Scan(&h.event, &h.pruned, &h.audit, &h.hash)
	return h, err
}

// saveHeads stores the heads that have moved.
func (t *tx) saveHeads(ctx context.Context) error {
	for tenant, h := range t.heads {
		if h == t.stored[tenant] {
			continue
		}
		_, err := t.exec(ctx, `INSERT INTO heads (tenant, event_seq, event_pruned, audit_seq, audit_hash) VALUES (?, ?, ?, ?, ?)
			ON CONFLICT (tenant) DO UPDATE SET event_seq = excluded.event_seq, event_pruned = excluded.event_pruned,
			audit_seq = excluded.audit_seq, audit_hash = excluded.audit_hash`, tenant, h.event, h.pruned, h.audit, h.hash)
		if err != nil {
			return err
		}
	}
	return nil
}

// leave writes what a change of a tenant leaves behind. Entries and events that name no tenant are the change's.
func (t *tx) leave(ctx context.Context, tenant string, trail audit.Trail) error {
	entries, events := make([]audit.Entry, len(trail.Audit)), make([]event.Event, len(trail.Events))
	for i, e := range trail.Audit {
		if err := own(&e.Tenant, tenant); err != nil {
			return err
		}
		entries[i] = e
	}
	for i, e := range trail.Events {
		if err := own(&e.Tenant, tenant); err != nil {
			return err
		}
		events[i] = e
	}
	if err := t.chain(ctx, tenant, entries); err != nil {
		return err
	}
	return t.publish(ctx, tenant, events)
}

// own gives a part of a trail its tenant; one of another tenant is a bug that must not be stored.
func own(of *string, tenant string) error {
	if *of != "" && *of != tenant {
		return fault.New(fault.CodeInternal, "a trail of one tenant was left by a change of another")
	}
	*of = tenant
	return nil
}

// chain appends entries to the tenant's audit.
func (t *tx) chain(ctx context.Context, tenant string, entries []audit.Entry) error {
	if len(entries) == 0 {
		return nil
	}
	h, err := t.head(ctx, tenant)
	if err != nil {
		return err
	}
	rows := make([][]any, len(entries))
	for i, e := range entries {
		e.At = rounded(e.At)
		e = e.Chain(h.audit+1, h.hash)
		h.audit, h.hash = e.Seq, e.Hash
		doc, err := encode(e)
		if err != nil {
			return err
		}
		rows[i] = []any{tenant, e.Seq, millis(e.At), doc}
	}
	t.heads[tenant] = h
	_, err = t.insert(ctx, "audit (tenant, seq, at, doc)", 4, "", rows)
	return err
}

// publish appends events to the tenant's log.
func (t *tx) publish(ctx context.Context, tenant string, events []event.Event) error {
	if len(events) == 0 {
		return nil
	}
	h, err := t.head(ctx, tenant)
	if err != nil {
		return err
	}
	rows := make([][]any, len(events))
	for i, e := range events {
		h.event++
		e.Seq, e.ID, e.At, e.Data = h.event, eventCursor(h.event), rounded(e.At), maps.Clone(e.Data)
		data, err := encode(e.Data)
		if err != nil {
			return err
		}
		rows[i] = []any{tenant, e.Seq, string(e.Kind), e.Subject, e.UserID, e.Version, millis(e.At), data}
		t.events = append(t.events, e)
	}
	t.heads[tenant] = h
	_, err = t.insert(ctx, "events (tenant, seq, kind, subject, user_id, version, at, data)", 8, "", rows)
	return err
}
