package call

import (
	"context"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"c2d/core/event"
	"c2d/core/fault"
)

// alive are legs that a backend has, and that no store knows: two that talk, one that rings, one whose peer has gone,
// one that is offered, and two of another node.
func alive() []LegInfo {
	since := time.Now().Add(-time.Minute)
	return []LegInfo{
		{Leg: "in-n1-x-1", State: LegAnswered, JoinedTo: "in-n1-x-2", Since: since},
		{Leg: "in-n1-x-2", State: LegAnswered, JoinedTo: "in-n1-x-1", Since: since.Add(time.Second)},
		{Leg: "in-n1-y-1", State: LegRinging, Since: since},
		{Leg: "in-n1-z-1", State: LegAnswered, JoinedTo: "in-n1-z-2", Since: since},
		{Leg: "in-n1-o", State: LegOffered, Since: since},
		{Leg: "in-n2-x-1", State: LegAnswered, JoinedTo: "in-n2-x-2", Since: since},
		{Leg: "in-n2-x-2", State: LegRinging, Since: since},
	}
}

// found returns the one recovered call.
func (r *rig) found() (c Call) {
	r.t.Helper()
	r.store.mu.Lock()
	defer r.store.mu.Unlock()
	for _, c = range r.store.calls {
		if !c.Has(Recovered) {
			r.t.Fatalf("a call that is not recovered: %+v", c)
		}
	}
	if len(r.store.calls) != 1 {
		r.t.Fatalf("%d calls, want one", len(r.store.calls))
	}
	return c
}

func TestRecoveryOnAnEmptyStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRigOver(t, newMemory(), nil, alive())
		c := r.found()
		if c.State != Connected || c.CallerLeg != "in-n1-x-1" || c.CalleeLeg != "in-n1-x-2" || c.ConnectedAt.IsZero() || r.board.did("hang_up in-n1-x-1") {
			t.Fatalf("%+v, orders %v", c, r.board.orders)
		}
		for _, order := range r.board.orders {
			if order != "hang_up in-n1-y-1" && order != "hang_up in-n1-z-1" {
				t.Errorf("orders %v", r.board.orders)
			}
		}
		if !r.board.did("hang_up in-n1-y-1") || !r.board.did("hang_up in-n1-z-1") {
			t.Errorf("orders %v", r.board.orders)
		}
		r.play("in-n1-x-2", EvEnded)
		if c = r.found(); c.End == nil || c.End.Reason != Completed || c.End.By != ByCallee || !r.board.did("hang_up in-n1-x-1") {
			t.Errorf("%s %+v, orders %v", c.State, c.End, r.board.orders)
		}
		r.play("in-n1-x-1", EvEnded)
		if got := r.store.kinds(); got[0] != event.CallCreated || !slices.Contains(got, event.CallEnded) {
			t.Errorf("events %v", got)
		}
		r.stop()
	})
}

func TestRecoveryWaitsForTheStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newMemory()
		r := newRigOver(t, store, nil, alive()[:2])
		_ = r.found()
		r.stop()
		store = newMemory()
		store.deaf = true
		r = newRigOver(t, store, nil, alive()[:2])
		if r.Active() != 0 || len(r.board.orders) != 0 {
			t.Fatalf("%d calls, orders %v, while nothing can be stored", r.Active(), r.board.orders)
		}
		store.mu.Lock()
		store.deaf = false
		store.mu.Unlock()
		time.Sleep(time.Second)
		settle()
		if c := r.found(); c.State != Connected || len(r.board.orders) != 0 {
			t.Errorf("%s, orders %v", c.State, r.board.orders)
		}
		r.stop()
	})
}

// A leg that goes between the snapshot and its adoption is told by nobody: a second look finds out.
func TestRecoveredLegThatHasGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRigOver(t, newMemory(), nil, nil)
		r.board.snapshot = alive()[:1]
		if err := r.recover(t.Context(), r.board, alive()[:2]); err != nil {
			t.Fatal(err)
		}
		settle()
		if c := r.found(); c.State != Ended || c.End.Reason != Lost || !r.board.did("hang_up in-n1-x-1") {
			t.Errorf("%s %+v, orders %v", c.State, c.End, r.board.orders)
		}
		r.play("in-n1-x-1", EvEnded)
		r.stop()
	})
}

