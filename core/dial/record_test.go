package dial

import (
	"testing"

	"c2d/core/access"
	"c2d/core/call"
	"c2d/core/fault"
)

// The audit entry of an order goes with the order; one that changes nothing, or is refused, has one of its own.
func TestACallIsRecorded(t *testing.T) {
	his := access.Actor{Tenant: "main", KeyID: "k", RequestID: "r", Role: access.System, Scopes: access.System.Scopes()}
	s, w := inTalk(t)
	for range 2 {
		if c, err := s.Record(t.Context(), his, "old", true); err != nil || c.ID != "old" {
			t.Fatal(c.ID, err)
		}
	}
	if _, err := s.Record(t.Context(), his, "old", false); err != nil {
		t.Fatal(err)
	}
	first, last := w.ordered[0], w.ordered[2]
	if !first.On || first.ID == "" || first.ID == w.ordered[1].ID || first.By != (call.PlacedBy{KeyID: "k", RequestID: "r"}) {
		t.Errorf("%+v", first)
	}
	if last.On || last.Audit[0].Action != "call.record_stop" {
		t.Errorf("%+v", last)
	}
	if e := first.Audit[0]; e.Action != "call.record" || e.Target != "old" || e.Result != "ok" {
		t.Errorf("%+v", e)
	}
	if len(w.audits) != 2 || w.audits[0].Action != "call.record" || w.audits[1].Action != "call.record_stop" {
		t.Errorf("audit %+v", w.audits)
	}
}

func TestRecordingIsRefused(t *testing.T) {
	may := func(scopes ...access.Scope) access.Actor {
		return access.Actor{Tenant: "main", KeyID: "k", Role: access.System, Scopes: scopes}
	}
	ron := access.Actor{Tenant: "main", KeyID: "k2", Role: access.User, UserID: "u-ron", Scopes: access.User.Scopes()}
	for name, c := range map[string]struct {
		actor  access.Actor
		change func(*world)
		code   fault.Code
	}{
		"who may only hold":   {may(access.ControlCalls), nil, fault.CodeScopeMissing},
		"who may only record": {may(access.RecordCalls), nil, fault.CodeScopeMissing},
		"another's call":      {ron, nil, fault.CodeNotFound},
		"an ended call": {may(access.RecordCalls, access.ControlCalls), func(w *world) {
			c := w.calls["old"]
			c.State = call.Ended
			w.calls["old"] = c
		}, fault.CodeCallEnded},
		"a system that cannot": {may(access.RecordCalls, access.ControlCalls),
			func(w *world) { w.refuses = fault.New(fault.CodeNotSupported, "no") }, fault.CodeNotSupported},
	} {
		s, w := inTalk(t)
		if c.change != nil {
			c.change(w)
		}
		if _, err := s.Record(t.Context(), c.actor, "old", true); !fault.Is(err, c.code) {
			t.Errorf("%s: %v, want %s", name, err, c.code)
		}
		if len(w.ordered) != 0 || len(w.audits) != 1 || w.audits[0].Result != string(c.code) || w.audits[0].Target != "old" {
			t.Errorf("%s: orders %v, audit %+v", name, w.ordered, w.audits)
		}
	}
}
