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

func (s *slow) Save(ctx context.Context, c Call, t audit.Trail) error {
	pass(s.save)
	return s.memory.Save(ctx, c, t)
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
		synctest.Wait()
		if _, err := b.create(t.Context(), Started{Queue: true}, nil, audit.Trail{}); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
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
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := r.Stop(ctx); err == nil {
			t.Fatal("Stop did not say that it gave up waiting")
		}
		close(store.create)
		if err := <-placed; !fault.Is(err, fault.CodeShuttingDown) {
			t.Errorf("placing: %v", err)
		}
		synctest.Wait()
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
		synctest.Wait()
		close(store.save)
		synctest.Wait()
		r.play(a, EvEnded)
		if err := <-stopped; err != nil {
			t.Fatal(err)
		}
		if got := r.state("c"); got != Ended || !r.board.did("hang_up "+a) {
			t.Fatalf("the callee hung up, and the call is %s; orders %v", got, r.board.orders)
		}
	})
}

func TestHangUpThatComesTooLateIsAnswered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, newMemory(), nil)
		a, _ := r.talk("c")
		store := &slow{memory: r.store, save: make(chan struct{})}
		r.cfg.Store = store
		r.play(a, EvHeld)
		answered := make(chan error, 1)
		go func() {
			_, err := r.HangUp(context.Background(), "c", HangUpOrdered{By: ByAPI})
			answered <- err
		}()
		ctx, cancel := context.WithTimeout(t.Context(), savePatience/2)
		defer cancel()
		go func() { _ = r.Stop(ctx) }()
		time.Sleep(2 * time.Second)
		synctest.Wait()
		select {
		case err := <-answered:
			if !fault.Is(err, fault.CodeShuttingDown) {
				t.Errorf("hanging up: %v", err)
			}
		default:
			t.Error("nobody answers the one who hangs up")
		}
		close(store.save)
	})
}

func TestDeadlinesHoldWhileTheStoreIsDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, newMemory(), nil)
		a, _ := r.talk("c")
		r.store.set(true)
		r.play(a, EvHeld)
		time.Sleep(newCall().TalkLimit.Duration())
		synctest.Wait()
		if c, _ := r.Get("c"); c.State != Ended || c.End.Reason != MaxDuration || !r.board.did("hang_up "+a) {
			t.Fatalf("%s %+v after the talk limit", c.State, c.End)
		}
		r.store.set(false)
		time.Sleep(releaseLimit)
		synctest.Wait()
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
		synctest.Wait()
		if !r.board.did("hang_up " + leg) {
			t.Fatalf("the phone may ring for nobody: %v", r.board.orders)
		}
		r.stop()
	})
}
