package e2e

import (
	"database/sql"
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"c2d/cmd/c2d/client"
	"c2d/test/pbx"
)

// inEachStore tells a story on SQLite, and on PostgreSQL. The house is built and not served yet.
func inEachStore(t *testing.T, story func(h *house), more ...string) {
	t.Run("SQLite", func(t *testing.T) {
		t.Parallel()
		story(build(t, more...))
	})
	t.Run("PostgreSQL", func(t *testing.T) {
		t.Parallel()
		url := pbx.Postgres(t)
		h := build(t, more...)
		h.storeIn(url)
		story(h)
	})
}

// storeIn configures another store than the house's own file.
func (h *house) storeIn(url string) {
	h.t.Helper()
	h.replace("sqlite:"+filepath.Join(h.dir, "c2d.db"), url)
	h.database = url
}

// sql opens the house's database, beside the service.
func (h *house) sql() *sql.DB {
	h.t.Helper()
	driver, source := "postgres", h.database
	if source == "" {
		driver, source = "sqlite", "file:"+filepath.Join(h.dir, "c2d.db")+"?_pragma=busy_timeout(5000)"
	}
	db, err := sql.Open(driver, source)
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { db.Close() })
	return db
}

// stored returns the record of a call as the database has it.
func (h *house) stored(c client.Call) (doc struct {
	State string
	End   *client.End
}) {
	h.t.Helper()
	db := h.sql()
	defer db.Close()
	text := ""
	if err := db.QueryRow("SELECT doc FROM calls WHERE id = '" + c.ID + "'").Scan(&text); err != nil {
		h.t.Fatal("the record:", err)
	}
	if err := json.NewDecoder(strings.NewReader(text)).Decode(&doc); err != nil {
		h.t.Fatal("the record:", err)
	}
	return doc
}

// refuse lets the database refuse every record of a call that is connected, until the returned function ends that.
func (h *house) refuse() (end func()) {
	h.t.Helper()
	on := []string{`CREATE TRIGGER held BEFORE UPDATE ON calls WHEN NEW.doc LIKE '%"state":"connected"%' BEGIN SELECT RAISE(ABORT, 'held'); END`}
	off := []string{"DROP TRIGGER held"}
	if h.database != "" {
		on = []string{
			"CREATE FUNCTION held() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''held''; END'",
			`CREATE TRIGGER held BEFORE UPDATE ON calls FOR EACH ROW WHEN (NEW.doc LIKE '%"state":"connected"%') EXECUTE FUNCTION held()`,
		}
		off = []string{"DROP TRIGGER held ON calls", "DROP FUNCTION held"}
	}
	run := func(all []string) {
		h.t.Helper()
		db := h.sql()
		defer db.Close()
		for _, statement := range all {
			if _, err := db.Exec(statement); err != nil {
				h.t.Fatal(err)
			}
		}
	}
	run(on)
	return func() { run(off) }
}

// finished holds that the service has one record of each of these calls and no other, each final, and told so once.
func (h *house) finished(calls ...client.Call) {
	h.t.Helper()
	all, err := client.All[client.Call](h.t.Context(), h.api, "/v1/calls", nil)
	if err != nil {
		h.t.Fatal(err)
	}
	if len(all) != len(calls) {
		h.t.Errorf("%d records of %d calls", len(all), len(calls))
	}
	for _, c := range calls {
		if doc := h.stored(c); doc.State != "ended" || doc.End == nil {
			h.t.Errorf("call %s is stored as %+v", c.ID, doc)
		}
		if n := h.told(c, "call.ended"); n != 1 {
			h.t.Errorf("call %s: %d ends are told", c.ID, n)
		}
	}
}

// told counts the events of a kind that the log has of a call.
func (h *house) told(c client.Call, kind string) (n int) {
	h.t.Helper()
	var page client.List[struct{ Kind string }]
	if err := h.api.Get(h.t.Context(), "/v1/calls/"+c.ID+"/events?wait=0s", &page); err != nil {
		h.t.Fatal(err)
	}
	for _, e := range page.Items {
		if e.Kind == kind {
			n++
		}
	}
	return n
}
