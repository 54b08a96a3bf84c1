package sqlstore

import (
	"context"
	"strings"
	"sync"
	"time"

	"c2d/core/audit"
	"c2d/core/fault"
)

const doubted = 10 * time.Second // after a change that could not be stored

// Store is every store port of the core on one database. Safe for concurrent use.
type Store struct {
	reader
	pools pools
	w     *writer
	rings *rings
	used  *usage
	now   func() time.Time
	once  sync.Once
	err   error // of Close
}

// Options are what tests replace; the zero value is for production.
type Options struct {
	Now func() time.Time // the clock by which idempotency keys expire; nil is time.Now
}

// Open opens the database of a URL, "sqlite:path", "sqlite::memory:" or "postgres://user@host/db?sslmode=...", and
// brings its schema up to date. A SQLite file belongs to one process; a PostgreSQL database may be shared.
// Errors: fault.CodeInvalid with the field store.url, fault.CodeStoreUnavailable.
func Open(ctx context.Context, url string, o Options) (*Store, error) {
	d, p, err := dial(url)
	if err != nil {
		return nil, err
	}
	if err := migrate(ctx, p.write, d); err != nil {
		_ = p.close()
		return nil, d.fault(err)
	}
	if p.migrated != nil {
		p.migrated()
	}
	s := &Store{reader: reader{p.read, d, &sync.Map{}}, pools: p, rings: newRings(), used: newUsage(), now: o.Now}
	if s.now == nil {
		s.now = time.Now
	}
	s.w = newWriter(p.write, d, s.used, s.rings.add)
	return s, nil
}

func dial(url string) (*dialect, pools, error) {
	if path, ok := strings.CutPrefix(url, "sqlite:"); ok && path != "" {
		d := sqliteDialect()
		p, err := openSQLite(path)
		return d, p, d.fault(err)
	}
	if strings.HasPrefix(url, "postgres://") || strings.HasPrefix(url, "postgresql://") {
		p, err := openPostgres(url)
		if err != nil { // the cause may quote the password
			return nil, p, fault.Field(fault.CodeInvalid, "store.url", "this is not a PostgreSQL URL that can be used")
		}
		return postgresDialect(), p, nil
	}
	return nil, pools{}, fault.Field(fault.CodeInvalid, "store.url", "the store's URL begins with sqlite: or postgres://")
}

// Close does the writes that wait, refuses others, and ends within a few seconds. Idempotent.
func (s *Store) Close() error {
	s.once.Do(func() {
		s.w.close()
		s.err = s.pools.close()
	})
	return s.err
}

// Writable returns nil if the store takes changes, as far as the last ones tell: a disk that is full can still be read.
// For a while after those failed it says so, since a small change may find room where others do not; then it tries one
// that changes nothing. Errors: fault.CodeStoreUnavailable.
func (s *Store) Writable(ctx context.Context) error {
	switch at := s.w.failed.Load(); {
	case at == 0:
		return nil
	case s.now().Sub(time.Unix(0, at)) < doubted:
		return fault.New(fault.CodeStoreUnavailable, "the last change could not be stored")
	}
	return s.w.do(ctx, writeLimit, func(ctx context.Context, tx *tx) error {
		_, err := tx.exec(ctx, "UPDATE heads SET event_seq = event_seq WHERE tenant = ''")
		return err
	})
}

// Stats says how well the writer merges: Writes is how many writes Commits transactions have made durable, Largest the
// most that one did.
type Stats struct{ Commits, Writes, Largest int64 }

// Stats counts since Open.
func (s *Store) Stats() Stats {
	return Stats{Commits: s.w.commits.Load(), Writes: s.w.writes.Load(), Largest: s.w.largest.Load()}
}

// write runs a change of those tenants in the writer; one without a name is refused.
func (s *Store) write(ctx context.Context, tenants []string, run func(context.Context, *tx) error) error {
	return s.writeSoon(ctx, tenants, nil, run)
}

// writeSoon is write for a change that can wait for others until it is taken back; nil is now.
func (s *Store) writeSoon(ctx context.Context, tenants []string, back <-chan struct{}, run func(context.Context, *tx) error) error {
	for _, t := range tenants {
		if t == "" {
			return noTenant()
		}
	}
	return s.w.doSoon(ctx, writeLimit, back, run)
}

// change runs a change of one tenant, and leaves its trail in the same transaction.
func (s *Store) change(ctx context.Context, tenant string, t audit.Trail, run func(context.Context, *tx) error) error {
	return s.changeSoon(ctx, tenant, t, nil, run)
}

// changeSoon is change for one that can wait for others until it is taken back; nil is now.
func (s *Store) changeSoon(ctx context.Context, tenant string, t audit.Trail, back <-chan struct{}, run func(context.Context, *tx) error) error {
	return s.writeSoon(ctx, []string{tenant}, back, func(ctx context.Context, tx *tx) error {
		if err := run(ctx, tx); err != nil {
			return err
		}
		return tx.leave(ctx, tenant, t)
	})
}

func noTenant() error { return fault.Field(fault.CodeInvalid, "tenant", "a change has no tenant") }
