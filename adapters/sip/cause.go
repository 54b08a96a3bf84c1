package sip

import (
	"strconv"
	"strings"

	"github.com/emiago/sipgo/sip"

	"c2d/core/call"
	"c2d/core/identity"
)

// outcome is what a final SIP status says of a leg.
type outcome struct {
	reason call.Reason
	q850   int  // RFC 3398 section 8.2.6.1, or what PBXs send where it has none
	vague  bool // a Q.850 cause in a Reason header knows better
}

// outcomes is the one table from SIP status to reason. 486, 603, 480 and 404 stay apart.
var outcomes = map[int]outcome{
	400: {call.BackendFailed, 41, true},
	401: {call.Forbidden, 21, false},
	402: {call.Forbidden, 21, false},
	403: {call.Forbidden, 21, false},
	404: {call.InvalidNumber, 1, false},
	406: {call.MediaFailed, 58, false},
	407: {call.Forbidden, 21, false},
	408: {call.Unreachable, 102, true},
	410: {call.InvalidNumber, 22, false},
	415: {call.MediaFailed, 79, false},
	480: {call.Unreachable, 18, true},
	482: {call.BackendFailed, 25, false},
	483: {call.BackendFailed, 25, false},
	484: {call.InvalidNumber, 28, false},
	485: {call.InvalidNumber, 1, false},
	486: {call.Busy, 17, false},
	487: {call.NoAnswer, 127, true},
	488: {call.MediaFailed, 58, false},
	493: {call.MediaFailed, 58, false},
	500: {call.BackendFailed, 41, true},
	502: {call.BackendFailed, 38, true},
	503: {call.Congestion, 41, true},
	504: {call.Unreachable, 102, true},
	580: {call.Congestion, 47, true},
	600: {call.Busy, 17, false},
	603: {call.Rejected, 21, false},
	604: {call.InvalidNumber, 1, false},
	606: {call.MediaFailed, 58, false},
	607: {call.Rejected, 21, false},
	608: {call.Rejected, 21, false},
}

// classes is the same for a status that outcomes does not know.
var classes = map[int]outcome{
	3: {call.Forwarded, 23, false},
	4: {call.BackendFailed, 127, true},
	5: {call.BackendFailed, 127, true},
	6: {call.Rejected, 21, false},
}

// causeOf says why a leg ended whose INVITE was refused with res; rang says that an 18x came before.
func causeOf(res *sip.Response, rang bool) call.Cause {
	o, ok := outcomes[res.StatusCode]
	if !ok {
		o = classes[res.StatusCode/100]
	}
	c := call.Cause{Reason: o.reason, SIP: res.StatusCode, Q850: o.q850, Text: printable(res.Reason + onward(res))}
	told := q850(res)
	if told != 0 {
		c.Q850 = told
	}
	if r, known := call.OfQ850(told); known && o.vague && r != call.AnsweredElsewhere { // who rings together is ours to say
		c.Reason = r
	} else if res.StatusCode == sip.StatusRequestTimeout && rang {
		c.Reason = call.NoAnswer
	}
	c.NotRung = !rang && (res.StatusCode/100 == 5 || res.StatusCode < 500 && call.NeverRang(told))
	return c
}

// onward says where a 3xx would send the call, by its last digits: it is not followed, since who is rung is decided before
// anything rings, but the operator sees that the phone is diverted, and to what.
func onward(res *sip.Response) string {
	if to := res.Contact(); to != nil && res.StatusCode/100 == 3 {
		return ", to " + strings.TrimPrefix(identity.LastDigits(to.Address.User), "…")
	}
	return ""
}

// q850 returns the cause of a Reason header with protocol Q.850 (RFC 3326), 0 for none.
func q850(m sip.Message) int {
	for _, h := range m.GetHeaders("Reason") {
		for value := range strings.SplitSeq(h.Value(), ",") {
			protocol, params, _ := strings.Cut(value, ";")
			if !strings.EqualFold(strings.TrimSpace(protocol), "Q.850") {
				continue
			}
			for p := range strings.SplitSeq(params, ";") {
				name, v, _ := strings.Cut(strings.TrimSpace(p), "=")
				if n, err := strconv.Atoi(v); err == nil && strings.EqualFold(name, "cause") && n > 0 && n < 128 {
					return n
				}
			}
		}
	}
	return 0
}

// printable keeps at most 80 characters of printable ASCII.
func printable(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return -1
		}
		return r
	}, s)
	return s[:min(len(s), 80)]
}

// refusals is the way back: the status that refuses an offered leg.
var refusals = map[call.Reason]int{
	call.Busy: 486, call.Rejected: 603, call.NoAnswer: 480, call.Unreachable: 480, call.InvalidNumber: 404,
	call.Forbidden: 403, call.Blocked: 403, call.Congestion: 503, call.MediaFailed: 488, call.BackendFailed: 500,
}

// phrases are the words beside the statuses that we send.
var phrases = map[int]string{
	100: "Trying", 180: "Ringing", 200: "OK", 202: "Accepted", 400: "Bad Request", 403: "Forbidden", 404: "Not Found",
	405: "Method Not Allowed", 415: "Unsupported Media Type", 416: "Unsupported URI Scheme", 420: "Bad Extension", 422: "Session Interval Too Small", 480: "Temporarily Unavailable",
	481: "Call/Transaction Does Not Exist", 482: "Loop Detected", 483: "Too Many Hops", 485: "Ambiguous", 486: "Busy Here",
	487: "Request Terminated", 488: "Not Acceptable Here", 489: "Bad Event", 491: "Request Pending",
	500: "Server Internal Error", 501: "Not Implemented", 503: "Service Unavailable", 504: "Server Time-out", 505: "Version Not Supported", 603: "Decline",
}

// refusal returns the status for a reason; a reason that is no phone's fault is 480.
func refusal(why call.Reason) int {
	if status, ok := refusals[why]; ok {
		return status
	}
	return sip.StatusTemporarilyUnavailable
}
