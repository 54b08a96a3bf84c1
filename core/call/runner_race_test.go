package call

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"c2d/core/audit"
	"c2d/core/fault"
)

// slow is a store in which every Create, or every Save, waits until it is let go.
type slow struct {
	*memory
	create, save chan struct{} // closed or nil: at once
}

func pass(gate chan struct{}) {
	if gate != nil {
		<-gate
	}
}

func (s *slow) Create(ctx context.Context, c Call, idem *Idempotency, t audit.Trail) error {
	pass(s.create)
	return s.memory.Create(ctx, c, idem, t)
}

func (s *slow) Save(ctx context.Context, c Call, t audit.Trail, back <-chan struct{}) error {
	pass(s.save)
	return s.memory.Save(ctx, c, t, back)
}

func TestAdmittedBeforeCreated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, newMemory(), nil)
		c := newCall()
		c.LegBase = r.cfg.Origin.LegID()
		b := newBox(r.Runner, c)
		if _, err := r.enter(b, c); err != nil {
			t.Fatal(err)
		}
		b.post(letter{in: Admitted{}}) // another call left at this moment
		settle()
		if _, err := b.create(t.Context(), Started{Queue: true}, nil, audit.Trail{}); err != nil {
			t.Fatal(err)
		}
		settle()
		if got := r.state(c.ID); got != RingingCaller {
			t.Fatalf("the call is %s: its place was given to it and it does not know", got)
		}
		_, _ = r.HangUp(t.Context(), c.ID, HangUpOrdered{By: ByAPI})
		r.play(c.LegBase+"-1", EvEnded)
		r.stop()
	})
}

func TestNothingRingsAfterStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, newMemory(), nil)
		store := &slow{memory: r.store, create: make(chan struct{})}
		r.cfg.Store = store
		placed := make(chan error, 1)
		go func() { _, err := r.place("c", nil); placed <- err }()
		settle()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := r.Stop(ctx); err == nil {
			t.Fatal("Stop did not say that it gave up waiting")
		}
		close(store.create)
		if err := <-placed; !fault.Is(err, fault.CodeShuttingDown) {
			t.Errorf("placing: %v", err)
		}
		settle()
		if len(r.board.rung) != 0 {
			t.Errorf("rung after Stop: %v", r.board.rung)
		}
	})
}

func TestStopWaitsForWhatTalkingCallsHaveToDo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, newMemory(), nil)
		a, b := r.talk("c")
		store := &slow{memory: r.store, save: make(chan struct{})}
		r.cfg.Store = store
		r.play(a, EvHeld) // the store takes its time over this
		r.play(b, EvEnded)
		stopped := make(chan error, 1)
		go func() { stopped <- r.Stop(context.Background()) }()
		settle()
		close(store.save)
		settle()
		r.play(a, EvEnded)
		if err := <-stopped; err != nil {
			t.Fatal(err)
		}
		if got := r.state("c"); got != Ended || !r.board.did("hang_up "+a) {
			t.Fatalf("the callee hung up, and the call is %s; orders %v", got, r.board.orders)
		}
	})
}

// stuck is a backend that is slow to join.
type stuck struct {
	*board
	gate chan struct{}
}

func (s stuck) Join(context.Context, string, string) error { <-s.gate; return nil }

func TestHangUpThatComesTooLateIsAnswered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, newMemory(), nil)
		gate := make(chan struct{})
		r.backends["house"] = stuck{r.board, gate}
		base := r.mustPlace("c").LegBase
		r.play(base+"-1", EvAnswered)
		r.play(base+"-2", EvAnswered)
		answered := make(chan error, 1)
		go func() {
			_, err := r.HangUp(context.Background(), "c", HangUpOrdered{By: ByAPI})
			answered <- err
		}()
		ctx, cancel := context.WithTimeout(t.Context(), savePatience/2)
		defer cancel()
		go func() { _ = r.Stop(ctx) }()
		time.Sleep(2 * time.Second)
		settle()
		select {
		case err := <-answered:
			if !fault.Is(err, fault.CodeShuttingDown) {
				t.Errorf("hanging up: %v", err)
			}
		default:
			t.Error("nobody answers the one who hangs up")
		}
		close(gate)
	})
}

// A store that hangs holds nobody in a call: not while it is given what changed, nor while something waits for it.
func TestHangUpPassesWhatTheStoreHasNotTaken(t *testing.T) {
	for name, upTo := range map[string]func(r *rig, base string){
		"a change":                   func(r *rig, base string) { r.play(base+"-1", EvRinging) },
		"what may make a phone ring": func(r *rig, base string) { r.play(base+"-1", EvAnswered) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, newMemory(), nil)
				base := r.mustPlace("c").LegBase
				r.store.hang(true)
				upTo(r, base)
				go func() { _, _ = r.HangUp(context.Background(), "c", HangUpOrdered{By: ByAPI}) }()
				synctest.Wait() // no time passes
				if !r.board.did("hang_up " + base + "-1") {
					t.Errorf("the phone is not let go: %v", r.board.orders)
				}
				r.store.hang(false)
				time.Sleep(saveLimit)
				r.play(base+"-1", EvEnded)
				time.Sleep(2 * retryEvery)
				settle()
				c, _ := r.store.Get(t.Context(), "", "c")
				if c.State != Ended || c.End.Reason != Cancelled || c.Open() || len(r.board.rung) != 1 {
					t.Errorf("the record is %s %+v, open %v; rung %v", c.State, c.End, c.Open(), r.board.rung)
				}
				r.stop()
			})
		})
	}
}

