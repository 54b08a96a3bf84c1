package dial

import (
	"reflect"
	"strings"
	"testing"

	"c2d/core/access"
	"c2d/core/call"
	"c2d/core/fault"
)

// The HIS controls a call for the caller: what it does not say means the obvious side.
func TestACallIsControlled(t *testing.T) {
	his := access.Actor{Tenant: "main", KeyID: "k", Role: access.System, Scopes: access.System.Scopes()}
	for name, c := range map[string]struct {
		do            func(*Service) (call.Call, error)
		order, action string
	}{
		"hold":          {func(s *Service) (call.Call, error) { return s.Hold(t.Context(), his, "old", "", true) }, "hold caller true", "call.hold"},
		"hold by Mary":  {func(s *Service) (call.Call, error) { return s.Hold(t.Context(), his, "old", call.CalleeSide, true) }, "hold callee true", "call.hold"},
		"resume":        {func(s *Service) (call.Call, error) { return s.Hold(t.Context(), his, "old", "", false) }, "hold caller false", "call.resume"},
		"keys":          {func(s *Service) (call.Call, error) { return s.SendDTMF(t.Context(), his, "old", "", "12#a") }, "dtmf callee 12#A", "call.dtmf"},
		"keys to Harry": {func(s *Service) (call.Call, error) { return s.SendDTMF(t.Context(), his, "old", "caller", "*") }, "dtmf caller *", "call.dtmf"},
		"a blind transfer": {func(s *Service) (call.Call, error) {
			return s.TransferCall(t.Context(), his, "old", "", Ref{Number: "300"})
		}, "transfer old", "call.transfer"},
	} {
		s, w := inTalk(t)
		got, err := c.do(s)
		if err != nil || len(w.audits) != 1 || w.audits[0].Action != c.action || w.audits[0].Result != "ok" || w.audits[0].Target != got.ID {
			t.Errorf("%s: %v, call %s, audit %+v", name, err, got.ID, w.audits)
		}
		if c.order != "" && !reflect.DeepEqual(w.orders, []string{c.order}) {
			t.Errorf("%s: orders %v", name, w.orders)
		}
		if c.action == "call.transfer" && (got.CallerLeg != "b" || got.Callee.Number != "300" || got.PlacedBy.KeyID != "k") {
			t.Errorf("%s: %+v", name, got)
		}
		if strings.Contains(w.audits[0].Action+w.audits[0].Target+w.audits[0].Result, "12#") {
			t.Errorf("%s: the keys are in the audit", name)
		}
	}
}

func TestControlIsRefused(t *testing.T) {
	his := access.Actor{Tenant: "main", KeyID: "k", Role: access.System, Scopes: access.System.Scopes()}
	ron := access.Actor{Tenant: "main", KeyID: "k2", Role: access.User, UserID: "u-ron", Scopes: access.User.Scopes()}
	auditor := access.Actor{Tenant: "main", Role: access.AuditAdmin, Scopes: access.AuditAdmin.Scopes()}
	hold := func(a access.Actor, by call.Side) func(*Service) error {
		return func(s *Service) error { _, err := s.Hold(t.Context(), a, "old", by, true); return err }
	}
	keys := func(digits string) func(*Service) error {
		return func(s *Service) error { _, err := s.SendDTMF(t.Context(), his, "old", "", digits); return err }
	}
	to := func(party call.Side, r Ref) func(*Service) error {
		return func(s *Service) error { _, err := s.TransferCall(t.Context(), his, "old", party, r); return err }
	}
	ended := func(w *world) { c := w.calls["old"]; c.State = call.Ended; w.calls["old"] = c }
	rings := func(w *world) { c := w.calls["old"]; c.State = call.RingingCallee; w.calls["old"] = c }
	for name, c := range map[string]struct {
		do     func(*Service) error
		change func(*world)
		code   fault.Code
		field  string
	}{
		"without the scope":           {hold(auditor, ""), nil, fault.CodeScopeMissing, ""},
		"another's call":              {hold(ron, ""), nil, fault.CodeNotFound, ""},
		"an ended call":               {hold(his, ""), ended, fault.CodeCallEnded, ""},
		"by a third party":            {hold(his, "nurse"), nil, fault.CodeInvalid, "party"},
		"the carrier refuses":         {hold(his, ""), func(w *world) { w.refuses = fault.New(fault.CodeNotSupported, "no") }, fault.CodeNotSupported, ""},
		"no keys":                     {keys(""), nil, fault.CodeInvalid, "digits"},
		"what is no key":              {keys("1,2"), nil, fault.CodeInvalid, "digits"},
		"a letter that folds to none": {keys("ſ"), nil, fault.CodeInvalid, "digits"},
		"too many keys":               {keys(strings.Repeat("1", 65)), nil, fault.CodeTooLarge, "digits"},
		"to nobody":                   {to("", Ref{Name: "Zoe"}), nil, fault.CodeCalleeUnknown, "to"},
		"to several":                  {to("", Ref{Name: "Bob"}), nil, fault.CodeAmbiguous, "to"},
		"to an emergency service":     {to("", Ref{Number: "120"}), nil, fault.CodeEmergencyNumber, "to.number"},
		"to the one who stays":        {to("", Ref{Number: "+16328300101"}), nil, fault.CodeSameParty, "to"},
		"to the one who leaves":       {to("", Ref{Number: "+16328300100"}), nil, fault.CodeSameParty, "to"},
		"by whom":                     {to("x", Ref{Number: "300"}), nil, fault.CodeInvalid, "party"},
		"before they talk":            {to("", Ref{Number: "300"}), rings, fault.CodeConflict, ""},
		"a system that cannot":        {to("", Ref{Number: "300"}), func(w *world) { w.house.parts = false }, fault.CodeNotSupported, ""},
	} {
		s, w := inTalk(t)
		old := w.calls["old"]
		old.Caller.Number, old.Callee.Number = "+16328300100", "+16328300101"
		w.calls["old"] = old
		if c.change != nil {
			c.change(w)
		}
		err := c.do(s)
		if !fault.Is(err, c.code) || len(w.audits) != 1 || w.audits[0].Result != string(c.code) {
			t.Errorf("%s: %v, want %s; audit %+v", name, err, c.code, w.audits)
		} else if f := err.(*fault.Error); f.Field != c.field {
			t.Errorf("%s: field %q, want %q", name, f.Field, c.field)
		}
		if len(w.calls) != 1 {
			t.Errorf("%s: %d calls", name, len(w.calls))
		}
	}
}

// What can be done is what both sides' phone systems can, in the state in which the call is.
func TestWhatCanBeDone(t *testing.T) {
	s, w := inTalk(t)
	c := w.calls["old"]
	expect := func(what string, want ...string) {
		t.Helper()
		if got := s.Can(c); !reflect.DeepEqual(got, append([]string{}, want...)) {
			t.Errorf("%s: %v, want %v", what, got, want)
		}
	}
	expect("talking", "hangup", "hold", "dtmf", "transfer", "record")
	c.Caller.Attempts[0].Legs[0].Held = true
	expect("held", "hangup", "hold", "resume", "dtmf", "transfer", "record")
	c.Flags = []call.Flag{call.Unsure}
	expect("unsure", "hangup")
	c.Flags, c.State = nil, call.RingingCallee
	expect("ringing", "hangup")
	c.State = call.Ended
	expect("ended")
	c.State = call.Connected
	c.Callee.Attempts[0].Legs[0].Way.Backend = "trunk"
	expect("one side can do nothing", "hangup")
}
