package sim

import (
	"time"

	"c2d/core/call"
)

// leg is one phone. All of it is guarded by the backend's mutex.
type leg struct {
	id        string
	does      Behaviour
	state     call.LegState
	since     time.Time
	joinedTo  string
	talkLimit time.Duration
	script    *alarm   // the next step, if no late one follows
	limits    []*alarm // ring or talk limit
	prompt    []*alarm // what is being played, and the keys
	leaving   bool     // was hung up; ended follows
	keys      string   // that were pressed towards it
	recording string   // the name of the one that runs
}

// states are where an event takes a leg to.
var states = map[call.LegEventKind]call.LegState{
	call.EvTrying: call.LegTrying, call.EvRinging: call.LegRinging, call.EvEarlyMedia: call.LegEarly, call.EvAnswered: call.LegAnswered,
}

// play runs steps one after the other. Once the leg leaves, only the late ones of them are told.
func (b *Backend) play(l *leg, steps []Step) {
	if len(steps) == 0 {
		return
	}
	a := b.after(b.scaled(steps[0].After), func() {
		b.take(l, steps[0])
		b.play(l, steps[1:])
	})
	if !anyLate(steps) {
		l.script = a
	}
}

func anyLate(steps []Step) bool {
	for _, s := range steps {
		if s.Late {
			return true
		}
	}
	return false
}

func (b *Backend) take(l *leg, s Step) {
	over := l.leaving || l.state == call.LegEnded
	if over && !s.Late {
		return
	}
	if s.Tell == call.EvEnded && !over {
		b.finish(l, s.Cause)
		return
	}
	if to, ok := states[s.Tell]; ok && !over {
		b.enter(l, to)
	}
	b.say(call.LegEvent{Leg: l.id, Kind: s.Tell, Cause: s.Cause})
}

// enter moves a leg to a state; one that has answered is bound by its talk limit, no more by its ring limit.
func (b *Backend) enter(l *leg, to call.LegState) {
	if to == call.LegAnswered && l.state != to {
		b.callOffAll(l.limits)
		l.limits = nil
		b.limit(l, l.talkLimit, func() call.Cause { return call.Cause{Reason: call.MaxDuration, Q850: 16} })
	}
	l.state, l.since = to, time.Now().UTC()
}

// limit ends the leg once d has passed; 0 is no limit.
func (b *Backend) limit(l *leg, d time.Duration, cause func() call.Cause) {
	if d > 0 {
		l.limits = append(l.limits, b.after(d, func() { b.finish(l, cause()) }))
	}
}

// unanswered is the cause of a leg that has met its ring limit.
func (l *leg) unanswered() call.Cause {
	if l.state == call.LegRinging || l.state == call.LegEarly {
		return call.Cause{Reason: call.NoAnswer, SIP: 487, Q850: 19}
	}
	return call.Cause{Reason: call.Unreachable, SIP: 408, Q850: 102}
}

// finish ends a leg and parts it from its peer.
func (b *Backend) finish(l *leg, cause call.Cause) {
	if l.state == call.LegEnded {
		return
	}
	b.quiet(l)
	l.state = call.LegEnded
	delete(b.legs, l.id)
	b.unrecord(l)
	b.say(call.LegEvent{Leg: l.id, Kind: call.EvEnded, Cause: cause})
	b.part(l)
}

// quiet calls off all that the leg would still do by itself.
func (b *Backend) quiet(l *leg) {
	b.callOff(l.script)
	b.callOffAll(l.limits)
	b.callOffAll(l.prompt)
}

func (b *Backend) callOffAll(all []*alarm) {
	for _, a := range all {
		b.callOff(a)
	}
}

// part undoes a join; the peer stays, alone.
func (b *Backend) part(l *leg) {
	peer := b.legs[l.joinedTo]
	l.joinedTo = ""
	if l.state != call.LegEnded {
		b.unrecord(l)
	}
	if peer == nil || peer.joinedTo != l.id {
		return
	}
	peer.joinedTo = ""
	b.unrecord(peer)
	b.say(call.LegEvent{Leg: peer.id, Kind: call.EvParted, Peer: l.id})
}

// join connects two legs that have answered, if both are still there.
func (b *Backend) join(x, y *leg) {
	if x.state == call.LegEnded {
		return
	}
	if x == y || x.state != call.LegAnswered || y.state != call.LegAnswered || x.does.JoinFails || y.does.JoinFails {
		b.say(call.LegEvent{Leg: x.id, Kind: call.EvJoinFailed, Peer: y.id, Cause: call.Cause{Reason: call.MediaFailed}})
		return
	}
	if x.joinedTo != y.id {
		b.part(x)
		b.part(y)
		x.joinedTo, y.joinedTo = y.id, x.id
		b.play(x, x.does.Talk)
		b.play(y, y.does.Talk)
	}
	b.say(call.LegEvent{Leg: x.id, Kind: call.EvJoined, Peer: y.id})
}
