package sqlstore

import (
	"database/sql"
	"strings"
	"testing"

	"c2d/core/fault"
)

// TestLookUpsReadOneRow looks at how SQLite will do what each call asks for: a look-up that reads every row of a tenant is
// as fast as others in a test, and slow in a hospital.
func TestLookUpsReadOneRow(t *testing.T) {
	s := openNew(t)
	ask := map[string]func() error{
		"device by address":  func() error { _, err := s.DeviceByAddress(t.Context(), "t", "x"); return err },
		"device by user":     func() error { _, err := s.DeviceByCredentials(t.Context(), "t", "x"); return err },
		"user by login":      func() error { _, err := s.UserByLogin(t.Context(), "t", "x"); return err },
		"contact":            func() error { _, err := s.Contact(t.Context(), "t", "x"); return err },
		"contacts by name":   func() error { _, err := s.ContactsByName(t.Context(), "t", "x", 2); return err },
		"contacts by number": func() error { _, err := s.ContactsByNumber(t.Context(), "t", "x"); return err },
		"bindings":           func() error { _, err := s.Bindings(t.Context(), "t", "x", s.now()); return err },
		"key":                func() error { _, err := s.KeyByHash(t.Context(), []byte("x")); return err },
	}
	for name, f := range ask {
		s.stmts.Clear()
		if err := f(); err != nil && !fault.Is(err, fault.CodeNotFound) {
			t.Fatal(name, err)
		}
		var asked []string
		s.stmts.Range(func(query, _ any) bool { asked = append(asked, query.(string)); return true })
		for _, query := range asked {
			for _, step := range plan(t, s, query) {
				if strings.HasPrefix(step, "SCAN") || strings.HasSuffix(step, "(tenant=?)") {
					t.Errorf("%s: %s\n%s", name, step, query)
				}
			}
		}
	}
}

func plan(t *testing.T, s *Store, query string) []string {
	t.Helper()
	args := make([]any, strings.Count(query, "?"))
	steps, err := all(t.Context(), s.reader, func(rows *sql.Rows) (step string, err error) {
		var id, parent, unused int
		err = rows.Scan(&id, &parent, &unused, &step)
		return step, err
	}, "EXPLAIN QUERY PLAN "+query, args...)
	if err != nil {
		t.Fatal(err)
	}
	return steps
}
