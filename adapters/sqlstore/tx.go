package sqlstore

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"maps"
	"slices"
	"strings"

	"c2d/core/event"
)

// session is a connection of the writer with its prepared statements.
type session struct {
	conn  *sql.Conn
	d     *dialect
	stmts map[string]*sql.Stmt
	heads map[string]head // as the last commit left them, where nobody else writes
}

func newSession(conn *sql.Conn, d *dialect) *session {
	return &session{conn: conn, d: d, stmts: map[string]*sql.Stmt{}}
}

// discard closes the connection itself: a pool would keep it, with its transaction.
func (s *session) discard() {
	for _, stmt := range s.stmts {
		_ = stmt.Close()
	}
	_ = s.conn.Raw(func(any) error { return driver.ErrBadConn })
	_ = s.conn.Close()
}

// start begins a transaction and takes the lock on all writes.
func (s *session) start(ctx context.Context) (*tx, error) {
	t := &tx{session: s, heads: map[string]head{}, stored: map[string]head{}}
	maps.Copy(t.heads, s.heads)
	maps.Copy(t.stored, s.heads)
	if _, err := t.exec(ctx, s.d.begin); err != nil {
		return nil, err
	}
	if s.d.lock == "" {
		return t, nil
	}
	_, err := t.exec(ctx, s.d.lock)
	return t, err
}

// prepare returns the statement of a query, prepared once for each connection.
func (s *session) prepare(ctx context.Context, query string) (*sql.Stmt, error) {
	if stmt, ok := s.stmts[query]; ok {
		return stmt, nil
	}
	stmt, err := s.conn.PrepareContext(ctx, s.d.place(query))
	if err != nil {
		return nil, s.d.fault(err)
	}
	s.stmts[query] = stmt
	return stmt, nil
}

// tx is one transaction of the writer, and what it will tell once it is durable. It belongs to the writer's goroutine.
type tx struct {
	*session
	heads  map[string]head // by tenant, as this transaction leaves them
	stored map[string]head // as they are in the database
	events []event.Event
}

// attempt runs one write in a savepoint and keeps its error. An error of its own says that the transaction is lost: a
// savepoint that cannot be rolled back is the one sure sign, whatever the database calls the trouble.
func (t *tx) attempt(ctx context.Context, r *write) error {
	if _, err := t.exec(ctx, "SAVEPOINT w"); err != nil {
		return err
	}
	heads, told := maps.Clone(t.heads), len(t.events)
	if r.err = r.run(ctx, t); r.err != nil {
		t.heads, t.events = heads, t.events[:told]
		if _, err := t.exec(ctx, "ROLLBACK TO SAVEPOINT w"); err != nil {
			return err
		}
	}
	_, err := t.exec(ctx, "RELEASE SAVEPOINT w")
	return err
}

func (t *tx) commit(ctx context.Context) error {
	if err := t.saveHeads(ctx); err != nil {
		return err
	}
	_, err := t.exec(ctx, "COMMIT")
	if err == nil && !t.d.shared {
		t.session.heads = t.heads
	}
	return err
}

func (t *tx) rollback(ctx context.Context) error {
	t.events = nil
	_, err := t.exec(ctx, "ROLLBACK")
	return err
}

// exec runs a statement and returns how many rows it changed.
func (t *tx) exec(ctx context.Context, query string, args ...any) (int64, error) {
	if err := checkText(args); err != nil {
		return 0, err
	}
	ctx, err := t.d.unwatched(ctx)
	if err != nil {
		return 0, t.d.fault(err)
	}
	stmt, err := t.prepare(ctx, query)
	if err != nil {
		return 0, err
	}
	res, err := stmt.ExecContext(ctx, args...)
	if err != nil {
		return 0, t.d.fault(err)
	}
	n, err := res.RowsAffected()
	return n, t.d.fault(err)
}

// once is exec for a statement whose text will hardly come again.
func (t *tx) once(ctx context.Context, query string, args ...any) (int64, error) {
	if err := checkText(args); err != nil {
		return 0, err
	}
	ctx, err := t.d.unwatched(ctx)
	if err != nil {
		return 0, t.d.fault(err)
	}
	res, err := t.conn.ExecContext(ctx, t.d.place(query), args...)
	if err != nil {
		return 0, t.d.fault(err)
	}
	n, err := res.RowsAffected()
	return n, t.d.fault(err)
}

const (
	chunk = 100 // how many rows one INSERT holds at most
	usual = 8   // up to so many, its text comes again and again: what one step of a call tells
)

// insert adds rows of the columns, in as few statements as it can; conflict is an ON CONFLICT clause or empty. It
// returns how many rows were written.
func (t *tx) insert(ctx context.Context, into string, columns int, conflict string, rows [][]any) (int64, error) {
	var total int64
	for len(rows) > 0 {
		part := rows[:min(chunk, len(rows))]
		rows = rows[len(part):]
		n, err := t.insertPart(ctx, into, columns, conflict, part)
		if err != nil {
			return total, err
		}
		total += n
	}
	return total, nil
}

func (t *tx) insertPart(ctx context.Context, into string, columns int, conflict string, rows [][]any) (int64, error) {
	query := "INSERT INTO " + into + " VALUES "
	args := make([]any, 0, columns*len(rows))
	for i, row := range rows {
		if i > 0 {
			query += ", "
		}
		query += "(" + marks(columns) + ")"
		args = append(args, row...)
	}
	run := t.once
	if len(rows) <= usual || len(rows) == chunk {
		run = t.exec
	}
	return run(ctx, query+" "+conflict, args...)
}

// deleteEach deletes the rows with those keys, in as few statements as it can; columns are those of a key.
func (t *tx) deleteEach(ctx context.Context, table, columns string, keys [][]any) error {
	for part := range slices.Chunk(keys, chunk) {
		run := t.once
		if len(part) == 1 || len(part) == chunk {
			run = t.exec
		}
		if _, err := run(ctx, "DELETE FROM "+table+" WHERE "+in(columns, part), slices.Concat(part...)...); err != nil {
			return err
		}
	}
	return nil
}

// in is the condition that the columns are one of the keys. With a list for the last column alone, PostgreSQL would
// read all rows of a tenant that it has no statistics of, since it then takes the tenant for a rare one.
func in(columns string, keys [][]any) string {
	key := "(" + marks(len(keys[0])) + ")"
	return "(" + columns + ") IN (VALUES " + key + strings.Repeat(", "+key, len(keys)-1) + ")"
}

// query implements querier.
func (t *tx) query(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	if err := checkText(args); err != nil {
		return nil, err
	}
	ctx, err := t.d.unwatched(ctx)
	if err != nil {
		return nil, t.d.fault(err)
	}
	stmt, err := t.prepare(ctx, query)
	if err != nil {
		return nil, err
	}
	rows, err := stmt.QueryContext(ctx, args...)
	return rows, t.d.fault(err)
}

func (t *tx) fault(err error) error { return t.d.fault(err) }
