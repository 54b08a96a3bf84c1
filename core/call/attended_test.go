package call

import (
	"testing"
	"testing/synctest"
	"time"

	"c2d/core/audit"
	"c2d/core/fault"
)

// meeting is a call of two legs that talk in others.
func meeting(id string, a, b Leg) Call {
	c := following(id, a)
	c.CalleeLeg = b.ID
	c.Callee.Attempts = []Attempt{{Targets: []Target{{Ways: []Way{b.Way}}}, Legs: []Leg{b}}}
	return c
}

// consulting are two calls of one phone: it talks with x in the first and with y in the second.
type consulting struct {
	*rig
	mine [2]string
	x, y Leg
}

func consults(t *testing.T) *consulting { return consultsOn(t, nil) }

func consultsOn(t *testing.T, gates map[string]int) *consulting {
	r := newRig(t, newMemory(), gates)
	c := &consulting{rig: r}
	var x, y string
	c.mine[0], x = r.talk("one")
	c.mine[1], y = r.talk("two")
	c.x, c.y = r.leg(x), r.leg(y)
	return c
}

func (r *rig) leg(id string) Leg {
	c, _ := r.Of(id)
	l, _, _ := c.Find(id)
	return *l
}

func (c *consulting) transfer() (Call, error) {
	next, err := c.Transfer(c.t.Context(), meeting("new", c.x, c.y), []string{"one", "two"}, audit.Trail{})
	settle()
	return next, err
}

// over lets every leg end and looks at how the calls have ended.
func (c *consulting) over(want map[string]Reason) {
	c.t.Helper()
	for _, leg := range []string{c.x.ID, c.y.ID, c.mine[0], c.mine[1]} {
		c.play(leg, EvEnded)
	}
	for id, reason := range want {
		if now, _ := c.store.Get(c.t.Context(), "main", id); now.End == nil || now.End.Reason != reason || now.Open() {
			c.t.Errorf("%s: %s %+v, want %s", id, now.State, now.End, reason)
		}
	}
	if c.Active() != 0 {
		c.t.Errorf("%d active", c.Active())
	}
	c.stop()
}

func TestAttendedTransfer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := consults(t)
		if _, err := c.transfer(); err != nil {
			t.Fatal(err)
		}
		var after []string
		for i, o := range c.board.orders {
			if o == "part "+c.x.ID {
				after = c.board.orders[i:]
			}
		}
		want := []string{"part " + c.x.ID, "part " + c.y.ID, "join", "hang_up " + c.mine[0], "hang_up " + c.mine[1]}
		if len(after) != len(want) {
			t.Fatalf("orders %v, want %v", after, want)
		}
		for i := range want {
			if after[i] != want[i] {
				t.Fatalf("orders %v, want %v", after, want)
			}
		}
		c.board.sink.Leg(LegEvent{Leg: c.x.ID, Kind: EvJoined, Peer: c.mine[0]}) // late, of the old call
		settle()
		if got := c.state("new"); got != Connecting {
			t.Fatalf("the new call is %s", got)
		}
		c.board.sink.Leg(LegEvent{Leg: c.x.ID, Kind: EvJoined, Peer: c.y.ID})
		settle()
		if got := c.state("new"); got != Connected {
			t.Fatalf("the new call is %s", got)
		}
		c.over(map[string]Reason{"one": Transferred, "two": Transferred, "new": Completed})
	})
}

// Whoever hangs up first wins: before, there is nothing to transfer; after, the new call ends.
func TestAttendedTransferOfWhoHangsUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := consults(t)
		c.play(c.y.ID, EvEnded)
		if _, err := c.transfer(); !fault.Is(err, fault.CodeNotFound) {
			t.Fatal(err)
		}
		if got := c.state("one"); got != Connected {
			t.Fatalf("the first call is %s", got)
		}
		c.over(map[string]Reason{"one": Completed, "two": Completed})
	})
	synctest.Test(t, func(t *testing.T) {
		c := consults(t)
		if _, err := c.transfer(); err != nil {
			t.Fatal(err)
		}
		c.play(c.y.ID, EvEnded)
		c.over(map[string]Reason{"one": Transferred, "two": Transferred, "new": Cancelled})
	})
}

// What a leg tells while the store is asked is the new call's, in the order in which it was told.
func TestWhatIsToldDuringATransfer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := consults(t)
		c.store.delay = 50 * time.Millisecond
		done := make(chan error, 1)
		go func() { _, err := c.transfer(); done <- err }()
		settle() // the store is being asked
		for _, text := range []string{"first", "second"} {
			c.board.sink.Leg(LegEvent{Leg: c.x.ID, Kind: EvResume, Resume: []byte(text)})
		}
		c.board.sink.Leg(LegEvent{Leg: c.mine[0], Kind: EvEnded})
		c.board.tell(c.y.ID, EvEnded)
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		settle()
		now, _ := c.store.Get(t.Context(), "main", "new")
		if x, _, _ := now.Find(c.x.ID); string(x.Resume) != "second" || now.End == nil || now.End.By != ByCallee {
			t.Errorf("resume %q, end %+v", x.Resume, now.End)
		}
		c.over(map[string]Reason{"one": Transferred, "two": Transferred, "new": Cancelled})
	})
}

