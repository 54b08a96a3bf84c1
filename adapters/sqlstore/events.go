package sqlstore

import (
	"context"
	"database/sql"

	"c2d/core/event"
)

var _ event.Log = (*Store)(nil)

// Read implements [event.Log]. Readers near the head are served from memory. A cursor beyond the head is from before
// the database was put back to an older state, and resets its reader.
func (s *Store) Read(ctx context.Context, f event.Filter, after string, limit int) (event.Page, error) {
	seq, err := eventSeq(after)
	if err != nil {
		return event.Page{}, err
	}
	limit = clamp(limit)
	page, atHead, ok := s.rings.read(f, seq, limit)
	if ok && (!atHead || !s.d.shared) {
		return page, nil
	}
	page, head, err := s.readLog(ctx, f, seq, limit)
	if err == nil && seq > head {
		page, _, err = s.readLog(ctx, f, 0, limit)
		page.Reset = true
	}
	if after == "" {
		page.Reset = false
	}
	return page, err
}

// logRow is an event, or none, beside the head of its log.
type logRow struct {
	head, pruned int64
	event        *event.Event
}

// readLog reads from the database. The head and the events come from one statement, and so from one state: what the
// filter left out up to the head can be passed by.
func (s *Store) readLog(ctx context.Context, f event.Filter, seq int64, limit int) (page event.Page, head int64, err error) {
	query := `SELECT h.event_seq, h.event_pruned, e.seq, e.kind, e.subject, e.user_id, e.version, e.at, e.data
		FROM heads h LEFT JOIN events e ON e.tenant = h.tenant AND e.seq > ?`
	args := []any{seq}
	if f.Subject != "" {
		query, args = query+" AND e.subject = ?", append(args, f.Subject)
	}
	if f.UserID != "" {
		query, args = query+" AND e.user_id = ?", append(args, f.UserID)
	}
	if len(f.Kinds) > 0 {
		query += " AND e.kind IN (" + marks(len(f.Kinds)) + ")"
		for _, k := range f.Kinds {
			args = append(args, string(k))
		}
	}
	rows, err := all(ctx, s.reader, scanLog, query+" WHERE h.tenant = ? ORDER BY e.seq LIMIT ?", append(args, f.Tenant, limit)...)
	if err != nil {
		return event.Page{}, 0, err
	}
	page, head = logPage(rows, f.Tenant, seq, limit)
	return page, head, nil
}

func logPage(rows []logRow, tenant string, seq int64, limit int) (page event.Page, head int64) {
	if len(rows) == 0 { // nothing was ever written
		return event.Page{Next: eventCursor(seq)}, 0
	}
	head = rows[0].head
	page.Reset = seq < rows[0].pruned
	next := max(head, seq)
	for _, r := range rows {
		if r.event != nil {
			r.event.Tenant = tenant
			page.Events = append(page.Events, *r.event)
		}
	}
	if len(page.Events) == limit {
		next = page.Events[limit-1].Seq
	}
	page.Next = eventCursor(next)
	return page, head
}

func scanLog(rows *sql.Rows) (r logRow, err error) {
	var seq, version, at sql.NullInt64
	var kind, subject, user, data sql.NullString
	err = rows.Scan(&r.head, &r.pruned, &seq, &kind, &subject, &user, &version, &at, &data)
	if err != nil || !seq.Valid {
		return r, err
	}
	fields, err := decode[map[string]string](data.String)
	r.event = &event.Event{Seq: seq.Int64, ID: eventCursor(seq.Int64), Kind: event.Kind(kind.String), Subject: subject.String,
		UserID: user.String, Version: version.Int64, At: moment(at.Int64), Data: fields}
	return r, err
}

// Head implements [event.Log].
func (s *Store) Head(ctx context.Context, tenant string) (string, error) {
	seq, _, err := find(ctx, s.reader, scalar[int64], "SELECT event_seq FROM heads WHERE tenant = ?", tenant)
	return eventCursor(seq), err
}

// Changed implements [event.Log]. It tells of commits of this process; where others share the database their events
// are found by the reader's own poll.
func (s *Store) Changed() <-chan struct{} { return s.rings.wait() }
