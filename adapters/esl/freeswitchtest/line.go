package freeswitchtest

import (
	"strings"

	"c2d/core/call/calltest/desk"
)

// line is a phone's end of its channel.
type line struct {
	f *FreeSWITCH
	c *channel
}

var _ desk.Line = line{}

// does runs what a phone does, unless its call is over or it may not; false if so.
func (l line) does(may func(*channel) bool, act func(*FreeSWITCH, *channel)) bool {
	l.f.mu.Lock()
	defer l.f.mu.Unlock()
	if l.c.over || !may(l.c) {
		return false
	}
	act(l.f, l.c)
	return true
}

func rung(c *channel) bool  { return !c.inbound && !c.up }
func talks(c *channel) bool { return c.up }
func always(*channel) bool  { return true }

// Alert implements [desk.Line].
func (l line) Alert() bool {
	return l.does(rung, func(f *FreeSWITCH, c *channel) {
		f.tell("CHANNEL_PROGRESS", c)
		c.call = "RINGING"
	})
}

// Progress implements [desk.Line].
func (l line) Progress() bool {
	return l.does(rung, func(f *FreeSWITCH, c *channel) {
		c.answer = "early"
		f.tell("CHANNEL_PROGRESS_MEDIA", c)
		f.on(c, "api_on_pre_answer")
		c.call = "EARLY"
		if c.vars["ignore_early_media"] != "true" {
			f.done(c)
		}
	})
}

// Lift implements [desk.Line].
func (l line) Lift() bool { return l.does(rung, (*FreeSWITCH).lifted) }

// refusals are the causes for what phones say.
var refusals = map[int]string{
	302: "REQUESTED_CHAN_UNAVAIL", 404: "UNALLOCATED_NUMBER", 480: "NO_USER_RESPONSE", 486: "USER_BUSY", 503: "NORMAL_TEMPORARY_FAILURE", 603: "CALL_REJECTED",
}

// Refuse implements [desk.Line]. Another phone that the first names is rung in its place, unless that is not wanted.
func (l line) Refuse(status int) bool {
	return l.does(rung, func(f *FreeSWITCH, c *channel) {
		e := ending{cause: refusals[status], sip: status, disposition: "recv_refuse"}
		if status == 302 {
			if c.vars["outbound_redirect_fatal"] != "true" {
				return
			}
			e.disposition = "send_cancel"
		}
		f.hang(c, e)
	})
}

// PutDown implements [desk.Line].
func (l line) PutDown() bool {
	return l.does(always, func(f *FreeSWITCH, c *channel) {
		if c.up {
			f.hang(c, ending{cause: "NORMAL_CLEARING", sip: 200, disposition: "recv_bye"})
		} else {
			f.hang(c, ending{cause: "ORIGINATOR_CANCEL", sip: 487, disposition: "recv_cancel"})
		}
	})
}

// Press implements [desk.Line]. Whom it is bridged to hears it.
func (l line) Press(key byte) bool {
	return l.does(talks, func(f *FreeSWITCH, c *channel) {
		f.tell("DTMF", c, header{"DTMF-Digit", string(key)}, header{"DTMF-Duration", "960"}, header{"DTMF-Source", "RTP"})
		if c.peer != nil {
			c.peer.keys += string(key)
		}
	})
}

// Hold implements [desk.Line].
func (l line) Hold(on bool) bool {
	return l.does(talks, func(f *FreeSWITCH, c *channel) { f.hold(c, on) })
}

// Hears implements [desk.Line]: two are bridged, and neither holds.
func (l line) Hears(other desk.Line) bool {
	o := other.(line).c
	return l.does(func(c *channel) bool { return c.peer == o && talks(c) && o.media() && !o.over && !o.holds && !c.holds }, func(*FreeSWITCH, *channel) {})
}

// HearsTone implements [desk.Line]: one that plays to it, that it rings elsewhere, or the music of who holds.
func (l line) HearsTone() bool {
	return l.does(func(c *channel) bool { return c.plays || c.inbound && c.rings || c.peer != nil && c.peer.holds }, func(*FreeSWITCH, *channel) {})
}

// Keys implements [desk.Line].
func (l line) Keys() (keys string) {
	l.does(always, func(_ *FreeSWITCH, c *channel) { keys = strings.Clone(c.keys) })
	return keys
}
