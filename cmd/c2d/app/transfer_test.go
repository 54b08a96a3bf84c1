package app_test

import (
	"testing"

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
