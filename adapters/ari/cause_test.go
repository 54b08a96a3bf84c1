package ari

import (
	"fmt"
	"net/http"
	"testing"

	"c2d/adapters/ari/client"
	"c2d/core/call"
)

// tells lets a backend hear an event as Asterisk writes it.
func (b *Backend) tells(t *testing.T, format string, args ...any) {
	t.Helper()
	ev, err := client.Decode(fmt.Appendf(nil, format, args...))
	if err != nil {
		t.Fatal(err)
	}
	b.hear(ev)
}

// ending is what a phone did, and what Asterisk 22 tells of its channel then.
type ending struct {
	did         string
	rings       bool
	asked, tech int // cause and status of the request to hang up; 0 is none
	cause, last int // cause and status of the channel's end
	want        call.Cause
}

// endings were all observed on a real Asterisk.
var endings = []ending{
	{"486", true, 17, 486, 17, 486, call.Cause{Reason: call.Busy, SIP: 486, Q850: 17}},
	{"600", true, 17, 600, 17, 600, call.Cause{Reason: call.Busy, SIP: 600, Q850: 17}},
	{"603", true, 21, 603, 21, 603, call.Cause{Reason: call.Rejected, SIP: 603, Q850: 21}},
	{"403", true, 21, 403, 21, 403, call.Cause{Reason: call.Forbidden, SIP: 403, Q850: 21}},
	{"480", true, 19, 480, 19, 480, call.Cause{Reason: call.Unreachable, SIP: 480, Q850: 19}},
	{"480 before it rang", false, 19, 480, 19, 480, call.Cause{Reason: call.Unreachable, SIP: 480, Q850: 19}},
	{"404", true, 1, 404, 1, 404, call.Cause{Reason: call.InvalidNumber, SIP: 404, Q850: 1}},
	{"408 after it rang", true, 18, 408, 18, 408, call.Cause{Reason: call.NoAnswer, SIP: 408, Q850: 18}},
	{"408 before it rang", false, 18, 408, 18, 408, call.Cause{Reason: call.Unreachable, SIP: 408, Q850: 18}},
	{"488", true, 58, 488, 58, 488, call.Cause{Reason: call.MediaFailed, SIP: 488, Q850: 58}},
	{"503 after it rang", true, 34, 503, 34, 503, call.Cause{Reason: call.Congestion, SIP: 503, Q850: 34}},
	{"503 before it rang", false, 34, 503, 34, 503, call.Cause{Reason: call.Congestion, SIP: 503, Q850: 34, NotRung: true}},
	{"302", true, 23, 302, 23, 302, call.Cause{Reason: call.Forwarded, SIP: 302, Q850: 23}},
	{"rang until Asterisk's timer", true, 0, 0, 19, 480, call.Cause{Reason: call.NoAnswer, Q850: 19}},
	{"rang until Asterisk's timer, a flag for a cause", true, 32, 0, 19, 480, call.Cause{Reason: call.NoAnswer, Q850: 19}},
	{"was not there", false, 0, 0, 19, 480, call.Cause{Reason: call.Unreachable, Q850: 19}},
	{"has a host name that is none", false, 34, 503, 34, 503, call.Cause{Reason: call.Congestion, SIP: 503, Q850: 34, NotRung: true}},
	{"rang until an old Asterisk's timer", true, 0, 0, 0, 0, call.Cause{Reason: call.NoAnswer}},
	{"rang until an older Asterisk's timer", true, 0, 0, 16, 0, call.Cause{Reason: call.NoAnswer, Q850: 16}},
	{"busy on a trunk that is no SIP", true, 17, 0, 17, 0, call.Cause{Reason: call.Busy, Q850: 17}},
	{"no circuit on a trunk that is no SIP", false, 34, 0, 34, 0, call.Cause{Reason: call.Congestion, Q850: 34, NotRung: true}},
	{"a cause that nobody knows", false, 99, 0, 99, 0, call.Cause{Reason: call.BackendFailed, Q850: 99}},
	{"a status that nobody knows", true, 17, 499, 17, 499, call.Cause{Reason: call.Busy, SIP: 499, Q850: 17}},
}

