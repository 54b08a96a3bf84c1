package dial

import (
	"reflect"
	"testing"

	"c2d/core/access"
	"c2d/core/call"
	"c2d/core/fault"
)

// party is who talks on one leg.
func party(user, leg, address string) call.Party {
	way := call.Way{Backend: "house", Address: address}
	return call.Party{UserID: user, Attempts: []call.Attempt{{Targets: []call.Target{{Ways: []call.Way{way}}},
		Legs: []call.Leg{{ID: leg, Way: way, State: call.LegAnswered, JoinedTo: "x"}}}}}
}

// consulting is a world in which Harry talks with Mary too, whom Ann has called: leg c is Harry's, leg d is Ann's.
func consulting(t *testing.T) (*Service, *world) {
	s, w := inTalk(t)
	w.calls["two"] = call.Call{ID: "two", Tenant: "main", State: call.Connected, CallerLeg: "d", CalleeLeg: "c",
		Caller: party("u-ann", "d", "sip:ward@h"), Callee: party("", "c", "sip:harry@h")}
	for _, id := range []string{"old", "two"} { // as when a phone holds one to talk with the other
		c := w.calls[id]
		c.Caller.Attempts[0].Legs[0].Held, c.Callee.Attempts[0].Legs[0].Held = true, true
	}
	return s, w
}

