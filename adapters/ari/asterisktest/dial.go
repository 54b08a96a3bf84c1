package asterisktest

import (
	"fmt"
	"time"
)

// local makes the two halves of a Local channel; the near one is the request's.
func (a *Asterisk) local(id, otherID, exten string) *channel {
	a.names++
	name := fmt.Sprintf("Local/%s@from-internal-%08x;", exten, a.names)
	near := a.add(&channel{id: id, name: name + "1", state: "Down", exten: exten})
	far := a.add(&channel{id: otherID, name: name + "2", state: "Ring", exten: exten})
	near.other, far.other = far, near
	return near
}

// ringUp dials a channel that is in an application. A Local one runs through the dialplan.
func (a *Asterisk) ringUp(c *channel, limit time.Duration) {
	c.limit = time.AfterFunc(limit, func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		if !c.over && c.state != "Up" {
			a.hangUp(c, 19)
		}
	})
	if c.other == nil {
		c.phone.Ring(line{a, c})
		a.dialled("", nil, c, c.phone.Address())
		return
	}
	if len(c.exten) < 4 { // the dialplan has no such extension
		a.gone(c.other, 0, 0)
		a.gone(c, 16, 0)
		return
	}
	c.other.pbx = true
	a.dialled("", nil, c, c.exten+"@from-internal/n")
	a.dialplan(c.other)
}

// dialplan is Dial(PJSIP/${EXTEN},60) and Hangup().
func (a *Asterisk) dialplan(far *channel) {
	p := a.phones[far.exten]
	if p == nil || !p.There() {
		a.noMore(far, 3)
		return
	}
	c := a.pjsip("", p)
	c.exten, c.vars[legVariable] = far.exten, far.vars[legVariable]
	c.by, far.dials = far, c
	p.Ring(line{a, c})
	a.dialled("", far, c, p.Address())
}

// legVariable is what channels inherit here.
const legVariable = "C2D_LEG"

// noMore ends the two halves of a Local channel from the dialplan's side.
func (a *Asterisk) noMore(far *channel, cause int) {
	a.asked(far.other, cause, 0, false)
	a.gone(far, cause, 0)
	a.gone(far.other, cause, 0)
}

// hangUp ends a channel as a request orders.
func (a *Asterisk) hangUp(c *channel, cause int) {
	a.asked(c, 32, 0, true)
	far, tech := c.other, told[cause]
	switch {
	case far == nil && c.limit == nil && !c.pbx: // its phone was not even rung
		if tech == 0 {
			tech = 603
		}
		a.asked(c, cause, tech, false)
		fallthrough
	case far == nil || far.over:
		a.gone(c, cause, tech)
		return
	case !far.pbx:
		a.gone(c, cause, 0)
		a.gone(far, 0, 0)
		return
	}
	a.leave(c)
	a.asked(far, cause, 0, false)
	if p := far.dials; p != nil && far.state == "Up" {
		defer a.gone(p, 16, 0)
	} else if p != nil {
		a.dialled("CANCEL", far, p, "")
		defer a.gone(p, cause, tech)
	}
	a.gone(c, cause, 0)
	a.gone(far, cause, 0)
}

// told is the SIP status that Asterisk makes of a cause, and passes on as if the phone had said it.
var told = map[int]int{1: 404, 17: 486, 18: 408, 19: 480, 21: 403, 34: 503, 38: 500, 58: 488}

// heard are the causes for what phones say.
var heard = map[int]int{302: 23, 404: 1, 480: 19, 486: 17, 503: 34, 603: 21}

// statuses are those of a Dial that has come to nothing.
var statuses = map[int]string{17: "BUSY", 34: "CONGESTION"}

// away ends the channel of a phone that has hung up, or refused with a SIP status.
func (a *Asterisk) away(c *channel, cause, tech int) {
	far := c.by
	said := cause
	if c.state == "Up" && c.bridge == nil && far == nil {
		said = 0
	}
	if c.pbx {
		cause = said
	}
	c.said = tech
	a.asked(c, said, tech, false)
	if far == nil || far.over {
		a.gone(c, cause, tech)
		return
	}
	if far.state != "Up" {
		status := statuses[cause]
		if status == "" {
			status = "NOANSWER"
		}
		a.dialled(status, far, c, "")
	}
	a.noMore(far, cause)
	a.gone(c, cause, tech)
}
