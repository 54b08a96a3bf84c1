package freeswitch

import (
	"context"
	"testing"

	"c2d/adapters/sip/handset"
	telephone "c2d/adapters/sip/phone"
	"c2d/core/call"
	"c2d/core/call/calltest"
	"c2d/test/office"
	"c2d/test/pbx"
)

// refers has a phone hand whom it talks with to an extension.
func (w *ward) refers(t *testing.T, h *handset.Handset, to string) {
	t.Helper()
	h.Does(t, "transfer", func(ctx context.Context) error {
		return h.Phone.Transfer(ctx, "<sip:"+to+"@"+w.freeswitch.Addr.String()+">")
	})
}

// told returns the final status that a phone is told of its transfer.
func told(t *testing.T, h *handset.Handset) (status int) {
	t.Helper()
	h.Does(t, "be told", func(ctx context.Context) error {
		for status < 200 {
			e, err := h.Phone.Wait(ctx, telephone.Told)
			if err != nil {
				return err
			}
			status = e.Status
		}
		return nil
	})
	return status
}

// A phone hands whom it talks with to a third: FreeSWITCH obeys by itself, and the leg goes on with whoever its dialplan rings.
// A connection that is cut for a while, and a process that is begun again, change nothing about that.
func TestBlindTransfer(t *testing.T) {
	t.Parallel()
	w := newWards(t)
	store := office.NewStore()
	o := opens(t, w, "here", store)
	c := o.Bring(call.Connected)
	c.Talks()
	o.Phone(t, calltest.Rings) // each has a tone that the others have not
	ann := o.Phone(t, calltest.Rings).(*handset.Handset)
	o.refers(t, c.A, ann.Name)
	if got := told(t, c.A); got != 200 {
		t.Errorf("told %d", got)
	}
	office.Awaits(t, c.A, telephone.Ended)
	office.Awaits(t, ann, telephone.Ringing)
	ann.Lift(t)
	hears(t, c, ann)
	o.line.Cut()
	o.Healthy(away)
	o.line.Mend()
	o.Healthy("")
	hears(t, c, ann)
	o.Kill()
	next := opens(t, w, "here", store)
	hears(t, c, ann)
	c.Stays()
	ann.PutDown(t)
	office.Awaits(t, c.B, telephone.Ended)
	c.Ends(call.Completed)
	next.Over()
}

// hears waits until a third talks with the callee, and the call goes on as forwarded.
func hears(t *testing.T, c *office.Chat, third *handset.Handset) {
	t.Helper()
	c.B.Hears(t, third)
	third.Hears(t, c.B)
	if now := c.Now(); now.State != call.Connected || !now.Caller.Attempts[0].Legs[0].Forwarded {
		t.Errorf("the record: %+v", now)
	}
}

// Nobody hears that a phone has transferred: it is found, and whom it has given away is not cut.
func TestTransferUnheard(t *testing.T) {
	t.Parallel()
	w := newWards(t)
	o := opens(t, w, "here", office.NewStore())
	c := o.Bring(call.Connected)
	c.Talks()
	o.Phone(t, calltest.Rings)
	ann := o.Phone(t, calltest.Rings).(*handset.Handset)
	o.line.Cut()
	o.Healthy(away)
	o.refers(t, c.A, ann.Name)
	office.Awaits(t, c.A, telephone.Ended)
	office.Awaits(t, ann, telephone.Ringing)
	o.line.Mend()
	o.Healthy("")
	ann.Lift(t)
	c.B.Hears(t, ann)
	o.transferred(t, c)
	hears(t, c, ann)
	c.B.PutDown(t)
	office.Awaits(t, ann, telephone.Ended)
	c.Ends(call.Completed)
	o.Over()
}

// A phone puts one aside, calls a third, and lets the two talk with each other. Who looks after the call can still end it.
func TestAttendedTransfer(t *testing.T) {
	t.Parallel()
	w := newWards(t)
	o := opens(t, w, "here", office.NewStore())
	c := o.Bring(call.Connected)
	c.Talks()
	o.Phone(t, calltest.Rings)
	ann := o.Phone(t, calltest.Rings).(*handset.Handset)
	c.A.Does(t, "hold", c.A.Phone.Hold)
	if err := c.A.Phone.SetAside(); err != nil {
		t.Fatal(err)
	}
	dialled, hangUp := context.WithCancel(context.Background())
	defer hangUp()
	go func() { _ = c.A.Phone.Dial(dialled, ann.Name) }() // ends with the call
	office.Awaits(t, ann, telephone.Ringing)
	ann.Lift(t)
	ann.Hears(t, c.A)
	c.A.Does(t, "transfer", c.A.Phone.Attend)
	if got := told(t, c.A); got != 200 {
		t.Errorf("told %d", got)
	}
	o.transferred(t, c)
	hears(t, c, ann)
	c.HangUp()
	office.Awaits(t, c.B, telephone.Ended)
	office.Awaits(t, ann, telephone.Ended)
	c.Ends(call.Completed, call.Cancelled)
	o.Over()
}

// transferred waits until the record says that the caller's leg goes on as somebody else.
func (d *desk) transferred(t *testing.T, c *office.Chat) {
	t.Helper()
	pbx.Eventually(t, patience, "the leg goes on", func() bool { return c.Now().Caller.Attempts[0].Legs[0].Forwarded })
}
