package sqlstore

import (
	"database/sql"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/pressly/goose/v3"
	_ "modernc.org/sqlite" // the driver "sqlite"
)

// sqliteDialect is that of SQLite: BEGIN IMMEDIATE takes the write lock at once, so that no transaction fails half-way
// because another was faster.
func sqliteDialect() *dialect {
	return &dialect{goose: goose.DialectSQLite3, words: strings.NewReplacer(), begin: "BEGIN IMMEDIATE",
		place: func(q string) string { return q }, fault: sqliteFault}
}

// openSQLite opens the file, which is created readable by its owner alone. ":memory:" is a file in a temporary
// directory that Close removes, and that never waits for the disk.
func openSQLite(path string) (pools, error) {
	var remove func() error
	synchronous := "FULL"
	if path == ":memory:" {
		dir, err := os.MkdirTemp("", "c2d-store")
		if err != nil {
			return pools{}, err
		}
		remove = func() error { return os.RemoveAll(dir) }
		path, synchronous = filepath.Join(dir, "c2d.db"), "OFF"
	}
	path, err := ownFile(path)
	if err != nil {
		return pools{}, err
	}
	write, err := sqlitePool(path, "journal_mode(WAL)", "synchronous("+synchronous+")", "foreign_keys(1)")
	if err != nil {
		return pools{}, err
	}
	write.SetMaxOpenConns(1)
	read, err := sqlitePool(path, "query_only(1)")
	if err != nil {
		return pools{}, err
	}
	read.SetMaxOpenConns(max(4, runtime.NumCPU()))
	read.SetMaxIdleConns(max(4, runtime.NumCPU()))
	return pools{write: write, read: read, remove: remove}, nil
}

func ownFile(path string) (string, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return "", err
	}
	if err := f.Close(); err != nil {
		return "", err
	}
	return filepath.Abs(path)
}

func sqlitePool(path string, pragmas ...string) (*sql.DB, error) {
	q := url.Values{"_pragma": append([]string{"busy_timeout(5000)"}, pragmas...)}
	return sql.Open("sqlite", "file:"+(&url.URL{Path: path}).EscapedPath()+"?"+q.Encode())
}
