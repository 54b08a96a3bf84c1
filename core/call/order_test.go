package call

import (
	"context"
	"testing"
	"testing/synctest"

	"c2d/core/fault"
)

func (b *board) Hold(_ context.Context, leg string, on bool) error {
	if on {
		return b.note("hold " + leg)
	}
	return b.note("resume " + leg)
}

func (b *board) SendDTMF(_ context.Context, leg, keys string) error { return b.note("keys " + leg) }

func TestOrdersReachTheLegOfTheirSide(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, newMemory(), nil)
		a, b := r.talk("c")
		for _, err := range []error{
			r.Hold(t.Context(), "c", CallerSide, true), r.Hold(t.Context(), "c", CalleeSide, false),
			r.SendDTMF(t.Context(), "c", CalleeSide, "1"), r.SendDTMF(t.Context(), "c", CallerSide, "1"),
		} {
			if err != nil {
				t.Error(err)
			}
		}
		for _, order := range []string{"hold " + a, "resume " + b, "keys " + a, "keys " + b} {
			if !r.board.did(order) {
				t.Errorf("no %q in %v", order, r.board.orders)
			}
		}
		if err := r.Hold(t.Context(), "d", CallerSide, true); !fault.Is(err, fault.CodeNotFound) {
			t.Error("another call:", err)
		}
		r.play(b, EvEnded)
		if err := r.Hold(t.Context(), "c", CallerSide, true); !fault.Is(err, fault.CodeConflict) {
			t.Error("an ended call:", err)
		}
		r.play(a, EvEnded)
		r.stop()
	})
}

// Who has read in the store that the two are connected may hold at once, though the runner is just about to know.
func TestAnOrderIsNotAheadOfItsCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		r := newRig(t, m, nil)
		base := r.mustPlace("c").LegBase
		r.play(base+"-1", EvAnswered)
		r.play(base+"-2", EvAnswered)
		m.slow = true
		r.play(base+"-1", EvJoined)
		if got := r.state("c"); got != Connected {
			t.Fatalf("stored as %s", got)
		}
		if err := r.Hold(t.Context(), "c", CallerSide, true); err != nil {
			t.Error(err)
		}
		m.slow = false
		r.play(base+"-2", EvEnded)
		r.play(base+"-1", EvEnded)
		r.stop()
	})
}
