package call

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"
)

var t0 = time.Date(2026, 11, 22, 8, 0, 0, 0, time.UTC)

// story walks a call through inputs and notes what the step wanted done.
type story struct {
	t    *testing.T
	c    Call
	now  time.Time
	last []string
}

func newCall() Call {
	target := func(d string, ways ...string) Target {
		t := Target{Device: d}
		for _, w := range ways {
			t.Ways = append(t.Ways, Way{Backend: "house", Address: w})
		}
		return t
	}
	return Call{ID: "call", Tenant: "main", LegBase: "in-n1-call", Confirm: ConfirmAuto, TalkLimit: 100,
		Caller: Party{RingLimit: 20, Attempts: []Attempt{{Targets: []Target{target("desk", "desk")}}}},
		Callee: Party{RingLimit: 30, ContactID: "mary"}}
}

func begin(t *testing.T, c Call) *story {
	t.Helper()
	s := &story{t: t, c: c, now: t0}
	s.in(Started{})
	return s
}

func (s *story) in(in Input) *story {
	s.t.Helper()
	before := clone(s.c)
	next, actions, changed := step(s.c, in, s.now)
	if !reflect.DeepEqual(s.c, before) {
		s.t.Fatalf("%T modified its input", in)
	}
	if !changed && !reflect.DeepEqual(next, before) {
		s.t.Fatalf("%T changed the call and said that it did not:\n%+v\n%+v", in, before, next)
	}
	s.c, s.last = next, nil
	for _, a := range actions {
		s.last = append(s.last, strings.TrimSpace(strings.Join([]string{string(a.Op), strings.TrimPrefix(a.Leg, "in-n1-call-"),
			strings.TrimPrefix(a.Peer, "in-n1-call-"), string(a.Reason)}, " ")))
	}
	return s
}

func (s *story) leg(n int, k LegEventKind, more ...Cause) *story {
	s.t.Helper()
	ev := LegEvent{Leg: fmt.Sprintf("in-n1-call-%d", n), Kind: k}
	if len(more) > 0 {
		ev.Cause = more[0]
	}
	return s.in(ev)
}

func (s *story) after(d time.Duration) *story {
	s.t.Helper()
	s.now = s.now.Add(d)
	return s.in(Tick{})
}

func (s *story) wants(state State, actions ...string) *story {
	s.t.Helper()
	if s.c.State != state {
		s.t.Fatalf("state is %s, want %s", s.c.State, state)
	}
	got := []string{}
	for _, a := range s.last {
		got = append(got, strings.Join(strings.Fields(a), " "))
	}
	if len(got) != len(actions) || (len(got) > 0 && !reflect.DeepEqual(got, actions)) {
		s.t.Fatalf("actions are %q, want %q", got, actions)
	}
	return s
}

func (s *story) ends(r Reason, side Side, by By) *story {
	s.t.Helper()
	if s.c.State != Ended || s.c.End.Reason != r || s.c.End.Side != side || s.c.End.By != by {
		s.t.Fatalf("state %s, end %+v; want ended %s side %q by %s", s.c.State, s.c.End, r, side, by)
	}
	return s
}

func mary(devices ...string) LookedUp {
	a := Attempt{}
	for _, d := range devices {
		a.Targets = append(a.Targets, Target{Device: d, Ways: []Way{{Backend: "house", Address: d}}})
	}
	return LookedUp{Name: "Mary", Attempts: []Attempt{a}}
}

func talking(t *testing.T) *story {
	return begin(t, newCall()).leg(1, EvAnswered).in(mary("m")).leg(2, EvAnswered).leg(1, EvJoined).wants(Connected)
}

func TestHappyPath(t *testing.T) {
	s := begin(t, newCall()).wants(RingingCaller, "originate 1")
	s.leg(1, EvTrying).leg(1, EvRinging).wants(RingingCaller)
	s.leg(1, EvAnswered).wants(RingingCallee, "ring_back 1", "look_up")
	s.in(mary("m")).wants(RingingCallee, "originate 2 1")
	s.leg(2, EvRinging).leg(2, EvEarlyMedia).wants(RingingCallee)
	s.leg(2, EvAnswered).wants(Connecting, "quiet 1", "join 1 2")
	s.leg(1, EvJoined).wants(Connected)
	s.leg(2, EvEnded, Cause{Reason: Completed, Q850: 16}).wants(Ended, "hang_up 1 completed").ends(Completed, CalleeSide, ByCallee)
	if !s.c.Open() {
		t.Fatal("the caller's leg is still being released")
	}
	s.leg(1, EvEnded, Cause{Reason: Completed})
	if s.c.Open() || len(s.c.Timers) != 0 {
		t.Fatalf("open %v, timers %v after the last leg", s.c.Open(), s.c.Timers)
	}
	for name, at := range map[string]time.Time{"created": s.c.CreatedAt, "caller": s.c.CallerAnsweredAt, "callee": s.c.CalleeAnsweredAt, "connected": s.c.ConnectedAt, "ended": s.c.EndedAt} {
		if at.IsZero() {
			t.Errorf("no time for %s", name)
		}
	}
}

