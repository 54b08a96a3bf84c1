package dial

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"c2d/core/access"
	"c2d/core/call"
	"c2d/core/directory"
	"c2d/core/fault"
	"c2d/core/identity"
)

func harryCallsMary() Request { return Request{Caller: Ref{Name: "harry"}, Callee: Ref{Name: "Mary"}} }

func TestPlace(t *testing.T) {
	s, w, a := hospital(t)
	c, replayed, err := s.Place(t.Context(), a, harryCallsMary())
	if err != nil || replayed {
		t.Fatal(err, replayed)
	}
	if c.Caller.UserID != "u-harry" || c.Callee.ContactID != "c-mary" || c.Callee.Number != "+16328300101" || c.Backend != "house" {
		t.Fatalf("%+v", c)
	}
	targets := c.Caller.Attempts[0].Targets
	if len(targets) != 1 || targets[0].Device != "d-harry" || targets[0].Confirm || len(c.Callee.Attempts) != 0 {
		t.Fatalf("%+v", targets)
	}
	if len(w.audits) != 1 || w.audits[0].Action != "call.place" || w.audits[0].Target != c.ID || w.audits[0].Result != "ok" {
		t.Fatalf("audit %+v", w.audits)
	}
}

func TestPlaceFindsThePartiesHoweverTheyAreNamed(t *testing.T) {
	for _, caller := range []Ref{{Name: "Harry"}, {ID: "u-harry"}, {Number: "+1 632 830 0100"}, {URI: "tel:+16328300100"}, {URI: "sip:harry@h"}, {Identifier: &identity.Identifier{System: "staff", Value: "7"}}} {
		for _, callee := range []Ref{{Name: "mary"}, {ID: "c-mary"}, {Number: "+16328300101"}, {URI: "tel:+16328300101;x=1"}, {URI: "sip:mary@h"}, {Identifier: &identity.Identifier{System: "mrn", Value: "42"}}} {
			s, _, a := hospital(t)
			c, _, err := s.Place(t.Context(), a, Request{Caller: caller, Callee: callee})
			if err != nil || c.Caller.UserID != "u-harry" || (c.Callee.Number != "+16328300101" && c.Callee.Number != "sip:mary@h") {
				t.Errorf("%+v calls %+v: %v, %q", caller, callee, err, c.Callee.Number)
			}
		}
	}
}

