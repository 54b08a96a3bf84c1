package office

import (
	"context"
	"maps"
	"slices"
	"sync"

	"c2d/adapters/sip/handset"
	telephone "c2d/adapters/sip/phone"
	"c2d/core/access"
	"c2d/core/audit"
	"c2d/core/call"
	"c2d/core/call/calltest"
	"c2d/core/identity"
	"c2d/test/pbx"
)

// Chat is a call between two phones, in some state.
type Chat struct {
	A, B *handset.Handset
	*Office
	id string
}

// Chat is a call that is not placed yet, between two new phones.
func (o *Office) Chat() *Chat {
	o.t.Helper()
	return &Chat{Office: o, id: identity.NewID(), A: o.phone(), B: o.phone()}
}

func (o *Office) phone() *handset.Handset {
	o.t.Helper()
	return o.ward.Phone(o.t, calltest.Rings).(*handset.Handset)
}

// LookUp implements [call.LookUp].
func (o *Office) LookUp(_ context.Context, c call.Call) (call.LookedUp, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return call.LookedUp{Attempts: []call.Attempt{{Targets: o.target(o.callees[c.ID])}}}, nil
}

// Offered implements [call.Offers]: nobody is.
func (*Office) Offered(context.Context, string, call.LegEvent) (call.Call, *call.Cause) {
	return call.Call{}, &call.Cause{Reason: call.Forbidden}
}

func (o *Office) target(address string) []call.Target {
	return []call.Target{{Ways: []call.Way{{Backend: o.ward.Name(), Address: address}}}}
}

// Place places it.
func (c *Chat) Place() {
	c.t.Helper()
	o := c.Office
	o.mu.Lock()
	o.callees[c.id] = c.B.Name
	o.mu.Unlock()
	_, err := o.Runner.Place(o.t.Context(), call.Call{
		ID: c.id, Tenant: access.MainTenant, Backend: o.ward.Name(), Confirm: call.ConfirmNever, TalkLimit: 3600,
		Caller: call.Party{Name: "Harry", Number: "100", RingLimit: 60, Attempts: []call.Attempt{{Targets: o.target(c.A.Name)}}},
		Callee: call.Party{Name: "Mary", Number: "101", RingLimit: 60},
	}, nil, audit.Trail{})
	if err != nil {
		c.t.Fatal(err)
	}
}

// Bring places a call and brings it to a state.
func (o *Office) Bring(state call.State) *Chat {
	o.t.Helper()
	c := o.Chat()
	c.Place()
	Awaits(o.t, c.A, telephone.Ringing)
	if state == call.RingingCaller {
		return c
	}
	c.A.Lift(o.t)
	Awaits(o.t, c.B, telephone.Ringing)
	if state == call.RingingCallee {
		return c
	}
	c.B.Lift(o.t)
	c.In(call.Connected)
	return c
}

// Everywhere is calls in every state that lasts, n of each.
func (o *Office) Everywhere(n int) map[call.State][]*Chat {
	o.t.Helper()
	all := map[call.State][]*Chat{}
	for range n {
		for _, state := range []call.State{call.RingingCaller, call.RingingCallee, call.Connected} {
			all[state] = append(all[state], o.Bring(state))
		}
	}
	return all
}

// Flat is all of them.
func Flat(all map[call.State][]*Chat) []*Chat {
	return slices.Concat(slices.Collect(maps.Values(all))...)
}

// In waits for a state.
func (c *Chat) In(state call.State) {
	c.t.Helper()
	pbx.Eventually(c.t, 2*patience, "the call is "+string(state), func() bool {
		now, _ := c.Store.Call(c.id)
		return now.State == state
	})
}

// Now is the call as it is stored.
func (c *Chat) Now() call.Call {
	now, _ := c.Store.Call(c.id)
	return now
}

// HangUp ends it, as whoever looks after it may.
func (c *Chat) HangUp() {
	c.t.Helper()
	if _, err := c.Runner.HangUp(c.t.Context(), c.id, call.HangUpOrdered{}); err != nil {
		c.t.Fatal(err)
	}
}

// Records orders a recording, and waits until it runs.
func (c *Chat) Records() {
	c.t.Helper()
	if _, _, err := c.Runner.Record(c.t.Context(), c.id, call.RecordOrdered{On: true, ID: "rec-" + c.id}); err != nil {
		c.t.Fatal(err)
	}
	pbx.Eventually(c.t, patience, "it is recorded", func() bool { return c.Now().Recordings[0].State == call.RecordRunning })
}

// Ends waits for the end, which is told once, and for a reason.
func (c *Chat) Ends(reasons ...call.Reason) {
	c.t.Helper()
	c.In(call.Ended)
	if now, times := c.Store.Call(c.id); times != 1 || !slices.Contains(reasons, now.End.Reason) {
		c.t.Errorf("ended %d times, as %s, want %v", times, now.End.Reason, reasons)
	}
}

// Stays checks that its end was not told.
func (c *Chat) Stays() {
	c.t.Helper()
	if now, times := c.Store.Call(c.id); times != 0 {
		c.t.Errorf("ended, as %s", now.End.Reason)
	}
}

// Talks waits until the two hear each other.
func (c *Chat) Talks() {
	c.t.Helper()
	c.A.Hears(c.t, c.B)
	c.B.Hears(c.t, c.A)
}

// HangUpAll closes the phones of calls that the phone system knows nothing of any more, all at once: each waits for an answer to
// its BYE.
func HangUpAll(all []*Chat) {
	var wg sync.WaitGroup
	for _, c := range all {
		wg.Go(c.A.Phone.Close)
		wg.Go(c.B.Phone.Close)
	}
	wg.Wait()
}
