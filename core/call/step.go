package call

import (
	"maps"
	"slices"
	"strconv"
	"time"
)

// step is the whole behaviour of a call: pure, without clock, id or I/O. It returns the call after the input, what is
// to be done, and whether anything changed. c is not modified. The table is in doc.go.
func step(c Call, in Input, now time.Time) (next Call, actions []Action, changed bool) {
	m := &machine{c: clone(c), now: now.UTC().Truncate(time.Millisecond)}
	switch in := in.(type) {
	case Started:
		m.start(in)
	case Admitted:
		m.admitted()
	case Found:
		m.found()
	case Tick:
		m.tick()
	case LookedUp:
		m.lookedUp(in)
	case HangUpOrdered:
		m.hangUpOrdered(in)
	case HandedOver:
		m.handedOver(in)
	case LinkChanged:
		m.linkChanged(in.Up)
	case Seen:
		m.seen(in)
	case Restarted:
		m.restarted()
	case RecordOrdered:
		m.recordOrdered(in)
	case NotDurable:
		m.notDurable()
	case LegEvent:
		m.legEvent(in)
	}
	if m.changed {
		m.c.UpdatedAt = m.now
	}
	return m.c, m.actions, m.changed
}

type machine struct {
	c       Call
	now     time.Time
	actions []Action
	changed bool
}

func clone(c Call) Call {
	c.Flags, c.Recordings = slices.Clone(c.Flags), slices.Clone(c.Recordings)
	c.Timers = maps.Clone(c.Timers)
	for _, p := range []*Party{&c.Caller, &c.Callee} {
		p.Attempts = slices.Clone(p.Attempts)
		for i := range p.Attempts {
			p.Attempts[i].Legs = slices.Clone(p.Attempts[i].Legs)
		}
	}
	return c
}

func (m *machine) do(a Action) { m.actions = append(m.actions, a) }

func (m *machine) enter(s State) { m.c.State, m.changed = s, true }

func (m *machine) arm(t Timer, d time.Duration) {
	if d <= 0 {
		return
	}
	if m.c.Timers == nil {
		m.c.Timers = map[Timer]time.Time{}
	}
	m.c.Timers[t], m.changed = m.now.Add(d), true
}

func (m *machine) disarm(ts ...Timer) {
	for _, t := range ts {
		if _, ok := m.c.Timers[t]; ok {
			delete(m.c.Timers, t)
			m.changed = true
		}
	}
}

func (m *machine) start(in Started) {
	m.c.CreatedAt = m.now
	if in.Queue {
		m.enter(Queued)
		m.arm(QueueTimer, queueLimit)
		return
	}
	m.begin()
}

func (m *machine) admitted() {
	if m.c.State == Queued {
		m.disarm(QueueTimer)
		m.begin()
	}
}

// found begins a call for two legs that talk and have no record.
func (m *machine) found() {
	m.c.CreatedAt = m.now
	m.enter(Connected)
	m.arm(TalkTimer, m.c.TalkLimit.Duration())
}

// begin rings the caller; for a call that a phone began, the callee is looked up at once; two legs of other calls are joined.
func (m *machine) begin() {
	if m.c.CalleeLeg != "" {
		m.connect()
		return
	}
	if m.c.CallerLeg != "" {
		m.takeOver()
		m.lookUp()
		return
	}
	m.enter(RingingCaller)
	m.ring(CallerSide, 0)
}

func (m *machine) hangUpOrdered(in HangUpOrdered) {
	reason := in.Reason
	switch {
	case m.c.State == Ended:
		m.releaseTold()
		return
	case m.c.State == Connected && (reason == "" || reason == Cancelled):
		reason = Completed
	case reason == "":
		reason = Cancelled
	}
	m.end(Cause{Reason: reason}, NoSide, in.By)
}

func (m *machine) notDurable() {
	m.recordNever("the order could not be stored")
	if m.c.State != Connected && m.c.State != Ended {
		m.end(Cause{Reason: Congestion, Text: "store unavailable"}, NoSide, BySystem)
	}
}

// restarted keeps who talks and ends everything else: nobody watched it, so nobody may rely on it.
func (m *machine) restarted() {
	switch m.c.State {
	case Connected:
		m.recordAgain()
	case Connecting:
		m.partOthers()
		m.join()
	case Ended:
		m.releaseTold()
		for l := range m.c.Legs {
			if l.Open() {
				m.order(l, l.HangUp)
			}
		}
	default:
		m.end(Cause{Reason: Lost, Text: "service restarted"}, NoSide, BySystem)
	}
}

