package call

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"c2d/core/event"
	"c2d/core/fault"
	"c2d/core/identity"
)

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
		want := []event.Kind{event.CallCreated, event.CallAnswered, event.CallChanged, event.CallAnswered, event.CallConnected, event.CallEnded, event.CallChanged}
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
		settle()
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
		settle()
		c, _ := r.store.Get(t.Context(), "main", "c")
		if c.State != Ended || c.End.Reason != Congestion || c.Open() || r.Active() != 0 {
			t.Fatalf("the record is %s %+v, %d active", c.State, c.End, r.Active())
		}
		r.stop()
	})
}

// TestAnActTakesAlongWhatIsIdle: what nobody waited for is stored at once when an act comes after it, in the same commit.
func TestAnActTakesAlongWhatIsIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, newMemory(), nil)
		base := r.mustPlace("c").LegBase
		r.store.idle = true
		r.play(base+"-1", EvRinging)
		if c, _ := r.store.Get(t.Context(), "main", "c"); c.Version != 1 {
			t.Fatalf("version %d is stored: somebody waited for it", c.Version)
		}
		begun := time.Now()
		r.play(base+"-1", EvAnswered)
		if took := time.Since(begun); len(r.board.rung) != 2 || took > 2*lull {
			t.Errorf("after %s, rung is %v", took, r.board.rung)
		}
		if told := r.store.kinds(); r.store.saves != 1 || !slices.Contains(told, event.CallRinging) || !slices.Contains(told, event.CallAnswered) {
			t.Errorf("%d writes told %v", r.store.saves, told)
		}
		if _, err := r.HangUp(t.Context(), "c", HangUpOrdered{By: ByAPI}); err != nil || r.state("c") != Ended {
			t.Errorf("%v: %s", err, r.state("c"))
		}
		r.store.idle = false
		r.play(base+"-1", EvEnded)
		r.play(base+"-2", EvEnded)
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
		settle()
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
		settle()
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
		settle()
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
		settle()
		if !r.board.did("refuse x") {
			t.Fatalf("orders %v", r.board.orders)
		}
		// The phone gives up while its call is being made: the end must not get lost.
		r.board.sink.Leg(LegEvent{Leg: "y", Kind: EvOffered, To: "mary"})
		r.board.sink.Leg(LegEvent{Leg: "y", Kind: EvEnded, Cause: Cause{Reason: Cancelled}})
		settle()
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
		settle()
		if c, _ := r.Get("c"); !c.Has(Unsure) {
			t.Fatal("not unsure")
		}
		r.board.snapshot = []LegInfo{{Leg: a, State: LegAnswered}}
		time.Sleep(time.Second) // legs as new as the question are not judged by its answer
		r.board.sink.Link("board", true)
		time.Sleep(time.Second)
		settle()
		if c, _ := r.store.Get(t.Context(), "", "c"); c.State != Ended || c.End.Reason != Lost || !r.board.did("hang_up "+a) || r.board.did("hang_up "+b) {
			t.Fatalf("%s %+v, orders %v", c.State, c.End, r.board.orders)
		}
		r.play(a, EvEnded)
		r.stop()
	})
}

// The line was cut between the join and the answer to its order: the two talk.
func TestJoinWhoseAnswerIsLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, newMemory(), nil)
		r.board.mute = fault.New(fault.CodeBackendUnavailable, "no answer")
		a, b := r.talk("c")
		time.Sleep(joinLimit)
		if got := r.state("c"); got != Connected {
			t.Errorf("state %s", got)
		}
		r.play(a, EvEnded)
		r.play(b, EvEnded)
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
		settle()
		c, _ := r.store.Get(t.Context(), "main", "c")
		if c.State != Ended || c.Open() || r.Active() != 0 {
			t.Fatalf("the record is %s, open %v; %d active", c.State, c.Open(), r.Active())
		}
		r.toldOnce("c")
		r.stop()
	})
}

// toldOnce holds that a call's events are told once each, also where a write that was given up was done after all.
func (r *rig) toldOnce(id string) {
	r.t.Helper()
	r.store.mu.Lock()
	defer r.store.mu.Unlock()
	told := map[string]int{}
	for _, e := range r.store.events {
		if e.Subject == id && e.Kind != event.CallChanged {
			told[string(e.Kind)+" "+e.Data["party"]]++
		}
	}
	for what, n := range told {
		if n != 1 {
			r.t.Errorf("%s is told %d times", what, n)
		}
	}
	if told[string(event.CallEnded)+" "] != 1 {
		r.t.Errorf("told: %v", told)
	}
}

// TestAWriteThatIsGivenUpIsLeftAlone: it may still be done, and what it writes is its own by then.
func TestAWriteThatIsGivenUpIsLeftAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, newMemory(), nil)
		a, b := r.talk("c")
		r.store.hang(true)
		r.play(a, EvEnded)
		r.play(b, EvEnded)
		time.Sleep(saveLimit + retryEvery/2)
		r.store.hang(false)
		time.Sleep(2 * saveLimit)
		settle()
		r.toldOnce("c")
		r.stop()
	})
}

func TestAHungStoreHoldsNobodyInACall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, newMemory(), nil)
		a, b := r.talk("c")
		r.store.hang(true)
		r.play(a, EvResume) // a write that hangs
		ctx, cancel := context.WithTimeout(t.Context(), 3*savePatience)
		defer cancel()
		if _, err := r.HangUp(ctx, "c", HangUpOrdered{By: ByAPI}); err != nil {
			t.Fatal(err)
		}
		if !r.board.did("hang_up "+a) || !r.board.did("hang_up "+b) {
			t.Fatalf("orders %v", r.board.orders)
		}
		r.play(a, EvEnded)
		r.play(b, EvEnded)
		r.store.hang(false)
		time.Sleep(2 * saveLimit)
		settle()
		if c, _ := r.store.Get(t.Context(), "main", "c"); c.State != Ended || c.Open() || r.Active() != 0 {
			t.Fatalf("the record is %s, open %v; %d active", c.State, c.Open(), r.Active())
		}
		r.stop()
	})
}
