package calltest

import (
	"context"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"c2d/core/access"
	"c2d/core/audit"
	"c2d/core/call"
	"c2d/core/identity"
)

// Limits of the calls that the suite places. None of them is waited for: see skip.
const (
	callerRings = 20 * time.Second
	calleeRings = 30 * time.Second
	talkLimit   = time.Hour
	confirmTime = 20 * time.Second // core's own
)

var origin = identity.Origin{Installation: "suite", Node: "n1"}

// stage is where one behaviour is shown: the phone system, the phones, and one process of ours after the other.
type stage struct {
	t       *testing.T
	can     Abilities
	harness Harness
	open    func(*testing.T) call.Store // an empty store
	store   call.Store
	gates   map[string]int // for the next process
	proc    *process
	book    *book
	phones  []Phone
	lacks   string // what the behaviour needs and the backend has not

	mu         sync.Mutex
	callees    map[string][][]Phone // by call id: those that ring at once, and then the next
	ways       map[string]Phone     // by call id: where the second way to the first of them leads
	originated map[string]int       // by leg id
	ordered    map[string]int       // by address
	offer      func(ev call.LegEvent) (call.Call, *call.Cause)
	bends      func(call.LegEvent) []call.LegEvent
}

// process is one life of ours.
type process struct {
	*call.Runner
	wire   *wire
	ledger *ledger
	ahead  atomic.Int64 // how far its clock was put forward
	over   bool
}

func newStage(t *testing.T, s Suite) *stage {
	open := s.Store
	if open == nil {
		open = func(*testing.T) call.Store { return NewMemory() }
	}
	return &stage{t: t, can: s.Can, harness: s.Open(t), open: open, store: open(t), book: newBook(), callees: map[string][][]Phone{}, ways: map[string]Phone{}, originated: map[string]int{}, ordered: map[string]int{}}
}

// up starts a process if none runs, and returns it.
func (s *stage) up() *process {
	s.t.Helper()
	if s.proc != nil {
		return s.proc
	}
	p := &process{wire: &wire{Backend: s.harness.Open(s.t), stage: s, bend: s.bends, rings: map[string][]bool{}}}
	p.ledger = &ledger{Store: s.store, book: s.book, dead: p.wire.killed}
	p.Runner = call.NewRunner(call.Config{
		Store: p.ledger, Backends: map[string]call.Backend{s.harness.Name(): p.wire}, Origin: origin, Gates: s.gates, Now: p.now,
	}, s, s)
	s.proc = p
	s.t.Cleanup(func() { p.end(s.t) })
	if err := p.Start(s.t.Context()); err != nil {
		s.t.Fatal("start:", err)
	}
	return p
}

func (p *process) now() time.Time { return time.Now().Add(time.Duration(p.ahead.Load())) }

// end stops a process that was not killed, in good order, once.
func (p *process) end(t *testing.T) {
	if p.over {
		return
	}
	p.over = true
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := p.Stop(ctx); err != nil {
		t.Error("stop of the runner:", err)
	}
	if err := p.wire.Backend.Stop(ctx); err != nil {
		t.Error("stop of the backend:", err)
	}
}

// crash ends our process as kill -9 does; up starts the next.
func (s *stage) crash() {
	s.t.Helper()
	p := s.proc
	p.wire.kill()
	s.harness.Crash(s.t)
	p.over = true
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_ = p.Stop(ctx) // what it still wants to do ends at the wire and the ledger
	s.proc = nil
}

// phone adds a phone.
func (s *stage) phone(does Does) Phone {
	s.t.Helper()
	s.up()
	p := s.harness.Phone(s.t, does)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.phones = append(s.phones, p)
	return p
}

// order is a call to be placed.
type order struct {
	callers []Phone
	callees []Phone
	then    []Phone // rung when none of the callees answers
	second  Phone   // where the second way to the first callee leads; nil is nowhere
	confirm call.ConfirmPolicy
}

// place places a call and returns its id.
func (s *stage) place(o order) string {
	s.t.Helper()
	c := s.draft(o)
	placed, err := s.up().Place(s.t.Context(), c, nil, audit.Trail{})
	if err != nil {
		s.t.Fatal("place:", err)
	}
	return placed.ID
}

// draft is the record of a call before it is placed.
func (s *stage) draft(o order) call.Call {
	s.t.Helper()
	id := identity.NewID()
	targets, err := s.targets(s.t.Context(), o.callers)
	if err != nil {
		s.t.Fatal("locate:", err)
	}
	s.mu.Lock()
	s.callees[id] = [][]Phone{o.callees, o.then}
	s.ways[id] = o.second
	s.mu.Unlock()
	if o.confirm == "" {
		o.confirm = call.ConfirmNever
	}
	return call.Call{
		ID: id, Tenant: access.MainTenant, Backend: s.harness.Name(), Confirm: o.confirm, TalkLimit: seconds(talkLimit),
		Caller: call.Party{UserID: identity.NewID(), Name: "Harry", Number: "100", RingLimit: seconds(callerRings), Attempts: []call.Attempt{{Targets: targets}}},
		Callee: call.Party{Name: "Mary", Number: "101", RingLimit: seconds(calleeRings)},
	}
}

func seconds(d time.Duration) call.Seconds { return call.Seconds(d / time.Second) }

// targets are the phones that would ring now, as dial would find them.
func (s *stage) targets(ctx context.Context, phones []Phone) ([]call.Target, error) {
	var targets []call.Target
	for i, p := range phones {
		ways, err := s.proc.wire.Locate(ctx, call.Way{Backend: s.harness.Name(), Address: p.Address()})
		if err != nil {
			return nil, err
		}
		for _, w := range ways {
			targets = append(targets, call.Target{Device: "device " + strconv.Itoa(i), Number: p.Address(), Ways: []call.Way{w}})
		}
	}
	return targets, nil
}

// LookUp implements [call.LookUp].
func (s *stage) LookUp(ctx context.Context, c call.Call) (call.LookedUp, error) {
	s.mu.Lock()
	callees, second := s.callees[c.ID], s.ways[c.ID]
	s.mu.Unlock()
	var found call.LookedUp
	for _, phones := range callees {
		targets, err := s.targets(ctx, phones)
		if err != nil {
			return call.LookedUp{}, err
		}
		if len(targets) > 0 {
			found.Attempts = append(found.Attempts, call.Attempt{Targets: targets})
		}
	}
	if second != nil {
		more, err := s.targets(ctx, []Phone{second})
		if err != nil {
			return call.LookedUp{}, err
		}
		first := &found.Attempts[0].Targets[0]
		first.Ways = append(first.Ways, more[0].Ways...)
	}
	return found, nil
}

// Offered implements [call.Offers].
func (s *stage) Offered(_ context.Context, _ string, ev call.LegEvent) (call.Call, *call.Cause) {
	s.mu.Lock()
	decide := s.offer
	s.mu.Unlock()
	if decide == nil {
		return call.Call{}, &call.Cause{Reason: call.Forbidden}
	}
	return decide(ev)
}

// rung notes that a leg is rung, and that its intent was stored before.
func (s *stage) rung(o call.Originate) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.originated[o.Leg]++
	s.ordered[o.Way.Address]++
	for _, c := range s.book.all() {
		if l, _, _ := c.Find(o.Leg); l != nil {
			return
		}
	}
	s.t.Errorf("leg %s is rung before it is stored", o.Leg)
}

// skip puts the clock forward, for one call.
func (s *stage) skip(id string, d time.Duration) {
	s.proc.ahead.Add(int64(d))
	c := s.book.call(id)
	for l := range c.Legs {
		s.proc.wire.poke(l.ID)
	}
}
