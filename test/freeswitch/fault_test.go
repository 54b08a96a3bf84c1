package freeswitch

import (
	"testing"
	"time"

	telephone "c2d/adapters/sip/phone"
	"c2d/core/call"
	"c2d/test/office"
	"c2d/test/pbx"
)

const away = "FreeSWITCH cannot be reached"

// FreeSWITCH is killed with calls in every state, and started again: each ends once, as lost, and the next call goes.
func TestKilled(t *testing.T) {
	t.Parallel()
	w := newWards(t)
	o := opens(t, w, "here", office.NewStore())
	o.deaf = true
	all := o.Everywhere(17)
	refused := o.Chat()
	w.freeswitch.Kill()
	o.Healthy(away)
	refused.Place()
	refused.Ends(call.BackendFailed)
	w.freeswitch.Start(t)
	o.Healthy("")
	for _, c := range office.Flat(all) {
		c.Ends(call.Lost)
	}
	o.deaf = false
	goesOn(t, o)
	office.HangUpAll(office.Flat(all))
}

// goesOn is one more call, and nothing of ours is left after it.
func goesOn(t *testing.T, o *desk) {
	t.Helper()
	next := o.Bring(call.Connected)
	next.Talks()
	next.A.PutDown(t)
	next.Ends(call.Completed)
	o.Over()
}

// FreeSWITCH hangs for a while: Health says so, nothing is rung, and whoever talked or rang goes on.
func TestHangs(t *testing.T) {
	t.Parallel()
	w := newWards(t)
	o := opens(t, w, "here", office.NewStore())
	x, y := office.Foreign(t, o.ward)
	all := o.Everywhere(2)
	refused := o.Chat()
	w.freeswitch.Freeze()
	o.Healthy(away)
	refused.Place()
	refused.Ends(call.BackendFailed)
	w.freeswitch.Thaw()
	o.Healthy("")
	if refused.A.Rang() != 0 {
		t.Error("a call that was refused rang")
	}
	for _, c := range all[call.RingingCaller] {
		c.A.Lift(t)
		office.Awaits(t, c.B, telephone.Ringing)
	}
	for _, c := range append(all[call.RingingCaller], all[call.RingingCallee]...) {
		c.B.Lift(t)
		c.In(call.Connected)
	}
	for _, c := range office.Flat(all) {
		c.Talks()
		c.B.PutDown(t)
		c.Ends(call.Completed)
	}
	o.Over()
	x.Hears(t, y)
	y.Hears(t, x)
}

// FreeSWITCH hangs with calls in every state, some of which are ended meanwhile, and is killed and started again.
func TestHangsForGood(t *testing.T) {
	t.Parallel()
	w := newWards(t)
	o := opens(t, w, "here", office.NewStore())
	o.deaf = true
	all := o.Everywhere(17)
	w.freeswitch.Freeze()
	o.Healthy(away)
	w.freeswitch.Kill()
	w.freeswitch.Start(t)
	o.Healthy("")
	for _, c := range office.Flat(all) {
		c.Ends(call.Lost)
	}
	o.deaf = false
	goesOn(t, o)
	office.HangUpAll(office.Flat(all))
}

// The connection is cut for 3 s, and meanwhile every phone hangs up or refuses. Beside it FreeSWITCH carries a call of its own.
func TestHangUpsUnheard(t *testing.T) {
	t.Parallel()
	w := newWards(t)
	o := opens(t, w, "here", office.NewStore())
	x, y := office.Foreign(t, o.ward)
	all := o.Everywhere(3)
	o.line.Cut()
	o.Healthy(away)
	mended := time.After(3 * time.Second)
	for _, c := range all[call.RingingCaller] {
		c.A.PutDown(t)
	}
	for _, c := range append(all[call.RingingCallee], all[call.Connected]...) {
		c.B.PutDown(t)
	}
	<-mended
	o.line.Mend()
	for _, c := range office.Flat(all) {
		c.Ends(call.Lost)
	}
	o.Over()
	x.Hears(t, y)
	y.Hears(t, x)
}

// Our process is killed with calls in every state, and begun again on the same store: what rang stops and ends once, who talks goes
// on, and who hung up meanwhile is found.
func TestWeAreKilled(t *testing.T) {
	t.Parallel()
	w := newWards(t)
	store := office.NewStore()
	o := opens(t, w, "here", store)
	x, y := office.Foreign(t, o.ward)
	all := o.Everywhere(4)
	o.Kill()
	gone := all[call.Connected][0]
	gone.Talks()
	gone.A.PutDown(t)
	pbx.Eventually(t, patience, "FreeSWITCH has ended the call that nobody heard of", func() bool {
		now := gone.Now()
		for l := range now.Legs {
			if w.exists(t, l.ID) {
				return false
			}
		}
		return true
	})
	next := opens(t, w, "here", store)
	gone.Ends(call.Lost)
	for _, c := range append(all[call.RingingCaller], all[call.RingingCallee]...) {
		c.Ends(call.Lost)
		office.Awaits(t, c.A, telephone.Ended)
	}
	for _, c := range all[call.RingingCallee] {
		office.Awaits(t, c.B, telephone.Ended)
	}
	for _, c := range all[call.Connected][1:] {
		c.Talks()
		c.Stays()
		c.A.PutDown(t)
		c.Ends(call.Completed)
	}
	goesOn(t, next)
	x.Hears(t, y)
	y.Hears(t, x)
}

// Our process is killed, and its store is lost: who talks goes on, who rings is let go.
func TestWeForget(t *testing.T) {
	t.Parallel()
	w := newWards(t)
	o := opens(t, w, "here", office.NewStore())
	x, y := office.Foreign(t, o.ward)
	all := o.Everywhere(2)
	o.Kill()
	after := opens(t, w, "here", office.NewStore())
	for _, c := range append(all[call.RingingCaller], all[call.RingingCallee]...) {
		office.Awaits(t, c.A, telephone.Ended)
	}
	pbx.Eventually(t, patience, "who talks is found again", func() bool { return after.Runner.Active() == 2 })
	for _, c := range all[call.Connected] {
		c.Talks()
		c.B.PutDown(t)
	}
	after.Over()
	x.Hears(t, y)
	y.Hears(t, x)
}

// Two installations share a FreeSWITCH: what one loses, restarts and sweeps touches neither the other's calls nor the PBX's own.
func TestTwoInstallations(t *testing.T) {
	t.Parallel()
	w := newWards(t)
	one := opens(t, w, "one", office.NewStore())
	x, y := office.Foreign(t, one.ward)
	rings, talks := one.Bring(call.RingingCallee), one.Bring(call.Connected)
	two := opens(t, w, "two", office.NewStore())
	lost, ringing := two.Bring(call.Connected), two.Bring(call.RingingCaller)
	two.Kill()
	after := opens(t, w, "two", office.NewStore())
	pbx.Eventually(t, patience, "the call is found again", func() bool { return after.Runner.Active() == 1 })
	office.Awaits(t, ringing.A, telephone.Ended)
	lost.Talks()
	lost.A.PutDown(t)
	after.Over()
	rings.B.Lift(t)
	rings.In(call.Connected)
	rings.Talks()
	talks.Talks()
	x.Hears(t, y)
	for _, c := range []*office.Chat{rings, talks} {
		c.B.PutDown(t)
		c.Ends(call.Completed)
	}
	one.Over()
}