func TestPlaceRefuses(t *testing.T) {
	name := func(caller, callee string) Request {
		return Request{Caller: Ref{Name: caller}, Callee: Ref{Name: callee}}
	}
	with := func(f func(*Request)) Request { r := harryCallsMary(); f(&r); return r }
	for _, c := range []struct {
		what  string
		r     Request
		code  fault.Code
		field string
	}{
		{"unknown caller", name("nobody", "Mary"), fault.CodeCallerUnknown, "caller"},
		{"unknown callee", name("harry", "Marie"), fault.CodeCalleeUnknown, "callee"},
		{"two of one name", name("harry", "Bob"), fault.CodeAmbiguous, "callee"},
		{"nothing said of the callee", name("harry", ""), fault.CodeInvalid, "callee"},
		{"two things said", Request{Caller: Ref{Name: "harry"}, Callee: Ref{Name: "Mary", ID: "c-mary"}}, fault.CodeInvalid, "callee"},
		{"a caller without a phone", name("bare", "Mary"), fault.CodeCallerNoDevice, "caller"},
		{"a disabled caller", name("gone", "Mary"), fault.CodeForbidden, "caller"},
		{"a phone that two share", Request{Caller: Ref{Number: "300"}, Callee: Ref{Name: "Mary"}}, fault.CodeAmbiguous, "caller"},
		{"a contact without a number", name("harry", "Nobody"), fault.CodeInvalidNumber, "callee"},
		{"a blocked contact", name("harry", "Blocked"), fault.CodeBlocked, "callee"},
		{"the number of a blocked contact", Request{Caller: Ref{Name: "harry"}, Callee: Ref{Number: "+16328300199"}}, fault.CodeBlocked, "callee"},
		{"an emergency number", Request{Caller: Ref{Name: "harry"}, Callee: Ref{Number: "1-20"}}, fault.CodeEmergencyNumber, "callee.number"},
		{"a contact with an emergency number", name("harry", "Fire"), fault.CodeEmergencyNumber, "callee"},
		{"an emergency number as a URI", Request{Caller: Ref{Name: "harry"}, Callee: Ref{URI: "tel:20;phone-context=+1"}}, fault.CodeEmergencyNumber, "callee.number"},
		{"an emergency number as a SIP user", Request{Caller: Ref{Name: "harry"}, Callee: Ref{URI: "SIP:120@h"}}, fault.CodeEmergencyNumber, "callee.uri"},
		{"a contact with an emergency URI", name("harry", "Rescue"), fault.CodeEmergencyNumber, "callee"},
		{"a contact with an emergency SIP user", name("harry", "Medic"), fault.CodeEmergencyNumber, "callee"},
		{"a caller whose phone is the ambulance", name("hoax", "Mary"), fault.CodeEmergencyNumber, "caller"},
		{"an emergency number to show", with(func(r *Request) { r.Present = "120" }), fault.CodeEmergencyNumber, "present"},
		{"no number at all", Request{Caller: Ref{Name: "harry"}, Callee: Ref{Number: "12x"}}, fault.CodeInvalidNumber, "callee.number"},
		{"a number that no entry reaches", name("harry", "Outside"), fault.CodeNoRoute, "callee"},
		{"himself", Request{Caller: Ref{Name: "harry"}, Callee: Ref{Number: "+16328300100"}}, fault.CodeSameParty, "callee"},
		{"another's device", with(func(r *Request) { r.Devices = []string{"d-ward"} }), fault.CodeInvalid, "devices[0]"},
		{"a device twice", with(func(r *Request) { r.Devices = []string{"d-harry", "d-harry"} }), fault.CodeInvalid, "devices[1]"},
		{"confirm in other words", with(func(r *Request) { r.Confirm = "maybe" }), fault.CodeInvalid, "confirm"},
		{"confirm where it cannot be", Request{Caller: Ref{Name: "pbx"}, Callee: Ref{Name: "Outside"}, Confirm: call.ConfirmAlways}, fault.CodeNotSupported, "confirm"},
		{"a ring limit beyond bounds", with(func(r *Request) { r.CalleeRing = 301 }), fault.CodeInvalid, "limits.callee_ring_s"},
		{"CRLF in the context", with(func(r *Request) { r.Context = map[string]string{"visit": "a\r\nVia: x"} }), fault.CodeBadCharacter, "context"},
		{"CRLF in a name", name("harry", "Mary\r\nVia: x"), fault.CodeBadCharacter, "callee.name"},
		{"a number to show that is none", with(func(r *Request) { r.Present = "x" }), fault.CodeInvalidNumber, "present"},
	} {
		t.Run(c.what, func(t *testing.T) {
			s, w, a := hospital(t)
			_, _, err := s.Place(t.Context(), a, c.r)
			f, ok := err.(*fault.Error)
			if !ok || f.Code != c.code || f.Field != c.field {
				t.Fatalf("%v, want %s in %q", err, c.code, c.field)
			}
			if len(w.calls) != 0 || len(w.audits) != 1 || w.audits[0].Result != string(c.code) {
				t.Fatalf("%d calls placed, audit %+v", len(w.calls), w.audits)
			}
		})
	}
}

func TestAmbiguousNamesItsCandidates(t *testing.T) {
	s, _, a := hospital(t)
	_, _, err := s.Place(t.Context(), a, Request{Caller: Ref{Name: "harry"}, Callee: Ref{Name: "Bob"}})
	got, _ := err.(*fault.Error).Details["candidates"].([]directory.Candidate)
	if len(got) != 2 || got[0].ID == got[1].ID {
		t.Fatalf("%+v", err)
	}
}

