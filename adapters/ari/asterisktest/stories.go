package asterisktest

import (
	"context"

	"c2d/adapters/ari/client"
	"c2d/core/call/calltest"
)

// story is one dialogue.
type story struct {
	name string
	tell func(*dialogue)
}

// stories are all of them.
func stories() []story {
	all := []story{{"two talk", talk}, {"early media", earlyMedia}, {"given up", givenUp}, {"held and keys", heldAndKeys}, {"put aside", putAside},
		{"no such extension", func(d *dialogue) { d.creates("A", "9"); d.dials("A"); d.hangsUp("A", "16") }},
		{"offered and answered", offered}, {"offered and given up", offeredGivenUp}, {"offered and refused", offeredRefused}, {"nothing there", nothingThere}, {"hung up for a reason", reasons}}
	for name, does := range map[string]calltest.Does{"busy": calltest.Busy, "unknown": calltest.Unknown, "congested": calltest.Congested, "redirects": calltest.Redirects, "offline": calltest.Offline} {
		all = append(all, story{name, func(d *dialogue) { d.creates("A", d.phone("a", does).Address()); d.dials("A"); d.hangsUp("A", "16") }})
	}
	return append(all, story{"rejects", func(d *dialogue) {
		a := d.rings("A", "a", calltest.Rings)
		d.step("a rejects", func() error { a.PutDown(d.t); return nil })
	}})
}

// phone is one with a name.
func (d *dialogue) phone(name string, does calltest.Does) calltest.Phone {
	p := d.phones(d.t, does)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.names[p.Address()] = name
	return p
}

func (d *dialogue) creates(id, number string) {
	l := client.Leg{Endpoint: "PJSIP/" + number, App: stasis, ID: d.prefix + id, Formats: "alaw,ulaw", Variables: map[string]string{"__" + legVariable: id}}
	if d.Local {
		l.Endpoint, l.OtherID = "Local/"+number+"@from-internal/n", d.prefix+id+"-out"
	}
	d.step("create "+id, func() error { return d.api.Create(d.ctx(), l) })
	if d.Local {
		d.step("subscribe to "+id+"-out", func() error { return d.api.Subscribe(d.ctx(), stasis, l.OtherID) })
	}
}

func (d *dialogue) ctx() context.Context { return d.t.Context() }

func (d *dialogue) dials(id string) {
	d.step("dial "+id, func() error { return d.api.Dial(d.ctx(), d.prefix+id, "30") })
}

// rings is a channel whose phone rings.
func (d *dialogue) rings(id, name string, does calltest.Does) calltest.Phone {
	p := d.phone(name, does)
	d.creates(id, p.Address())
	d.dials(id)
	return p
}

// answers is a channel whose phone has answered.
func (d *dialogue) answers(id, name string) calltest.Phone {
	p := d.rings(id, name, calltest.Rings)
	d.step(name+" lifts", func() error { p.Lift(d.t); return nil })
	return p
}

func (d *dialogue) hangsUp(id, cause string) {
	d.step("hang up "+id+" "+cause, func() error { return d.api.HangUp(d.ctx(), d.prefix+id, cause) })
}

func (d *dialogue) plays(id string) {
	d.step("play to "+id, func() error { return d.api.Play(d.ctx(), d.prefix+id, d.prefix+"tone", "tone:ring") })
}

func (d *dialogue) stops() {
	d.step("stop the tone", func() error { return d.api.StopPlaying(d.ctx(), d.prefix+"tone") })
}

// joins puts channels into one bridge.
func (d *dialogue) joins(ids ...string) {
	d.step("make the bridge", func() error { return d.api.MakeBridge(d.ctx(), d.prefix+"bridge", false) })
	d.enters(ids...)
}

func (d *dialogue) enters(ids ...string) {
	for _, id := range ids {
		d.step("add "+id, func() error { return d.api.Enter(d.ctx(), d.prefix+"bridge", d.prefix+id) })
	}
}

func (d *dialogue) drops() {
	d.step("remove the bridge", func() error { return d.api.DropBridge(d.ctx(), d.prefix+"bridge") })
}

func talk(d *dialogue) {
	a := d.answers("A", "a")
	d.plays("A")
	d.answers("B", "b")
	d.stops()
	d.joins("A", "B")
	d.step("a puts down", func() error { a.PutDown(d.t); return nil })
	d.hangsUp("B", "16")
	d.drops()
}

func earlyMedia(d *dialogue) {
	d.answers("A", "a")
	d.rings("B", "b", calltest.Early)
	d.joins("A", "B")
	d.hangsUp("B", "19")
	d.plays("A")
	d.hangsUp("A", "17")
	d.drops()
}

func givenUp(d *dialogue) {
	a := d.answers("A", "a")
	d.plays("A")
	d.rings("B", "b", calltest.Rings)
	d.step("a puts down", func() error { a.PutDown(d.t); return nil })
	d.hangsUp("B", "16")
}

