package dial

import (
	"testing"

	"c2d/core/call"
	"c2d/core/fault"
)

// inTalk is a world in which Harry, on leg a, talks with Mary, on leg b.
func inTalk(t *testing.T) (*Service, *world) {
	s, w, _ := hospital(t)
	w.house.parts = true
	party := func(user, leg, address string) call.Party {
		way := call.Way{Backend: "house", Address: address}
		return call.Party{UserID: user, Attempts: []call.Attempt{{Targets: []call.Target{{Ways: []call.Way{way}}}, Legs: []call.Leg{{ID: leg, Way: way, State: call.LegAnswered, JoinedTo: "x"}}}}}
	}
	w.calls["old"] = call.Call{ID: "old", Tenant: "main", State: call.Connected, CallerLeg: "a", CalleeLeg: "b", Context: map[string]string{"visit": "7"},
		Caller: party("u-harry", "a", "sip:harry@h"), Callee: party("u-mary", "b", "sip:mary@h")}
	return s, w
}

func TestTransfer(t *testing.T) {
	s, w := inTalk(t)
	c, err := s.Transfer(t.Context(), "a", call.Asked{From: "sip:harry@h", To: "300", Name: "300"})
	if err != nil {
		t.Fatal(err)
	}
	if c.CallerLeg != "b" || c.Caller.UserID != "u-mary" || c.Callee.Number != "300" || c.Context["visit"] != "7" || c.Backend != "house" {
		t.Errorf("%+v", c)
	}
	if l, _, _ := c.Find("b"); l == nil || l.JoinedTo != "" || l.State != call.LegAnswered {
		t.Errorf("the leg %+v", l)
	}
	if len(w.audits) != 1 || w.audits[0].Action != "call.transfer" || w.audits[0].Target != c.ID {
		t.Errorf("audit %+v", w.audits)
	}
}

func TestTransferIsRefused(t *testing.T) {
	asked := call.Asked{From: "sip:harry@h", To: "sip:Mary@h", Name: "Mary"}
	for name, c := range map[string]struct {
		leg    string
		asked  call.Asked
		change func(*world)
		code   fault.Code
	}{
		"a leg that is not":       {"z", asked, nil, fault.CodeConflict},
		"who does not talk yet":   {"a", asked, func(w *world) { c := w.calls["old"]; c.State = call.RingingCallee; w.calls["old"] = c }, fault.CodeConflict},
		"a system that cannot":    {"a", asked, func(w *world) { w.house.parts = false }, fault.CodeNotSupported},
		"a phone from outside":    {"a", call.Asked{From: "sip:x@elsewhere", To: "sip:Mary@h", Name: "Mary"}, nil, fault.CodeNotFound},
		"to nobody":               {"a", call.Asked{From: "sip:harry@h", To: "sip:Zoe@h", Name: "Zoe"}, nil, fault.CodeCalleeUnknown},
		"to several":              {"a", call.Asked{From: "sip:harry@h", To: "sip:Bob@h", Name: "Bob"}, nil, fault.CodeAmbiguous},
		"to an emergency service": {"a", call.Asked{From: "sip:harry@h", To: "120", Name: "120"}, nil, fault.CodeEmergencyNumber},
		"to itself":               {"a", call.Asked{From: "sip:harry@h", To: "+16328300100", Name: "+16328300100"}, nil, fault.CodeSameParty},
	} {
		s, w := inTalk(t)
		if c.change != nil {
			c.change(w)
		}
		_, err := s.Transfer(t.Context(), c.leg, c.asked)
		if !fault.Is(err, c.code) || len(w.audits) != 1 || w.audits[0].Result != string(c.code) {
			t.Errorf("%s: %v, want %s; audit %+v", name, err, c.code, w.audits)
		}
	}
}
