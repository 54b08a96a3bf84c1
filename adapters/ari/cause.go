package ari

import (
	"c2d/core/call"
)

// orders are the causes that end a leg: what its phone is told, and what Asterisk writes into its own records.
var orders = map[call.Reason]string{
	call.Busy: "17", call.Rejected: "21", call.NoAnswer: "19", call.Unreachable: "18", call.InvalidNumber: "1", call.Forbidden: "21", call.Blocked: "21",
	call.Congestion: "34", call.MediaFailed: "58", call.BackendFailed: "38", call.AnsweredElsewhere: "26",
}

// order returns the cause that ends a leg for a reason.
func order(why call.Reason) string {
	if c, ok := orders[why]; ok {
		return c
	}
	return "16"
}

// Causes of Q.850 that Asterisk uses in a way of its own.
const (
	noRoute  = 3  // to the destination; also Dial() without a phone
	noAnswer = 19 // user alerting; also a phone that was never heard of
	absent   = 20 // subscriber
)

// end is what is known when a channel is gone.
type end struct {
	cause, tech int
	asked       bool // a hang-up was requested by the far side: what the causes say is the phone's, not made up by Asterisk
	rang        bool
	answered    bool
	nobody      bool // the dialplan dialled no phone
	unknown     bool // the dialplan has not even begun: its context does not know the number
}

// why says why a leg ended that we did not end.
func (e end) why() call.Cause {
	c := call.Cause{SIP: e.tech, Q850: e.cause}
	if e.answered {
		c.Reason = call.Completed
		if e.cause == 44 { // Asterisk's RTP timeout
			c.Reason = call.Lost
		}
		return c
	}
	c.NotRung = !e.rang && (e.nobody || e.tech/100 == 5 || e.tech == 0 && call.NeverRang(e.cause))
	if e.unknown {
		c.Reason = call.InvalidNumber
		return c
	}
	if e.nobody && (e.cause == noRoute || e.cause == absent) { // an extension without a phone that is registered
		c.Reason = call.Unreachable
		return c
	}
	if !e.asked && e.cause == noAnswer { // its own timer: the SIP status is made up
		c.SIP, c.Reason = 0, call.Unreachable
		if e.rang {
			c.Reason = call.NoAnswer
		}
		return c
	}
	if r, ok := call.OfStatus(e.tech); ok {
		c.Reason = r
	} else if r, ok := call.OfQ850(e.cause); ok {
		c.Reason = r
	} else if e.rang {
		c.Reason = call.NoAnswer // 0 and 16: versions differ in what they say when nobody answers
	} else {
		c.Reason = call.BackendFailed
	}
	if c.SIP == 408 && e.rang {
		c.Reason = call.NoAnswer
	}
	return c
}
