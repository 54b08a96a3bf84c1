package sip

import (
	"testing"

	"github.com/emiago/sipgo/sip"

	"c2d/core/call"
)

func TestCauseOf(t *testing.T) {
	for _, c := range []struct {
		status int
		reason string // header
		rang   bool
		want   call.Cause
	}{
		{302, "", false, call.Cause{Reason: call.Forwarded, Q850: 23}},
		{403, "", false, call.Cause{Reason: call.Forbidden, Q850: 21}},
		{404, "", false, call.Cause{Reason: call.InvalidNumber, Q850: 1}},
		{408, "", false, call.Cause{Reason: call.Unreachable, Q850: 102}},
		{408, "", true, call.Cause{Reason: call.NoAnswer, Q850: 102}},
		{410, "", false, call.Cause{Reason: call.InvalidNumber, Q850: 22}},
		{480, "", true, call.Cause{Reason: call.Unreachable, Q850: 18}},
		{480, "Q.850;cause=18", true, call.Cause{Reason: call.NoAnswer, Q850: 18}},
		{480, `SIP;cause=600, q.850 ; cause=17 ;text="busy"`, true, call.Cause{Reason: call.Busy, Q850: 17}},
		{480, "Q.850;cause=34", false, call.Cause{Reason: call.Congestion, Q850: 34, NotRung: true}},
		{480, "Q.850;cause=34", true, call.Cause{Reason: call.Congestion, Q850: 34}},
		{480, "Q.850;cause=banana", false, call.Cause{Reason: call.Unreachable, Q850: 18}},
		{486, "", true, call.Cause{Reason: call.Busy, Q850: 17}},
		{486, "Q.850;cause=21", true, call.Cause{Reason: call.Busy, Q850: 21}},
		{488, "", false, call.Cause{Reason: call.MediaFailed, Q850: 58}},
		{499, "", false, call.Cause{Reason: call.BackendFailed, Q850: 127}},
		{500, "", false, call.Cause{Reason: call.BackendFailed, Q850: 41, NotRung: true}},
		{503, "", true, call.Cause{Reason: call.Congestion, Q850: 41}},
		{504, "", false, call.Cause{Reason: call.Unreachable, Q850: 102, NotRung: true}},
		{599, "", false, call.Cause{Reason: call.BackendFailed, Q850: 127, NotRung: true}},
		{600, "", false, call.Cause{Reason: call.Busy, Q850: 17}},
		{603, "Q.850;cause=34", false, call.Cause{Reason: call.Rejected, Q850: 34}},
		{699, "", false, call.Cause{Reason: call.Rejected, Q850: 21}},
	} {
		res := sip.NewResponse(c.status, "Why\r\nnot\x00")
		if c.reason != "" {
			res.AppendHeader(sip.NewHeader("Reason", c.reason))
		}
		c.want.SIP, c.want.Text = c.status, "Whynot"
		if got := causeOf(res, c.rang); got != c.want {
			t.Errorf("%d %q rang %v:\n got %+v\nwant %+v", c.status, c.reason, c.rang, got, c.want)
		}
	}
}

func TestEveryStatusThatWeSendHasItsWords(t *testing.T) {
	for why := range refusals {
		if phrases[refusal(why)] == "" {
			t.Errorf("%s: %d has none", why, refusal(why))
		}
	}
	if refusal(call.Lost) != 480 {
		t.Error("a reason that is no phone's fault")
	}
}