func TestOutcomes(t *testing.T) {
	caller := func(t *testing.T) *story { return begin(t, newCall()) }
	callee := func(t *testing.T) *story { return begin(t, newCall()).leg(1, EvAnswered).in(mary("m")) }
	busy := Cause{Reason: Busy, SIP: 486}
	for _, c := range []struct {
		name    string
		at      func(*testing.T) *story
		do      func(*story) *story
		reason  Reason
		side    Side
		by      By
		actions []string
	}{
		{"caller busy", caller, func(s *story) *story { return s.leg(1, EvEnded, busy) }, Busy, CallerSide, ByCaller, nil},
		{"caller rejects", caller, func(s *story) *story { return s.leg(1, EvRinging).leg(1, EvEnded, Cause{Reason: Rejected}) }, Rejected, CallerSide, ByCaller, nil},
		{"caller does not answer", caller, func(s *story) *story { return s.leg(1, EvRinging).after(20 * time.Second) }, NoAnswer, CallerSide, BySystem, []string{"hang_up 1 no_answer"}},
		{"caller silent", caller, func(s *story) *story { return s.after(20 * time.Second) }, Unreachable, CallerSide, BySystem, []string{"hang_up 1 unreachable"}},
		{"caller answers and goes, end first", caller, func(s *story) *story { return s.leg(1, EvEnded, Cause{Reason: Completed}).leg(1, EvAnswered) }, Cancelled, CallerSide, ByCaller, nil},
		{"api cancels at the caller", caller, func(s *story) *story { return s.in(HangUpOrdered{By: ByAPI}) }, Cancelled, NoSide, ByAPI, []string{"hang_up 1 cancelled"}},
		{"callee busy", callee, func(s *story) *story { return s.leg(2, EvEnded, busy) }, Busy, CalleeSide, ByCallee, []string{"tell 1 busy"}},
		{"callee does not answer", callee, func(s *story) *story { return s.leg(2, EvRinging).after(30 * time.Second) }, NoAnswer, CalleeSide, BySystem, []string{"hang_up 2 no_answer", "tell 1 no_answer"}},
		{"caller gives up", callee, func(s *story) *story { return s.leg(2, EvRinging).leg(1, EvEnded, Cause{Reason: Completed}) }, Cancelled, CallerSide, ByCaller, []string{"hang_up 2 cancelled"}},
		{"api cancels at the callee", callee, func(s *story) *story { return s.in(HangUpOrdered{By: ByAPI}) }, Cancelled, NoSide, ByAPI, []string{"hang_up 1 cancelled", "hang_up 2 cancelled"}},
		{"callee gone from the book", func(t *testing.T) *story { return begin(t, newCall()).leg(1, EvAnswered) }, func(s *story) *story { return s.in(LookedUp{Failed: &Cause{Reason: InvalidNumber}}) }, InvalidNumber, CalleeSide, BySystem, []string{"tell 1 invalid_number"}},
		{"callee offline", func(t *testing.T) *story { return begin(t, newCall()).leg(1, EvAnswered) }, func(s *story) *story { return s.in(LookedUp{}) }, Unreachable, CalleeSide, BySystem, []string{"tell 1 unreachable"}},
		{"the book is silent", func(t *testing.T) *story { return begin(t, newCall()).leg(1, EvAnswered) }, func(s *story) *story { return s.after(5 * time.Second) }, Congestion, CalleeSide, BySystem, []string{"tell 1 congestion"}},
		{"join fails", func(t *testing.T) *story { return callee(t).leg(2, EvAnswered) }, func(s *story) *story { return s.leg(1, EvJoinFailed) }, MediaFailed, NoSide, ByBackend, []string{"hang_up 1 media_failed", "hang_up 2 media_failed"}},
		{"join is silent", func(t *testing.T) *story { return callee(t).leg(2, EvAnswered) }, func(s *story) *story { return s.after(10 * time.Second) }, MediaFailed, NoSide, ByBackend, []string{"hang_up 1 media_failed", "hang_up 2 media_failed"}},
		{"callee gone before the join", func(t *testing.T) *story { return callee(t).leg(2, EvAnswered) }, func(s *story) *story { return s.leg(2, EvEnded, Cause{Reason: Completed}) }, Cancelled, CalleeSide, ByCallee, []string{"hang_up 1 cancelled"}},
		{"caller hangs up", talking, func(s *story) *story { return s.leg(1, EvEnded, Cause{Reason: Completed}) }, Completed, CallerSide, ByCaller, []string{"hang_up 2 completed"}},
		{"a leg is lost", talking, func(s *story) *story { return s.leg(1, EvEnded, Cause{Reason: Lost}) }, Lost, CallerSide, ByBackend, []string{"hang_up 2 lost"}},
		{"talk limit", talking, func(s *story) *story { return s.after(100 * time.Second) }, MaxDuration, NoSide, BySystem, []string{"hang_up 1 max_duration", "hang_up 2 max_duration"}},
		{"talk limit, kept by the backend", talking, func(s *story) *story { return s.leg(1, EvEnded, Cause{Reason: MaxDuration}) }, MaxDuration, NoSide, BySystem, []string{"hang_up 2 max_duration"}},
		{"api hangs up", talking, func(s *story) *story { return s.in(HangUpOrdered{By: ByAPI}) }, Completed, NoSide, ByAPI, []string{"hang_up 1 completed", "hang_up 2 completed"}},
		{"store refused", caller, func(s *story) *story { return s.in(NotDurable{}) }, Congestion, NoSide, BySystem, []string{"hang_up 1 congestion"}},
		{"restarted while ringing", callee, func(s *story) *story { return s.in(Restarted{}) }, Lost, NoSide, BySystem, []string{"hang_up 1 lost", "hang_up 2 lost"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := c.do(c.at(t))
			s.ends(c.reason, c.side, c.by).wants(Ended, c.actions...)
		})
	}
}

