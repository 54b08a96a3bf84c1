package asterisktest

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	"c2d/core/call/calltest/desk"
)

// channel is one of Asterisk's. All of it is guarded by the Asterisk's mutex.
type channel struct {
	id, name, state string
	made            string
	ident           ident // who it shows
	exten           string
	vars            map[string]string
	created         bool   // by a request: its application hears of it to the end
	pbx             bool   // it runs through the dialplan
	app             string // that it is in now
	args            []string
	limit           *time.Timer // of its ringing
	said            int         // the SIP status with which its phone has refused

	phone *desk.Phone // of a PJSIP channel
	other *channel    // the other half of a Local one
	dials *channel    // far half: the phone's channel that the dialplan has dialled
	by    *channel    // the same, seen from there

	bridge *bridge
	plays  *playback
	early  bool // its phone sends sound before it answers
	holds  bool // its phone has asked for it
	ring   bool // it hears that the other side rings
	keys   string
	over   bool
}

type ident struct {
	Name   string `json:"name"`
	Number string `json:"number"`
}

// add makes a channel known.
func (a *Asterisk) add(c *channel) *channel {
	if c.id == "" {
		c.id = strconv.FormatInt(time.Now().Unix(), 10) + "." + strconv.Itoa(a.names)
	}
	c.made, c.vars = now(), map[string]string{}
	a.channels = append(a.channels, c)
	return c
}

// pjsip makes the channel of a phone; an empty id is Asterisk's own choice.
func (a *Asterisk) pjsip(id string, p *desk.Phone) *channel {
	a.names++
	return a.add(&channel{id: id, name: fmt.Sprintf("PJSIP/%s-%08x", p.Address(), a.names), state: "Down", exten: "s", phone: p})
}

// channel returns one by its id, nil for none.
func (a *Asterisk) channel(id string) *channel {
	i := slices.IndexFunc(a.channels, func(c *channel) bool { return c.id == id })
	if i < 0 {
		return nil
	}
	return a.channels[i]
}

// data is a channel as it is written.
func (c *channel) data() map[string]any {
	name, args := "", ""
	switch {
	case c.app != "":
		name, args = "Stasis", c.app
		for _, arg := range c.args {
			args += "," + arg
		}
	case c.by != nil:
		name, args = "AppDial", "(Outgoing Line)"
	case c.dials != nil:
		name, args = "Dial", "PJSIP/"+c.exten+",60"
	}
	return map[string]any{
		"id": c.id, "name": c.name, "state": c.state, "protocol_id": "", "caller": c.ident, "connected": c.ident, "accountcode": "", "creationtime": c.made, "language": "en",
		"dialplan": map[string]any{"context": "from-internal", "exten": c.exten, "priority": 1, "app_name": name, "app_data": args},
	}
}

// enter brings a channel into an application.
func (a *Asterisk) enter(c *channel, into string, args []string) {
	c.app, c.args = into, args
	if to := a.apps[into]; to != nil {
		to.hears[c.id] = true
	}
	a.tell("StasisStart", facts{"args": append([]string{}, args...), "channel": c.data()}, c)
}

// leave takes a channel out of its application.
func (a *Asterisk) leave(c *channel) {
	if c.app == "" {
		return
	}
	a.stop(c.plays, "failed")
	a.part(c)
	a.tellIn("StasisEnd", facts{"channel": c.data()}, c)
	if of := a.apps[c.app]; of != nil && !c.created {
		delete(of.hears, c.id)
	}
	c.app = ""
}

// becomes moves a channel to a state.
func (a *Asterisk) becomes(c *channel, state string) {
	if c.state == state {
		return
	}
	c.state = state
	if state == "Up" && c.limit != nil {
		c.limit.Stop()
	}
	a.tell("ChannelStateChange", facts{"channel": c.data()}, c)
}

// dialled tells what the dialling of a channel has come to. A nil caller is a request.
func (a *Asterisk) dialled(status string, caller, peer *channel, to string) {
	f := facts{"dialstatus": status, "forward": "", "dialstring": to, "peer": peer.data()}
	if caller != nil {
		f["caller"] = caller.data()
	}
	a.tell("Dial", f, caller, peer)
}

// asked tells that a channel is to be hung up.
func (a *Asterisk) asked(c *channel, cause, tech int, soft bool) {
	f := facts{"channel": c.data()}
	if cause != 0 {
		f["cause"] = cause
	}
	if tech != 0 {
		f["tech_cause"] = tech
	}
	if soft {
		f["soft"] = true
	}
	a.tell("ChannelHangupRequest", f, c)
}

// gone ends a channel.
func (a *Asterisk) gone(c *channel, cause, tech int) {
	if c.over {
		return
	}
	c.over = true
	if c.limit != nil {
		c.limit.Stop()
	}
	a.leave(c)
	if c.pbx {
		a.asked(c, 16, c.said, true)
	}
	f := facts{"cause": cause, "cause_txt": causes[cause], "channel": c.data()}
	if tech != 0 {
		f["tech_cause"] = tech
	}
	a.tell("ChannelDestroyed", f, c)
	a.channels = slices.DeleteFunc(a.channels, func(x *channel) bool { return x == c })
	for _, of := range a.apps {
		delete(of.hears, c.id)
	}
	if c.phone != nil {
		c.phone.Over(line{a, c})
	}
}

// causes are Q.850's, in Asterisk's words.
var causes = map[int]string{
	0: "Unknown", 1: "Unallocated (unassigned) number", 3: "No route to destination", 16: "Normal Clearing", 17: "User busy", 18: "No user responding",
	19: "User alerting, no answer", 21: "Call Rejected", 23: "Redirected to new destination", 34: "Circuit/channel congestion", 127: "Interworking, unspecified",
}