// inTalk is a world in which Harry, on leg a, talks with Mary, on leg b.
func inTalk(t *testing.T) (*Service, *world) {
	s, w, _ := hospital(t)
	w.house.parts = true
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
	if l, _, _ := c.Find("b"); l == nil || l.State != call.LegAnswered {
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

func TestAttend(t *testing.T) {
	s, w := consulting(t)
	c, err := s.Attend(t.Context(), "a", "c")
	if err != nil {
		t.Fatal(err)
	}
	if c.CallerLeg != "b" || c.CalleeLeg != "d" || c.Caller.UserID != "u-mary" || c.Callee.UserID != "u-ann" || c.Context["visit"] != "7" {
		t.Errorf("%+v", c)
	}
	for _, leg := range []string{"b", "d"} {
		if l, _, _ := c.Find(leg); l == nil || l.Held || l.JoinedTo != "x" || l.State != call.LegAnswered {
			t.Errorf("the leg %+v", l)
		}
	}
	if len(w.audits) != 1 || w.audits[0].Action != "call.transfer" || w.audits[0].Target != c.ID || w.audits[0].Result != "ok" {
		t.Errorf("audit %+v", w.audits)
	}
	if !reflect.DeepEqual(w.orders, []string{"transfer old two"}) {
		t.Errorf("orders %v", w.orders)
	}
}

func TestAttendIsRefused(t *testing.T) {
	change := func(id string, to func(*call.Call)) func(*world) {
		return func(w *world) { c := w.calls[id]; to(&c); w.calls[id] = c }
	}
	for name, c := range map[string]struct {
		leg, other string
		change     func(*world)
		code       fault.Code
	}{
		"a leg that is not":            {"z", "c", nil, fault.CodeConflict},
		"another that is not":          {"a", "z", nil, fault.CodeConflict},
		"the same call":                {"a", "b", nil, fault.CodeConflict},
		"the same leg":                 {"a", "a", nil, fault.CodeConflict},
		"whom the phone still rings":   {"a", "c", change("two", func(c *call.Call) { c.State = call.RingingCallee }), fault.CodeConflict},
		"another person's":             {"a", "d", nil, fault.CodeForbidden},
		"nobody's address":             {"a", "c", change("two", func(c *call.Call) { c.Callee.Attempts[0].Legs[0].Way.Address = "" }), fault.CodeForbidden},
		"another tenant's":             {"a", "c", change("two", func(c *call.Call) { c.Tenant = "b" }), fault.CodeForbidden},
		"a system that cannot":         {"a", "c", func(w *world) { w.house.parts = false }, fault.CodeNotSupported},
		"on two systems":               {"a", "c", change("two", func(c *call.Call) { c.Caller.Attempts[0].Legs[0].Way.Backend = "pbx" }), fault.CodeNotSupported},
		"the other way round, and no.": {"c", "b", nil, fault.CodeForbidden},
	} {
		s, w := consulting(t)
		w.trunk.parts = true
		if c.change != nil {
			c.change(w)
		}
		_, err := s.Attend(t.Context(), c.leg, c.other)
		if !fault.Is(err, c.code) || len(w.audits) != 1 || w.audits[0].Result != string(c.code) || len(w.calls) != 2 {
			t.Errorf("%s: %v, want %s; audit %+v", name, err, c.code, w.audits)
		}
	}
}

func TestJoinCalls(t *testing.T) {
	s, w := consulting(t)
	his := access.Actor{Tenant: "main", KeyID: "k", Role: access.System, Scopes: access.System.Scopes()}
	c, err := s.JoinCalls(t.Context(), his, "two", call.CalleeSide, "old")
	if err != nil {
		t.Fatal(err)
	}
	if c.CallerLeg != "d" || c.CalleeLeg != "b" || c.PlacedBy.KeyID != "k" || len(w.audits) != 1 || w.audits[0].Target != c.ID {
		t.Errorf("%+v, audit %+v", c, w.audits)
	}
	if !reflect.DeepEqual(w.orders, []string{"transfer two old"}) {
		t.Errorf("orders %v", w.orders)
	}
}

func TestJoinCallsIsRefused(t *testing.T) {
	his := access.Actor{Tenant: "main", KeyID: "k", Role: access.System, Scopes: access.System.Scopes()}
	harry := access.Actor{Tenant: "main", KeyID: "k2", Role: access.User, UserID: "u-harry", Scopes: access.User.Scopes()}
	auditor := access.Actor{Tenant: "main", Role: access.AuditAdmin, Scopes: access.AuditAdmin.Scopes()}
	state := func(id string, to call.State) func(*world) {
		return func(w *world) { c := w.calls[id]; c.State = to; w.calls[id] = c }
	}
	for name, c := range map[string]struct {
		actor  access.Actor
		party  call.Side
		other  string
		change func(*world)
		code   fault.Code
		field  string
	}{
		"without the scope":           {auditor, "", "two", nil, fault.CodeScopeMissing, ""},
		"a third party":               {his, "nurse", "two", nil, fault.CodeInvalid, "party"},
		"itself":                      {his, "", "old", nil, fault.CodeSameParty, "call"},
		"a call that is not":          {his, "", "three", nil, fault.CodeNotFound, "call"},
		"a call that is another's":    {harry, "", "two", nil, fault.CodeNotFound, "call"},
		"one that has ended":          {his, "", "two", state("two", call.Ended), fault.CodeCallEnded, "call"},
		"one that rings":              {his, "", "two", state("two", call.RingingCallee), fault.CodeConflict, "call"},
		"while this one rings":        {his, "", "two", state("old", call.RingingCallee), fault.CodeConflict, ""},
		"who leaves is not in both":   {his, call.CalleeSide, "two", nil, fault.CodeInvalid, "call"},
		"the phone system cannot":     {his, "", "two", func(w *world) { w.house.parts = false }, fault.CodeNotSupported, ""},
		"one has ended":               {his, "", "two", state("old", call.Ended), fault.CodeCallEnded, ""},
		"the carrier finds them gone": {his, "", "two", func(w *world) { w.refuses = fault.New(fault.CodeNotFound, "no") }, fault.CodeNotFound, ""},
	} {
		s, w := consulting(t)
		if c.change != nil {
			c.change(w)
		}
		_, err := s.JoinCalls(t.Context(), c.actor, "old", c.party, c.other)
		if !fault.Is(err, c.code) || len(w.audits) != 1 || w.audits[0].Result != string(c.code) || len(w.calls) != 2 {
			t.Errorf("%s: %v, want %s; audit %+v", name, err, c.code, w.audits)
		} else if f := err.(*fault.Error); f.Field != c.field {
			t.Errorf("%s: field %q, want %q", name, f.Field, c.field)
		}
	}
}