// Two phones transfer at once, each with the two calls in another order: one wins, and nobody waits for ever.
func TestTwoTransfersAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := consults(t)
		busy := make(chan struct{}) // until both wait for the first call that they need
		for _, id := range []string{"one", "two"} {
			c.calls[id].post(letter{in: lent{busy}, reply: make(chan Call, 1)})
		}
		errs := make(chan error, 2)
		go func() {
			_, err := c.Transfer(t.Context(), meeting("new", c.x, c.y), []string{"one", "two"}, audit.Trail{})
			errs <- err
		}()
		go func() {
			_, err := c.Transfer(t.Context(), meeting("other", c.y, c.x), []string{"two", "one"}, audit.Trail{})
			errs <- err
		}()
		synctest.Wait()
		close(busy)
		first, second := <-errs, <-errs
		if (first == nil) == (second == nil) || !fault.Is(first, fault.CodeNotFound) && !fault.Is(second, fault.CodeNotFound) {
			t.Errorf("%v and %v", first, second)
		}
		settle()
		c.over(map[string]Reason{"one": Transferred, "two": Transferred})
	})
}

// Nobody rings for an attended transfer, so it waits for no place among those that ring.
func TestAttendedTransferTakesNoPlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := consultsOn(t, map[string]int{"house": 1})
		rings := c.mustPlace("rings").LegBase + "-1"
		next, err := c.transfer()
		if err != nil || next.State != Connecting {
			t.Fatal(next.State, err)
		}
		c.play(rings, EvEnded)
		c.over(map[string]Reason{"one": Transferred, "two": Transferred, "new": Cancelled})
	})
}

// The store took the handover and its answer was lost: it is looked up.
func TestTransferWhoseAnswerWasLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := consults(t)
		c.store.mute = true
		if _, err := c.transfer(); err != nil {
			t.Fatal(err)
		}
		c.over(map[string]Reason{"one": Transferred, "two": Transferred, "new": Cancelled})
	})
}

// The store cannot be asked either: the two go on talking, and the record that it may have is closed later.
func TestTransferInDoubt(t *testing.T) {
	for _, took := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			c := consults(t)
			c.store.mute, c.store.deaf = took, !took
			c.store.fails(true)
			if _, err := c.transfer(); !fault.Is(err, fault.CodeStoreUnavailable) {
				t.Fatal(err)
			}
			if now, open := c.Of(c.x.ID); !open || now.ID != "one" || now.State != Connected || c.board.did("hang_up "+c.mine[0]) {
				t.Fatalf("%s is %s", now.ID, now.State)
			}
			c.store.fails(false)
			time.Sleep(2 * retryEvery)
			settle()
			made, err := c.store.Get(t.Context(), "main", "new")
			if took && (made.End == nil || made.End.Reason != Congestion || made.Open()) || !took && !fault.Is(err, fault.CodeNotFound) {
				t.Errorf("took it: %v; %+v, %v", took, made.End, err)
			}
			c.over(map[string]Reason{"one": Completed, "two": Completed})
		})
	}
}

// At whatever moment the process dies, the next finds each leg in one open record, and ends or goes on with each call once.
func TestDyingDuringATransfer(t *testing.T) {
	for _, blind := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			c := consults(t)
			seen := len(c.store.history) - 1 // the last before it
			if blind {
				if _, err := c.Transfer(t.Context(), following("new", c.x), []string{"one"}, audit.Trail{}); err != nil {
					t.Fatal(err)
				}
				settle()
			} else if _, err := c.transfer(); err != nil {
				t.Fatal(err)
			}
			for _, leg := range c.mine {
				c.play(leg, EvEnded)
			}
			for _, left := range c.store.history[seen:] {
				c.reborn(left)
			}
			now, _ := c.Get("new")
			for l := range now.Legs {
				c.play(l.ID, EvEnded)
			}
			c.over(nil)
		})
	}
}

// reborn starts a process on what another has left, and lets all phones hang up.
func (c *consulting) reborn(left *memory) {
	c.t.Helper()
	open, _ := left.Open(c.t.Context(), "n1")
	owners := map[string]int{}
	for _, one := range open {
		for l := range one.Legs {
			if l.Open() {
				owners[l.ID]++
			}
		}
	}
	next := newRig(c.t, left, nil)
	defer next.stop()
	for leg, n := range owners {
		if n != 1 {
			c.t.Errorf("%s is in %d open records", leg, n)
		}
		next.play(leg, EvEnded)
	}
	for id, one := range left.calls {
		if one.State != Ended || one.Open() {
			c.t.Errorf("%s is %s", id, one.State)
		}
	}
	for _, leg := range []string{c.x.ID, c.y.ID} {
		if owners[leg] == 0 {
			c.t.Errorf("%s is in no open record", leg)
		}
	}
}

// A process that dies before the two are joined leaves that to the next.
func TestJoinedAfterARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := consults(t)
		if _, err := c.transfer(); err != nil {
			t.Fatal(err)
		}
		next := newRig(t, c.store.history[len(c.store.history)-1], nil)
		for _, order := range []string{"part " + c.x.ID, "part " + c.y.ID, "join", "hang_up " + c.mine[0], "hang_up " + c.mine[1]} {
			if !next.board.did(order) {
				t.Errorf("no %q in %v", order, next.board.orders)
			}
		}
		next.play(c.x.ID, EvJoined)
		if got := next.state("new"); got != Connected {
			t.Errorf("the new call is %s", got)
		}
		for _, leg := range []string{c.x.ID, c.y.ID, c.mine[0], c.mine[1]} {
			next.play(leg, EvEnded)
		}
		next.stop()
		c.over(nil)
	})
}
