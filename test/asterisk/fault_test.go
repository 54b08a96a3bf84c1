package asterisk

import (
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	telephone "c2d/adapters/sip/phone"
	"c2d/core/call"
	"c2d/test/pbx"
)

// everywhere is calls in every state that lasts, n of each.
func (o *office) everywhere(n int) map[call.State][]*chat {
	o.t.Helper()
	all := map[call.State][]*chat{}
	for range n {
		for _, state := range []call.State{call.RingingCaller, call.RingingCallee, call.Connected} {
			all[state] = append(all[state], o.bring(state))
		}
	}
	return all
}

func flat(all map[call.State][]*chat) []*chat {
	return slices.Concat(slices.Collect(maps.Values(all))...)
}

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
		all := o.everywhere(17)
		refused := o.chat()
		w.asterisk.Kill()
		o.healthy("Asterisk cannot be reached")
		refused.place()
		refused.ends(call.BackendFailed)
		w.asterisk.Start(t)
		o.healthy("")
		for _, c := range flat(all) {
			c.ends(call.Lost)
		}
		o.deaf = false
		next := o.bring(call.Connected)
		next.talks()
		next.a.PutDown(t)
		next.ends(call.Completed)
		o.over()
		hangUpAll(flat(all))
	})
}

// hangUpAll closes the phones of calls that Asterisk knows nothing of any more, all at once: each waits for an answer to its BYE.
func hangUpAll(all []*chat) {
	var wg sync.WaitGroup
	for _, c := range all {
		wg.Go(c.a.Phone.Close)
		wg.Go(c.b.Phone.Close)
	}
	wg.Wait()
}

// Asterisk hangs for a while: Health says so, nothing is rung, and whoever talked or rang goes on.
func TestHangs(t *testing.T) {
	inBothForms(t, func(t *testing.T, w *wards) {
		o := opens(t, w, "here")
		all := o.everywhere(2)
		w.asterisk.Freeze()
		o.healthy("Asterisk cannot be reached")
		w.asterisk.Thaw()
		o.healthy("")
		for _, c := range all[call.RingingCaller] {
			c.a.Lift(t)
			awaits(t, c.b, telephone.Ringing)
		}
		for _, c := range append(all[call.RingingCaller], all[call.RingingCallee]...) {
			c.b.Lift(t)
			c.in(call.Connected)
		}
		for _, c := range flat(all) {
			c.talks()
			c.b.PutDown(t)
			c.ends(call.Completed)
		}
		o.over()
	})
}

// The websocket is cut for 3 s, and meanwhile every phone hangs up or refuses. Beside it the PBX carries a call of its own.
func TestHangUpsUnheard(t *testing.T) {
	inBothForms(t, func(t *testing.T, w *wards) {
		o := opens(t, w, "here")
		x, y := o.foreign(t)
		all := o.everywhere(3)
		o.line.Cut()
		o.healthy("Asterisk cannot be reached")
		mended := time.After(3 * time.Second)
		for _, c := range all[call.RingingCaller] {
			c.a.PutDown(t)
		}
		for _, c := range append(all[call.RingingCallee], all[call.Connected]...) {
			c.b.PutDown(t)
		}
		<-mended
		o.line.Mend()
		for _, c := range flat(all) {
			c.ends(call.Lost)
		}
		o.over()
		x.Hears(t, y)
		y.Hears(t, x)
	})
}

// Two installations share an Asterisk: what one loses, restarts and sweeps touches neither the other's calls nor the PBX's own.
func TestTwoInstallations(t *testing.T) {
	inBothForms(t, func(t *testing.T, w *wards) {
		one := opens(t, w, "one")
		x, y := one.foreign(t)
		rings, talks := one.bring(call.RingingCallee), one.bring(call.Connected)
		two := opens(t, w, "two")
		lost := two.bring(call.Connected)
		two.line.Close() // killed
		after := opens(t, w, "two")
		pbx.Eventually(t, patience, "the call is found again", func() bool { return after.runner.Active() == 1 })
		lost.talks()
		lost.a.PutDown(t)
		after.over()
		rings.b.Lift(t)
		rings.in(call.Connected)
		rings.talks()
		talks.talks()
		x.Hears(t, y)
		for _, c := range []*chat{rings, talks} {
			c.b.PutDown(t)
			c.ends(call.Completed)
		}
		one.over()
	})
}

// A second process with our name takes Asterisk's events away: the first says so.
func TestTwin(t *testing.T) {
	w := &wards{asterisk: pbx.StartAsterisk(t, pbx.Switch{Files: phones()}), dial: forms["Asterisk, direct"]}
	one := opens(t, w, "here")
	one.healthy("")
	two := opens(t, w, "here")
	one.healthy("another process")
	two.healthy("")
	c := two.bring(call.Connected)
	c.talks()
	c.a.PutDown(t)
	c.ends(call.Completed)
	two.over()
}