func TestOfflineCaller(t *testing.T) {
	s, w, a := hospital(t)
	w.house.offline["sip:harry@h"] = true
	if _, _, err := s.Place(t.Context(), a, harryCallsMary()); !fault.Is(err, fault.CodeCallerOffline) {
		t.Fatal(err)
	}
	r := harryCallsMary()
	r.Devices = []string{"d-harry", "d-mobile"}
	c, _, err := s.Place(t.Context(), a, r)
	if err != nil || len(c.Caller.Attempts[0].Targets) != 1 || !c.Caller.Attempts[0].Targets[0].Confirm {
		t.Fatalf("%v %+v: the mobile is there, and is asked to confirm", err, c.Caller.Attempts)
	}
	w.house.down = fault.New(fault.CodeBackendUnavailable, "down")
	if _, _, err := s.Place(t.Context(), a, harryCallsMary()); !fault.Is(err, fault.CodeBackendUnavailable) || err.(*fault.Error).Field != "" {
		t.Fatalf("%v: no input is at fault", err)
	}
}

func TestOfflineCalleeIsRefusedByNobodyBeforeTheCallerAnswers(t *testing.T) {
	s, w, a := hospital(t)
	w.house.offline["sip:mary@h"] = true
	c, _, err := s.Place(t.Context(), a, harryCallsMary())
	if err != nil {
		t.Fatal(err)
	}
	found, err := s.LookUp(t.Context(), c)
	if err != nil || found.Failed != nil || len(found.Attempts) != 0 {
		t.Fatalf("%v %+v, want no attempts: offline", err, found)
	}
}

func TestAUserActsForItselfOnly(t *testing.T) {
	s, w, _ := hospital(t)
	harry := access.Actor{Tenant: "main", KeyID: "k", Role: access.User, UserID: "u-harry", Scopes: access.User.Scopes()}
	ron := access.Actor{Tenant: "main", KeyID: "k2", Role: access.User, UserID: "u-ron", Scopes: access.User.Scopes()}
	c, _, err := s.Place(t.Context(), harry, Request{Callee: Ref{Name: "Mary"}})
	if err != nil || c.Caller.UserID != "u-harry" {
		t.Fatalf("a user's key means that user: %v", err)
	}
	if _, _, err := s.Place(t.Context(), ron, harryCallsMary()); !fault.Is(err, fault.CodeForbidden) {
		t.Fatal(err)
	}
	if _, err := s.Get(t.Context(), ron, c.ID); !fault.Is(err, fault.CodeNotFound) {
		t.Fatal(err)
	}
	if _, err := s.HangUp(t.Context(), ron, c.ID); !fault.Is(err, fault.CodeNotFound) {
		t.Fatal(err)
	}
	w.audits = nil
	if ended, err := s.HangUp(t.Context(), harry, c.ID); err != nil || len(w.audits) != 1 || w.audits[0].Action != "call.hangup" || ended.State != call.Ended || ended.End.By != call.ByAPI {
		t.Fatal(err, ended.State)
	}
	auditor := access.Actor{Tenant: "main", Role: access.AuditAdmin, Scopes: access.AuditAdmin.Scopes()}
	if _, _, err := s.Place(t.Context(), auditor, harryCallsMary()); !fault.Is(err, fault.CodeScopeMissing) {
		t.Fatal(err)
	}
}

func TestIdempotency(t *testing.T) {
	s, w, a := hospital(t)
	r := harryCallsMary()
	r.IdempotencyKey, r.BodyHash = "k1", "h1"
	first, replayed, err := s.Place(t.Context(), a, r)
	if err != nil || replayed {
		t.Fatal(err)
	}
	again, replayed, err := s.Place(t.Context(), a, r)
	if err != nil || !replayed || again.ID != first.ID || len(w.calls) != 1 {
		t.Fatalf("%v %v %s, %d calls", err, replayed, again.ID, len(w.calls))
	}
	r.BodyHash = "h2"
	if _, _, err := s.Place(t.Context(), a, r); !fault.Is(err, fault.CodeIdempotencyMismatch) {
		t.Fatal(err)
	}
}

