package storetest

import (
	"fmt"
	"testing"
	"time"

	"c2d/core/audit"
	"c2d/core/call"
	"c2d/core/fault"
)

// newCall is a call of a user whose phone is about to ring, with everything that is to come back.
func newCall(tenant, id, userID string) call.Call {
	return call.Call{ID: id, Tenant: tenant, Version: 1, Node: "n1", Epoch: 7, State: call.RingingCaller, Flags: []call.Flag{call.Adopted},
		Caller: call.Party{UserID: userID, RingLimit: 25, Attempts: []call.Attempt{{
			Targets: []call.Target{{Device: "d1", Ways: []call.Way{{Backend: "house", Address: "sip:harry@h.example"}}}},
			Legs:    []call.Leg{{ID: "c2d-n1-" + id, State: call.LegRinging, CreatedAt: noon, RingingAt: noon.Add(time.Second), Resume: []byte{0, 1, 255}}},
		}}},
		Callee: call.Party{ContactID: "c1", Name: "王·芳", Number: "+16328300101"}, Backend: "house", LegBase: "c2d-n1-" + id,
		Confirm: call.ConfirmAuto, Context: map[string]string{"visit": "V1", "patient": "P1"}, TalkLimit: 14400,
		PlacedBy: call.PlacedBy{KeyID: "k1", RequestID: "r1"}, CreatedAt: noon, UpdatedAt: noon,
		Timers: map[call.Timer]time.Time{call.CallerTimer: noon.Add(25 * time.Second)}}
}

// next is the call's next version in that state; an ended one has no open leg.
func next(c call.Call, state call.State) call.Call {
	c.Version, c.State = c.Version+1, state
	if state != call.Ended {
		return c
	}
	c.EndedAt, c.Timers = noon.Add(time.Minute), nil
	c.End = &call.End{Cause: call.Cause{Reason: call.Completed, Q850: 16}, By: call.ByCaller, Side: call.CallerSide}
	c.Caller.Attempts = []call.Attempt{{Targets: c.Caller.Attempts[0].Targets,
		Legs: []call.Leg{{ID: c.Caller.Attempts[0].Legs[0].ID, State: call.LegEnded, CreatedAt: noon, EndedAt: c.EndedAt}}}}
	return c
}

func testCalls(t *testing.T, s Stores) {
	ctx := t.Context()
	c := newCall(tenantA, "1", "u1")
	ok(t, s.Create(ctx, c, nil, trail(tenantA, c.ID)))
	t.Run("comes back as it was", func(t *testing.T) { wantCall(t, s, c) })
	t.Run("the id is taken", func(t *testing.T) {
		wantField(t, s.Create(ctx, newCall(tenantA, "1", "u2"), nil, audit.Trail{}), fault.CodeExists, "id")
	})
	t.Run("the caller's phone rings already", func(t *testing.T) {
		err := s.Create(ctx, newCall(tenantA, "2", "u1"), nil, trail(tenantA, "2"))
		if f := wantCode(t, err, fault.CodeCallerBusy); f.Details["call"] != "1" {
			t.Errorf("the first call is %v, want 1", f.Details["call"])
		}
		entries, events := left(t, s, tenantA)
		same(t, [2]int{entries, events}, [2]int{1, 1})
	})
	t.Run("a caller who is no user is never busy", func(t *testing.T) {
		ok(t, s.Create(ctx, newCall(tenantA, "3", ""), nil, audit.Trail{}))
		ok(t, s.Create(ctx, newCall(tenantA, "4", ""), nil, audit.Trail{}))
	})
	t.Run("fences", func(t *testing.T) { testFences(t, s, c) })
	t.Run("taken over", func(t *testing.T) { testTakeOver(t, s) })
	t.Run("story", func(t *testing.T) { testCallStory(t, s, c) })
	t.Run("times are kept to the millisecond in UTC", func(t *testing.T) {
		c := newCall(tenantA, "5", "u5")
		c.CreatedAt, c.Timers = start, map[call.Timer]time.Time{call.CallerTimer: start}
		ok(t, s.Create(ctx, c, nil, audit.Trail{}))
		c.CreatedAt, c.Timers = noon, map[call.Timer]time.Time{call.CallerTimer: noon}
		wantCall(t, s, c)
	})
	_, err := s.Get(ctx, tenantA, "nobody")
	wantCode(t, err, fault.CodeNotFound)
}

func wantCall(t *testing.T, s Stores, want call.Call) {
	t.Helper()
	c, err := s.Get(t.Context(), want.Tenant, want.ID)
	ok(t, err)
	same(t, c, want)
}

