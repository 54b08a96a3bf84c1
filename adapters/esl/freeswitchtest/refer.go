package freeswitchtest

import (
	"fmt"
	"time"

	"c2d/core/call/calltest/desk"
)

// Phones that transfer by themselves (SIP REFER), and the dialplan that rings whom they name.

var (
	_ desk.Referrer = line{}
	_ desk.Caller   = (*FreeSWITCH)(nil)
)

const (
	waitsReplaced = 2 * time.Second // that a channel waits whose phone has transferred by two calls
	music         = `m:":endless_playback:tone_stream://%(200,2800,450);loops=-1"park`
)

// moves notes by what a channel was moved last.
func (c *channel) moves(how, where string) {
	c.vars["transfer_source"] = fmt.Sprintf("%d:%s:%s:%s", time.Now().Unix(), c.id, how, where)
}

// Refer implements [desk.Referrer]: whom the channel is bridged to goes on in the dialplan.
func (l line) Refer(number string) bool {
	return l.does(talks, func(f *FreeSWITCH, c *channel) {
		b := c.peer
		c.vars["transfer_disposition"], c.vars["transfer_to"] = "recv_replace", "blind:"+number
		if b == nil {
			c.vars["endpoint_disposition"] = "ATTENDED_TRANSFER_ERROR"
			c.phone.Became(403)
			return
		}
		c.vars["endpoint_disposition"] = "BLIND_TRANSFER"
		b.moves("bl_xfer", number+"/default/XML")
		f.detach(b, c, func() { f.extension(b, number) })
		c.phone.Became(200)
	})
}

// detach takes a channel from another, which is released a moment later, unless its phone hangs up before, and does something then.
func (f *FreeSWITCH) detach(b, c *channel, then func()) {
	if c.holds {
		f.hold(c, false)
	}
	f.unbridge(b, c)
	f.later(step, func() {
		f.hang(c, ending{cause: "NORMAL_CLEARING", disposition: c.bye()})
		then()
	})
}

func (f *FreeSWITCH) unbridge(b, c *channel) {
	if c.first {
		b, c = c, b
	}
	b.peer, c.peer = nil, nil
	f.tell("CHANNEL_UNBRIDGE", b, header{"Bridge-A-Unique-ID", b.id}, header{"Bridge-B-Unique-ID", c.id})
}

// extension is what the dialplan does with a channel: it rings a phone, and connects the two.
func (f *FreeSWITCH) extension(b *channel, number string) {
	if b.over {
		return
	}
	b.state, b.app, b.call, b.plays = "CS_EXECUTE", "bridge", "RING_WAIT", true
	p, failed := f.reach("user/" + number)
	if failed != "" {
		f.hang(b, ending{cause: failed, disposition: b.bye()})
		return
	}
	t := f.stranger(&channel{phone: p, number: number, vars: map[string]string{}, caller: b})
	b.seeks = t
	p.Ring(line{f, t})
}

// stranger makes a channel known that is nobody's of ours.
func (f *FreeSWITCH) stranger(c *channel) *channel {
	f.sequence++
	c.id = fmt.Sprintf("6b1f02aa-0000-4000-8000-%012d", f.sequence)
	f.tell("CHANNEL_CREATE", f.add(c))
	return c
}

// Call implements [desk.Caller].
func (f *FreeSWITCH) Call(p *desk.Phone, number string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	c := f.stranger(&channel{inbound: true, phone: p, number: number, vars: map[string]string{}})
	p.Calls(line{f, c})
	f.extension(c, number)
}

// connects bridges a phone that the dialplan has rung to whom it was rung for.
func (f *FreeSWITCH) connects(t *channel) {
	b := t.caller
	if b.over || b.seeks != t {
		return
	}
	b.plays, b.call = false, "ACTIVE"
	if b.answer != "answered" {
		b.up, b.answer = true, "answered"
		f.tell("CHANNEL_ANSWER", b)
	}
	b.next, t.next = t, b
	f.meet(b, t)
	b.seeks = nil
	if b.vars["att_xfer_kill_uuid"] == "" {
		b.state = "CS_EXECUTE"
	}
}

// gives ends what the dialplan has begun for a channel that is over: a phone that rings for it stops, and whom it was rung for is
// released.
func (f *FreeSWITCH) gives(c *channel) {
	if t := c.seeks; t != nil {
		c.seeks = nil
		f.hang(t, ending{cause: "ORIGINATOR_CANCEL", disposition: "send_cancel"})
	}
	b := c.caller
	if b == nil || b.seeks != c {
		return
	}
	b.seeks = nil
	if b.vars["att_xfer_kill_uuid"] != "" {
		b.vars["endpoint_disposition"], b.vars["transfer_to"] = "ATTENDED_TRANSFER", "satt:"+b.id
		f.hang(b, ending{cause: "NORMAL_CLEARING", sip: 200, disposition: b.bye()})
		return
	}
	f.hang(b, ending{cause: c.end.cause, disposition: b.bye()})
}

// Replace implements [desk.Referrer].
func (l line) Replace(other desk.Referrer) bool {
	d := other.(line).c
	return l.does(func(c *channel) bool { return c.up && c.peer != nil && !d.over }, func(f *FreeSWITCH, c *channel) {
		c.vars["transfer_disposition"] = "recv_replace"
		if d.seeks != nil {
			f.lendsRinging(c, d)
		} else {
			f.lends(c, d)
		}
		c.phone.Became(200)
	})
}

// lends lets those that two channels of a phone are bridged to talk with each other. The second of the two waits a while.
func (f *FreeSWITCH) lends(c, d *channel) {
	b, t := c.peer, d.peer
	c.vars["transfer_to"], d.vars["endpoint_disposition"] = "att:"+t.id, "ATTENDED_TRANSFER"
	f.detach(b, c, func() {})
	f.unbridge(t, d)
	f.park(d, "CS_PARK")
	f.later(waitsReplaced, func() { f.hang(d, ending{cause: "ATTENDED_TRANSFER", disposition: d.bye()}) })
	b.next, t.next = t, b
	b.vars["bridge_uuid"], t.vars["bridge_uuid"] = t.id, b.id
	b.state, t.state = "CS_HIBERNATE", "CS_HIBERNATE"
	f.later(bridge, func() { f.meet(b, t) })
}

// lendsRinging lets one wait, with music, for a phone that rings.
func (f *FreeSWITCH) lendsRinging(c, d *channel) {
	b, t := c.peer, d.seeks
	f.detach(b, c, func() {})
	b.vars["att_xfer_kill_uuid"] = d.id
	b.moves("bl_xfer", music+"/default/inline")
	b.state, b.app, b.plays = "CS_EXECUTE", "endless_playback", true
	d.seeks, b.seeks, t.caller = nil, t, b
	f.later(step, func() { f.hang(d, ending{cause: "NORMAL_CLEARING", disposition: d.bye()}) })
}