type shut struct{}

func (shut) Allow(string) (bool, time.Duration) { return false, 1500 * time.Millisecond }

func TestLimits(t *testing.T) {
	for _, l := range []Limits{{PerUser: shut{}}, {PerCallee: shut{}}, {PerBackend: shut{}}} {
		s, _, a := hospital(t)
		change(s, func(p *Plan) { p.Limits = l })
		_, _, err := s.Place(t.Context(), a, harryCallsMary())
		if f, ok := err.(*fault.Error); !ok || f.Code != fault.CodeRateLimited || f.Details["retry_after_s"] != 2 {
			t.Fatal(err)
		}
	}
}

func TestLookUpReadsTheContactAsItIsNow(t *testing.T) {
	place := func(t *testing.T) (*Service, *world, call.Call) {
		s, w, a := hospital(t)
		c, _, err := s.Place(t.Context(), a, harryCallsMary())
		if err != nil {
			t.Fatal(err)
		}
		return s, w, c
	}
	t.Run("her number has changed", func(t *testing.T) {
		s, w, c := place(t)
		w.contacts[0].Numbers = contact("", "", "300").Numbers
		found, err := s.LookUp(t.Context(), c)
		if err != nil || found.Number != "300" || found.Attempts[0].Targets[0].Ways[0].Address != "sip:ward@h" {
			t.Fatalf("%v %+v", err, found)
		}
	})
	t.Run("another Mary came", func(t *testing.T) {
		s, w, c := place(t)
		w.contacts = append([]directory.Contact{contact("c-other", "Mary", "300")}, w.contacts...)
		if found, err := s.LookUp(t.Context(), c); err != nil || found.Number != "+16328300101" {
			t.Fatalf("%v %+v: the name must not be resolved again", err, found)
		}
	})
	t.Run("two phones of hers", func(t *testing.T) {
		s, w, c := place(t)
		w.house.several["sip:mary@h"] = 2
		if found, err := s.LookUp(t.Context(), c); err != nil || len(found.Attempts) != 1 || len(found.Attempts[0].Targets) != 2 {
			t.Fatalf("%v %+v", err, found)
		}
	})
	t.Run("a number that a network reaches in two ways, and two phones of hers", func(t *testing.T) {
		s, w, c := place(t)
		w.house.several = map[string]int{"sip:mary@h": 2, "+16328300101": 2} // the network asks the same of its addresses
		change(s, func(p *Plan) { p.Entries = append(p.Entries, Entry{Name: "trunk", Backend: w.house}) })
		found, err := s.LookUp(t.Context(), c)
		if err != nil || len(found.Attempts) != 1 || len(found.Attempts[0].Targets) != 2 {
			t.Fatalf("%v %+v", err, found)
		}
		for i, want := range []int{3, 1} { // all that lead to one phone are tried one after the other, and once
			if got := found.Attempts[0].Targets[i].Ways; len(got) != want {
				t.Errorf("target %d: %+v", i, got)
			}
		}
	})
	t.Run("two phones of hers at a phone system that reaches any number, and a number that another reaches", func(t *testing.T) {
		s, w, c := place(t)
		w.house.several, w.house.apart = map[string]int{"sip:mary@h": 2}, true
		change(s, func(p *Plan) {
			p.Entries[0].Registered = false
			p.Entries = append(p.Entries, Entry{Name: "trunk", Backend: w.house})
		})
		found, err := s.LookUp(t.Context(), c)
		if err != nil || len(found.Attempts) != 1 || len(found.Attempts[0].Targets) != 2 {
			t.Fatalf("%v %+v", err, found)
		}
		for i, want := range []int{2, 1} {
			if got := found.Attempts[0].Targets[i]; len(got.Ways) != want || got.Device != "d-mary" {
				t.Errorf("target %d: %+v", i, got)
			}
		}
	})
	for what, change := range map[string]struct {
		do   func(*world)
		want call.Reason
	}{
		"gone":                {func(w *world) { w.contacts = w.contacts[1:] }, call.InvalidNumber},
		"blocked":             {func(w *world) { w.contacts[0].Blocked = true }, call.Blocked},
		"without a number":    {func(w *world) { w.contacts[0].Numbers = nil }, call.InvalidNumber},
		"with an outside one": {func(w *world) { w.contacts[0].Numbers = w.contacts[5].Numbers }, call.InvalidNumber},
	} {
		t.Run(what, func(t *testing.T) {
			s, w, c := place(t)
			change.do(w)
			found, err := s.LookUp(t.Context(), c)
			if err != nil || found.Failed == nil || found.Failed.Reason != change.want {
				t.Fatalf("%v %+v, want %s", err, found, change.want)
			}
		})
	}
}

