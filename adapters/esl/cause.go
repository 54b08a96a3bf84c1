package esl

import (
	"strconv"
	"strings"

	"c2d/adapters/esl/client"
	"c2d/core/call"
)

// names are FreeSWITCH's hang-up causes that say more than their Q.850 number does, or have none.
var names = map[string]call.Reason{
	"USER_NOT_REGISTERED": call.Unreachable, "SUBSCRIBER_ABSENT": call.InvalidNumber, // no channel: the directory's own word
	"NO_ANSWER": call.NoAnswer, "PROGRESS_TIMEOUT": call.Unreachable, "NO_USER_RESPONSE": call.Unreachable, "RECOVERY_ON_TIMER_EXPIRE": call.Unreachable,
	"DESTINATION_OUT_OF_ORDER": call.Congestion, // no channel: sessions per second, sessions at all, or paused
	"INVALID_GATEWAY":          call.BackendFailed, "INVALID_PROFILE": call.BackendFailed, "CHAN_NOT_IMPLEMENTED": call.BackendFailed, "GATEWAY_DOWN": call.BackendFailed,
	"MANDATORY_IE_MISSING": call.BackendFailed, "LOSE_RACE": call.AnsweredElsewhere, "PICKED_OFF": call.AnsweredElsewhere, "ORIGINATOR_CANCEL": call.Cancelled,
}

// numbers are the Q.850 numbers of causes, for those that no channel tells.
var numbers = map[string]int{
	"USER_NOT_REGISTERED": 20, "SUBSCRIBER_ABSENT": 20, "DESTINATION_OUT_OF_ORDER": 27, "NO_ANSWER": 19, "NORMAL_TEMPORARY_FAILURE": 41, "USER_BUSY": 17,
	"CALL_REJECTED": 21, "NETWORK_OUT_OF_ORDER": 38, "NO_ROUTE_DESTINATION": 3, "UNALLOCATED_NUMBER": 1,
}

// orders are the causes that end a leg: what its phone is told in a Reason header, and FreeSWITCH's records. A cause that
// FreeSWITCH does not know is NORMAL_CLEARING there, without a word.
var orders = map[call.Reason]string{
	call.Busy: "USER_BUSY", call.Rejected: "CALL_REJECTED", call.NoAnswer: "NO_ANSWER", call.Unreachable: "NO_USER_RESPONSE",
	call.InvalidNumber: "UNALLOCATED_NUMBER", call.Forbidden: "CALL_REJECTED", call.Blocked: "CALL_REJECTED", call.Congestion: "NORMAL_CIRCUIT_CONGESTION",
	call.MediaFailed: "INCOMPATIBLE_DESTINATION", call.BackendFailed: "NETWORK_OUT_OF_ORDER", call.AnsweredElsewhere: "PICKED_OFF",
	call.Cancelled: "ORIGINATOR_CANCEL", call.MaxDuration: talkedOut,
}

// order returns the cause that ends a leg for a reason.
func order(why call.Reason, answered bool) string {
	if c, ok := orders[why]; ok && !(answered && why == call.Cancelled) {
		return c
	}
	return "NORMAL_CLEARING"
}

// end is what is known when a leg is over that we did not end.
type end struct {
	cause     string // "USER_BUSY"
	q850, sip int    // 0 for none
	ours      bool   // FreeSWITCH ended it by itself, or because of the other one
	theirs    bool   // its phone hung up
	moved     bool   // its phone has given the other one to somebody
	channel   bool   // there was one
	rang      bool
	answered  bool
}

// ended reads the last event of a channel.
func ended(ev client.Event) end {
	e := end{cause: ev.Get("Hangup-Cause"), q850: ev.Number("variable_hangup_cause_q850"), sip: ev.Number("variable_sip_term_status"), channel: true}
	if proto, ok := strings.CutPrefix(ev.Var("proto_specific_hangup_cause"), "sip:"); ok {
		e.sip, _ = strconv.Atoi(proto)
	}
	who := ev.Var("sip_hangup_disposition")
	e.ours, e.theirs = strings.HasPrefix(who, "send_"), who == "recv_bye"
	if ev.Var("transfer_disposition") == hasAsked { // its phone may hang up before FreeSWITCH has obeyed: who ended it is not known
		e.ours, e.theirs = true, false
	}
	e.moved = handedOn[ev.Var("endpoint_disposition")] || handedOn[e.cause] || strings.HasPrefix(ev.Var("transfer_to"), consulted)
	return e
}

// failed reads the result of an originate that came to nothing: "-ERR USER_NOT_REGISTERED". Where there was a channel, it does not prove
// that no phone rang.
func failed(result string, channel bool) end {
	cause := strings.TrimSpace(strings.TrimPrefix(result, "-ERR"))
	return end{cause: cause, q850: numbers[cause], channel: channel}
}

// why says why a leg ended that we did not end.
func (e end) why() call.Cause {
	c := call.Cause{SIP: e.sip, Q850: e.q850, Text: e.cause}
	if e.answered {
		c.Reason = talked(e.cause)
		return c
	}
	c.NotRung = !e.rang && (!e.channel || e.sip/100 == 5 || e.sip == 0 && call.NeverRang(e.q850))
	c.Reason = e.reason()
	if e.rang && c.Reason == call.Unreachable && (e.sip == 0 || e.sip == 408) {
		c.Reason = call.NoAnswer
	}
	if !e.rang && e.cause == "NO_ANSWER" && e.sip == 0 { // FreeSWITCH's own timer, of a phone that gave no sign of life
		c.Reason = call.Unreachable
	}
	return c
}

func (e end) reason() call.Reason {
	if r, ok := call.OfStatus(e.sip); ok {
		return r
	}
	if r, ok := names[e.cause]; ok {
		return r
	}
	if r, ok := call.OfQ850(e.q850); ok {
		return r
	}
	if e.rang {
		return call.NoAnswer
	}
	return call.BackendFailed
}

// talked says why a leg ended that was answered.
func talked(cause string) call.Reason {
	switch cause {
	case "MEDIA_TIMEOUT":
		return call.Lost
	case talkedOut:
		return call.MaxDuration
	case "BLIND_TRANSFER", "ATTENDED_TRANSFER":
		return call.Transferred
	}
	return call.Completed
}
