package app_test

import (
	"errors"
	"testing"
	"time"

	"c2d/adapters/sip/phone"
	"c2d/cmd/c2d/client"
)

// TestBlindTransfer is a talk between two, of whom the first hands the other to a third; then one who is nobody.
func TestBlindTransfer(t *testing.T) {
	a := start(t, free(t))
	c := api(t, a)
	connected, harry, mary := talking(t, a, c)
	ann := person(t, a, c, "ann", "+16328300102", 1600)
	if err := harry.Transfer(within(t), "<sip:Zoe@c2d.internal>"); err != nil {
		t.Fatal(err)
	}
	if got := told(t, harry); got[len(got)-1] != 404 {
		t.Errorf("told %v", got)
	}
	if err := harry.Transfer(within(t), "<sip:+16328300102@c2d.internal>"); err != nil {
		t.Fatal(err)
	}
	hear(t, mary, phone.Expect{Hz: 1600, From: ann.RTP()})
	hear(t, ann, phone.Expect{Hz: 1000, From: mary.RTP()})
	if _, err := harry.Wait(within(t), phone.Ended); err != nil {
		t.Fatal(err)
	}
	if end := reach(t, c, connected, "ended"); end.End.Reason != "transferred" || end.End.By != "caller" {
		t.Errorf("the first record: %+v", end.End)
	}
	if err := ann.HangUp(within(t)); err != nil {
		t.Fatal(err)
	}
	if _, err := mary.Wait(within(t), phone.Ended); err != nil {
		t.Fatal(err)
	}
	var calls client.List[client.Call]
	if err := c.Get(t.Context(), "/v1/calls", &calls); err != nil || len(calls.Items) != 2 {
		t.Fatalf("the records: %+v, %v", calls, err)
	}
	for _, one := range calls.Items {
		if one.ID == connected.ID {
			continue
		}
		if end := reach(t, c, one, "ended"); end.End.Reason != "completed" || end.End.By != "callee" {
			t.Errorf("the second record: %+v", end.End)
		}
	}
}

// TestAttendedTransfer is a phone that talks with one, holds him, calls another, and lets the two talk with each other.
func TestAttendedTransfer(t *testing.T) {
	a := start(t, free(t))
	c := api(t, a)
	first, harry, mary := talking(t, a, c)
	ann := person(t, a, c, "ann", "+16328300102", 1600)
	if err := harry.Hold(within(t)); err != nil {
		t.Fatal(err)
	}
	if err := harry.SetAside(); err != nil {
		t.Fatal(err)
	}
	if err := harry.Dial(within(t), "+16328300102"); err != nil {
		t.Fatal(err)
	}
	hear(t, harry, phone.Expect{Hz: 1600, From: ann.RTP()})
	asked := time.Now()
	if err := harry.Attend(within(t)); err != nil {
		t.Fatal(err)
	}
	if got := told(t, harry); got[len(got)-1] != 200 {
		t.Errorf("told %v", got)
	}
	hear(t, mary, phone.Expect{Hz: 1600, From: ann.RTP(), After: asked})
	hear(t, ann, phone.Expect{Hz: 1000, From: mary.RTP(), After: asked})
	for range 2 {
		if e, err := harry.Wait(within(t), phone.Ended); err != nil || e.Here {
			t.Fatal(e, err)
		}
	}
	if err := mary.HangUp(within(t)); err != nil {
		t.Fatal(err)
	}
	if _, err := ann.Wait(within(t), phone.Ended); err != nil {
		t.Fatal(err)
	}
	reach(t, c, first, "ended")
	ends := ends(t, c)
	if len(ends) != 2 || ends["transferred caller"] != 2 || ends["completed caller"] != 1 {
		t.Errorf("the records: %v", ends)
	}
}

// TestAttendedTransferToWhoStillRings is refused, and changes nothing: the phone may wait, or give that call up.
func TestAttendedTransferToWhoStillRings(t *testing.T) {
	a := start(t, free(t))
	c := api(t, a)
	first, harry, mary := talking(t, a, c)
	ann := person(t, a, c, "ann", "+16328300102", 1600)
	ann.SetAnswer(phone.Never())
	if err := harry.Hold(within(t)); err != nil { // he has one ear: two voices at once are no tone
		t.Fatal(err)
	}
	if err := harry.SetAside(); err != nil {
		t.Fatal(err)
	}
	dialled := make(chan error, 1)
	go func() { dialled <- harry.Dial(within(t), "+16328300102") }()
	if _, err := ann.Wait(within(t), phone.Ringing); err != nil {
		t.Fatal(err)
	}
	if _, err := harry.WaitFor(within(t), func(e phone.Event) bool { return e.Kind == phone.Ringing && !e.Incoming }); err != nil {
		t.Fatal(err)
	}
	if err := harry.Attend(within(t)); err != nil {
		t.Fatal(err)
	}
	if got := told(t, harry); got[len(got)-1] != 603 {
		t.Errorf("told %v", got)
	}
	if err := ann.Accept(within(t)); err != nil {
		t.Fatal(err)
	}
	if err := <-dialled; err != nil {
		t.Fatal(err)
	}
	reach(t, c, first, "connected")
	hear(t, harry, phone.Expect{Hz: 1600, From: ann.RTP()})
	if err := harry.Attend(within(t)); err != nil {
		t.Fatal(err)
	}
	if got := told(t, harry); got[len(got)-1] != 200 {
		t.Errorf("told %v", got)
	}
	hear(t, mary, phone.Expect{Hz: 1600, From: ann.RTP()})
}