// testFences saves versions that are not the next one of the call's own node and epoch.
func testFences(t *testing.T, s Stores, c call.Call) {
	fenced := func(name string, want fault.Code, change func(*call.Call)) {
		t.Run(name, func(t *testing.T) {
			n := next(c, call.Connected)
			change(&n)
			wantCode(t, s.Save(t.Context(), n, trail(tenantA, c.ID), nil), want)
			wantCall(t, s, c)
		})
	}
	fenced("the same version", fault.CodeConflict, func(n *call.Call) { n.Version = c.Version })
	fenced("a version before", fault.CodeConflict, func(n *call.Call) { n.Version = c.Version - 1 })
	fenced("another node", fault.CodeConflict, func(n *call.Call) { n.Node = "n2" })
	fenced("another epoch", fault.CodeConflict, func(n *call.Call) { n.Epoch++ })
	fenced("an unknown call", fault.CodeNotFound, func(n *call.Call) { n.ID = "nobody" })
	entries, events := left(t, s, tenantA)
	same(t, [2]int{entries, events}, [2]int{1, 1})
}

// testTakeOver takes legs over into a new call: it and the ends of the old ones are stored together, or nothing is.
func testTakeOver(t *testing.T, s Stores) {
	ctx := t.Context()
	one, two := newCall(tenantA, "t1", "u7"), newCall(tenantA, "t2", "u8")
	ok(t, s.Create(ctx, one, nil, audit.Trail{}))
	ok(t, s.Create(ctx, two, nil, audit.Trail{}))
	entries, events := left(t, s, tenantA)
	made := newCall(tenantA, "t3", "u9")
	made.State = call.Connecting
	refused := func(name string, code fault.Code, c call.Call, from ...call.Call) {
		t.Run(name, func(t *testing.T) {
			wantCode(t, s.TakeOver(ctx, c, from, trail(tenantA, c.ID)), code)
			wantCall(t, s, one)
			wantCall(t, s, two)
			_, err := s.Get(ctx, tenantA, "t3")
			wantCode(t, err, fault.CodeNotFound)
			e, v := left(t, s, tenantA)
			same(t, [2]int{e, v}, [2]int{entries, events})
		})
	}
	late, foreign, taken := next(two, call.Ended), next(two, call.Ended), made
	late.Version-- // as if another had stored one
	foreign.Tenant, taken.ID = tenantB, "t1"
	refused("the second has changed meanwhile", fault.CodeConflict, made, next(one, call.Ended), late)
	refused("of another tenant", fault.CodeInvalid, made, next(one, call.Ended), foreign)
	refused("the id is taken", fault.CodeExists, taken, next(one, call.Ended), next(two, call.Ended))
	ends := []call.Call{next(one, call.Ended), next(two, call.Ended)}
	ok(t, s.TakeOver(ctx, made, ends, trail(tenantA, made.ID)))
	for _, c := range append(ends, made) {
		wantCall(t, s, c)
	}
	e, v := left(t, s, tenantA)
	same(t, [2]int{e, v}, [2]int{entries + 1, events + 1})
	ok(t, s.Save(ctx, next(made, call.Ended), audit.Trail{}, nil))
}

// testCallStory takes the call to its end, and looks at what is open and who is busy on the way.
func testCallStory(t *testing.T, s Stores, c call.Call) {
	ctx := t.Context()
	connected := next(c, call.Connected)
	connected.Context = map[string]string{"visit": "V2"}
	ok(t, s.Save(ctx, connected, trail(tenantA, c.ID), nil))
	wantCall(t, s, connected)
	wantListed(t, s, call.Query{Tenant: tenantA, Context: map[string]string{"visit": "V2"}}, "1")
	wantListed(t, s, call.Query{Tenant: tenantA, UserID: "u1", Context: map[string]string{"patient": "P1"}})
	ok(t, s.Create(ctx, newCall(tenantA, "2", "u1"), nil, audit.Trail{}))
	again := next(connected, call.RingingCaller)
	wantCode(t, s.Save(ctx, again, audit.Trail{}, nil), fault.CodeCallerBusy)

	wantOpen(t, s, "n1", "1", "2", "3", "4")
	wantOpen(t, s, "n2")
	ended := next(connected, call.Ended)
	ended.Version += 3 // what is between was never stored
	ok(t, s.Save(ctx, ended, trail(tenantA, c.ID), nil))
	wantCall(t, s, ended)
	wantOpen(t, s, "n1", "2", "3", "4")

	dying := next(newCall(tenantA, "2", "u1"), call.Ended)
	dying.Caller = newCall(tenantA, "2", "u1").Caller
	ok(t, s.Save(ctx, dying, audit.Trail{}, nil))
	wantOpen(t, s, "n1", "2", "3", "4") // it has ended, its leg has not
}

func wantOpen(t *testing.T, s Stores, node string, ids ...string) {
	t.Helper()
	calls, err := s.Open(t.Context(), node)
	ok(t, err)
	same(t, fmt.Sprint(idsOf(calls)), fmt.Sprint(ids))
}

func idsOf(calls []call.Call) []string {
	ids := []string{}
	for _, c := range calls {
		ids = append(ids, c.ID)
	}
	return ids
}
