package asterisktest

import "c2d/core/call/calltest/desk"

// line is a phone's end of its channel.
type line struct {
	a *Asterisk
	c *channel
}

var _ desk.Line = line{}

// does runs what a phone does, unless its call is over or it may not; false if so.
func (l line) does(may bool, act func()) bool { return l.doesIf(func() bool { return may }, act) }

func (l line) doesIf(may func() bool, act func()) bool {
	l.a.mu.Lock()
	defer l.a.mu.Unlock()
	if l.c.over || !may() {
		return false
	}
	act()
	return true
}

// rings reports whether the phone is being rung.
func (l line) rings() bool { return !(l.c.pbx || l.c.state == "Up") }
func (l line) talks() bool { return l.c.state == "Up" }

// near is the half of a Local channel through which the phone was dialled, nil for none.
func (c *channel) near() *channel {
	if c.by == nil {
		return nil
	}
	return c.by.other
}

// Alert implements [desk.Line].
func (l line) Alert() bool {
	return l.doesIf(l.rings, func() {
		a, c, near := l.a, l.c, l.c.near()
		if near == nil {
			a.swap(func() { a.becomes(c, "Ringing") }, func() { a.dialled("RINGING", nil, c, "") })
			return
		}
		a.becomes(c, "Ringing")
		a.becomes(near, "Ringing")
		a.swap(func() { a.dialled("RINGING", c.by, c, "") }, func() { a.dialled("RINGING", nil, near, "") })
	})
}

// Progress implements [desk.Line].
func (l line) Progress() bool {
	return l.doesIf(l.rings, func() {
		a, c, near := l.a, l.c, l.c.near()
		c.early = true
		if near == nil {
			a.dialled("PROGRESS", nil, c, "")
			return
		}
		a.swap(func() { a.dialled("PROGRESS", c.by, c, "") }, func() { a.dialled("PROGRESS", nil, near, "") })
	})
}

// Lift implements [desk.Line].
func (l line) Lift() bool {
	return l.doesIf(l.rings, func() {
		a, c, near := l.a, l.c, l.c.near()
		a.becomes(c, "Up")
		if near == nil {
			a.dialled("ANSWER", nil, c, "")
			return
		}
		a.dialled("ANSWER", c.by, c, "")
		a.swap(func() { a.becomes(near, "Up"); a.dialled("ANSWER", nil, near, "") }, func() { a.becomes(c.by, "Up") })
	})
}

// Refuse implements [desk.Line].
func (l line) Refuse(status int) bool {
	return l.doesIf(l.rings, func() { l.a.away(l.c, heard[status], status) })
}

// PutDown implements [desk.Line].
func (l line) PutDown() bool {
	return l.does(true, func() {
		if l.c.state == "Up" {
			l.a.away(l.c, 16, 0)
		} else {
			l.a.away(l.c, 127, 487)
		}
	})
}

// Press implements [desk.Line]. Who is in a bridge hears it there.
func (l line) Press(key byte) bool {
	return l.doesIf(l.talks, func() {
		for _, c := range []*channel{l.c, l.c.near()} {
			if c != nil {
				l.a.tell("ChannelDtmfReceived", facts{"digit": string(key), "duration_ms": 100, "channel": c.data()}, c)
			}
		}
		for _, peer := range l.c.voice().peers() {
			l.a.press(peer, string(key))
		}
	})
}

// press sends keys towards the phone of a channel.
func (a *Asterisk) press(c *channel, keys string) {
	if far := c.other; far != nil && far.dials != nil {
		for _, key := range keys {
			a.tell("ChannelDtmfReceived", facts{"digit": string(key), "duration_ms": 100, "channel": far.data()}, far)
		}
		c = far.dials
	}
	c.keys += keys
}

// Hold implements [desk.Line].
func (l line) Hold(on bool) bool {
	return l.doesIf(l.talks, func() {
		l.c.holds = on
		if on {
			l.a.tell("ChannelHold", facts{"musicclass": "default", "channel": l.c.data()}, l.c)
		} else {
			l.a.tell("ChannelUnhold", facts{"channel": l.c.data()}, l.c)
		}
		l.a.listen(l.c.voice().bridge)
	})
}

// voice is the channel that is in a bridge for a phone's.
func (c *channel) voice() *channel {
	if near := c.near(); near != nil {
		return near
	}
	return c
}

// peers are those that are in a bridge with a channel.
func (c *channel) peers() (all []*channel) {
	if c.bridge == nil {
		return nil
	}
	for _, other := range c.bridge.inside {
		if other != c {
			all = append(all, other)
		}
	}
	return all
}

// Hears implements [desk.Line]: two are in one bridge, and the other says something.
func (l line) Hears(other desk.Line) bool {
	o := other.(line).c
	return l.doesIf(func() bool {
		in := l.c.voice().bridge
		return in != nil && in == o.voice().bridge && l.talks() && !o.over && !o.holds && (o.state == "Up" || o.early)
	}, func() {})
}

// HearsTone implements [desk.Line]: one that plays to it, or in its bridge; that it rings elsewhere; the music of who holds.
func (l line) HearsTone() bool {
	return l.doesIf(func() bool {
		v := l.c.voice()
		if v.plays != nil || l.c.ring || v.bridge != nil && v.bridge.plays != nil {
			return true
		}
		for _, peer := range v.peers() {
			if p := peer.voiced(); p != nil && p.holds {
				return true
			}
		}
		return false
	}, func() {})
}

// voiced is the phone's channel for which a channel is in a bridge, nil for none.
func (c *channel) voiced() *channel {
	if c.other != nil {
		return c.other.dials
	}
	return c
}

// Keys implements [desk.Line].
func (l line) Keys() (keys string) {
	l.does(true, func() { keys = l.c.keys })
	return keys
}
