package call

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"c2d/core/audit"
	"c2d/core/event"
	"c2d/core/fault"
	"c2d/core/identity"
)

// memory is a call store that can be told to fail.
type memory struct {
	mu     sync.Mutex
	calls  map[string]Call
	keys   map[string]Idempotency
	events []event.Event
	down   bool
	mute   bool // the next Save is done, and its answer lost
}

func newMemory() *memory { return &memory{calls: map[string]Call{}, keys: map[string]Idempotency{}} }

var errDown = fault.New(fault.CodeStoreUnavailable, "down")

func (m *memory) Create(_ context.Context, c Call, idem *Idempotency, t audit.Trail) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.down {
		return errDown
	}
	if idem != nil {
		if row, used := m.keys[idem.Key]; used {
			return &Replay{Row: row}
		}
		m.keys[idem.Key] = *idem
	}
	m.calls[c.ID] = c
	m.events = append(m.events, t.Events...)
	return nil
}

func (m *memory) Save(_ context.Context, c Call, t audit.Trail) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.down {
		return errDown
	}
	if m.calls[c.ID].Version != c.Version-1 {
		return fault.New(fault.CodeConflict, "version %d over %d", c.Version, m.calls[c.ID].Version)
	}
	m.calls[c.ID] = c
	m.events = append(m.events, t.Events...)
	if m.mute {
		m.mute = false
		return errDown
	}
	return nil
}

func (m *memory) Get(_ context.Context, _, id string) (Call, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.calls[id], nil
}
func (m *memory) List(context.Context, Query) ([]Call, string, error) { return nil, "", nil }
func (m *memory) Replayed(context.Context, string, string, string) (Idempotency, error) {
	return Idempotency{}, fault.New(fault.CodeNotFound, "none")
}
func (m *memory) Open(context.Context, string) ([]Call, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var open []Call
	for _, c := range m.calls {
		if c.Open() {
			open = append(open, c)
		}
	}
	return open, nil
}

func (m *memory) set(down bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.down = down
}

func (m *memory) kinds() (kinds []event.Kind) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, e := range m.events {
		kinds = append(kinds, e.Kind)
	}
	return kinds
}

// board is a backend that notes its orders; the test plays the phones.
type board struct {
	Backend
	mu       sync.Mutex
	sink     Sink
	orders   []string
	rung     []string
	resumed  []OpenLeg
	snapshot []LegInfo
	refuse   error
	inStore  func(leg string) bool
	early    int // legs that were rung before their intent was in the store
}

func (b *board) note(s string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.orders = append(b.orders, s)
	return nil
}

func (b *board) Name() string               { return "board" }
func (b *board) Capabilities() Capabilities { return Capabilities{Confirm: true} }
func (b *board) Start(_ context.Context, s Sink, open []OpenLeg) error {
	b.sink, b.resumed = s, open
	return nil
}
func (b *board) Prepare(_ context.Context, o Originate) ([]byte, error) {
	return []byte("will send " + o.Leg), b.refuse
}
func (b *board) Originate(_ context.Context, o Originate, resume []byte) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.rung = append(b.rung, o.Leg)
	if b.inStore != nil && !b.inStore(o.Leg) || string(resume) != "will send "+o.Leg {
		b.early++
	}
	return nil
}
func (b *board) Join(_ context.Context, a, c string) error { return b.note("join") }
func (b *board) RingBack(_ context.Context, _ string, on bool) error {
	if on {
		return b.note("ring_back")
	}
	return b.note("quiet")
}
func (b *board) Tell(context.Context, string, Reason) error { return b.note("tell") }
func (b *board) HangUp(_ context.Context, leg string, _ Reason) error {
	return b.note("hang_up " + leg)
}
func (b *board) Refuse(_ context.Context, leg string, _ Reason) error { return b.note("refuse " + leg) }
func (b *board) Answer(context.Context, string) error                 { return b.note("answer") }
func (b *board) Ring(context.Context, string) error                   { return b.note("ring") }
func (b *board) Snapshot(context.Context) ([]LegInfo, error)          { return b.snapshot, nil }

func (b *board) did(order string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Contains(b.orders, order)
}

func (b *board) tell(leg string, k LegEventKind) {
	b.sink.Leg(LegEvent{Leg: leg, Kind: k, Resume: []byte("dialog of " + leg)})
}

