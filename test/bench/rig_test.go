package bench

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"c2d/adapters/httpapi"
	"c2d/adapters/numbering"
	"c2d/adapters/sim"
	"c2d/adapters/sqlstore"
	"c2d/cmd/c2d/client"
	"c2d/core/access"
	"c2d/core/call"
	"c2d/core/dial"
	"c2d/core/directory"
	"c2d/core/identity"
	"c2d/core/user"
)

// The simulator's numbers, beside those of the callers: one rings until it is given up, the other answers at once and
// leaves as soon as it is joined.
const (
	silent = "+16328300103"
	leaves = "+16328300105"
)

const workers = 64 // at most

// answers is the number of the n-th caller, who answers at once.
func answers(n int) string { return fmt.Sprintf("+1632830%04d", 1000+n) }

// probe is the simulator, and tells when an originate reaches it.
type probe struct {
	*sim.Backend
	rung func() // may be nil
}

func (p *probe) Originate(ctx context.Context, o call.Originate, resume []byte) error {
	if p.rung != nil {
		p.rung()
	}
	return p.Backend.Originate(ctx, o, resume)
}

// service is C2D on SQLite and the simulator, without rate limits, in a directory of its own.
type service struct {
	*client.Client
	store  *sqlstore.Store
	runner *call.Runner
	probe  *probe
}

func newService(b *testing.B) *service {
	b.Helper()
	store, err := sqlstore.Open(b.Context(), "sqlite:"+filepath.Join(b.TempDir(), "c2d.db"), sqlstore.Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = store.Close() })
	numbers, err := numbering.New(numbering.Config{})
	if err != nil {
		b.Fatal(err)
	}
	origin := identity.Origin{Installation: "bench", Node: "n1"}
	p := &probe{Backend: sim.New(sandbox(), origin.LegID)}
	book := directory.NewService(store, numbers, numbering.Folder{})
	calls := dial.New(dial.Config{Calls: store, Users: store, Book: book, Contacts: store, Audit: store, Numbers: numbers,
		Entries: []dial.Entry{{Name: "sandbox", Backend: p}}})
	runner := call.NewRunner(call.Config{Store: store, Backends: map[string]call.Backend{"sandbox": p}, Origin: origin, Epoch: 1}, calls, calls)
	calls.Use(runner)
	if err := runner.Start(b.Context()); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = runner.Stop(context.Background()); _ = p.Stop(context.Background()) })
	users := user.NewService(store, "c2d.internal", []string{"sandbox"}, numbers)
	return &service{store: store, runner: runner, probe: p, Client: serve(b, store, httpapi.Deps{Calls: calls, Users: users, Book: book, Events: store, Audit: store})}
}

func sandbox() sim.Config {
	at := []sim.Step{{Tell: call.EvTrying}, {Tell: call.EvRinging}, {Tell: call.EvAnswered}}
	left := []sim.Step{{Tell: call.EvEnded, Cause: call.Cause{Reason: call.Completed}}}
	does := map[string]sim.Behaviour{silent: {Ring: at[:2]}, leaves: {Ring: at, Talk: left}}
	for n := range workers {
		does[answers(n)] = sim.Behaviour{Ring: at}
	}
	return sim.Config{Name: "sandbox", Kind: "sim", Speed: 1000, Scripts: does}
}

// serve opens the HTTP API on a free port and returns a client with the administrator's key.
func serve(b *testing.B, store *sqlstore.Store, deps httpapi.Deps) *client.Client {
	b.Helper()
	keys := access.NewService(store)
	secrets, err := keys.Bootstrap(b.Context(), access.MainTenant)
	if err != nil {
		b.Fatal(err)
	}
	deps.Keys = keys
	server, err := httpapi.New(httpapi.Config{Listen: "127.0.0.1:0", Limits: httpapi.Limits{Streams: workers}}, deps)
	if err != nil {
		b.Fatal(err)
	}
	if err := server.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		_ = server.Stop(ctx)
	})
	c := client.New("http://"+server.Addr().String(), secrets[access.SystemAdmin])
	b.Cleanup(c.Close)
	return c
}

// user makes the n-th user, whose phone has that number, and returns the login.
func (s *service) user(b *testing.B, n int, number string) string {
	b.Helper()
	u := client.User{Login: fmt.Sprintf("nurse%d", n), Name: fmt.Sprintf("Nurse %d", n)}
	if err := s.Post(b.Context(), "/v1/users", u, &u); err != nil {
		b.Fatal(err)
	}
	d := client.Device{Name: "desk", Kind: "desk", Backend: "sandbox", Address: number, Number: number}
	if err := s.Post(b.Context(), "/v1/users/"+u.ID+"/devices", d, nil); err != nil {
		b.Fatal(err)
	}
	return u.Login
}
