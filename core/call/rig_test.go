package call

import (
	"context"
	"maps"
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
	audits []audit.Entry // of Save
	down   bool
	saves  int
	hangs  bool // Save does not return until its context ends, and then is done all the same
	mute   bool // the next Save is done, and its answer lost
	deaf   bool // takes no new call
	slow   bool // Save returns a moment after it is done
	idle   bool // what nobody waits for waits for ever

	failing bool          // reads fail
	delay   time.Duration // of TakeOver
	history []*memory     // after each write
}

// wrote notes what a process that is killed now leaves; m.mu is held.
func (m *memory) wrote() {
	m.history = append(m.history, &memory{calls: maps.Clone(m.calls), keys: maps.Clone(m.keys), events: slices.Clone(m.events)})
}

func newMemory() *memory { return &memory{calls: map[string]Call{}, keys: map[string]Idempotency{}} }

var errDown = fault.New(fault.CodeStoreUnavailable, "down")

func (m *memory) Create(_ context.Context, c Call, idem *Idempotency, t audit.Trail) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.down || m.deaf {
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
	m.wrote()
	return nil
}

func (m *memory) Save(ctx context.Context, c Call, t audit.Trail, back <-chan struct{}) error {
	if m.idle && back != nil {
		select {
		case <-back:
			return ErrTakenBack
		case <-ctx.Done():
			return errDown
		}
	}
	if m.hung() {
		<-ctx.Done()
	}
	if m.slow {
		defer time.Sleep(time.Millisecond)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.down {
		return errDown
	}
	if _, ok := m.calls[c.ID]; !ok {
		return fault.New(fault.CodeNotFound, "no such call")
	}
	if m.calls[c.ID].Version >= c.Version {
		return fault.New(fault.CodeConflict, "version %d over %d", c.Version, m.calls[c.ID].Version)
	}
	m.saves++
	m.calls[c.ID] = c
	m.events, m.audits = append(m.events, t.Events...), append(m.audits, t.Audit...)
	m.wrote()
	if m.mute {
		m.mute = false
		return errDown
	}
	return nil
}

func (m *memory) TakeOver(_ context.Context, c Call, from []Call, t audit.Trail) error {
	time.Sleep(m.delay)
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.down || m.deaf {
		return errDown
	}
	for _, old := range from {
		if m.calls[old.ID].Version >= old.Version {
			return fault.New(fault.CodeConflict, "version %d over %d", old.Version, m.calls[old.ID].Version)
		}
	}
	for _, one := range append(from, c) {
		m.calls[one.ID] = one
	}
	m.events = append(m.events, t.Events...)
	m.wrote()
	if m.mute {
		m.mute = false
		return errDown
	}
	return nil
}

func (m *memory) Get(_ context.Context, _, id string) (Call, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	c, ok := m.calls[id]
	switch {
	case m.down || m.failing:
		return Call{}, errDown
	case !ok:
		return Call{}, fault.New(fault.CodeNotFound, "no such call")
	}
	return c, nil
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

func (m *memory) hung() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.hangs
}

func (m *memory) hang(on bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.hangs = on
}

// fails makes reads fail.
func (m *memory) fails(on bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.failing = on
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
	fared    []string
	unable   error // to record
	mute     error // of a join that is done
	early    int   // legs that were rung before their intent was in the store
}

func (b *board) note(s string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.orders = append(b.orders, s)
	return nil
}

func (b *board) Name() string { return "board" }
func (b *board) Capabilities() Capabilities {
	return Capabilities{Confirm: true, Hold: true, SendDTMF: true, Record: true}
}
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
func (b *board) Join(_ context.Context, a, c string) error {
	_ = b.note("join")
	return b.mute
}
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
	return newRigOver(t, store, gates, nil)
}

// newRigOver starts a runner over a backend that has legs already.
func newRigOver(t *testing.T, store *memory, gates map[string]int, legs []LegInfo) *rig {
	b := &board{snapshot: legs}
	r := NewRunner(Config{Store: store, Backends: map[string]Backend{"house": b}, Origin: identity.Origin{Installation: "in", Node: "n1"}, Gates: gates}, book{}, book{})
	if err := r.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	settle()
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
	settle()
	return c
}

// play lets a phone do something, and waits until the call has taken it in.
func (r *rig) play(leg string, k LegEventKind) { r.board.tell(leg, k); settle() }

// settle waits until all is done and stored.
func settle() {
	synctest.Wait()
	time.Sleep(2 * lull)
	synctest.Wait()
}

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
