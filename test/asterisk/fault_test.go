package asterisk

import (
	"testing"
	"time"

	telephone "c2d/adapters/sip/phone"
	"c2d/core/call"
	"c2d/test/office"
	"c2d/test/pbx"
)

// inBothForms runs a story in both dial forms, each with an Asterisk of its own.
func inBothForms(t *testing.T, story func(*testing.T, *wards)) {
	t.Helper()
	for name, dial := range forms {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			story(t, &wards{asterisk: pbx.StartAsterisk(t, pbx.Switch{Files: phones()}), dial: dial})
		})
	}
}

// Asterisk is killed with calls in every state, and started again: each ends once, as lost, and the next call goes.
func TestKilled(t *testing.T) {
	inBothForms(t, func(t *testing.T, w *wards) {
		o := opens(t, w, "here")
		o.deaf = true
		all := o.Everywhere(17)
		refused := o.Chat()
		w.asterisk.Kill()
		o.Healthy("Asterisk cannot be reached")
		refused.Place()
		refused.Ends(call.BackendFailed)
		w.asterisk.Start(t)
		o.Healthy("")
		for _, c := range office.Flat(all) {
			c.Ends(call.Lost)
		}
		o.deaf = false
		next := o.Bring(call.Connected)
		next.Talks()
		next.A.PutDown(t)
		next.Ends(call.Completed)
		o.Over()
		office.HangUpAll(office.Flat(all))
	})
}

// Asterisk hangs for a while: Health says so, nothing is rung, and whoever talked or rang goes on.
func TestHangs(t *testing.T) {
	inBothForms(t, func(t *testing.T, w *wards) {
		o := opens(t, w, "here")
		all := o.Everywhere(2)
		w.asterisk.Freeze()
		o.Healthy("Asterisk cannot be reached")
		w.asterisk.Thaw()
		o.Healthy("")
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
	})
}

// The websocket is cut for 3 s, and meanwhile every phone hangs up or refuses. Beside it the PBX carries a call of its own.
func TestHangUpsUnheard(t *testing.T) {
	inBothForms(t, func(t *testing.T, w *wards) {
		o := opens(t, w, "here")
		x, y := office.Foreign(t, o.ward)
		all := o.Everywhere(3)
		o.line.Cut()
		o.Healthy("Asterisk cannot be reached")
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
	})
}

// Two installations share an Asterisk: what one loses, restarts and sweeps touches neither the other's calls nor the PBX's own.
func TestTwoInstallations(t *testing.T) {
	inBothForms(t, func(t *testing.T, w *wards) {
		one := opens(t, w, "one")
		x, y := office.Foreign(t, one.ward)
		rings, talks := one.Bring(call.RingingCallee), one.Bring(call.Connected)
		two := opens(t, w, "two")
		lost := two.Bring(call.Connected)
		two.line.Close() // killed
		after := opens(t, w, "two")
		pbx.Eventually(t, patience, "the call is found again", func() bool { return after.Runner.Active() == 1 })
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
	})
}

// A second process with our name takes Asterisk's events away: the first says so.
func TestTwin(t *testing.T) {
	w := &wards{asterisk: pbx.StartAsterisk(t, pbx.Switch{Files: phones()}), dial: forms["Asterisk, direct"]}
	one := opens(t, w, "here")
	one.Healthy("")
	two := opens(t, w, "here")
	one.Healthy("another process")
	two.Healthy("")
	c := two.Bring(call.Connected)
	c.Talks()
	c.A.PutDown(t)
	c.Ends(call.Completed)
	two.Over()
}