// After a reconnect too: what was placed by us is known, and nothing happens to it.
func TestReconnectRecoversOnlyWhatIsUnknown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, newMemory(), nil)
		a, b := r.talk("c")
		r.board.snapshot = []LegInfo{{Leg: a, State: LegAnswered, JoinedTo: b}, {Leg: b, State: LegAnswered, JoinedTo: a}, alive()[2]}
		r.board.sink.Link("board", false)
		r.board.sink.Link("board", true)
		settle()
		if r.Active() != 1 || r.state("c") != Connected || !r.board.did("hang_up in-n1-y-1") || r.board.did("hang_up "+a) {
			t.Errorf("%d calls, c is %s, orders %v", r.Active(), r.state("c"), r.board.orders)
		}
		r.play(b, EvEnded)
		r.play(a, EvEnded)
		r.stop()
	})
}

// forgetful is a backend that has nothing of what a former process left, and says so while it starts.
type forgetful struct{ *board }

func (f forgetful) Start(ctx context.Context, s Sink, open []OpenLeg) error {
	for _, l := range open {
		s.Leg(LegEvent{Leg: l.Leg, Kind: EvEnded, Cause: Cause{Reason: Lost}})
	}
	return f.board.Start(ctx, s, open)
}

// Whether its backend has the legs or not, a call that rang ends because we were started again, by nobody's phone.
func TestRestartComesBeforeWhatTheBackendTells(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newMemory()
		first := newRig(t, store, nil)
		first.mustPlace("rings")
		second := NewRunner(Config{Store: store, Backends: map[string]Backend{"house": forgetful{&board{}}}, Origin: first.cfg.Origin}, book{}, book{})
		if err := second.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		settle()
		if c, _ := store.Get(t.Context(), "", "rings"); c.End == nil || c.End.Reason != Lost || c.End.By != BySystem || c.Open() {
			t.Errorf("%s %+v", c.State, c.End)
		}
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		_ = second.Stop(ctx)
		_ = first.Stop(ctx)
	})
}

// deaf is a backend that gives no snapshot.
type deaf struct {
	board
	asked atomic.Int32
}

func (d *deaf) Snapshot(context.Context) ([]LegInfo, error) {
	d.asked.Add(1)
	return nil, fault.New(fault.CodeBackendUnavailable, "away")
}

// TestAForgottenBackendIsAskedNoMore, and what it still tells is heard by nobody.
func TestAForgottenBackendIsAskedNoMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, d := newRig(t, newMemory(), nil), &deaf{}
		if err := r.Add(t.Context(), "next", d); err != nil {
			t.Fatal(err)
		}
		d.sink.Link("next", true)
		settle()
		r.Forget("next")
		time.Sleep(time.Minute)
		asked := d.asked.Load()
		d.sink.Link("next", true)
		d.sink.Leg(LegEvent{Leg: "in-n1-o", Kind: EvOffered, To: "nobody"})
		d.sink.Leg(LegEvent{Leg: "in-n1-p", Kind: EvAnswered})
		time.Sleep(time.Minute)
		if d.asked.Load() != asked || asked == 0 {
			t.Errorf("it is asked %d times, and again %d", asked, d.asked.Load())
		}
		r.stop()
	})
}

// TestACallThatCannotBeAskedForStaysUnsure, and is not taken for one that nobody knows; others are sure again.
func TestACallThatCannotBeAskedForStaysUnsure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, newMemory(), nil)
		a, b := r.talk("c")
		x, y := r.talk("d")
		time.Sleep(time.Second)
		r.board.snapshot = []LegInfo{{Leg: a, State: LegAnswered, JoinedTo: b}, {Leg: b, State: LegAnswered, JoinedTo: a}, {Leg: x, Unsure: true}, {Leg: y, Unsure: true}, {Leg: "in-n1-z-1", Unsure: true}}
		r.board.sink.Link("board", false)
		r.board.sink.Link("board", true)
		settle()
		c, _ := r.Get("c")
		d, _ := r.Get("d")
		if c.State != Connected || c.Has(Unsure) || d.State != Connected || !d.Has(Unsure) || r.board.did("hang_up in-n1-z-1") {
			t.Errorf("c is %s %v, d is %s %v, orders %v", c.State, c.Flags, d.State, d.Flags, r.board.orders)
		}
		for _, leg := range []string{a, b, x, y} {
			r.play(leg, EvEnded)
		}
		r.stop()
	})
}
