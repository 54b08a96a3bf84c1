package freeswitchtest

import (
	"slices"
	"strings"
)

// uuidBridge queues the bridging of two channels. It does not look whether they can be: one that only rings is the end of both.
func (f *FreeSWITCH) uuidBridge(rest string) string {
	words := strings.Fields(rest)
	if len(words) < 2 {
		return "-USAGE: <uuid> <other_uuid>\n"
	}
	a, b := f.channel(words[0]), f.channel(words[1])
	if a == nil || b == nil || a.over || b.over {
		return "-ERR Invalid uuid\n"
	}
	if !a.media() || !b.media() {
		f.later(step, func() {
			f.hang(a, ending{cause: "ORIGINATOR_CANCEL", disposition: a.bye()})
			f.result(b, "-ERR ORIGINATOR_CANCEL\n")
			f.hang(b, ending{cause: "DESTINATION_OUT_OF_ORDER", disposition: b.bye()})
		})
		return "+OK " + b.id + "\n"
	}
	for _, c := range []*channel{a, b} {
		c.plays, c.app = false, "uuid_bridge"
		if c.peer != nil {
			f.release(c)
		}
	}
	a.next, b.next = b, a
	f.later(bridge, func() { f.meet(a, b) })
	return "+OK " + b.id + "\n"
}

// meet bridges two channels that are on their way to each other. If the second has ended meanwhile, so does the first, unless it is
// to be parked; if the first has, the second waits for ever.
func (f *FreeSWITCH) meet(a, b *channel) {
	switch {
	case a.over || a.next != b || a.peer != nil:
		return
	case b.over && (a.vars["park_after_bridge"] == "true" || a.vars["park_after_early_bridge"] == "true"):
		f.park(a, "CS_PARK")
		return
	case b.over:
		f.hang(a, ending{cause: "NORMAL_CLEARING", disposition: a.bye()})
		return
	}
	a.next, b.next = nil, nil
	a.peer, b.peer, a.first, b.first = b, a, true, false
	a.state, b.state = "CS_SOFT_EXECUTE", "CS_EXCHANGE_MEDIA"
	a.vars["bridge_uuid"], b.vars["bridge_uuid"] = b.id, a.id
	if a.seeks == nil { // else it is the dialplan that does it
		a.moves("uuid_br", b.id)
		b.moves("uuid_br", a.id)
	}
	f.voices(a)
	f.voices(b)
	f.tell("CHANNEL_BRIDGE", a, header{"Bridge-A-Unique-ID", a.id}, header{"Bridge-B-Unique-ID", b.id})
}

// Tell tells that a channel is bridged to another or, if not, is no more. It may be late: nothing changes.
func (f *FreeSWITCH) Tell(bridged bool, first, second string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	name := "CHANNEL_UNBRIDGE"
	if bridged {
		name = "CHANNEL_BRIDGE"
	}
	if c := f.channel(first); c != nil {
		all := slices.DeleteFunc(c.headers(), func(h header) bool { return h.name == "Other-Leg-Unique-ID" })
		f.send(name, append(all, header{"Other-Leg-Unique-ID", second}, header{"Bridge-A-Unique-ID", first}, header{"Bridge-B-Unique-ID", second}), "")
	}
}

// release frees the one that a channel is bridged to: it ends, too, unless it is to be parked.
func (f *FreeSWITCH) release(c *channel) {
	other := c.peer
	if other == nil {
		return
	}
	a := c
	if other.first {
		a = other
	}
	unbridged := func() {
		f.tell("CHANNEL_UNBRIDGE", a, header{"Bridge-A-Unique-ID", a.id}, header{"Bridge-B-Unique-ID", a.peer.id})
	}
	if !other.over && other.outlives(c) {
		unbridged()
		c.peer, other.peer = nil, nil
		f.park(other, "CS_PARK")
		return
	}
	cause := "NORMAL_CLEARING"
	if !c.up && c.end.disposition == "recv_refuse" {
		cause = c.end.cause
	}
	f.swap(func() { f.hang(other, ending{cause: cause, disposition: other.bye()}) }, unbridged)
	c.peer, other.peer = nil, nil
}

// outlives reports whether a channel is parked when another ends that it is bridged to. For the first of the two it counts whether
// the second had answered.
func (c *channel) outlives(other *channel) bool {
	return c.vars["park_after_early_bridge"] == "true" || c.vars["park_after_bridge"] == "true" && (other.up || !c.first)
}

// part unbridges two channels, and parks both.
func (f *FreeSWITCH) part(c *channel) {
	other := c.peer
	if other.first {
		c, other = other, c
	}
	f.tell("CHANNEL_UNBRIDGE", c, header{"Bridge-A-Unique-ID", c.id}, header{"Bridge-B-Unique-ID", other.id})
	c.peer, other.peer, c.holds, other.holds = nil, nil, false, false
	f.park(c, "CS_EXECUTE")
	f.park(other, "CS_EXECUTE")
}

// bye is what FreeSWITCH ends a channel with.
func (c *channel) bye() string {
	switch {
	case c.answer == "answered":
		return "send_bye"
	case c.inbound:
		return "send_refuse"
	}
	return "send_cancel"
}

// uuidTransfer moves channels to park: both that are bridged, or one, which releases the other, and may be given an end before.
func (f *FreeSWITCH) uuidTransfer(c *channel, rest string) string {
	end, is := strings.CutPrefix(rest, "sched_hangup:")
	if is {
		end, rest, _ = strings.Cut(end, ",")
	}
	if rest != "park inline" && rest != "-both park inline" {
		return "-USAGE: <uuid> [-bleg|-both] <dest-exten> [<dialplan>] [<context>]\n"
	}
	f.later(step, func() {
		if end != "" && !c.over {
			f.schedHangup(end + " " + c.id)
		}
		switch {
		case c.over:
		case c.peer != nil && strings.HasPrefix(rest, "-both"):
			c.moves("bl_xfer", "park/default/inline")
			c.peer.moves("bl_xfer", "park/default/inline")
			f.part(c)
		default:
			f.gives(c)
			c.moves("bl_xfer", "park/default/inline")
			if c.peer != nil {
				f.release(c)
			}
			f.park(c, "CS_EXECUTE")
			c.letGo()
			c.handed = nil
		}
	})
	return "+OK\n"
}
