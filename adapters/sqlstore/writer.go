package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"c2d/core/event"
	"c2d/core/fault"
)

const (
	queueLength = 1024             // writes that may wait; the next one waits for a place, as long as its context lets it
	batchLength = 256              // writes that one commit may serve
	writeLimit  = 15 * time.Second // for one write, and for a commit; then its connection counts as broken
	closeLimit  = 5 * time.Second  // for the writes that wait when the store is closed

	company = 50 * time.Millisecond // of writes that nobody waits for, for others to be stored with
)

// writer owns the one connection that writes. Its goroutine takes all writes that wait, runs them in one transaction,
// each in a savepoint of its own, and answers when the commit is durable. close ends it.
type writer struct {
	db     *sql.DB
	d      *dialect
	used   *usage
	tell   func([]event.Event) // after a commit, in its order
	queue  chan *write
	idle   chan *write   // those that nobody waits for
	held   []*write      // of idle, the goroutine's
	due    *time.Timer   // when held have waited long enough
	quit   chan struct{} // closed by close
	ended  chan struct{} // closed by the goroutine
	once   sync.Once
	base   context.Context
	cancel context.CancelFunc
	conn   *session      // nil until the next transaction after it broke
	grace  time.Duration // closeLimit; tests shorten it
	hold   time.Duration // company; tests lengthen it

	failed                   atomic.Int64 // when the last batch could not be stored, Unix nanoseconds; 0 if it was
	commits, writes, largest atomic.Int64
}

func newWriter(db *sql.DB, d *dialect, used *usage, tell func([]event.Event)) *writer {
	w := &writer{db: db, d: d, used: used, tell: tell, queue: make(chan *write, queueLength),
		idle: make(chan *write, queueLength), due: time.NewTimer(0), hold: company,
		quit: make(chan struct{}), ended: make(chan struct{}), grace: closeLimit}
	w.base, w.cancel = context.WithCancel(context.Background())
	go w.loop()
	return w
}

func (w *writer) loop() {
	defer close(w.ended)
	defer w.drop()
	for {
		select {
		case r := <-w.queue:
			w.batch(w.gather(r))
		case r := <-w.idle:
			w.keep(r)
		case <-w.due.C:
			w.batch(w.gather())
		case <-w.quit:
			w.drain()
			return
		}
	}
}

// drain runs what still waits when the store is closed.
func (w *writer) drain() {
	for all := w.gather(); len(all) > 0; all = w.gather() {
		w.batch(all)
	}
	w.flush()
}

// keep lets a write wait for the next one.
func (w *writer) keep(r *write) {
	if w.held = append(w.held, r); len(w.held) == 1 {
		w.due.Reset(w.hold)
	}
	if len(w.held) == batchLength/2 {
		w.batch(w.gather())
	}
}

// gather returns these and the others that wait now, whether somebody waits for them or not.
func (w *writer) gather(these ...*write) []*write {
	batch := append(w.held, these...)
	w.held = nil
	w.due.Stop()
	for len(batch) < batchLength {
		select {
		case r := <-w.queue:
			batch = append(batch, r)
		case r := <-w.idle:
			batch = append(batch, r)
		default:
			return batch
		}
	}
	return batch
}

// batch runs the writes that are still wanted and answers each.
func (w *writer) batch(all []*write) {
	batch := all[:0]
	for _, r := range all {
		if r.begin() {
			batch = append(batch, r)
		}
	}
	if len(batch) == 0 {
		return
	}
	failed, since := w.transact(batch), int64(0)
	for _, r := range batch {
		if failed != nil {
			r.err = failed
		}
		if fault.Is(r.err, fault.CodeStoreUnavailable) {
			since = time.Now().UnixNano()
		}
	}
	w.failed.Store(since)
	for _, r := range batch {
		r.done <- r.err
	}
}

// transact runs the batch in one transaction. An error is that of all: nothing of the batch is stored, as far as is
// known. It is the one place where a connection is judged: whatever fails outside a savepoint ends it.
func (w *writer) transact(batch []*write) error {
	ctx, cancel := context.WithCancelCause(w.base)
	defer cancel(nil)
	watchdog := time.AfterFunc(writeLimit, func() { cancel(errSlow) })
	defer watchdog.Stop()
	used := w.used.all()
	t, err := w.attempt(ctx, watchdog, batch, used)
	if err != nil {
		w.drop()
		if cause := context.Cause(ctx); cause != nil { // err says no more than that the connection is gone
			err = cause
		}
		return &fault.Error{Code: fault.CodeStoreUnavailable, Message: "the store is not available now", Cause: err}
	}
	w.used.stored(used)
	w.tell(t.events)
	return nil
}

func (w *writer) attempt(ctx context.Context, watchdog *time.Timer, batch []*write, used map[keyID]int64) (*tx, error) {
	t, err := w.start(ctx)
	if err != nil {
		return nil, err
	}
	if err := t.touch(ctx, used); err != nil {
		return nil, err
	}
	good := 0
	for _, r := range batch {
		watchdog.Reset(r.limit)
		if err := t.attempt(ctx, r); err != nil {
			return nil, err
		}
		if r.err == nil {
			good++
		}
	}
	watchdog.Reset(writeLimit)
	return t, w.finish(ctx, t, good, len(used))
}

// finish commits, unless nothing has changed.
func (w *writer) finish(ctx context.Context, t *tx, good, used int) error {
	if good+used == 0 {
		return t.rollback(ctx)
	}
	if err := t.commit(ctx); err != nil {
		return err
	}
	w.commits.Add(1)
	w.writes.Add(int64(good))
	w.largest.Store(max(w.largest.Load(), int64(good)))
	return nil
}

// flush stores what is only noted; it may be lost.
func (w *writer) flush() {
	if w.used.some() {
		_ = w.transact(nil)
	}
}

func (w *writer) start(ctx context.Context) (*tx, error) {
	if w.conn == nil {
		conn, err := w.db.Conn(ctx)
		if err != nil {
			return nil, w.d.fault(err)
		}
		w.conn = newSession(conn, w.d)
	}
	return w.conn.start(ctx)
}

// drop gives the connection up, so that no transaction stays open on it.
func (w *writer) drop() {
	if w.conn != nil {
		w.conn.discard()
		w.conn = nil
	}
}

// close lets the writes that wait be done, refuses others, and returns when the goroutine has ended. Idempotent.
func (w *writer) close() {
	w.once.Do(func() { close(w.quit) })
	defer time.AfterFunc(w.grace, w.cancel).Stop()
	<-w.ended
	w.cancel()
}

var errSlow = errors.New("a write took too long and was ended with its transaction")
