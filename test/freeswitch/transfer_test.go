package freeswitch

import (
	"strings"
	"testing"

	"c2d/adapters/sip/handset"
	telephone "c2d/adapters/sip/phone"
	"c2d/core/call"
	"c2d/core/call/calltest"
	"c2d/test/office"
	"c2d/test/pbx"
)

// What a phone's own transfer does to a call stands in the suite of call behaviour. Here is what only a real FreeSWITCH shows.

// referred is a call whose caller has handed the callee to a number, and the third whose phone rings then.
func referred(t *testing.T, o *desk, prefix string) (c *office.Chat, third *handset.Handset) {
	t.Helper()
	c = o.Bring(call.Connected)
	c.Talks()
	third = o.Phone(t, calltest.Rings).(*handset.Handset)
	c.A.Refer(t, prefix+third.Name)
	office.Awaits(t, c.A, telephone.Ended)
	office.Awaits(t, third, telephone.Ringing)
	third.Lift(t)
	c.B.Hears(t, third)
	return c, third
}

// The number to which a phone transfers is one that FreeSWITCH's dialplan hands to us: it gets the call back, since it is ours
// already, and goes on with the number.
func TestTransferredToUs(t *testing.T) {
	t.Parallel()
	w := newWards(t)
	o := opensDoor(t, w)
	c, third := referred(t, o, "*55")
	third.PutDown(t)
	c.Ends(call.Completed)
	office.Awaits(t, c.B, telephone.Ended)
	o.Over()
}

// Whoever goes on after a transfer does not hear any more that he is recorded, and is not.
func TestTransferEndsTheBeep(t *testing.T) {
	t.Parallel()
	w := newWards(t)
	o := opens(t, w, "here", office.NewStore())
	for _, caller := range []bool{true, false} {
		c := o.Bring(call.Connected)
		c.Talks()
		c.Records()
		leg := c.Now().CalleeLeg
		if !caller {
			c.A, c.B, leg = c.B, c.A, c.Now().CallerLeg
		}
		bugs := func() string { return w.freeswitch.Console(t, "uuid_buglist "+leg) }
		if !strings.Contains(bugs(), "displace") {
			t.Fatal("nobody hears that he is recorded:", bugs())
		}
		third := o.Phone(t, calltest.Rings).(*handset.Handset)
		c.A.Refer(t, third.Name)
		office.Awaits(t, c.A, telephone.Ended)
		pbx.Eventually(t, patience, "no beep and no recording", func() bool {
			return !strings.Contains(bugs(), "displace") && !strings.Contains(bugs(), "session_record")
		})
		c.HangUp()
		c.Ends(call.Completed, call.Cancelled)
	}
	o.Over()
}
