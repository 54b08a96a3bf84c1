package call

import "slices"

// legEnded is the last event of a leg. What it means depends on whose leg it is and how far the call has come.
func (m *machine) legEnded(l *Leg, side Side, cause Cause) {
	if l.HangUp != "" {
		cause.Reason = l.HangUp // we wanted it; the raw values stay
	}
	l.State, l.EndedAt, l.End, l.JoinedTo, l.Held, m.changed = LegEnded, m.now, &cause, "", false, true
	switch {
	case m.c.State == Ended:
		m.settled()
	case l.HangUp != "":
		m.exhausted(side)
	case l.ID == m.c.CallerLeg || l.ID == m.c.CalleeLeg:
		m.winnerEnded(side, cause)
	default:
		m.notReached(l, side, cause)
	}
}

// winnerEnded ends the call whose caller or callee, having answered, went away.
func (m *machine) winnerEnded(side Side, cause Cause) {
	by := ByCaller
	if side == CalleeSide {
		by = ByCallee
	}
	switch {
	case cause.Reason == MaxDuration: // the backend kept our limit
		side, by = NoSide, BySystem
	case cause.Reason == Lost || cause.Reason == BackendFailed || cause.Reason == MediaFailed:
		by = ByBackend
	case m.c.State == Connected:
		cause.Reason = Completed
	default:
		cause.Reason = Cancelled
	}
	m.end(cause, side, by)
}

// notReached tries the target's next way when it is proven that no phone rang, else sees whether anything still rings.
func (m *machine) notReached(l *Leg, side Side, cause Cause) {
	p := m.c.Party(side)
	next := l.WayIndex + 1
	if cause.NotRung && !l.Rang && next < len(p.Attempts[p.Current].Targets[l.Target].Ways) {
		target := l.Target
		m.leg(p, target, next) // l is stale from here: the slice may have moved
		if side == CallerSide {
			m.c.Backend = p.Attempts[p.Current].Targets[target].Ways[next].Backend
		}
		return
	}
	m.exhausted(side)
}

// exhausted goes on to the party's next attempt, or gives up, once no leg of the current one is left.
func (m *machine) exhausted(side Side) {
	p := m.c.Party(side)
	if !m.rings(side) || slices.ContainsFunc(p.Attempts[p.Current].Legs, func(l Leg) bool { return l.Open() && l.HangUp == "" }) {
		return
	}
	if p.Current+1 < len(p.Attempts) {
		m.ring(side, p.Current+1)
		return
	}
	by := ByCaller
	if side == CalleeSide {
		by = ByCallee
	}
	cause := worst(p.Attempts[p.Current].Legs)
	if cause.Reason == Completed {
		cause.Reason = Cancelled // it answered and went away, and its end overtook its answer: nobody talked
	}
	m.fail(cause, side, by)
}

// rings reports whether the call is in the state in which that party is being rung.
func (m *machine) rings(side Side) bool {
	if side == CallerSide {
		return m.c.State == RingingCaller
	}
	return m.c.State == RingingCallee && len(m.c.Callee.Attempts) > 0
}

// unanswered is the ring timer: the attempt's phones stop, and the next attempt or the end follows.
func (m *machine) unanswered(side Side) {
	if !m.rings(side) {
		return
	}
	p := m.c.Party(side)
	cause := Cause{Reason: Unreachable}
	for i := range p.Attempts[p.Current].Legs {
		if p.Attempts[p.Current].Legs[i].Rang {
			cause.Reason = NoAnswer
		}
	}
	for i := range p.Attempts[p.Current].Legs {
		m.order(&p.Attempts[p.Current].Legs[i], cause.Reason)
	}
	if p.Current+1 < len(p.Attempts) {
		m.ring(side, p.Current+1)
		return
	}
	m.fail(cause, side, BySystem)
}

// reasonRank orders what several phones of one party said: what tells the other side most comes first.
var reasonRank = []Reason{Busy, Rejected, NoAnswer, Forbidden, InvalidNumber, Congestion, MediaFailed, BackendFailed, Lost, Unreachable}

func worst(legs []Leg) Cause {
	best, rank := Cause{Reason: Unreachable}, len(reasonRank)+1
	for _, l := range legs {
		if l.End == nil || l.End.Reason == AnsweredElsewhere {
			continue
		}
		r := slices.Index(reasonRank, l.End.Reason)
		if r < 0 {
			r = len(reasonRank)
		}
		if r < rank {
			best, rank = *l.End, r
		}
	}
	return best
}

// fail ends a call whose party cannot be reached. A caller who has answered hears why.
func (m *machine) fail(cause Cause, side Side, by By) {
	tell := ""
	if l, _, _ := m.c.Find(m.c.CallerLeg); side == CalleeSide && l != nil && l.State == LegAnswered && l.HangUp == "" {
		tell = l.ID
	}
	m.finish(cause, side, by, tell)
	if tell != "" {
		m.do(Action{Op: OpTell, Leg: tell, Reason: cause.Reason})
		m.arm(TellTimer, tellLimit)
	}
}

func (m *machine) end(cause Cause, side Side, by By) { m.finish(cause, side, by, "") }

// finish is the one way into Ended: every leg but the one that is told why is released at once.
func (m *machine) finish(cause Cause, side Side, by By, tell string) {
	if m.c.State == Ended {
		return
	}
	m.enter(Ended)
	m.c.Timers = nil
	m.c.EndedAt, m.c.End = m.now, &End{Cause: cause, Side: side, By: by}
	m.recordOver()
	for l := range m.c.Legs {
		if l.HangUp == "" && l.ID != tell {
			m.order(l, cause.Reason)
		}
	}
	m.settled()
}

// releaseTold releases the caller who was told why the callee could not be reached.
func (m *machine) releaseTold() {
	if m.c.State != Ended {
		return
	}
	m.disarm(TellTimer)
	for l := range m.c.Legs {
		if l.Open() && l.HangUp == "" {
			m.order(l, m.c.End.Reason)
		}
	}
	m.settled()
}

// settled keeps the release timer running while a leg of an ended call is open.
func (m *machine) settled() {
	if !m.c.Open() {
		m.disarm(TellTimer, ReleaseTimer)
		return
	}
	if _, set := m.c.Timers[ReleaseTimer]; !set {
		m.arm(ReleaseTimer, releaseLimit)
	}
}

// forget closes the record over legs whose end was ordered and never told.
func (m *machine) forget() {
	for l := range m.c.Legs {
		if l.Open() {
			l.State, l.EndedAt, l.End, m.changed = LegEnded, m.now, &Cause{Reason: Lost}, true
		}
	}
}