func heldAndKeys(d *dialogue) {
	a := d.answers("A", "a")
	d.answers("B", "b")
	d.joins("A", "B")
	for _, on := range []bool{true, false} {
		d.step("a holds or resumes", func() error { a.Hold(d.t, on); return nil })
	}
	d.step("press 12 at B", func() error { return d.api.Press(d.ctx(), d.prefix+"B", "12") })
	d.hangsUp("A", "16")
	d.hangsUp("B", "16")
	d.drops()
}

// putAside is hold by us, and two that are joined anew.
func putAside(d *dialogue) {
	d.answers("A", "a")
	d.answers("B", "b")
	d.joins("A", "B")
	leave := func() error { return d.api.Leave(d.ctx(), d.prefix+"bridge", d.prefix+"A") }
	d.step("remove A", leave)
	d.step("remove A again", leave)
	d.step("play into the bridge", func() error { return d.api.PlayInto(d.ctx(), d.prefix+"bridge", d.prefix+"tone", "tone:callwaiting") })
	d.stops()
	d.enters("A", "B")
	d.drops()
	d.hangsUp("A", "16")
	d.hangsUp("B", "16")
}

// dialled is a phone that has dialled by itself.
func (d *dialogue) dialled() calltest.Phone {
	a := d.phone("a", calltest.Rings)
	d.step("a dials 101", func() error { a.Dial(d.t, "101"); return nil })
	d.id()
	return a
}

// id finds the channel of the phone that has dialled.
func (d *dialogue) id() (id string) {
	all, err := d.api.Channels(d.ctx())
	if err != nil {
		d.t.Error(err)
	}
	for _, c := range all {
		if d.name(c) == "a" {
			id = c.ID
		}
	}
	return id
}

func offered(d *dialogue) {
	a := d.dialled()
	id := d.id()
	d.step("subscribe to a", func() error { return d.api.Subscribe(d.ctx(), stasis, id) })
	d.step("ring a", func() error { return d.api.Ring(d.ctx(), id) })
	d.step("answer a", func() error { return d.api.Answer(d.ctx(), id) })
	d.step("a puts down", func() error { a.PutDown(d.t); return nil })
}

func offeredGivenUp(d *dialogue) {
	a := d.dialled()
	id := d.id()
	d.step("subscribe to a", func() error { return d.api.Subscribe(d.ctx(), stasis, id) })
	d.step("a puts down", func() error { a.PutDown(d.t); return nil })
}

func offeredRefused(d *dialogue) {
	d.dialled()
	id := d.id()
	d.step("subscribe to a", func() error { return d.api.Subscribe(d.ctx(), stasis, id) })
	d.step("hang up a 17", func() error { return d.api.HangUp(d.ctx(), id, "17") })
}

// reasons are the causes that end legs, and the SIP status that Asterisk makes of each.
func reasons(d *dialogue) {
	for _, cause := range []string{"1", "16", "17", "18", "19", "21", "26", "34", "38", "58"} {
		d.rings(cause, "a"+cause, calltest.Rings)
		d.hangsUp(cause, cause)
	}
}

// nothingThere is every request about what is not there.
func nothingThere(d *dialogue) {
	x, c := d.prefix+"X", d.api
	d.step("subscribe", func() error { return c.Subscribe(d.ctx(), stasis, x) })
	d.step("subscribe an application", func() error { return c.Subscribe(d.ctx(), "nobody", x) })
	d.step("filter", func() error { return c.Filter(d.ctx(), "nobody", types) })
	d.dials("X")
	d.hangsUp("X", "16")
	d.step("answer", func() error { return c.Answer(d.ctx(), x) })
	d.step("ring", func() error { return c.Ring(d.ctx(), x) })
	d.step("continue", func() error { return c.Continue(d.ctx(), x) })
	d.step("press", func() error { return c.Press(d.ctx(), x, "1") })
	d.step("set a variable", func() error { return c.SetVariable(d.ctx(), x, "V", "1") })
	d.plays("X")
	d.stops()
	d.enters("X")
	d.joins("X")
	d.step("remove X", func() error { return c.Leave(d.ctx(), d.prefix+"bridge", x) })
	d.step("play into a bridge", func() error { return c.PlayInto(d.ctx(), x, x, "tone:ring") })
	d.drops()
	d.step("remove a bridge", func() error { return c.DropBridge(d.ctx(), x) })
	d.creates("Y", d.phone("a", calltest.Rings).Address())
	d.creates("Y", d.phone("b", calltest.Rings).Address())
	d.step("a variable", func() error { _, err := c.Variable(d.ctx(), d.prefix+"Y", "V"); return err })
	d.hangsUp("Y", "16")
}
