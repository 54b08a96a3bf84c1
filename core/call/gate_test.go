package call

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"

	"c2d/core/event"
	"c2d/core/identity"
)

// carriers are two ways to the callee.
type carriers struct{ book }

func (carriers) LookUp(context.Context, Call) (LookedUp, error) {
	return LookedUp{Attempts: []Attempt{{Targets: []Target{{Ways: []Way{{Backend: "ims", Address: "m"}, {Backend: "line", Address: "m"}}}}}}}, nil
}

// limited is a house with two carriers.
func limited(t *testing.T, gates map[string]int, allow func(string) bool) *rig {
	b, store := &board{}, newMemory()
	all := map[string]Backend{"house": b, "ims": b, "line": b}
	r := NewRunner(Config{Store: store, Backends: all, Origin: identity.Origin{Installation: "in", Node: "n1"}, Gates: gates, Allow: allow, Outcome: b.fares}, carriers{}, book{})
	if err := r.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	settle()
	return &rig{r, t, store, b}
}

// over returns over which backend the callee of a call was rung last, whose caller has just answered.
func (r *rig) over(id string) (string, Call) {
	r.t.Helper()
	r.play(r.mustPlace(id).LegBase+"-1", EvAnswered)
	c, _ := r.store.Get(r.t.Context(), "main", id)
	if len(c.Callee.Attempts) == 0 {
		r.t.Fatalf("the callee of %s is not rung: %s", id, c.State)
	}
	legs := c.Callee.Attempts[0].Legs
	return legs[len(legs)-1].Way.Backend, c
}

// A callee's leg counts where it is sent: one that is full is passed by, and no phone was rung there.
func TestACalleesLegCountsWhereItIsSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := limited(t, map[string]int{"ims": 1, "line": 1}, nil)
		if over, _ := r.over("a"); over != "ims" {
			t.Fatalf("the first goes over %s", over)
		}
		_, b := r.over("b")
		if over := b.Callee.Attempts[0].Legs; len(over) != 2 || over[0].End == nil || over[0].End.Reason != Congestion || over[1].Way.Backend != "line" {
			t.Fatalf("the second goes over %+v", over)
		}
		if slices.Contains(r.board.rung, b.LegBase+"-2") {
			t.Error("a phone was rung over a backend that is full")
		}
		_, c := r.over("c")
		if c.State != Ended || c.End.Reason != Congestion || c.End.Side != CalleeSide || !r.board.did("tell") {
			t.Fatalf("the third is %s %+v", c.State, c.End)
		}
		r.play(c.LegBase+"-1", EvEnded)
		r.play(b.LegBase+"-3", EvAnswered) // who talks rings no more
		r.play(b.LegBase+"-1", EvJoined)
		if over, d := r.over("d"); over != "line" || d.State != RingingCallee {
			t.Fatalf("the fourth goes over %s and is %s", over, d.State)
		}
		r.hangUpAll()
	})
}

// A call that went on to another backend rings on the first no more.
func TestAPlaceIsGivenBackWithTheLeg(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := limited(t, map[string]int{"ims": 1}, nil)
		_, a := r.over("a")
		r.board.sink.Leg(LegEvent{Leg: a.LegBase + "-2", Kind: EvEnded, Cause: Cause{Reason: Unreachable, NotRung: true}})
		settle()
		if over, _ := r.over("b"); over != "ims" {
			t.Errorf("goes over %s", over)
		}
		r.hangUpAll()
	})
}

// How often a backend is asked counts for whichever leg comes first there, and for that one alone.
func TestARateCountsEachBackendOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked := map[string]int{}
		r := limited(t, nil, func(backend string) bool { asked[backend]++; return backend != "ims" })
		if over, _ := r.over("a"); over != "line" || asked["ims"] != 1 || asked["line"] != 1 || asked["house"] != 0 {
			t.Errorf("goes over %s; asked %v", over, asked)
		}
		r.hangUpAll()
	})
}

// The end of a call names all that it has used.
func TestAnEndNamesItsBackends(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := limited(t, nil, nil)
		r.over("a")
		r.hangUpAll()
		last := r.store.events[slices.IndexFunc(r.store.events, func(e event.Event) bool { return e.Kind == event.CallEnded })]
		if last.Data["backend"] != "house" || last.Data["backends"] != "house,ims" {
			t.Errorf("%+v", last.Data)
		}
	})
}

// hangUpAll ends every call, and its phones rest.
func (r *rig) hangUpAll() {
	r.t.Helper()
	r.store.mu.Lock()
	var all []Call
	for _, c := range r.store.calls {
		all = append(all, c)
	}
	r.store.mu.Unlock()
	for _, c := range all {
		_, _ = r.HangUp(r.t.Context(), c.ID, HangUpOrdered{By: ByAPI}) // one may have ended already
		for l := range c.Legs {
			r.play(l.ID, EvEnded)
		}
	}
	r.stop()
}

// fares notes how legs fared.
func (b *board) fares(backend string, why *Cause) {
	b.mu.Lock()
	defer b.mu.Unlock()
	text := backend + " well"
	if why != nil {
		text = backend + " " + string(why.Reason)
	}
	b.fared = append(b.fared, text)
}

// How a leg fared is told once: when its phone rings, or when it ends without; not of one that we let go.
func TestHowLegsFareIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := limited(t, nil, nil)
		_, a := r.over("a")
		r.board.sink.Leg(LegEvent{Leg: a.LegBase + "-2", Kind: EvEnded, Cause: Cause{Reason: BackendFailed, NotRung: true}})
		settle()
		for _, k := range []LegEventKind{EvTrying, EvRinging, EvEarlyMedia, EvAnswered, EvEnded} {
			r.play(a.LegBase+"-3", k)
		}
		r.over("b")
		r.hangUpAll()
		want := []string{"house well", "ims backend_failed", "line well", "house well"}
		if got := r.board.fared; !slices.Equal(got, want) {
			t.Errorf("%q, want %q", got, want)
		}
	})
}

// A limit that is raised while a call waits lets it in.
func TestALimitIsSetAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := limited(t, map[string]int{"house": 1}, nil)
		r.mustPlace("a")
		r.mustPlace("b")
		settle()
		if s := r.state("b"); s != Queued {
			t.Fatalf("the second is %s", s)
		}
		r.Limit(map[string]int{"house": 2})
		settle()
		if s := r.state("b"); s != RingingCaller {
			t.Errorf("the second is %s", s)
		}
		r.hangUpAll()
	})
}