// So does a phone that hangs up: its peer is let go at once.
func TestPhonePassesWhatTheStoreHasNotTaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, newMemory(), nil)
		base := r.mustPlace("c").LegBase
		r.play(base+"-1", EvAnswered)
		r.store.hang(true)
		r.play(base+"-2", EvAnswered) // the join waits
		r.board.tell(base+"-1", EvEnded)
		synctest.Wait() // no time passes
		if !r.board.did("hang_up "+base+"-2") || r.board.did("join") {
			t.Errorf("orders %v", r.board.orders)
		}
		r.store.hang(false)
		time.Sleep(saveLimit)
		r.play(base+"-2", EvEnded)
		time.Sleep(2 * retryEvery)
		settle()
		if c, _ := r.store.Get(t.Context(), "", "c"); c.State != Ended || c.End.Reason != Cancelled || c.Open() {
			t.Errorf("the record is %s %+v, open %v", c.State, c.End, c.Open())
		}
		r.stop()
	})
}

// Who hangs up is answered once that is stored, whatever the phones tell meanwhile.
func TestHangUpIsAnsweredWhenItIsStored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, newMemory(), nil)
		a, b := r.talk("c")
		store := &slow{memory: r.store, save: make(chan struct{})}
		r.cfg.Store = store
		answered := make(chan Call, 1)
		go func() {
			c, _ := r.HangUp(context.Background(), "c", HangUpOrdered{By: ByAPI})
			answered <- c
		}()
		synctest.Wait()
		r.board.tell(a, EvEnded)
		r.board.tell(b, EvEnded)
		synctest.Wait()
		if len(answered) > 0 {
			t.Error("answered before it is stored")
		}
		close(store.save)
		if c := <-answered; c.State != Ended || r.state("c") != Ended {
			t.Errorf("answered with %s, stored %s", c.State, r.state("c"))
		}
		settle()
		r.stop()
	})
}

// What changes at once is one write, and is told with the version that it had.
func TestChangesGather(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, newMemory(), nil)
		base := r.mustPlace("c").LegBase
		before := r.store.saves
		for _, k := range []LegEventKind{EvTrying, EvRinging, EvAnswered} { // the answer has the callee rung: a write
			r.board.tell(base+"-1", k)
		}
		settle()
		for _, k := range []LegEventKind{EvRinging, EvAnswered} {
			r.board.tell(base+"-2", k)
		}
		settle()
		if n := r.store.saves - before; n != 2 {
			t.Errorf("%d writes, want 2", n)
		}
		for i, e := range r.store.events {
			if e.Version != int64(i+1) {
				t.Errorf("event %d, %s, has version %d", i, e.Kind, e.Version)
			}
		}
		_, _ = r.HangUp(t.Context(), "c", HangUpOrdered{By: ByAPI})
		r.play(base+"-1", EvEnded)
		r.play(base+"-2", EvEnded)
		r.stop()
	})
}

// Others read what is stored: what they were told is so after a crash.
func TestGetIsNotAheadOfTheStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, newMemory(), nil)
		base := r.mustPlace("c").LegBase
		r.board.tell(base+"-1", EvRinging)
		synctest.Wait()
		if c, _ := r.Get("c"); c.Caller.Attempts[0].Legs[0].Rang {
			t.Error("it rings before that is stored")
		}
		settle()
		if c, _ := r.Get("c"); !c.Caller.Attempts[0].Legs[0].Rang {
			t.Error("it does not ring")
		}
		_, _ = r.HangUp(t.Context(), "c", HangUpOrdered{By: ByAPI})
		r.play(base+"-1", EvEnded)
		r.stop()
	})
}

func TestDeadlinesHoldWhileTheStoreIsDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, newMemory(), nil)
		a, _ := r.talk("c")
		r.store.set(true)
		r.play(a, EvHeld)
		time.Sleep(newCall().TalkLimit.Duration())
		settle()
		if c, _ := r.Get("c"); c.State != Ended || c.End.Reason != MaxDuration || !r.board.did("hang_up "+a) {
			t.Fatalf("%s %+v after the talk limit", c.State, c.End)
		}
		r.store.set(false)
		time.Sleep(releaseLimit)
		settle()
		if r.state("c") != Ended || r.Active() != 0 {
			t.Fatalf("stored as %s, %d active", r.state("c"), r.Active())
		}
		r.stop()
	})
}

// A snapshot that was taken while an originate was on its way does not know the leg that then rings.
func TestSnapshotThatMissesALegOnItsWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, newMemory(), nil)
		leg := r.mustPlace("c").LegBase + "-1"
		time.Sleep(time.Second)
		r.board.sink.Link("board", true)
		settle()
		if !r.board.did("hang_up " + leg) {
			t.Fatalf("the phone may ring for nobody: %v", r.board.orders)
		}
		r.stop()
	})
}
