package sqlstore

import (
	"context"
	"database/sql"
	"encoding/json"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"c2d/core/fault"
)

// readLimit bounds a read whose caller does not.
const readLimit = 15 * time.Second

// querier is what reads: the pool of readers, or the transaction that writes.
type querier interface {
	query(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	fault(error) error
}

// reader reads what is committed, on connections that never write. Safe for concurrent use.
type reader struct {
	db    *sql.DB
	d     *dialect
	stmts *sync.Map // query: its *sql.Stmt, which each connection prepares once
}

func (r reader) query(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	if err := checkText(args); err != nil {
		return nil, err
	}
	ctx, err := r.d.unwatched(ctx)
	if err != nil {
		return nil, r.d.fault(err)
	}
	stmt, err := r.prepare(ctx, query)
	if err != nil {
		return nil, r.d.fault(err)
	}
	rows, err := stmt.QueryContext(ctx, args...)
	return rows, r.d.fault(err)
}

// prepare returns the statement of a query; there are few texts. The pool's close ends all.
func (r reader) prepare(ctx context.Context, query string) (*sql.Stmt, error) {
	if stmt, ok := r.stmts.Load(query); ok {
		return stmt.(*sql.Stmt), nil
	}
	stmt, err := r.db.PrepareContext(ctx, r.d.place(query))
	if err != nil {
		return nil, err
	}
	kept, twice := r.stmts.LoadOrStore(query, stmt)
	if twice {
		_ = stmt.Close()
	}
	return kept.(*sql.Stmt), nil
}

func (r reader) fault(err error) error { return r.d.fault(err) }

// all returns every row of a query, as scan reads it.
func all[T any](ctx context.Context, q querier, scan func(*sql.Rows) (T, error), query string, args ...any) ([]T, error) {
	ctx, cancel := context.WithTimeout(ctx, readLimit)
	defer cancel()
	rows, err := q.query(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }() // after Err, which tells what Close would
	var items []T
	for rows.Next() {
		item, err := scan(rows)
		if err != nil {
			return nil, q.fault(err)
		}
		items = append(items, item)
	}
	return items, q.fault(rows.Err())
}

// one returns the first row of a query; fault.CodeNotFound if there is none.
func one[T any](ctx context.Context, q querier, scan func(*sql.Rows) (T, error), query string, args ...any) (T, error) {
	items, err := all(ctx, q, scan, query, args...)
	if err != nil {
		return *new(T), err
	}
	if len(items) == 0 {
		return *new(T), notFound()
	}
	return items[0], nil
}

// find is one for what may be missing.
func find[T any](ctx context.Context, q querier, scan func(*sql.Rows) (T, error), query string, args ...any) (T, bool, error) {
	items, err := all(ctx, q, scan, query, args...)
	if err != nil || len(items) == 0 {
		return *new(T), false, err
	}
	return items[0], true, nil
}

// scalar reads rows of one column.
func scalar[T any](rows *sql.Rows) (v T, err error) {
	err = rows.Scan(&v)
	return v, err
}

// document reads rows of one JSON column.
func document[T any](rows *sql.Rows) (v T, err error) {
	text, err := scalar[string](rows)
	if err != nil {
		return v, err
	}
	return decode[T](text)
}

func decode[T any](text string) (v T, err error) {
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		return v, fault.Wrap(fault.CodeInternal, err, "the store holds what it cannot read")
	}
	return v, nil
}

func encode(v any) (string, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return "", fault.Wrap(fault.CodeInternal, err, "this cannot be stored")
	}
	return string(b), nil
}

// checkText refuses what PostgreSQL cannot hold and SQLite would: the same rule on both.
func checkText(args []any) error {
	for _, a := range args {
		s, ok := a.(string)
		if n, nullable := a.(sql.NullString); nullable {
			s, ok = n.String, n.Valid
		}
		if ok && (!utf8.ValidString(s) || strings.ContainsRune(s, 0)) {
			return fault.New(fault.CodeBadCharacter, "a text is not UTF-8, or holds NUL")
		}
	}
	return nil
}

// nullable is a text of which none is kept as NULL, which no unique index sees.
func nullable(s string) sql.NullString { return sql.NullString{String: s, Valid: s != ""} }

// millis is a time as it is kept; 0 for none.
func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

// moment is a time as it was kept, in UTC; none for 0.
func moment(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

// rounded is a time as every store gives it back: UTC, whole milliseconds.
func rounded(t time.Time) time.Time {
	if t.IsZero() {
		return time.Time{}
	}
	return t.UTC().Truncate(time.Millisecond)
}

// round rounds times in place.
func round(times ...*time.Time) {
	for _, t := range times {
		*t = rounded(*t)
	}
}

// clamp returns a page's size, 1 to 500.
func clamp(limit int) int { return min(max(limit, 1), 500) }

func flag(b bool) int {
	if b {
		return 1
	}
	return 0
}
