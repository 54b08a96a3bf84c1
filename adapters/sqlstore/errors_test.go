package sqlstore

import (
	"context"
	"database/sql/driver"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/lib/pq"
	"github.com/lib/pq/pqerror"

	"c2d/core/fault"
)

func TestPostgresErrors(t *testing.T) {
	for _, e := range []struct {
		err   error
		code  fault.Code
		field string
	}{
		{&pq.Error{Code: "23505", Constraint: "users_login"}, fault.CodeExists, "login"},
		{&pq.Error{Code: "23505", Constraint: "devices_address"}, fault.CodeExists, "address"},
		{&pq.Error{Code: "23505", Constraint: "devices_username"}, fault.CodeExists, "credentials.username"},
		{&pq.Error{Code: "23505", Constraint: "identifiers_pkey"}, fault.CodeExists, "identifiers"},
		{&pq.Error{Code: "23505", Constraint: "access_keys_hash"}, fault.CodeExists, "hash"},
		{&pq.Error{Code: "23505", Constraint: "unknown"}, fault.CodeExists, ""},
		{&pq.Error{Code: "40001"}, fault.CodeStoreUnavailable, ""},
		{&pq.Error{Code: "40P01"}, fault.CodeStoreUnavailable, ""},
		{&pq.Error{Code: "53300"}, fault.CodeStoreUnavailable, ""},
		{&pq.Error{Code: "55P03"}, fault.CodeStoreUnavailable, ""},
		{&pq.Error{Code: "57P01"}, fault.CodeStoreUnavailable, ""},
		{&pq.Error{Code: "57P03"}, fault.CodeStoreUnavailable, ""},
		{&pq.Error{Code: "08006"}, fault.CodeStoreUnavailable, ""},
		{&pq.Error{Code: "28P01"}, fault.CodeStoreUnavailable, ""},
		{&pq.Error{Code: "3D000"}, fault.CodeStoreUnavailable, ""},
		{&pq.Error{Code: "25006"}, fault.CodeStoreUnavailable, ""},
		{&pq.Error{Code: "22021"}, fault.CodeBadCharacter, ""},
		{&pq.Error{Code: "22P05"}, fault.CodeBadCharacter, ""},
		{&pq.Error{Code: "54000"}, fault.CodeTooLarge, ""},
		{&pq.Error{Code: "42601"}, fault.CodeInternal, ""},
		{&pq.Error{Code: "23502"}, fault.CodeInternal, ""},
		{&pq.Error{Code: pqerror.Code("")}, fault.CodeInternal, ""},
		{driver.ErrBadConn, fault.CodeStoreUnavailable, ""},
		{io.ErrUnexpectedEOF, fault.CodeStoreUnavailable, ""},
		{context.DeadlineExceeded, fault.CodeStoreUnavailable, ""},
		{conflict(), fault.CodeConflict, ""},
		{nil, "", ""},
	} {
		wantFault(t, postgresFault(e.err), e.code, e.field, e.err)
	}
}

func wantFault(t *testing.T, got error, code fault.Code, field string, cause error) {
	t.Helper()
	if fault.CodeOf(got) != code {
		t.Errorf("%v became %v, want %s", cause, got, code)
		return
	}
	var f *fault.Error
	if errors.As(got, &f) && (f.Field != field || !errors.Is(got, cause) || f.Message == "") {
		t.Errorf("%v became %+v, want field %q and the cause", cause, f, field)
	}
}

// TestSQLiteErrors provokes each error: the driver lets nobody make one.
func TestSQLiteErrors(t *testing.T) {
	dir := t.TempDir()
	garbage := filepath.Join(dir, "garbage.db")
	if err := os.WriteFile(garbage, make([]byte, 4096), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, e := range []struct {
		name, path string
		pragmas    []string
		statements []string // the last one fails
		code       fault.Code
	}{
		{"unique", "", nil, []string{"CREATE TABLE t (a, b UNIQUE)", "INSERT INTO t VALUES (1, 1)", "INSERT INTO t VALUES (2, 1)"}, fault.CodeExists},
		{"primary key", "", nil, []string{"CREATE TABLE t (a TEXT PRIMARY KEY)", "INSERT INTO t VALUES ('x'), ('x')"}, fault.CodeExists},
		{"not null", "", nil, []string{"CREATE TABLE t (a NOT NULL)", "INSERT INTO t VALUES (NULL)"}, fault.CodeInternal},
		{"syntax", "", nil, []string{"CREATE NONSENSE"}, fault.CodeInternal},
		{"read only", "", []string{"query_only(1)"}, []string{"CREATE TABLE t (a)"}, fault.CodeStoreUnavailable},
		{"busy", filepath.Join(dir, "busy.db"), nil, []string{"PRAGMA busy_timeout(1)", "BEGIN IMMEDIATE"}, fault.CodeStoreUnavailable},
		{"full", "", []string{"max_page_count(1)"}, []string{"CREATE TABLE t (a)"}, fault.CodeStoreUnavailable},
		{"no such directory", filepath.Join(dir, "none", "c2d.db"), nil, []string{"CREATE TABLE t (a)"}, fault.CodeStoreUnavailable},
		{"no database", garbage, nil, []string{"CREATE TABLE t (a)"}, fault.CodeStoreUnavailable},
		{"too big", "", nil, []string{"SELECT length(zeroblob(2000000000))"}, fault.CodeTooLarge},
	} {
		t.Run(e.name, func(t *testing.T) {
			if e.path == "" {
				e.path = filepath.Join(t.TempDir(), "c2d.db")
			}
			if e.name == "busy" {
				lockFile(t, e.path)
			}
			err := runAll(t, e.path, e.pragmas, e.statements)
			wantFault(t, sqliteFault(err), e.code, "", err)
		})
	}
}

// runAll runs statements on one connection and returns the error of the last.
func runAll(t *testing.T, path string, pragmas, statements []string) error {
	t.Helper()
	db, err := sqlitePool(path, pragmas...)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	for _, s := range statements[:len(statements)-1] {
		if _, err := db.Exec(s); err != nil {
			t.Fatal(err)
		}
	}
	_, err = db.Exec(statements[len(statements)-1])
	return err
}

// lockFile begins to write to a database, and does not end before the test.
func lockFile(t *testing.T, path string) {
	t.Helper()
	db, err := sqlitePool(path)
	if err != nil {
		t.Fatal(err)
	}
	db.SetMaxOpenConns(1)
	t.Cleanup(func() { _ = db.Close() })
	if _, err := db.Exec("BEGIN IMMEDIATE"); err != nil {
		t.Fatal(err)
	}
}
