package sqlstore

import (
	"database/sql"
	"net/url"
	"strings"

	"github.com/lib/pq"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

// postgresDialect is that of PostgreSQL: the row lock makes the writers of all processes take turns, so that sequence
// numbers ascend in the order of commits, and no two transactions wait for each other.
func postgresDialect() *dialect {
	words := strings.NewReplacer(" TEXT", ` TEXT COLLATE "C"`, " WITHOUT ROWID", "")
	return &dialect{goose: goose.DialectPostgres, words: words, begin: "BEGIN",
		lock: "SELECT event_seq FROM heads WHERE tenant = '' FOR UPDATE", place: numbered, fault: postgresFault, shared: true,
		locker: func() (lock.SessionLocker, error) { return lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, 60)) }}
}

// openPostgres opens the database of a postgres:// URL as lib/pq reads it (sslmode is "require" unless it says
// otherwise); a connection that is not made within 5 s has failed unless it says otherwise.
func openPostgres(rawURL string) (pools, error) {
	u, err := url.Parse(rawURL)
	if err != nil {
		return pools{}, err
	}
	q := u.Query()
	if !q.Has("connect_timeout") {
		q.Set("connect_timeout", "5")
	}
	u.RawQuery = q.Encode()
	c, err := pq.NewConnector(u.String())
	if err != nil {
		return pools{}, err
	}
	patient := &patience{}
	c.Dialer(patient)
	db := sql.OpenDB(c)
	db.SetMaxOpenConns(16)
	db.SetMaxIdleConns(16)
	return pools{write: db, read: db, migrated: patient.begin}, nil
}
