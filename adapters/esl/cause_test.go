package esl

import (
	"testing"

	"c2d/core/call"
)

// TestWhy is what FreeSWITCH 1.10.12 says of phones that did not answer, and what it means: rang is what was heard before.
func TestWhy(t *testing.T) {
	for _, c := range []struct {
		what      string
		end       end
		want      call.Reason
		notRung   bool // no phone can have rung, so the next way to it may be tried
		afterRing call.Reason
	}{
		{"486", phone("USER_BUSY", 17, 486), call.Busy, false, call.Busy},
		{"600", phone("USER_BUSY", 17, 600), call.Busy, false, call.Busy},
		{"603", phone("CALL_REJECTED", 21, 603), call.Rejected, false, call.Rejected},
		{"403", phone("CALL_REJECTED", 21, 403), call.Forbidden, false, call.Forbidden},
		{"480", phone("NO_USER_RESPONSE", 18, 480), call.Unreachable, false, call.Unreachable},
		{"404", phone("UNALLOCATED_NUMBER", 1, 404), call.InvalidNumber, false, call.InvalidNumber},
		{"604", phone("NO_ROUTE_DESTINATION", 3, 604), call.InvalidNumber, false, call.InvalidNumber},
		{"484", phone("INVALID_NUMBER_FORMAT", 28, 484), call.InvalidNumber, false, call.InvalidNumber},
		{"410", phone("NUMBER_CHANGED", 22, 410), call.InvalidNumber, false, call.InvalidNumber},
		{"408, or nothing for 32 s", phone("RECOVERY_ON_TIMER_EXPIRE", 102, 408), call.Unreachable, false, call.NoAnswer},
		{"488", phone("INCOMPATIBLE_DESTINATION", 88, 488), call.MediaFailed, false, call.MediaFailed},
		{"606", phone("INCOMPATIBLE_DESTINATION", 88, 606), call.MediaFailed, false, call.MediaFailed},
		{"503, or a port that is closed", phone("NORMAL_TEMPORARY_FAILURE", 41, 503), call.Congestion, true, call.Congestion},
		{"302", phone("REQUESTED_CHAN_UNAVAIL", 44, 302), call.Forwarded, false, call.Forwarded},
		{"its own limit", phone("NO_ANSWER", 19, 0), call.Unreachable, false, call.NoAnswer},
		{"no sign of life", phone("PROGRESS_TIMEOUT", 16, 0), call.Unreachable, false, call.NoAnswer},
		{"answered elsewhere", phone("PICKED_OFF", 16, 0), call.AnsweredElsewhere, false, call.AnsweredElsewhere},
		{"given up", phone("ORIGINATOR_CANCEL", 16, 487), call.NoAnswer, false, call.NoAnswer},
	} {
		got, rung := c.end, c.end
		rung.rang = true
		if w := got.why(); w.Reason != c.want || w.NotRung != c.notRung || w.Text != c.end.cause || w.SIP != c.end.sip || w.Q850 != c.end.q850 {
			t.Errorf("%s: %+v, want %s", c.what, w, c.want)
		}
		if w := rung.why(); w.Reason != c.afterRing || w.NotRung {
			t.Errorf("%s, after it rang: %+v, want %s", c.what, w, c.afterRing)
		}
	}
}

func phone(cause string, q850, sip int) end {
	return end{cause: cause, q850: q850, sip: sip, channel: true}
}

// TestWhyOfNoChannel: no phone has rung of what never became a channel.
func TestWhyOfNoChannel(t *testing.T) {
	for body, want := range map[string]call.Reason{
		"-ERR USER_NOT_REGISTERED\n": call.Unreachable, "-ERR SUBSCRIBER_ABSENT\n": call.InvalidNumber, "-ERR DESTINATION_OUT_OF_ORDER\n": call.Congestion,
		"-ERR INVALID_GATEWAY\n": call.BackendFailed, "-ERR INVALID_PROFILE\n": call.BackendFailed, "-ERR CHAN_NOT_IMPLEMENTED\n": call.BackendFailed,
		"-ERR GATEWAY_DOWN\n": call.BackendFailed, "-USAGE: <call url> <exten>|&<application_name>(<app_args>)\n": call.BackendFailed, "": call.BackendFailed,
	} {
		if got := failed(body, false).why(); got.Reason != want || !got.NotRung {
			t.Errorf("%q: %+v, want %s", body, got, want)
		}
	}
}

// TestWhyOfWhoTalked: whatever FreeSWITCH calls it, one who talked has talked.
func TestWhyOfWhoTalked(t *testing.T) {
	for cause, want := range map[string]call.Reason{
		"NORMAL_CLEARING": call.Completed, "USER_BUSY": call.Completed, "MEDIA_TIMEOUT": call.Lost, "ALLOTTED_TIMEOUT": call.MaxDuration,
		"BLIND_TRANSFER": call.Transferred, "ATTENDED_TRANSFER": call.Transferred,
	} {
		e := phone(cause, 16, 200)
		e.rang, e.answered = true, true
		if got := e.why(); got.Reason != want || got.NotRung {
			t.Errorf("%s: %+v, want %s", cause, got, want)
		}
	}
}

// TestOrders is the cause with which a leg is ended; whatever is not here is a normal clearing.
func TestOrders(t *testing.T) {
	for why, want := range map[call.Reason]string{
		call.Completed: "NORMAL_CLEARING", call.Lost: "NORMAL_CLEARING", "": "NORMAL_CLEARING", call.Busy: "USER_BUSY", call.Rejected: "CALL_REJECTED",
		call.NoAnswer: "NO_ANSWER", call.Unreachable: "NO_USER_RESPONSE", call.InvalidNumber: "UNALLOCATED_NUMBER", call.Forbidden: "CALL_REJECTED",
		call.Blocked: "CALL_REJECTED", call.Congestion: "NORMAL_CIRCUIT_CONGESTION", call.MediaFailed: "INCOMPATIBLE_DESTINATION",
		call.BackendFailed: "NETWORK_OUT_OF_ORDER", call.AnsweredElsewhere: "PICKED_OFF", call.Cancelled: "ORIGINATOR_CANCEL", call.MaxDuration: "ALLOTTED_TIMEOUT",
	} {
		if got := order(why, false); got != want {
			t.Errorf("%s is %s, want %s", why, got, want)
		}
	}
	if got := order(call.Cancelled, true); got != "NORMAL_CLEARING" {
		t.Errorf("who talks is cancelled with %s", got)
	}
}
