package call

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
)

func TestFollowTellsEachStateToTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, newMemory(), nil)
		base := r.mustPlace("c").LegBase
		var told []State
		over := make(chan bool, 1)
		go func() {
			over <- r.Follow(t.Context(), "c", func(c Call) bool {
				if len(told) == 0 || told[len(told)-1] != c.State {
					told = append(told, c.State)
				}
				return true
			})
		}()
		settle()
		r.play(base+"-1", EvAnswered)
		r.play(base+"-2", EvAnswered)
		r.play(base+"-1", EvJoined)
		r.play(base+"-2", EvEnded)
		if !<-over {
			t.Error("the call was not open")
		}
		if want := []State{RingingCaller, RingingCallee, Connecting, Connected, Ended}; !slices.Equal(told, want) {
			t.Errorf("told %v, want %v", told, want)
		}
		r.play(base+"-1", EvEnded)
		r.stop()
	})
}

func TestFollowEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, newMemory(), nil)
		r.mustPlace("c")
		told := 0
		once := func(Call) bool { told++; return false }
		if !r.Follow(t.Context(), "c", once) || told != 1 {
			t.Errorf("told %d times, once was enough", told)
		}
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		if !r.Follow(gone, "c", func(Call) bool { return true }) {
			t.Error("the call is open")
		}
		if r.Follow(t.Context(), "nobody", once) || told != 1 {
			t.Error("a call that is not was told of")
		}
		r.stop()
	})
}
