package e2e

import (
	"testing"
	"time"

	"c2d/cmd/c2d/client"
	"c2d/test/pbx"
)

const annTone, annNumber = 1320, "+16328300102"

// TestAttendedTransfer is Mary's phone, a linphone, that talks with Harry, pauses him, calls Ann, and hands Harry to her: a
// REFER with Replaces. The two hear each other, and hang up.
func TestAttendedTransfer(t *testing.T) {
	h := open(t)
	h.addBoth()
	h.add("ann", "Ann", annNumber)
	mary := pbx.StartLinphone(t, h.phone("mary", maryTone, false))
	harry, ann := h.harry(false), pbx.StartBaresip(t, h.phone("ann", annTone, false))
	first := h.click()
	harry.Await("CALL_INCOMING", soon)
	harry.Accept()
	mary.Await(pbx.LinphoneRings, soon)
	mary.Accept()
	first = h.state(first, "connected")
	mary.Await(pbx.LinphoneTalks, soon)
	mary.Hold()
	mary.Await(pbx.LinphonePaused, soon)
	mary.Dial("sip:" + annNumber + "@" + h.registrar().String())
	ann.Await("CALL_INCOMING", soon)
	ann.Accept()
	mary.Await(pbx.LinphoneTalks, soon)
	mary.Attend(1, 2)
	h.ended(first, "transferred", "callee", "callee")
	pbx.Eventually(t, soon, "Harry hears Ann", func() bool { return pbx.Hears(harry.Heard(), time.Second, annTone, harryTone, ringBack) })
	pbx.Eventually(t, soon, "Ann hears Harry", func() bool { return pbx.Hears(ann.Heard(), time.Second, harryTone, annTone, ringBack) })
	for range 2 {
		mary.Await(pbx.LinphoneIsFree, soon)
	}
	harry.HangUp()
	ann.Await("CALL_CLOSED", soon)
	var calls client.List[client.Call]
	if err := h.api.Get(t.Context(), "/v1/calls", &calls); err != nil || len(calls.Items) != 3 {
		t.Fatalf("the records: %+v, %v", calls, err)
	}
	ends := map[string]int{}
	for _, c := range calls.Items {
		ends[h.released(h.state(c, "ended")).End.Reason]++
	}
	if ends["transferred"] != 2 || ends["completed"] != 1 {
		t.Errorf("the records: %v", ends)
	}
}
