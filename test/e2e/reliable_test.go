package e2e

import (
	"strings"
	"testing"

	"c2d/adapters/sip"
	"c2d/cmd/c2d/client"
	"c2d/test/pbx"
)

// TestAPhoneThatWantsReliableRings dials Mary, and takes no ring that it cannot acknowledge (RFC 3262): ours comes again until
// its PRACK, and not after.
func TestAPhoneThatWantsReliableRings(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.addBoth()
	mary := h.mary(false)
	harry := pbx.DialSIPp(t, h.phone("harry", 0, false), pbx.DialReliable, maryNumber)
	mary.Await("CALL_INCOMING", soon)
	pbx.Eventually(t, soon, "the ring is acknowledged", func() bool {
		return len(h.wire.messages(func(m sip.Message) bool {
			return m.Sent && m.StartLine == "SIP/2.0 200 OK" && strings.HasSuffix(m.CSeq, "PRACK")
		})) > 0
	})
	rings := func() int {
		return len(h.wire.messages(func(m sip.Message) bool {
			return m.Sent && m.Remote == harry.Addr && strings.HasPrefix(m.StartLine, "SIP/2.0 180")
		}))
	}
	before := rings()
	mary.Accept()
	harry.Done(2 * soon)
	mary.Await("CALL_CLOSED", soon)
	if before < 2 || rings() != before {
		t.Errorf("%d rings before the PRACK, %d after", before, rings()-before)
	}
	var calls client.List[client.Call]
	if err := h.api.Get(t.Context(), "/v1/calls", &calls); err != nil || len(calls.Items) != 1 {
		t.Fatalf("the records: %+v, %v", calls, err)
	}
	h.released(h.ended(calls.Items[0], "completed", "caller", "caller"))
}
