package sim

import (
	"slices"
	"strings"
	"time"

	"c2d/core/call"
)

// Behaviour is what the phone behind a number does.
type Behaviour struct {
	Offline   bool   // Locate finds no phone
	Ring      []Step // from the originate on
	Talk      []Step // from the join on
	Keys      string // pressed when asked for one
	JoinFails bool

	RecordFails bool // a while after it began
}

// Step is one event that a leg tells, After the step before.
type Step struct {
	After time.Duration
	Tell  call.LegEventKind
	Cause call.Cause // ended
	Late  bool       // is told even when the leg was hung up or has ended by then
}

// entry is a line of the table in doc.go.
type entry struct {
	ending, name string
	does         Behaviour
}

const instant = 200 * time.Millisecond // for a network to say no

// table returns the sandbox of doc.go.
func table() []entry {
	answer := func(after time.Duration) []Step { return rings(Step{After: after, Tell: call.EvAnswered}) }
	return []entry{
		{"00", "answers", Behaviour{Ring: answer(time.Second), Keys: "1"}},
		{"01", "busy", Behaviour{Ring: refused(call.Cause{Reason: call.Busy, SIP: 486, Q850: 17, Text: "Busy Here"})}},
		{"02", "rejects", Behaviour{Ring: rings(ended(2*time.Second, call.Cause{Reason: call.Rejected, SIP: 603, Q850: 21, Text: "Decline"}))}},
		{"03", "silent", Behaviour{Ring: rings()}},
		{"04", "offline", Behaviour{Offline: true, Ring: refused(call.Cause{Reason: call.Unreachable, SIP: 480, Q850: 20, NotRung: true})}},
		{"05", "drops", Behaviour{Ring: answer(time.Second), Talk: []Step{ended(5*time.Second, released())}, Keys: "1"}},
		{"06", "early", Behaviour{Ring: []Step{{Tell: call.EvTrying}, {After: 500 * time.Millisecond, Tell: call.EvEarlyMedia}, {After: 2 * time.Second, Tell: call.EvAnswered}}, Keys: "1"}},
		{"07", "congested", Behaviour{Ring: refused(call.Cause{Reason: call.Congestion, SIP: 503, Q850: 42, Text: "Service Unavailable", NotRung: true})}},
		{"08", "unknown", Behaviour{Ring: refused(call.Cause{Reason: call.InvalidNumber, SIP: 404, Q850: 1, Text: "Not Found"})}},
		{"09", "leaves", Behaviour{Ring: append(answer(time.Second), ended(100*time.Millisecond, released())), Keys: "1"}},
		{"10", "unavailable", Behaviour{Ring: rings(ended(3*time.Second, call.Cause{Reason: call.Unreachable, SIP: 480, Q850: 18, Text: "Temporarily Unavailable"}))}},
		{"11", "forwards", Behaviour{Ring: slices.Insert(answer(2*time.Second), 1, Step{Tell: call.EvForwarded}), Keys: "1"}},
		{"12", "dead", Behaviour{}},
		{"13", "no_key", Behaviour{Ring: answer(time.Second)}},
		{"14", "deaf", Behaviour{Ring: answer(time.Second), Keys: "1", JoinFails: true}},
		{"15", "fails", Behaviour{Ring: rings(ended(time.Second, call.Cause{Reason: call.BackendFailed, SIP: 500, Q850: 41, Text: "Server Internal Error"}))}},
		{"16", "hesitates", Behaviour{Ring: answer(10 * time.Second), Keys: "1"}},
		{"17", "disk_full", Behaviour{Ring: answer(time.Second), Keys: "1", RecordFails: true}},
	}
}

func rings(then ...Step) []Step {
	return append([]Step{{Tell: call.EvTrying}, {After: 50 * time.Millisecond, Tell: call.EvRinging}}, then...)
}

func refused(c call.Cause) []Step { return []Step{{Tell: call.EvTrying}, ended(instant, c)} }

func ended(after time.Duration, c call.Cause) Step {
	return Step{After: after, Tell: call.EvEnded, Cause: c}
}

// released is how a phone that talked goes away.
func released() call.Cause { return call.Cause{Reason: call.Completed, Q850: 16} }

func named(name string) (Behaviour, bool) {
	for _, e := range table() {
		if e.name == name {
			return e.does, true
		}
	}
	return Behaviour{}, false
}

func names() []string {
	var all []string
	for _, e := range table() {
		all = append(all, e.name)
	}
	return all
}

// behaviour returns what the phone behind an address does: a script, the longest configured ending, the table.
func (c Config) behaviour(address string) Behaviour {
	if b, ok := c.Scripts[address]; ok {
		return b
	}
	user := userPart(address)
	best, name := "", ""
	for ending, n := range c.Numbers {
		if len(ending) > len(best) && strings.HasSuffix(user, ending) {
			best, name = ending, n
		}
	}
	if b, ok := named(name); ok {
		return b
	}
	all := table()
	if i := slices.IndexFunc(all, func(e entry) bool { return strings.HasSuffix(user, e.ending) }); i >= 0 {
		return all[i].does
	}
	return all[0].does
}

// userPart is the number or name in an address: "harry" of "sip:harry@hospital.example;user=phone".
func userPart(address string) string {
	for _, scheme := range []string{"sip:", "sips:", "tel:"} {
		address = strings.TrimPrefix(address, scheme)
	}
	user, _, _ := strings.Cut(address, "@")
	user, _, _ = strings.Cut(user, ";")
	return user
}
