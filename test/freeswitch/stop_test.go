package freeswitch

import (
	"context"
	"testing"
	"time"

	"c2d/adapters/sip/handset"
	telephone "c2d/adapters/sip/phone"
	"c2d/core/call"
	"c2d/core/call/calltest"
	"c2d/test/office"
)

// Fifty phones ring when we stop: each stops.
func TestStopWhileFiftyRing(t *testing.T) {
	t.Parallel()
	h := starts(t, newWards(t))
	var phones []*handset.Handset
	for range 50 {
		_, p := h.rings(calltest.Rings, "", call.EvRinging)
		phones = append(phones, p)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
	defer cancel()
	h.does(h.b.Stop(ctx))
	for _, p := range phones {
		office.Awaits(t, p, telephone.Ended)
	}
}