func TestSeveralDevicesFirstAnswerWins(t *testing.T) {
	c := newCall()
	c.Caller.Attempts[0].Targets = append(c.Caller.Attempts[0].Targets, Target{Device: "mobile", Ways: []Way{{Backend: "house", Address: "mobile"}}})
	s := begin(t, c).wants(RingingCaller, "originate 1", "originate 2")
	s.leg(1, EvEnded, Cause{Reason: Busy}).wants(RingingCaller)
	s.leg(2, EvAnswered).wants(RingingCallee, "ring_back 2", "look_up")
	s.in(mary("a", "b")).wants(RingingCallee, "originate 3 2", "originate 4 2")
	s.leg(4, EvAnswered).wants(Connecting, "hang_up 3 answered_elsewhere", "quiet 2", "join 2 4")
	s.leg(3, EvAnswered).wants(Connecting, "hang_up 3 answered_elsewhere")
	s.leg(3, EvEnded, Cause{Reason: Completed}).wants(Connecting)
	l, _, _ := s.c.Find("in-n1-call-3")
	if l.End.Reason != AnsweredElsewhere {
		t.Fatalf("the loser ended %s", l.End.Reason)
	}
}

func TestNextWayOnlyWhenProvenNotRung(t *testing.T) {
	two := newCall()
	two.Caller.Attempts[0].Targets[0].Ways = append(two.Caller.Attempts[0].Targets[0].Ways, Way{Backend: "ims", Address: "desk"})
	congested := Cause{Reason: Congestion, SIP: 503, NotRung: true}
	s := begin(t, two).leg(1, EvEnded, congested).wants(RingingCaller, "originate 2")
	if s.c.Backend != "ims" {
		t.Fatalf("the call is on %s", s.c.Backend)
	}
	s.leg(2, EvEnded, congested).ends(Congestion, CallerSide, ByCaller)
	begin(t, two).leg(1, EvRinging).leg(1, EvEnded, congested).ends(Congestion, CallerSide, ByCaller)
	begin(t, two).leg(1, EvEnded, Cause{Reason: Congestion, SIP: 503}).ends(Congestion, CallerSide, ByCaller)
}

func TestNextAttempt(t *testing.T) {
	c := newCall()
	c.Caller.Attempts = append(c.Caller.Attempts, Attempt{Targets: []Target{{Device: "mobile", Ways: []Way{{Backend: "house", Address: "mobile"}}}}})
	s := begin(t, c).leg(1, EvRinging).after(20*time.Second).wants(RingingCaller, "hang_up 1 no_answer", "originate 2")
	s.leg(1, EvEnded, Cause{Reason: Cancelled}).wants(RingingCaller)
	s.leg(1, EvAnswered).wants(RingingCaller) // ended already: nothing
	s.leg(2, EvEnded, Cause{Reason: Busy}).ends(Busy, CallerSide, ByCaller)
}

