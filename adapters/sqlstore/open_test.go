package sqlstore

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"c2d/core/fault"
)

func TestBadURLs(t *testing.T) {
	for _, u := range []struct {
		url   string
		code  fault.Code
		field string
	}{
		{"", fault.CodeInvalid, "store.url"},
		{"sqlite:", fault.CodeInvalid, "store.url"},
		{"mysql://root:secret@host/db", fault.CodeInvalid, "store.url"},
		{"postgres://c2d:secret%zz@host/db", fault.CodeInvalid, "store.url"},
		{"postgres://c2d:secret@host/db?sslmode=sometimes", fault.CodeInvalid, "store.url"},
		{"postgres://c2d:secret@127.0.0.1:1/db?sslmode=disable", fault.CodeStoreUnavailable, ""},
		{"sqlite:" + filepath.Join(t.TempDir(), "none", "c2d.db"), fault.CodeStoreUnavailable, ""},
	} {
		_, err := Open(t.Context(), u.url, Options{})
		f, _ := err.(*fault.Error)
		if f == nil || f.Code != u.code || f.Field != u.field || strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: %v, want %s of %q without the password", u.url, err, u.code, u.field)
		}
	}
}

func TestSQLiteIsDurableAndPrivate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a b?c%20d#e.db") // a name that an URL would read otherwise
	s := openFile(t, path)
	createCalls(t, s, 1)
	for _, name := range []string{path, path + "-wal"} {
		if info, err := os.Stat(name); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", name, info, err)
		}
	}
	err := s.w.do(t.Context(), writeLimit, func(ctx context.Context, tx *tx) error {
		for pragma, want := range map[string]string{"journal_mode": "wal", "synchronous": "2", "foreign_keys": "1", "busy_timeout": "5000"} {
			if got, err := one(ctx, tx, scalar[string], "PRAGMA "+pragma); err != nil || got != want {
				t.Errorf("%s is %s, want %s, %v", pragma, got, want, err)
			}
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	if _, err := s.db.Exec("DELETE FROM calls"); err == nil {
		t.Error("a reader may write")
	}
}

func TestInMemoryLeavesNothing(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	s, err := Open(t.Context(), "sqlite::memory:", Options{})
	if err != nil {
		t.Fatal(err)
	}
	createCalls(t, s, 1)
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if left, err := os.ReadDir(os.Getenv("TMPDIR")); err != nil || len(left) != 0 {
		t.Errorf("left: %v, %v", left, err)
	}
}

// TestReleaseBefore opens a database that a later release has migrated further.
func TestReleaseBefore(t *testing.T) {
	path := filepath.Join(t.TempDir(), "c2d.db")
	s := openFile(t, path)
	err := s.w.do(t.Context(), writeLimit, func(ctx context.Context, tx *tx) error {
		if _, err := tx.exec(ctx, "ALTER TABLE calls ADD COLUMN later TEXT"); err != nil {
			return err
		}
		_, err := tx.exec(ctx, "INSERT INTO goose_db_version (version_id, is_applied) VALUES (99999, 1)")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	createCalls(t, openFile(t, path), 1)
}

func TestPlaceholders(t *testing.T) {
	for query, want := range map[string]string{
		"": "", "SELECT 1": "SELECT 1", "?": "$1", "a = ? AND (b, c) > (?, ?)": "a = $1 AND (b, c) > ($2, $3)",
	} {
		if got := numbered(query); got != want {
			t.Errorf("%q became %q, want %q", query, got, want)
		}
	}
}