func TestLookUpOfABareNumberThatWasBlocked(t *testing.T) {
	s, w, a := hospital(t)
	c, _, err := s.Place(t.Context(), a, Request{Caller: Ref{Name: "harry"}, Callee: Ref{Number: "+16328300101"}})
	if err != nil || c.Callee.ContactID != "" || c.Callee.Name != "Mary" {
		t.Fatal(err, c.Callee.Name)
	}
	w.contacts[0].Blocked = true
	if found, err := s.LookUp(t.Context(), c); err != nil || found.Failed == nil || found.Failed.Reason != call.Blocked {
		t.Fatalf("%v %+v", err, found)
	}
}

func TestResolve(t *testing.T) {
	s, w, a := hospital(t)
	r, err := s.Resolve(t.Context(), a, nil, Ref{Name: "Mary"})
	if err != nil || r.ContactID != "c-mary" || r.Reachable != "yes" || strings.Join(r.Backends, " ") != "house pbx" {
		t.Fatalf("%v %+v", err, r)
	}
	w.house.offline["sip:mary@h"] = true
	r, err = s.Resolve(t.Context(), a, &Ref{Name: "harry"}, Ref{Name: "Mary"})
	if err != nil || r.Reachable != "no" || len(r.Backends) != 0 {
		t.Fatalf("%v %+v", err, r)
	}
	if _, err = s.Resolve(t.Context(), a, nil, Ref{Name: "Bob"}); !fault.Is(err, fault.CodeAmbiguous) {
		t.Fatal(err)
	}
	last := w.audits[len(w.audits)-1]
	if last.Action != "resolve" || last.Result != "ambiguous" {
		t.Fatalf("a refused look-up is audited: %+v", last)
	}
}

func TestOffered(t *testing.T) {
	s, _, _ := hospital(t)
	offer := func(from, to string) (call.Call, *call.Cause) {
		return s.Offered(context.Background(), "house", call.LegEvent{Leg: "leg", Kind: call.EvOffered, From: from, To: to})
	}
	c, refused := offer("sip:harry@h", "+16328300101")
	if refused != nil || c.CallerLeg != "leg" || c.Caller.UserID != "u-harry" || c.Callee.Number != "+16328300101" || !c.Has(call.Adopted) {
		t.Fatalf("%+v %+v", refused, c)
	}
	if c, refused = offer("sip:ward@h", "sip:mary@h"); refused != nil || c.Caller.UserID != "" {
		t.Fatalf("a shared phone does not say who dials: %+v %q", refused, c.Caller.UserID)
	}
	if c, refused = offer("sip:harry@h", "sip:+16328300101@h"); refused != nil || c.Callee.Number != "+16328300101" {
		t.Fatalf("%+v %q", refused, c.Callee.Number)
	}
	for to, want := range map[string]call.Reason{"sip:nobody@h": call.InvalidNumber, "120": call.Forbidden, "+16328300199": call.Forbidden} {
		if _, refused := offer("sip:harry@h", to); refused == nil || refused.Reason != want {
			t.Errorf("%s: %+v, want %s", to, refused, want)
		}
	}
}

