package call

// legEvent is the row of the table for what a backend tells. Events that are late, repeated or out of order change
// nothing, but for one: a phone that answers after its call was given up, or after it was taken for lost, is hung up.
func (m *machine) legEvent(ev LegEvent) {
	l, side, _ := m.c.Find(ev.Leg)
	if l == nil {
		return
	}
	if !l.Open() {
		if ev.Kind == EvAnswered && l.End.Reason == Lost { // it was not gone
			m.do(Action{Op: OpHangUp, Leg: l.ID, Reason: Lost})
		}
		return
	}
	m.recordTold(ev)
	if ev.Resume != nil {
		l.Resume, m.changed = ev.Resume, true
	}
	if ev.Handle != "" && l.Handle != ev.Handle {
		l.Handle, m.changed = ev.Handle, true
	}
	switch ev.Kind {
	case EvTrying:
		m.progress(l, LegTrying)
	case EvRinging:
		m.ringing(l, side, LegRinging)
	case EvEarlyMedia:
		m.ringing(l, side, LegEarly)
	case EvForwarded:
		if !l.Forwarded {
			l.Forwarded, m.changed = true, true
		}
	case EvAnswered:
		m.answered(l, side)
	case EvJoined:
		if m.isPeer(ev.Peer, l.ID) {
			m.joined()
		}
	case EvJoinFailed:
		m.joinFailed(ev.Cause)
	case EvDTMF:
		m.digit(l, ev.Digit)
	case EvPromptDone:
		m.promptDone(l)
	case EvHeld, EvResumed:
		m.held(l, ev.Kind == EvHeld)
	case EvEnded:
		m.legEnded(l, side, ev.Cause)
	}
}

var legOrder = map[LegState]int{LegIntended: 0, LegOffered: 0, LegTrying: 1, LegRinging: 2, LegEarly: 3, LegAnswered: 4, LegEnded: 5}

// progress moves a leg forward, never back; it reports whether the leg moved.
func (m *machine) progress(l *Leg, to LegState) bool {
	if legOrder[to] <= legOrder[l.State] {
		return false
	}
	l.State, m.changed = to, true
	return true
}

func (m *machine) ringing(l *Leg, side Side, to LegState) {
	if !m.progress(l, to) || l.Rang {
		return
	}
	l.Rang, l.RingingAt = true, m.now
	if caller, _, _ := m.c.Find(m.c.CallerLeg); side == CalleeSide && caller != nil && caller.State == LegOffered {
		m.do(Action{Op: OpRing, Leg: caller.ID})
	}
}

func (m *machine) answered(l *Leg, side Side) {
	if l.State == LegAnswered {
		return
	}
	m.progress(l, LegAnswered)
	l.AnsweredAt = m.now
	switch {
	case l.HangUp != "":
		m.order(l, l.HangUp) // it crossed our hang-up: once more, now that the backend knows it as answered
	case side == CallerSide && m.c.State == RingingCaller:
		m.callerAnswered(l)
	case side == CallerSide && m.c.State == Connecting && l.ID == m.c.CallerLeg:
		m.c.CallerAnsweredAt = m.now
		m.join()
	case side == CalleeSide && m.c.State == RingingCallee:
		m.calleeAnswered(l)
	default:
		m.order(l, AnsweredElsewhere)
	}
}

func (m *machine) callerAnswered(l *Leg) {
	m.c.CallerLeg, m.c.Backend, m.c.CallerAnsweredAt = l.ID, l.Way.Backend, m.now
	m.disarm(CallerTimer)
	m.cancelOthers(&m.c.Caller, l.ID)
	if m.mustConfirm(l) {
		m.enter(Confirming)
		m.arm(ConfirmTimer, confirmLimit)
		m.do(Action{Op: OpAskKey, Leg: l.ID})
		return
	}
	m.do(Action{Op: OpRingBack, Leg: l.ID})
	m.lookUp()
}

func (m *machine) mustConfirm(l *Leg) bool {
	if m.c.Confirm == ConfirmAuto {
		_, _, t := m.c.Find(l.ID)
		return t.Confirm || l.Forwarded
	}
	return m.c.Confirm == ConfirmAlways
}

// digit is a key press: 1 confirms.
func (m *machine) digit(l *Leg, d byte) {
	if m.c.State != Confirming || l.ID != m.c.CallerLeg || d != '1' {
		return
	}
	m.disarm(ConfirmTimer)
	m.c.Confirmed = true
	m.do(Action{Op: OpRingBack, Leg: l.ID})
	m.lookUp()
}

func (m *machine) promptDone(l *Leg) {
	if m.c.State == Confirming {
		m.do(Action{Op: OpAskKey, Leg: l.ID})
		return
	}
	m.releaseTold()
}

func (m *machine) lookUp() {
	m.enter(RingingCallee)
	m.arm(LookUpTimer, lookUpLimit)
	m.do(Action{Op: OpLookUp})
}

func (m *machine) lookedUp(in LookedUp) {
	if _, waiting := m.c.Timers[LookUpTimer]; !waiting || m.c.State != RingingCallee {
		return
	}
	m.disarm(LookUpTimer)
	if in.Name != "" {
		m.c.Callee.Name = in.Name
	}
	if in.Number != "" {
		m.c.Callee.Number = in.Number
	}
	switch {
	case in.Failed != nil:
		m.fail(*in.Failed, CalleeSide, BySystem)
	case len(in.Attempts) == 0:
		m.fail(Cause{Reason: Unreachable, NotRung: true}, CalleeSide, BySystem)
	default:
		m.c.Callee.Attempts = clone(Call{Callee: Party{Attempts: in.Attempts}}).Callee.Attempts
		m.ring(CalleeSide, 0)
	}
}

func (m *machine) calleeAnswered(l *Leg) {
	m.c.CalleeLeg, m.c.CalleeAnsweredAt = l.ID, m.now
	m.disarm(CalleeTimer)
	m.cancelOthers(&m.c.Callee, l.ID)
	m.enter(Connecting)
	m.arm(JoinTimer, joinLimit)
	caller, _, _ := m.c.Find(m.c.CallerLeg)
	if caller.State == LegOffered {
		m.do(Action{Op: OpAnswer, Leg: caller.ID})
		return
	}
	m.do(Action{Op: OpQuiet, Leg: caller.ID})
	m.join()
}

func (m *machine) join() {
	m.do(Action{Op: OpJoin, Leg: m.c.CallerLeg, Peer: m.c.CalleeLeg})
}

func (m *machine) joined() {
	if m.c.State != Connecting {
		return
	}
	m.disarm(JoinTimer)
	m.c.ConnectedAt = m.now
	for l := range m.c.Legs {
		switch l.ID {
		case m.c.CallerLeg:
			l.JoinedTo = m.c.CalleeLeg
		case m.c.CalleeLeg:
			l.JoinedTo = m.c.CallerLeg
		}
	}
	m.enter(Connected)
	m.arm(TalkTimer, m.c.TalkLimit.Duration())
}

func (m *machine) joinFailed(cause Cause) {
	if m.c.State == Connecting || m.c.State == Connected {
		cause.Reason = MediaFailed
		m.end(cause, NoSide, ByBackend)
	}
}

func (m *machine) held(l *Leg, on bool) {
	if l.Held != on {
		l.Held, m.changed = on, true
	}
}

func (m *machine) cancelOthers(p *Party, winner string) {
	for i := range p.Attempts[p.Current].Legs {
		if l := &p.Attempts[p.Current].Legs[i]; l.ID != winner && l.HangUp == "" {
			m.order(l, AnsweredElsewhere)
		}
	}
}
