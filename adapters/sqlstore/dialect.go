package sqlstore

import (
	"context"
	"database/sql"
	"strconv"
	"strings"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

// dialect is everything in which the two databases differ.
type dialect struct {
	goose  goose.Dialect
	words  *strings.Replacer // from the migrations' words, which are SQLite's
	begin  string            // how a transaction that writes begins
	lock   string            // what it then locks until its end; empty where begin does
	place  func(query string) string
	locker func() (lock.SessionLocker, error) // of the migrations; nil where the file's own lock does
	fault  func(error) error
	shared bool // other processes may write to the same database
}

// unwatched returns the context of one statement. A file's own need no watching, which would cost each a goroutine or two:
// between statements ctx is looked at, and none lasts longer than the disk.
func (d *dialect) unwatched(ctx context.Context) (context.Context, error) {
	if d.shared {
		return ctx, nil
	}
	return context.WithoutCancel(ctx), ctx.Err()
}

// pools are the connections of a store: one that writes, many that read.
type pools struct {
	write, read *sql.DB
	remove      func() error // takes away a database that was to live in memory; may be nil
	migrated    func()       // is told that the schema is up to date; may be nil
}

func (p pools) close() error {
	err := p.read.Close()
	if p.write != p.read {
		if werr := p.write.Close(); err == nil {
			err = werr
		}
	}
	if p.remove != nil {
		if rerr := p.remove(); err == nil {
			err = rerr
		}
	}
	return err
}

// numbered rewrites the placeholders "?" of our own queries, which hold no other question mark, to $1, $2 ...
func numbered(query string) string {
	var b strings.Builder
	n := 0
	for part := range strings.SplitSeq(query, "?") {
		if n > 0 {
			b.WriteString("$" + strconv.Itoa(n))
		}
		b.WriteString(part)
		n++
	}
	return b.String()
}

// marks returns n placeholders, "?, ?, ?".
func marks(n int) string { return strings.TrimSuffix(strings.Repeat("?, ", n), ", ") }