func TestConfirm(t *testing.T) {
	c := newCall()
	c.Caller.Attempts[0].Targets[0].Confirm = true
	s := begin(t, c).leg(1, EvAnswered).wants(Confirming, "ask_key 1")
	s.leg(1, EvPromptDone).wants(Confirming, "ask_key 1")
	s.in(LegEvent{Leg: "in-n1-call-1", Kind: EvDTMF, Digit: '5'}).wants(Confirming)
	s.in(LegEvent{Leg: "in-n1-call-1", Kind: EvDTMF, Digit: '1'}).wants(RingingCallee, "ring_back 1", "look_up")
	begin(t, c).leg(1, EvAnswered).after(20*time.Second).ends(NotConfirmed, CallerSide, BySystem).wants(Ended, "hang_up 1 not_confirmed")
	c.Confirm = ConfirmNever
	begin(t, c).leg(1, EvAnswered).wants(RingingCallee, "ring_back 1", "look_up")
	forwarded := newCall()
	begin(t, forwarded).leg(1, EvForwarded).leg(1, EvAnswered).wants(Confirming, "ask_key 1")
}

func TestOfferedLeg(t *testing.T) {
	c := newCall()
	c.CallerLeg = "phone"
	c.Caller.Attempts[0].Legs = []Leg{{ID: "phone", State: LegOffered}}
	s := begin(t, c).wants(RingingCallee, "look_up")
	s.in(mary("m")).wants(RingingCallee, "originate 2 phone")
	s.leg(2, EvRinging).wants(RingingCallee, "ring phone")
	s.leg(2, EvAnswered).wants(Connecting, "answer phone")
	s.in(LegEvent{Leg: "phone", Kind: EvAnswered}).wants(Connecting, "join phone 2")
	s.in(LegEvent{Leg: "phone", Kind: EvJoined}).wants(Connected)
	begin(t, c).in(LookedUp{Failed: &Cause{Reason: Blocked}}).ends(Blocked, CalleeSide, BySystem).wants(Ended, "refuse phone blocked")
	begin(t, c).in(LegEvent{Leg: "phone", Kind: EvEnded}).ends(Cancelled, CallerSide, ByCaller)
}

func TestLateAnswerIsHungUp(t *testing.T) {
	s := begin(t, newCall()).in(HangUpOrdered{By: ByAPI}).wants(Ended, "hang_up 1 cancelled")
	s.leg(1, EvAnswered).wants(Ended, "hang_up 1 cancelled").ends(Cancelled, NoSide, ByAPI)
	s.leg(1, EvEnded, Cause{Reason: Completed}).wants(Ended)
	if s.c.Open() {
		t.Fatal("still open")
	}
}

func TestToldCallerIsReleased(t *testing.T) {
	told := func() *story {
		return begin(t, newCall()).leg(1, EvAnswered).in(mary("m")).leg(2, EvEnded, Cause{Reason: Busy})
	}
	told().leg(1, EvPromptDone).wants(Ended, "hang_up 1 busy")
	told().after(6*time.Second).wants(Ended, "hang_up 1 busy")
	told().in(HangUpOrdered{By: ByAPI}).wants(Ended, "hang_up 1 busy").ends(Busy, CalleeSide, ByCallee)
	s := told().leg(1, EvEnded, Cause{Reason: Completed}).wants(Ended)
	if s.c.Open() {
		t.Fatal("the caller hung up himself; nothing is open")
	}
}

func TestLegThatNeverTellsItsEndIsForgotten(t *testing.T) {
	s := talking(t).in(HangUpOrdered{By: ByAPI}).leg(1, EvEnded, Cause{}).after(40 * time.Second)
	l, _, _ := s.c.Find("in-n1-call-2")
	if s.c.Open() || l.End.Reason != Lost {
		t.Fatalf("open %v, leg %+v", s.c.Open(), l)
	}
}

func TestQueue(t *testing.T) {
	s := &story{t: t, c: newCall(), now: t0}
	s.in(Started{Queue: true}).wants(Queued)
	s.in(Admitted{}).wants(RingingCaller, "originate 1")
	s = &story{t: t, c: newCall(), now: t0}
	s.in(Started{Queue: true}).after(5*time.Second).ends(Congestion, NoSide, BySystem)
}