// TestAttendedTransferOverTheAPI joins the far ends of two calls of one user.
func TestAttendedTransferOverTheAPI(t *testing.T) {
	a := start(t, free(t))
	c := api(t, a)
	first, harry, mary := talking(t, a, c)
	ann := person(t, a, c, "ann", "+16328300102", 1600)
	if err := harry.SetAside(); err != nil {
		t.Fatal(err)
	}
	second, err := c.Place(t.Context(), "harry", "+16328300102")
	if err != nil {
		t.Fatal(err)
	}
	second = reach(t, c, second, "connected")
	var joined client.Call
	if err := c.Post(t.Context(), "/v1/calls/"+second.ID+"/transfer", map[string]string{"call": first.ID}, &joined); err != nil {
		t.Fatal(err)
	}
	reach(t, c, joined, "connected")
	hear(t, mary, phone.Expect{Hz: 1600, From: ann.RTP()})
	hear(t, ann, phone.Expect{Hz: 1000, From: mary.RTP()})
	if _, err := c.HangUp(t.Context(), joined.ID); err != nil {
		t.Fatal(err)
	}
	if ends := ends(t, c); len(ends) != 2 || ends["transferred caller"] != 2 || ends["completed api"] != 1 {
		t.Errorf("the records: %v", ends)
	}
}

// ends counts how the calls have ended, and by whom.
func ends(t *testing.T, c *client.Client) map[string]int {
	t.Helper()
	var calls client.List[client.Call]
	if err := c.Get(t.Context(), "/v1/calls", &calls); err != nil {
		t.Fatal(err)
	}
	n := map[string]int{}
	for _, one := range calls.Items {
		end := reach(t, c, one, "ended").End
		n[end.Reason+" "+end.By]++
	}
	return n
}

// TestBlindTransferByName rings whom the name means; whom nobody may call is refused, and the two go on talking.
func TestBlindTransferByName(t *testing.T) {
	a := start(t, free(t))
	c := api(t, a)
	first, harry, mary := talking(t, a, c)
	ann := person(t, a, c, "ann", "+16328300102", 1600)
	for name, blocked := range map[string]bool{"Ann": false, "Bert": true} {
		number := "+16328300102"
		if blocked {
			number = "+16328300103"
		}
		contact := map[string]any{"name": name, "kind": "person", "blocked": blocked, "numbers": []map[string]string{{"number": number}}}
		if err := c.Post(t.Context(), "/v1/contacts", contact, nil); err != nil {
			t.Fatal(err)
		}
	}
	for _, barred := range []string{"<sip:Bert@c2d.internal>", "<sip:+16328300103@c2d.internal>", "<tel:120>", "<sip:120@c2d.internal>"} {
		if err := harry.Transfer(within(t), barred); err != nil {
			t.Fatal(barred, err)
		}
		if got := told(t, harry); got[len(got)-1] != 403 {
			t.Errorf("%s: told %v", barred, got)
		}
	}
	reach(t, c, first, "connected")
	if err := harry.Transfer(within(t), "<sip:Ann@c2d.internal>"); err != nil {
		t.Fatal(err)
	}
	hear(t, mary, phone.Expect{Hz: 1600, From: ann.RTP()})
	if got := told(t, harry); got[len(got)-1] != 200 {
		t.Errorf("told %v", got)
	}
}

// TestBlindTransferAndBye is a phone that hangs up as soon as its REFER is accepted: the transfer is done all the same,
// whichever BYE comes first.
func TestBlindTransferAndBye(t *testing.T) {
	a := start(t, free(t))
	c := api(t, a)
	first, harry, mary := talking(t, a, c)
	ann := person(t, a, c, "ann", "+16328300102", 1600)
	if err := harry.Transfer(within(t), "<sip:+16328300102@c2d.internal>"); err != nil {
		t.Fatal(err)
	}
	if err := harry.HangUp(within(t)); err != nil && !errors.Is(err, phone.ErrNoCall) {
		t.Fatal(err)
	}
	if end := reach(t, c, first, "ended"); end.End.Reason != "transferred" {
		t.Errorf("the first record: %+v", end.End)
	}
	hear(t, mary, phone.Expect{Hz: 1600, From: ann.RTP()})
}

// TestBlindTransferToBusy: who transfers has gone when the third turns out to be busy; the other hears so, and is let go.
func TestBlindTransferToBusy(t *testing.T) {
	a := start(t, free(t))
	c := api(t, a)
	_, harry, mary := talking(t, a, c)
	person(t, a, c, "ann", "+16328300102", 1600).SetAnswer(phone.Busy())
	if err := harry.Transfer(within(t), "<sip:+16328300102@c2d.internal>"); err != nil {
		t.Fatal(err)
	}
	if got := told(t, harry); got[len(got)-1] != 200 {
		t.Errorf("told %v", got)
	}
	hear(t, mary, phone.Expect{Hz: 450})
	if _, err := mary.Wait(within(t), phone.Ended); err != nil {
		t.Fatal(err)
	}
	if ends := ends(t, c); len(ends) != 2 || ends["transferred caller"] != 1 || ends["busy callee"] != 1 {
		t.Errorf("the records: %v", ends)
	}
}
