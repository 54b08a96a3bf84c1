package call

import (
	"context"
	"testing"
	"testing/synctest"

	"c2d/core/audit"
	"c2d/core/fault"
)

func (b *board) Part(_ context.Context, leg string) error { return b.note("part " + leg) }

// following is a call whose caller's leg talks in another.
func following(id string, leg Leg) Call {
	return Call{ID: id, Tenant: "main", Backend: leg.Way.Backend, CallerLeg: leg.ID, TalkLimit: 3600,
		Caller: Party{RingLimit: 30, Attempts: []Attempt{{Targets: []Target{{Ways: []Way{leg.Way}}}, Legs: []Leg{leg}}}},
		Callee: Party{Number: "+16328300102", RingLimit: 30}}
}

func TestTransfer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, newMemory(), nil)
		a, b := r.talk("old")
		old, _ := r.Of(b)
		leg, _, _ := old.Find(b)
		next, err := r.Transfer(t.Context(), following("new", *leg), []string{"old"}, audit.Trail{})
		if err != nil {
			t.Fatal(err)
		}
		settle()
		if !r.board.did("part "+b) || !r.board.did("hang_up "+a) || r.board.did("hang_up "+b) {
			t.Fatalf("orders %v", r.board.orders)
		}
		c, _ := r.store.Get(t.Context(), "main", "old")
		if c.State != Ended || c.End.Reason != Transferred || c.End.By != ByCaller {
			t.Fatalf("the old record: %s %+v", c.State, c.End)
		}
		r.play(a, EvEnded)
		third := next.LegBase + "-2"
		r.play(third, EvAnswered)
		r.play(b, EvJoined)
		if got := r.state("new"); got != Connected {
			t.Fatalf("the new call is %s", got)
		}
		r.play(b, EvEnded)
		r.play(third, EvEnded)
		c, _ = r.store.Get(t.Context(), "main", "new")
		if c.End == nil || c.End.Reason != Completed || c.End.By != ByCaller || r.Active() != 0 {
			t.Fatalf("the new record: %+v, %d active", c.End, r.Active())
		}
		r.stop()
	})
}

// When the store does not take the new call, the two go on talking.
func TestTransferThatIsNotStored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, newMemory(), nil)
		a, b := r.talk("old")
		old, _ := r.Of(b)
		leg, _, _ := old.Find(b)
		r.store.set(true)
		if _, err := r.Transfer(t.Context(), following("new", *leg), []string{"old"}, audit.Trail{}); !fault.Is(err, fault.CodeStoreUnavailable) {
			t.Fatal(err)
		}
		r.store.set(false)
		if c, open := r.Of(b); !open || c.ID != "old" || c.State != Connected || r.board.did("hang_up "+a) {
			t.Fatalf("%s is %s, orders %v", c.ID, c.State, r.board.orders)
		}
		r.play(b, EvEnded)
		if got := r.state("old"); got != Ended {
			t.Fatalf("after b hung up the call is %s", got)
		}
		r.play(a, EvEnded)
		r.stop()
	})
}

// Who has hung up meanwhile cannot be handed over.
func TestTransferOfALegThatIsGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, newMemory(), nil)
		a, b := r.talk("old")
		old, _ := r.Of(b)
		leg, _, _ := old.Find(b)
		r.play(b, EvEnded)
		r.play(a, EvEnded)
		if _, err := r.Transfer(t.Context(), following("new", *leg), []string{"old"}, audit.Trail{}); !fault.Is(err, fault.CodeNotFound) || r.Active() != 0 {
			t.Fatalf("%v, %d active", err, r.Active())
		}
		r.stop()
	})
}