type book struct{ err error }

func (k book) LookUp(context.Context, Call) (LookedUp, error) { return mary("m"), k.err }
func (k book) Offered(_ context.Context, _ string, ev LegEvent) (Call, *Cause) {
	if ev.To == "nobody" {
		return Call{}, &Cause{Reason: InvalidNumber}
	}
	c := newCall()
	c.ID, c.LegBase, c.CallerLeg = "offered", "", ev.Leg
	c.Caller.Attempts[0].Legs = []Leg{{ID: ev.Leg, Way: Way{Backend: "house"}, State: LegOffered}}
	return c, nil
}

type rig struct {
	*Runner
	t     *testing.T
	store *memory
	board *board
}

func newRig(t *testing.T, store *memory, gates map[string]int) *rig {
	b := &board{}
	r := NewRunner(Config{Store: store, Backends: map[string]Backend{"house": b}, Origin: identity.Origin{Installation: "in", Node: "n1"}, Gates: gates}, book{}, book{})
	if err := r.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	synctest.Wait()
	return &rig{r, t, store, b}
}

func (r *rig) place(id string, idem *Idempotency) (Call, error) {
	c := newCall()
	c.ID, c.LegBase = id, ""
	return r.Place(r.t.Context(), c, idem, audit.Trail{})
}

func (r *rig) mustPlace(id string) Call {
	r.t.Helper()
	c, err := r.place(id, nil)
	if err != nil {
		r.t.Fatal(err)
	}
	synctest.Wait()
	return c
}

// play lets a phone do something, and waits until the call has taken it in.
func (r *rig) play(leg string, k LegEventKind) { r.board.tell(leg, k); synctest.Wait() }

func (r *rig) talk(id string) (caller, callee string) {
	r.t.Helper()
	base := r.mustPlace(id).LegBase
	r.play(base+"-1", EvAnswered)
	r.play(base+"-2", EvAnswered)
	r.play(base+"-1", EvJoined)
	if got := r.state(id); got != Connected {
		r.t.Fatalf("state %s, want connected", got)
	}
	return base + "-1", base + "-2"
}

func (r *rig) state(id string) State {
	c, _ := r.store.Get(r.t.Context(), "main", id)
	return c.State
}

func (r *rig) stop() {
	if err := r.Stop(context.Background()); err != nil {
		r.t.Error(err)
	}
}

func TestRunnerCarriesACall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, newMemory(), nil)
		a, b := r.talk("c")
		r.play(b, EvEnded)
		if got := r.state("c"); got != Ended || !r.board.did("hang_up "+a) {
			t.Fatalf("state %s, orders %v", got, r.board.orders)
		}
		r.play(a, EvEnded)
		if r.Active() != 0 {
			t.Fatal("the call is still carried")
		}
		want := []event.Kind{event.CallCreated, event.CallAnswered, event.CallAnswered, event.CallConnected, event.CallEnded}
		if got := r.store.kinds(); !slices.Equal(got, want) {
			t.Fatalf("events %v, want %v", got, want)
		}
		r.stop()
	})
}

func TestIntentIsStoredBeforeAnythingRings(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, newMemory(), nil)
		r.board.inStore = func(leg string) bool {
			for _, c := range r.store.calls {
				if l, _, _ := c.Find(leg); l != nil && string(l.Resume) == "will send "+leg {
					return true
				}
			}
			return false
		}
		r.talk("c")
		if r.board.early != 0 || len(r.board.rung) != 2 {
			t.Fatalf("%d of %d legs were rung before they were stored", r.board.early, len(r.board.rung))
		}
		r.stop()
	})
}

func TestOneIdempotencyKeyRingsOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, newMemory(), nil)
		var wg sync.WaitGroup
		var mu sync.Mutex
		placed, replayed := 0, 0
		for range 200 {
			wg.Go(func() {
				_, err := r.place(identity.NewID(), &Idempotency{Key: "k"})
				var used *Replay
				mu.Lock()
				defer mu.Unlock()
				switch {
				case err == nil:
					placed++
				case errors.As(err, &used):
					replayed++
				}
			})
		}
		wg.Wait()
		synctest.Wait()
		if placed != 1 || replayed != 199 || len(r.board.rung) != 1 || r.Active() != 1 {
			t.Fatalf("placed %d, replayed %d, rung %d, active %d", placed, replayed, len(r.board.rung), r.Active())
		}
		r.stop()
	})
}