func TestBackendLostAndBack(t *testing.T) {
	s := talking(t).in(LinkChanged{}).wants(Connected)
	if !s.c.Has(Unsure) {
		t.Fatal("not flagged")
	}
	seen := Seen{Asked: s.now.Add(time.Second), Legs: map[string]LegInfo{"in-n1-call-1": {State: LegAnswered}, "in-n1-call-2": {State: LegAnswered}}}
	if s.in(seen).wants(Connected); s.c.Has(Unsure) {
		t.Fatal("still flagged")
	}
	delete(seen.Legs, "in-n1-call-2")
	s.in(seen).wants(Ended, "hang_up 1 lost").ends(Lost, CalleeSide, ByBackend)
}

func TestBackendLostWhileTheyAreJoined(t *testing.T) {
	connecting := func() *story { return begin(t, newCall()).leg(1, EvAnswered).in(mary("m")).leg(2, EvAnswered) }
	connecting().in(LinkChanged{}).in(joinedOr("")).wants(Connecting, "join 1 2")
	connecting().in(LinkChanged{}).in(joinedOr("in-n1-call-2")).wants(Connected)
	connecting().in(joinedOr("")).wants(Connecting) // the order is on its way
}

// joinedOr is a snapshot in which the caller is joined to a peer, or to nobody.
func joinedOr(peer string) Seen {
	return Seen{Asked: t0.Add(time.Minute), Legs: map[string]LegInfo{
		"in-n1-call-1": {State: LegAnswered, JoinedTo: peer}, "in-n1-call-2": {State: LegAnswered}}}
}

// TestAnyInputInAnyState feeds every input to every state that a call can be in: nothing panics, an ended call keeps its
// one outcome, and each way to the end releases every leg.
func TestAnyInputInAnyState(t *testing.T) {
	starts := map[string]func() *story{
		"ringing_caller": func() *story { return begin(t, newCall()) },
		"ringing_callee": func() *story { return begin(t, newCall()).leg(1, EvAnswered).in(mary("m", "n")) },
		"looking_up":     func() *story { return begin(t, newCall()).leg(1, EvAnswered) },
		"connecting":     func() *story { return begin(t, newCall()).leg(1, EvAnswered).in(mary("m", "n")).leg(2, EvAnswered) },
		"connected":      func() *story { return talking(t) },
		"ended":          func() *story { return talking(t).in(HangUpOrdered{By: ByAPI}) },
		"told": func() *story {
			return begin(t, newCall()).leg(1, EvAnswered).in(mary("m")).leg(2, EvEnded, Cause{Reason: Busy})
		},
	}
	inputs := []Input{Started{}, Admitted{}, Tick{}, mary("x"), LookedUp{Failed: &Cause{Reason: Blocked}}, HangUpOrdered{By: ByAPI},
		LinkChanged{}, LinkChanged{Up: true}, Seen{Asked: t0.Add(time.Hour)}, Restarted{}, NotDurable{}}
	for _, k := range []LegEventKind{EvTrying, EvRinging, EvEarlyMedia, EvForwarded, EvAnswered, EvJoined, EvJoinFailed, EvParted, EvDTMF, EvPromptDone, EvHeld, EvResumed, EvMedia, EvResume, EvEnded} {
		for _, n := range []int{1, 2} {
			inputs = append(inputs, LegEvent{Leg: fmt.Sprintf("in-n1-call-%d", n), Kind: k, Digit: '1', Cause: Cause{Reason: Busy}})
		}
	}
	for name, start := range starts {
		for _, first := range inputs {
			for _, second := range inputs {
				if _, again := first.(Started); again {
					continue // a call is started once: the runner's promise
				}
				if _, again := second.(Started); again {
					continue
				}
				s := start()
				was := s.c.End
				s.in(first)
				mid := s.c.End
				s.in(second)
				if (was != nil && *s.c.End != *was) || (mid != nil && *s.c.End != *mid) {
					t.Fatalf("%s, %#v, %#v: the outcome changed", name, first, second)
				}
				if s.c.State == Ended {
					s.after(6 * time.Second)
					for l := range s.c.Legs {
						if l.Open() && l.HangUp == "" {
							t.Fatalf("%s, %#v, %#v: leg %s is left hanging", name, first, second, l.ID)
						}
					}
				}
			}
		}
	}
}

func TestALegThatWasLostAndAnswers(t *testing.T) {
	s := talking(t)
	s.leg(2, EvEnded, Cause{Reason: Lost}).leg(2, EvAnswered).wants(Ended, "hang_up 2 lost")
}

func TestALegAsNewAsTheSnapshotIsNotJudgedByIt(t *testing.T) {
	s := begin(t, newCall()).in(Seen{Asked: t0.Add(300 * time.Microsecond)})
	if s.c.State != RingingCaller {
		t.Fatalf("the call is %s", s.c.State)
	}
}
