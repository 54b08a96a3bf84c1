package dial

import (
	"testing"

	"c2d/core/call"
	"c2d/core/fault"
	"c2d/core/user"
)

func TestClick(t *testing.T) {
	for name, asked := range map[string]call.Asked{
		"a name":                {To: "sip:Mary@h", Name: "Mary"},
		"a number":              {To: "+16328300101", Name: "+16328300101"},
		"a tel: URI":            {To: "tel:+16328300101"},
		"an address and a name": {To: "sip:mary@h", Name: "mary"}, // the same Mary's
	} {
		s, w, _ := hospital(t)
		asked.From = "sip:harry@h"
		c, err := s.Click(t.Context(), asked)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if c.Caller.UserID != "u-harry" || c.Callee.Number != "+16328300101" || c.PlacedBy.KeyID != "phone" ||
			c.Caller.Attempts[0].Targets[0].Device != "d-harry" {
			t.Errorf("%s: %+v", name, c)
		}
		if len(w.audits) != 1 || w.audits[0].Action != "call.place" || w.audits[0].Result != "ok" {
			t.Errorf("%s: audit %+v", name, w.audits)
		}
	}
}

func TestThePhoneThatClicksRings(t *testing.T) {
	s, _, _ := hospital(t)
	c, err := s.Click(t.Context(), call.Asked{From: "sip:harry-mobile@h", To: "sip:Mary@h", Name: "Mary"})
	if err != nil || c.Caller.Attempts[0].Targets[0].Device != "d-mobile" {
		t.Errorf("%v, %+v", err, c.Caller)
	}
}

func TestClickIsRefused(t *testing.T) {
	s, w, _ := hospital(t)
	w.users = append(w.users, user.User{ID: "u-jane", Tenant: "main", Login: "jane", DeviceIDs: []string{"d-jane"}})
	w.devices = append(w.devices, user.Device{ID: "d-jane", Kind: user.Desk, Backend: "house", Address: "sip:Outside@h", Number: "+16328300188"})
	for name, c := range map[string]struct {
		asked call.Asked
		code  fault.Code
	}{
		"an unknown name":                 {call.Asked{From: "sip:harry@h", To: "sip:Zoe@h", Name: "Zoe"}, fault.CodeCalleeUnknown},
		"an ambiguous name":               {call.Asked{From: "sip:harry@h", To: "sip:Bob@h", Name: "Bob"}, fault.CodeAmbiguous},
		"one's phone and another's name":  {call.Asked{From: "sip:harry@h", To: "sip:Outside@h", Name: "Outside"}, fault.CodeAmbiguous},
		"blocked":                         {call.Asked{From: "sip:harry@h", To: "sip:Blocked@h", Name: "Blocked"}, fault.CodeBlocked},
		"an emergency number":             {call.Asked{From: "sip:harry@h", To: "120", Name: "120"}, fault.CodeEmergencyNumber},
		"itself":                          {call.Asked{From: "sip:harry@h", To: "sip:harry@h", Name: "harry"}, fault.CodeSameParty},
		"a shared phone":                  {call.Asked{From: "sip:ward@h", To: "sip:Mary@h", Name: "Mary"}, fault.CodeForbidden},
		"a phone that is nobody's":        {call.Asked{From: "sip:nobody@h", To: "sip:Mary@h", Name: "Mary"}, fault.CodeNotFound},
		"a disabled user":                 {call.Asked{From: "sip:mary@h", To: "+4930123456"}, fault.CodeForbidden},
		"a name with a control character": {call.Asked{From: "sip:harry@h", To: "sip:M%0Ay@h", Name: "M\ny"}, fault.CodeBadCharacter},
	} {
		w.audits = nil
		_, err := s.Click(t.Context(), c.asked)
		if !fault.Is(err, c.code) {
			t.Errorf("%s: %v, want %s", name, err, c.code)
		}
		if len(w.audits) != 1 || w.audits[0].Result != string(fault.CodeOf(err)) {
			t.Errorf("%s: audit %+v", name, w.audits)
		}
	}
}

// A name that the book has twice is not settled by a phone that happens to have it as its address.
func TestAddressDoesNotDecideBetweenTwoOfOneName(t *testing.T) {
	s, w, _ := hospital(t)
	w.contacts = append(w.contacts, contact("c-mary2", "Mary", "+16328300155"))
	if _, err := s.Click(t.Context(), call.Asked{From: "sip:harry@h", To: "sip:mary@h", Name: "mary"}); !fault.Is(err, fault.CodeAmbiguous) {
		t.Errorf("%v", err)
	}
}

func TestFollowOfACallThatHasEnded(t *testing.T) {
	s, w, _ := hospital(t)
	w.stored = map[string]call.Call{"old": {ID: "old", State: call.Ended}}
	var told []call.State
	s.Follow(t.Context(), "old", func(c call.Call) bool { told = append(told, c.State); return true })
	if len(told) != 1 || told[0] != call.Ended {
		t.Errorf("told %v", told)
	}
}