func TestStoreDownBeforeTheCalleeRings(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, newMemory(), nil)
		base := r.mustPlace("c").LegBase
		r.store.set(true)
		r.play(base+"-1", EvAnswered)
		if len(r.board.rung) != 1 || !r.board.did("hang_up "+base+"-1") {
			t.Fatalf("rung %v, orders %v: nobody else may ring, and the caller must be released", r.board.rung, r.board.orders)
		}
		if _, err := r.place("d", nil); !fault.Is(err, fault.CodeStoreUnavailable) || len(r.board.rung) != 1 {
			t.Fatalf("a new call: %v, rung %v", err, r.board.rung)
		}
		r.play(base+"-1", EvEnded)
		r.store.set(false)
		time.Sleep(2 * retryEvery)
		synctest.Wait()
		c, _ := r.store.Get(t.Context(), "main", "c")
		if c.State != Ended || c.End.Reason != Congestion || c.Open() || r.Active() != 0 {
			t.Fatalf("the record is %s %+v, %d active", c.State, c.End, r.Active())
		}
		r.stop()
	})
}

func TestStoreDownWhileTwoTalk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, newMemory(), nil)
		a, b := r.talk("c")
		r.store.set(true)
		ended, err := r.HangUp(t.Context(), "c", HangUpOrdered{By: ByAPI})
		if err != nil || ended.State != Ended || !r.board.did("hang_up "+a) || !r.board.did("hang_up "+b) {
			t.Fatalf("%v %s, orders %v", err, ended.State, r.board.orders)
		}
		r.store.set(false)
		time.Sleep(2 * retryEvery)
		synctest.Wait()
		if got := r.state("c"); got != Ended {
			t.Fatalf("the record is %s after the store came back", got)
		}
		if got := r.store.kinds(); got[len(got)-1] != event.CallEnded {
			t.Fatalf("events %v", got)
		}
		r.play(a, EvEnded)
		r.play(b, EvEnded)
		r.stop()
	})
}

func TestRestartKeepsTalkingAndEndsRinging(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newMemory()
		r := newRig(t, store, nil)
		a, b := r.talk("talks")
		rings := r.mustPlace("rings").LegBase + "-1"
		first := r.Runner
		r = newRig(t, store, nil) // as after kill -9: nothing was stopped
		if len(r.board.resumed) != 3 {
			t.Fatalf("%d legs taken up, want 3", len(r.board.resumed))
		}
		for _, l := range r.board.resumed {
			if l.Leg != rings && string(l.Resume) != "dialog of "+l.Leg {
				t.Errorf("leg %s is taken up with %q", l.Leg, l.Resume)
			}
		}
		if c, _ := store.Get(t.Context(), "", "rings"); c.State != Ended || c.End.Reason != Lost || !r.board.did("hang_up "+rings) {
			t.Fatalf("%s %+v, orders %v", c.State, c.End, r.board.orders)
		}
		if r.state("talks") != Connected || r.board.did("hang_up "+a) {
			t.Fatalf("state %s, orders %v", r.state("talks"), r.board.orders)
		}
		r.play(a, EvEnded)
		if c, _ := store.Get(t.Context(), "", "talks"); c.End == nil || c.End.Reason != Completed || !r.board.did("hang_up "+b) {
			t.Fatalf("%s %+v", c.State, c.End)
		}
		for _, l := range []string{b, rings} {
			r.play(l, EvEnded)
		}
		r.stop()
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		_ = first.Stop(ctx)
	})
}

func TestStopEndsRingingAndLeavesTalking(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, newMemory(), nil)
		a, _ := r.talk("talks")
		rings := r.mustPlace("rings").LegBase + "-1"
		stopped := make(chan error, 1)
		go func() { stopped <- r.Stop(context.Background()) }()
		synctest.Wait()
		if _, err := r.place("late", nil); !fault.Is(err, fault.CodeShuttingDown) {
			t.Fatalf("placing while stopping: %v", err)
		}
		r.play(rings, EvEnded)
		if err := <-stopped; err != nil {
			t.Fatal(err)
		}
		if r.state("rings") != Ended || r.state("talks") != Connected || r.board.did("hang_up "+a) {
			t.Fatalf("rings %s, talks %s, orders %v", r.state("rings"), r.state("talks"), r.board.orders)
		}
	})
}