// play tells what Asterisk tells of a phone's channel.
func (e ending) play(t *testing.T, b *Backend, channel string) {
	t.Helper()
	if e.rings {
		b.tells(t, `{"type":"ChannelStateChange","channel":{"id":%q,"state":"Ringing"}}`, channel)
	}
	if e.asked != 0 {
		b.tells(t, `{"type":"ChannelHangupRequest","cause":%d,"tech_cause":%d,"channel":{"id":%q}}`, e.asked, e.tech, channel)
	}
	b.tells(t, `{"type":"StasisEnd","channel":{"id":%q}}`, channel)
	b.tells(t, `{"type":"ChannelDestroyed","cause":%d,"tech_cause":%d,"channel":{"id":%q}}`, e.cause, e.last, channel)
}

// ended reads what is told until the end, and checks it.
func (h heard) ended(t *testing.T, leg string, want call.Cause) {
	t.Helper()
	for {
		ev := h.next(t)
		if ev.Leg != leg {
			t.Fatalf("%+v is told", ev)
		}
		if ev.Kind == call.EvEnded {
			if ev.Cause != want {
				t.Errorf("%+v, want %+v", ev.Cause, want)
			}
			return
		}
	}
}

// TestWhyDirect is each outcome of a phone that Asterisk rings itself.
func TestWhyDirect(t *testing.T) {
	for _, e := range endings {
		t.Run(e.did, func(t *testing.T) {
			b, told := connected(t, http.NotFoundHandler())
			l := &leg{id: b.origin.LegID(), made: true, entered: true, dialled: true, state: call.LegIntended}
			b.add(l)
			b.tells(t, `{"type":"Dial","dialstatus":"","peer":{"id":%q}}`, l.id)
			e.play(t, b, l.id)
			told.ended(t, l.id, e.want)
		})
	}
}

// TestWhyThroughTheDialplan is the same of a phone that the dialplan dials: its channel knows best, whatever the halves of the
// Local channel say.
func TestWhyThroughTheDialplan(t *testing.T) {
	for _, e := range endings {
		if e.cause == 0 { // a phone's end without a cause says nothing, and the halves are asked
			continue
		}
		t.Run(e.did, func(t *testing.T) {
			b, told := connected(t, http.NotFoundHandler())
			l := &leg{id: b.origin.LegID(), made: true, entered: true, dialled: true, state: call.LegIntended}
			l.farHalf = l.id + far
			b.add(l)
			b.tells(t, `{"type":"Dial","dialstatus":"","peer":{"id":%q}}`, l.id)
			b.tells(t, `{"type":"Dial","dialstatus":"","caller":{"id":%q},"peer":{"id":"phone","name":"PJSIP/101-00000001"}}`, l.farHalf)
			e.play(t, b, "phone")
			b.tells(t, `{"type":"ChannelDestroyed","cause":16,"channel":{"id":%q}}`, l.farHalf)
			b.tells(t, `{"type":"StasisEnd","channel":{"id":%q}}`, l.id)
			b.tells(t, `{"type":"ChannelDestroyed","cause":0,"channel":{"id":%q}}`, l.id)
			told.ended(t, l.id, e.want)
		})
	}
}

// TestWhyOfWhoTalked: the cause of a phone that was put down differs with where its channel was.
func TestWhyOfWhoTalked(t *testing.T) {
	for cause, want := range map[int]call.Reason{16: call.Completed, 0: call.Completed, 44: call.Lost} {
		b, told := connected(t, http.NotFoundHandler())
		l := &leg{id: b.origin.LegID(), made: true, entered: true, dialled: true, state: call.LegIntended}
		b.add(l)
		b.tells(t, `{"type":"ChannelStateChange","channel":{"id":%q,"state":"Up"}}`, l.id)
		b.tells(t, `{"type":"ChannelHangupRequest","channel":{"id":%q}}`, l.id)
		b.tells(t, `{"type":"ChannelDestroyed","cause":%d,"channel":{"id":%q}}`, cause, l.id)
		told.ended(t, l.id, call.Cause{Reason: want, Q850: cause})
	}
}

// TestOrders is what a phone is told when we end its leg; whatever is not here is a normal clearing.
func TestOrders(t *testing.T) {
	for why, want := range map[call.Reason]string{
		call.Completed: "16", call.Cancelled: "16", call.MaxDuration: "16", call.Lost: "16", "": "16", call.Busy: "17", call.Rejected: "21", call.NoAnswer: "19",
		call.Unreachable: "18", call.InvalidNumber: "1", call.Forbidden: "21", call.Blocked: "21", call.Congestion: "34", call.MediaFailed: "58",
		call.BackendFailed: "38", call.AnsweredElsewhere: "26",
	} {
		if got := order(why); got != want {
			t.Errorf("%s is %s, want %s", why, got, want)
		}
	}
}