func (m *machine) linkChanged(up bool) {
	if up || m.c.Has(Unsure) || !m.c.Open() {
		return
	}
	m.c.Flags, m.changed = append(m.c.Flags, Unsure), true
}

// seen compares our legs with those that the backend still has: one that is gone has ended while nobody told us. One
// whose originate was on its way when the backend looked may ring nevertheless, so it is hung up too. A call that could not be asked for
// stays as unsure as it was.
func (m *machine) seen(in Seen) {
	for l := range m.c.Legs {
		if l.Open() && in.Legs[l.ID].Unsure {
			return
		}
	}
	unsure := m.c.Has(Unsure)
	if i := slices.Index(m.c.Flags, Unsure); i >= 0 {
		m.c.Flags, m.changed = slices.Delete(m.c.Flags, i, i+1), true
	}
	for l := range m.c.Legs {
		if !l.Open() || !l.CreatedAt.Before(in.Asked.Truncate(time.Millisecond)) {
			continue
		}
		info, there := in.Legs[l.ID]
		switch {
		case !there:
			if l.State == LegIntended {
				m.do(Action{Op: OpHangUp, Leg: l.ID, Reason: Lost})
			}
			m.legEvent(LegEvent{Leg: l.ID, Kind: EvEnded, Cause: Cause{Reason: Lost}})
		case l.HangUp != "":
			m.do(Action{Op: OpHangUp, Leg: l.ID, Reason: l.HangUp})
		case info.State == LegAnswered && l.State != LegAnswered:
			m.legEvent(LegEvent{Leg: l.ID, Kind: EvAnswered})
		}
	}
	if m.c.State == Connected {
		m.recordAgain() // it may not have been heard
	}
	switch {
	case m.c.State != Connecting:
	case in.Legs[m.c.CallerLeg].JoinedTo == m.c.CalleeLeg:
		m.joined()
	case unsure: // the order may have been lost
		m.join()
	}
}

// tick acts on the deadlines that have passed, in the order in which a call meets them.
func (m *machine) tick() {
	for _, t := range []Timer{QueueTimer, CallerTimer, ConfirmTimer, LookUpTimer, CalleeTimer, JoinTimer, TalkTimer, TellTimer, ReleaseTimer} {
		at, set := m.c.Timers[t]
		if !set || at.After(m.now) {
			continue
		}
		m.disarm(t)
		m.expire(t)
	}
}

func (m *machine) expire(t Timer) {
	switch t {
	case QueueTimer:
		m.end(Cause{Reason: Congestion}, NoSide, BySystem)
	case CallerTimer:
		m.unanswered(CallerSide)
	case CalleeTimer:
		m.unanswered(CalleeSide)
	case ConfirmTimer:
		m.end(Cause{Reason: NotConfirmed}, CallerSide, BySystem)
	case LookUpTimer:
		m.fail(Cause{Reason: Congestion, Text: "address book did not answer"}, CalleeSide, BySystem)
	case JoinTimer:
		m.end(Cause{Reason: MediaFailed}, NoSide, ByBackend)
	case TalkTimer:
		m.end(Cause{Reason: MaxDuration}, NoSide, BySystem)
	case TellTimer:
		m.releaseTold()
	case ReleaseTimer:
		m.forget()
	}
}

// leg appends a new leg to the attempt and orders it to be rung.
func (m *machine) leg(p *Party, target, way int) {
	a := &p.Attempts[p.Current]
	n := 0
	for range m.c.Legs {
		n++
	}
	l := Leg{ID: m.c.LegBase + "-" + strconv.Itoa(n+1), Target: target, Way: a.Targets[target].Ways[way], WayIndex: way, State: LegIntended, CreatedAt: m.now}
	a.Legs = append(a.Legs, l)
	m.changed = true
	m.do(Action{Op: OpOriginate, Leg: l.ID, Peer: m.c.CallerLeg})
}

// ring rings all targets of an attempt at once.
func (m *machine) ring(s Side, attempt int) {
	p := m.c.Party(s)
	p.Current = attempt
	for t := range p.Attempts[attempt].Targets {
		m.leg(p, t, 0)
	}
	if s == CallerSide {
		m.c.Backend = p.Attempts[attempt].Targets[0].Ways[0].Backend
		m.arm(CallerTimer, p.RingLimit.Duration())
		return
	}
	m.arm(CalleeTimer, p.RingLimit.Duration())
}

// order ends a leg, in the way that its state asks for.
func (m *machine) order(l *Leg, why Reason) {
	if !l.Open() {
		return
	}
	l.HangUp, m.changed = why, true
	op := OpHangUp
	if l.State == LegOffered {
		op = OpRefuse
	}
	m.do(Action{Op: op, Leg: l.ID, Reason: why})
}
