package sqlstore_test

import (
	"context"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"c2d/adapters/sqlstore"
	"c2d/core/access"
	"c2d/core/audit"
	"c2d/core/call"
	"c2d/core/directory"
	"c2d/core/event"
	"c2d/core/fault"
	"c2d/core/user"
	"c2d/test/pbx"
)

func TestRestart(t *testing.T) {
	t.Run("SQLite", func(t *testing.T) { testRestart(t, "sqlite:"+filepath.Join(t.TempDir(), "c2d.db")) })
	t.Run("PostgreSQL", func(t *testing.T) { testRestart(t, pbx.Postgres(t)) })
}

// testRestart writes one of each, closes, opens, and looks whether all is as it was and goes on from there.
func testRestart(t *testing.T, url string) {
	s := open(t, url)
	writeOne(t, s, "1")
	before := content(t, s)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, url)
	after := content(t, s)
	if !reflect.DeepEqual(before, after) {
		t.Fatalf("before %+v\nafter  %+v", before, after)
	}
	page, err := s.Read(t.Context(), event.Filter{Tenant: "t"}, before.log.Next, 10)
	if err != nil || page.Reset || len(page.Events) != 0 {
		t.Errorf("a cursor from before the restart reads %+v, %v", page, err)
	}
	writeOne(t, s, "2")
	if n, broken, err := audit.Verify(t.Context(), s, "t"); n != 4 || broken != 0 || err != nil {
		t.Errorf("the chain has %d entries, broken at %d, %v", n, broken, err)
	}
	if next := content(t, s); next.log.Events[1].Seq != before.log.Events[0].Seq+1 {
		t.Errorf("the log goes on with %+v", next.log)
	}
}

func writeOne(t *testing.T, s *sqlstore.Store, id string) {
	t.Helper()
	ctx := t.Context()
	trail := audit.Trail{Audit: []audit.Entry{{Action: "call.place", Target: id}}, Events: []event.Event{{Kind: event.CallCreated, Subject: id}}}
	idem := call.Idempotency{KeyID: "k", Key: id, CallID: id, ExpiresAt: time.Now().Add(time.Hour)}
	_, errUser := s.PutUser(ctx, user.User{ID: id, Tenant: "t", Login: "login" + id, DeviceIDs: []string{"d"}}, audit.Trail{})
	_, errDevice := s.PutDevice(ctx, user.Device{ID: id, Tenant: "t", Address: id, Credentials: &user.Credentials{Username: id}}, audit.Trail{})
	_, errBook := s.PutContacts(ctx, "t", []directory.Keyed{{Contact: directory.Contact{ID: id}, Keys: []string{"name"}}}, audit.Trail{})
	for _, err := range []error{
		s.Create(ctx, call.Call{ID: id, Tenant: "t", Version: 1, Node: "n", State: call.Queued, Caller: call.Party{UserID: id}}, &idem, trail),
		errUser, errDevice, errBook,
		s.PutBindings(ctx, "t", "sip:a@b", []user.Binding{{Contact: "sip:" + id, ExpiresAt: time.Now().Add(time.Hour)}}, nil),
		s.PutKey(ctx, access.Key{ID: id, Tenant: "t", Hash: []byte(id)}, access.Actor{Tenant: "t"}, "key.create"),
		s.Used(ctx, "t", id, time.UnixMilli(1)),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
}

// everything is what a store of one tenant holds.
type everything struct {
	open     []call.Call
	users    []user.User
	devices  []user.Device
	contacts []directory.Contact
	bindings []user.Binding
	keys     []access.Key
	entries  []audit.Entry
	log      event.Page
}

func content(t *testing.T, s *sqlstore.Store) (e everything) {
	t.Helper()
	ctx, page := t.Context(), user.Page{Limit: 10}
	errs := make([]error, 8)
	e.open, errs[0] = s.Open(ctx, "n")
	e.users, _, errs[1] = s.Users(ctx, "t", page)
	e.devices, _, errs[2] = s.Devices(ctx, "t", page)
	e.contacts, _, errs[3] = s.Contacts(ctx, "t", "na", page)
	e.bindings, errs[4] = s.Bindings(ctx, "t", "sip:a@b", time.Now())
	e.keys, errs[5] = s.Keys(ctx, "t")
	e.entries, errs[6] = s.Entries(ctx, "t", 0, 10)
	e.log, errs[7] = s.Read(ctx, event.Filter{Tenant: "t"}, "", 10)
	for _, err := range errs {
		if err != nil {
			t.Fatal(err)
		}
	}
	if len(e.open) == 0 || len(e.users) == 0 || len(e.keys) == 0 || e.keys[0].LastUsedAt.IsZero() {
		t.Fatalf("the store lacks something: %+v", e)
	}
	return e
}

// TestOutage stops the server under a store, and starts it again.
func TestOutage(t *testing.T) {
	cluster := pbx.StartPostgres(t)
	s := open(t, cluster.NewDatabase(t))
	writeOne(t, s, "1")
	cluster.Stop(t)
	for range 3 {
		wantQuickly(t, func(ctx context.Context) error {
			_, err := s.PutUser(ctx, user.User{ID: "2", Tenant: "t", Login: "mary"}, audit.Trail{})
			return err
		})
		wantQuickly(t, func(ctx context.Context) error { _, err := s.User(ctx, "t", "1"); return err })
	}
	cluster.Start(t)
	writeOne(t, s, "2")
	if n, broken, err := audit.Verify(t.Context(), s, "t"); n != 4 || broken != 0 || err != nil {
		t.Errorf("the chain has %d entries, broken at %d, %v", n, broken, err)
	}
	if _, err := s.User(t.Context(), "t", "1"); err != nil {
		t.Error(err)
	}
}

func wantQuickly(t *testing.T, f func(context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	if err := f(ctx); !fault.Is(err, fault.CodeStoreUnavailable) || ctx.Err() != nil {
		t.Errorf("without a server: %v, %v", err, ctx.Err())
	}
}