// TestOfferedFromOutside: a network's call reaches phones of ours, by their number; nobody outside, whoever it says that
// it is; and when our phone is gone it is not sent out again.
func TestOfferedFromOutside(t *testing.T) {
	s, w, _ := hospital(t)
	offer := func(from, to string) (call.Call, *call.Cause) {
		return s.Offered(t.Context(), "house", call.LegEvent{Leg: "leg", Kind: call.EvOffered, From: from, To: to, Backend: "trunk", Outside: true})
	}
	c, refused := offer("+4930123456", "+16328300101")
	if refused != nil || c.Backend != "trunk" || c.Caller.Number != "+4930123456" || c.Callee.Number != "+16328300101" || !c.Has(call.Outside) {
		t.Fatalf("%+v %+v", refused, c)
	}
	if c, refused = offer("sip:harry@h", "+16328300101"); refused != nil || c.Caller.UserID != "" || c.Caller.Number != "" {
		t.Errorf("a stranger is %+v, %+v", c.Caller, refused)
	}
	for to, want := range map[string]call.Reason{"+4930123456": call.InvalidNumber, "120": call.Forbidden, "sip:nobody@h": call.InvalidNumber} {
		if _, refused := offer("+4930123457", to); refused == nil || refused.Reason != want {
			t.Errorf("%s: %+v, want %s", to, refused, want)
		}
	}
	c.Backend = "house"
	w.house.offline["sip:mary@h"] = true
	found, err := s.LookUp(t.Context(), c)
	if err != nil || len(found.Attempts) > 0 {
		t.Errorf("sent out again: %+v, %v", found, err)
	}
}

func TestParseRef(t *testing.T) {
	for in, want := range map[string]Ref{"harry": {Name: "harry"}, " Mary ": {Name: "Mary"}, "玛丽": {Name: "玛丽"}, "+1 632": {Number: "+1 632"},
		"tel:+1632": {URI: "tel:+1632"}, "SIP:mary@h": {URI: "SIP:mary@h"}, "h123": {Name: "h123"}} {
		if got, err := ParseRef("callee", in); err != nil || got != want {
			t.Errorf("%q: %+v, %v", in, got, err)
		}
	}
	for in, code := range map[string]fault.Code{"123": fault.CodeKindUnclear, "0532 8280": fault.CodeKindUnclear, "": fault.CodeInvalid, "??": fault.CodeInvalid} {
		if _, err := ParseRef("callee", in); !fault.Is(err, code) || err.(*fault.Error).Field != "callee" {
			t.Errorf("%q: %v, want %s", in, err, code)
		}
	}
}

func TestGetReturnsTheNewerOfStoredAndCarried(t *testing.T) {
	s, w, a := hospital(t)
	c, _, err := s.Place(t.Context(), a, harryCallsMary())
	if err != nil {
		t.Fatal(err)
	}
	newer := c
	newer.Version++
	w.stored = map[string]call.Call{c.ID: newer} // committed, and its readers woken, before the carrier shows it
	if got, err := s.Get(t.Context(), a, c.ID); err != nil || got.Version != newer.Version {
		t.Fatalf("%v, version %d", err, got.Version)
	}
	w.stored = nil // the store is down
	if got, err := s.Get(t.Context(), a, c.ID); err != nil || got.Version != c.Version {
		t.Fatalf("%v, version %d", err, got.Version)
	}
}

// one allows one call and no more.
type one struct{ used atomic.Bool }

func (o *one) Allow(string) (bool, time.Duration) { return !o.used.Swap(true), time.Second }

func TestParallelReplaysCountAgainstNoRate(t *testing.T) {
	s, w, a := hospital(t)
	change(s, func(p *Plan) { p.Limits.PerUser = &one{} })
	r := harryCallsMary()
	r.IdempotencyKey, r.BodyHash = "k1", "h1"
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			if _, _, err := s.Place(t.Context(), a, r); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if len(w.calls) != 1 || len(s.turns.keys) != 0 {
		t.Fatalf("%d calls placed, %d turns kept", len(w.calls), len(s.turns.keys))
	}
}