func TestGateQueuesAndLetsIn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, newMemory(), map[string]int{"house": 1})
		first := r.mustPlace("a").LegBase
		if second := r.mustPlace("b"); second.State != Queued || len(r.board.rung) != 1 {
			t.Fatalf("state %s, rung %v", second.State, r.board.rung)
		}
		r.play(first+"-1", EvEnded)
		if r.state("b") != RingingCaller || len(r.board.rung) != 2 {
			t.Fatalf("b is %s, rung %v", r.state("b"), r.board.rung)
		}
		r.mustPlace("c")
		time.Sleep(queueLimit)
		synctest.Wait()
		if c, _ := r.store.Get(t.Context(), "", "c"); c.State != Ended || c.End.Reason != Congestion {
			t.Fatalf("c is %s", c.State)
		}
		c, _ := r.HangUp(t.Context(), "b", HangUpOrdered{By: ByAPI})
		r.play(c.LegBase+"-1", EvEnded)
		r.stop()
	})
}

func TestRunnerTakesOfferedLegs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, newMemory(), nil)
		r.board.sink.Leg(LegEvent{Leg: "x", Kind: EvOffered, To: "nobody"})
		synctest.Wait()
		if !r.board.did("refuse x") {
			t.Fatalf("orders %v", r.board.orders)
		}
		// The phone gives up while its call is being made: the end must not get lost.
		r.board.sink.Leg(LegEvent{Leg: "y", Kind: EvOffered, To: "mary"})
		r.board.sink.Leg(LegEvent{Leg: "y", Kind: EvEnded, Cause: Cause{Reason: Cancelled}})
		synctest.Wait()
		c, _ := r.store.Get(t.Context(), "", "offered")
		if c.State != Ended || c.End.Reason != Cancelled || c.End.By != ByCaller {
			t.Fatalf("%s %+v", c.State, c.End)
		}
		for l := range c.Legs {
			r.play(l.ID, EvEnded)
		}
		r.stop()
	})
}

func TestBackendThatRefusesEndsTheCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, newMemory(), nil)
		r.board.refuse = fault.New(fault.CodeBackendUnavailable, "down")
		r.mustPlace("c")
		if c, _ := r.store.Get(t.Context(), "", "c"); c.State != Ended || c.End.Reason != BackendFailed || len(r.board.rung) != 0 {
			t.Fatalf("%s %+v, rung %v", c.State, c.End, r.board.rung)
		}
		r.stop()
	})
}

func TestLinkLostAndBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, newMemory(), nil)
		a, b := r.talk("c")
		r.board.sink.Link("board", false)
		synctest.Wait()
		if c, _ := r.Get("c"); !c.Has(Unsure) {
			t.Fatal("not unsure")
		}
		r.board.snapshot = []LegInfo{{Leg: a, State: LegAnswered}}
		r.board.sink.Link("board", true)
		time.Sleep(time.Second)
		synctest.Wait()
		if c, _ := r.store.Get(t.Context(), "", "c"); c.State != Ended || c.End.Reason != Lost || !r.board.did("hang_up "+a) || r.board.did("hang_up "+b) {
			t.Fatalf("%s %+v, orders %v", c.State, c.End, r.board.orders)
		}
		r.play(a, EvEnded)
		r.stop()
	})
}

func TestStrayAnswerIsHungUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, newMemory(), nil)
		r.play("in-n1-unknown-1", EvAnswered)
		if !r.board.did("hang_up in-n1-unknown-1") {
			t.Fatalf("orders %v", r.board.orders)
		}
		r.stop()
	})
}

func TestAWriteWhoseAnswerWasLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, newMemory(), nil)
		base := r.mustPlace("c").LegBase
		r.store.mu.Lock()
		r.store.mute = true
		r.store.mu.Unlock()
		r.play(base+"-1", EvAnswered)
		r.play(base+"-1", EvEnded)
		time.Sleep(3 * retryEvery)
		synctest.Wait()
		c, _ := r.store.Get(t.Context(), "main", "c")
		if c.State != Ended || c.Open() || r.Active() != 0 {
			t.Fatalf("the record is %s, open %v; %d active", c.State, c.Open(), r.Active())
		}
		r.stop()
	})
}
