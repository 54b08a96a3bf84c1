package call

// statuses is what a final SIP status says of a leg that was not answered (RFC 3261 section 21, RFC 3398 section 8.2.6.1). 486, 603,
// 480 and 404 stay apart. What says too little by itself (400, 500, 502, 503 with a Q.850 cause) is for that cause.
var statuses = map[int]Reason{
	302: Forwarded, 401: Forbidden, 402: Forbidden, 403: Forbidden, 404: InvalidNumber, 406: MediaFailed, 407: Forbidden, 408: Unreachable,
	410: InvalidNumber, 415: MediaFailed, 480: Unreachable, 484: InvalidNumber, 485: InvalidNumber, 486: Busy, 487: NoAnswer,
	488: MediaFailed, 493: MediaFailed, 503: Congestion, 504: Unreachable, 580: Congestion, 600: Busy, 603: Rejected, 604: InvalidNumber,
	606: MediaFailed, 607: Rejected, 608: Rejected,
}

// q850s is the same for a Q.850 cause.
var q850s = map[int]Reason{
	1: InvalidNumber, 2: Unreachable, 3: InvalidNumber, 17: Busy, 18: NoAnswer, 19: NoAnswer, 20: Unreachable, 21: Rejected,
	22: InvalidNumber, 23: Forwarded, 26: AnsweredElsewhere, 27: Unreachable, 28: InvalidNumber, 34: Congestion, 38: BackendFailed,
	41: Congestion, 42: Congestion, 44: Congestion, 47: Congestion, 50: Forbidden, 55: Forbidden, 57: Forbidden,
	58: MediaFailed, 65: MediaFailed, 79: MediaFailed, 88: MediaFailed, 102: Unreachable,
}

// OfStatus returns what a final SIP status says of a leg that was not answered, false for one that says nothing by itself.
func OfStatus(sip int) (Reason, bool) {
	r, ok := statuses[sip]
	return r, ok
}

// OfQ850 returns the same of a Q.850 cause.
func OfQ850(cause int) (Reason, bool) {
	r, ok := q850s[cause]
	return r, ok
}

// NeverRang reports the Q.850 causes that prove that the network gave up before any phone rang.
func NeverRang(q850 int) bool { return q850 == 34 || q850 == 38 || q850 == 41 || q850 == 42 }
