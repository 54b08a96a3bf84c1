package app_test

import (
	"testing"

	"c2d/adapters/sip/phone"
	"c2d/cmd/c2d/client"
)

// told reads what a phone is told of the call that it asked for, up to the end.
func told(t *testing.T, p *phone.Phone) (all []int) {
	t.Helper()
	for {
		e, err := p.Wait(within(t), phone.Told)
		if err != nil {
			t.Fatalf("told %v, then %v", all, err)
		}
		if all = append(all, e.Status); e.Status >= 200 {
			return all
		}
	}
}

// TestPhoneClicks is the story over SIP: Harry's phone sends REFER with the name "Mary", rings first, and is connected.
func TestPhoneClicks(t *testing.T) {
	a := start(t, free(t))
	c := api(t, a)
	harry, mary := person(t, a, c, "harry", "+16328300100", 600), person(t, a, c, "mary", "+16328300101", 1000)
	contact := client.Contact{Name: "Mary", Kind: "person", Numbers: []client.Phone{{Number: "+16328300101"}}}
	if err := c.Post(t.Context(), "/v1/contacts", contact, nil); err != nil {
		t.Fatal(err)
	}
	if err := harry.Refer(within(t), "<sip:Mary@c2d.internal>"); err != nil {
		t.Fatal(err)
	}
	hear(t, harry, phone.Expect{Hz: 1000, From: mary.RTP()})
	hear(t, mary, phone.Expect{Hz: 600, From: harry.RTP()})
	if got := told(t, harry); got[0] != 100 || got[len(got)-1] != 200 {
		t.Errorf("told %v", got)
	}
	if err := mary.HangUp(within(t)); err != nil {
		t.Fatal(err)
	}
	var calls client.List[client.Call]
	if err := c.Get(t.Context(), "/v1/calls", &calls); err != nil || len(calls.Items) != 1 {
		t.Fatalf("the records: %+v, %v", calls, err)
	}
	if end := reach(t, c, calls.Items[0], "ended"); end.End.Reason != "completed" || end.End.By != "callee" {
		t.Errorf("the record: %+v", end.End)
	}
}

// TestPhoneClicksANameThatIsNobodys rings nobody, and says so.
func TestPhoneClicksANameThatIsNobodys(t *testing.T) {
	a := start(t, free(t))
	c := api(t, a)
	harry := person(t, a, c, "harry", "+16328300100", 600)
	if err := harry.Refer(within(t), "<sip:Zoe@c2d.internal>"); err != nil {
		t.Fatal(err)
	}
	if got := told(t, harry); got[len(got)-1] != 404 {
		t.Errorf("told %v", got)
	}
	if calls := (client.List[client.Call]{}); c.Get(t.Context(), "/v1/calls", &calls) != nil || len(calls.Items) != 0 {
		t.Errorf("%+v was placed", calls.Items)
	}
}
