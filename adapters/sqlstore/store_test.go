package sqlstore_test

import (
	"context"
	"path/filepath"
	"testing"

	"go.uber.org/goleak"

	"c2d/adapters/sqlstore"
	"c2d/core/storetest"
	"c2d/test/pbx"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestSQLite(t *testing.T) {
	storetest.Run(t, func(t *testing.T) storetest.Stores {
		return open(t, "sqlite:"+filepath.Join(t.TempDir(), "c2d.db"))
	})
}

func TestPostgres(t *testing.T) {
	pbx.Postgres(t) // the cluster lives as long as this test
	storetest.Run(t, func(t *testing.T) storetest.Stores { return open(t, pbx.Postgres(t)) })
}

// open opens a store and closes it with the test.
func open(t testing.TB, url string) *sqlstore.Store {
	t.Helper()
	s, err := sqlstore.Open(context.Background(), url, sqlstore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}
