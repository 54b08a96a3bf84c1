package sip

import (
	"encoding/json"
	"net/netip"
	"sync"
	"time"

	"github.com/emiago/sipgo/sip"

	"c2d/adapters/sip/dialog"
	"c2d/adapters/sip/media"
	"c2d/adapters/sip/sdp"
	"c2d/core/call"
)

// leg is one phone: its INVITE, then its dialog, and its media. What a goroutine does to it is done under mu; no
// goroutine belongs to a leg that talks. Two legs are never locked at once but by both.
type leg struct {
	s      *Stack
	id     string // core's
	callID string
	tag    string // ours
	way    call.Way
	joinTo string   // the answered leg that it will be joined to
	trunk  *gateway // set by add; nil for a phone's

	wake      chan struct{}     // tells the goroutine that drives the first INVITE to look at why and refused
	turn      chan struct{}     // holds one token while no INVITE of the dialog is under way, theirs or ours
	done      chan struct{}     // closed when the leg has ended
	acks      chan *sip.Request // of our 2xx
	newer     chan uint32       // CSeq of the phone's latest INVITE inside the dialog
	confirmed chan struct{}     // closed when the first INVITE has its outcome

	mu       sync.Mutex
	state    call.LegState
	since    time.Time
	rang     bool
	refused  bool        // ICMP said that nobody listens there
	why      call.Reason // set once its end was ordered
	leaving  bool        // we have said BYE
	invite   dialog.Invite
	dlg      *dialog.Dialog   // nil until answered
	started  *dialog.Dialog   // the early dialog of the first 18x
	claimed  []dialog.Header  // what the last INVITE that was accepted said to a challenge; its ACKs say it too
	forks    map[string]*fork // early dialogs by To tag, until answered
	offer    *offer           // the INVITE that a phone sent us, until it is answered
	flow     Flow
	delayed  delayed        // the ACK of the first INVITE, where that has the answer
	shown    netip.AddrPort // the caller's address, as the first INVITE gave it to the callee
	meeting  bool           // it is being shown its peer's address for the first time
	local    sdp.Local
	remote   sdp.Media // where the phone receives, as it last said
	epoch    int       // counts what the phone offered inside the dialog
	ep       *media.Endpoint
	direct   bool // the phone sends to its peer; we hold no port for it
	peer     string
	early    string        // the leg whose early media this one hears
	ringing  bool          // core wants ring-back to be heard
	prompted bool          // the key prompt plays
	held     bool          // its phone holds the peer
	holds    bool          // we hold the peer for it
	waits    bool          // the peer's hold, by us, is on it
	rec      *record       // of it and its peer
	keys     string        // that wait to be pressed towards its phone
	moving   *transfer     // that its phone asks for, until the outcome is told
	parted   chan struct{} // closed when its phone was asked to send to us after it was parted; nil unless it was
	session  session
	watcher  *time.Timer // of the next look at a leg that talks
	lookAt   time.Time
	missed   time.Time // since when its phone is known to have lost its connection
}

func (s *Stack) newLeg(id, callID, tag string) *leg {
	l := &leg{
		s: s, id: id, callID: callID, tag: tag, state: call.LegIntended, since: time.Now().UTC(),
		wake: make(chan struct{}, 1), turn: make(chan struct{}, 1), done: make(chan struct{}), acks: make(chan *sip.Request, 4), newer: make(chan uint32, 1), confirmed: make(chan struct{}),
	}
	l.turn <- struct{}{}
	return l
}

// dialogKey names a dialog by its Call-ID and our tag: a phone that calls itself through us has two with one Call-ID.
func dialogKey(callID, tag string) string { return callID + "\x00" + tag }

// add takes a leg into the tables; false if its id is there already, or the stack was stopped.
func (s *Stack) add(l *leg) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.legs[l.id] != nil || s.stopped {
		return false
	}
	l.trunk = s.gateway(l.way.Backend)
	s.legs[l.id] = l
	s.dialogs[dialogKey(l.callID, l.tag)] = l
	return true
}

func (s *Stack) forget(l *leg) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.legs, l.id)
	delete(s.dialogs, dialogKey(l.callID, l.tag))
}

func (s *Stack) leg(id string) *leg {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.legs[id]
}

func (s *Stack) dialogOf(callID, tag string) *leg {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.dialogs[dialogKey(callID, tag)]
}

func (s *Stack) all() []*leg {
	s.mu.Lock()
	defer s.mu.Unlock()
	legs := make([]*leg, 0, len(s.legs))
	for _, l := range s.legs {
		legs = append(legs, l)
	}
	return legs
}

// both locks two legs, in the order of their ids.
func both(a, b *leg) (unlock func()) {
	if a.id > b.id {
		a, b = b, a
	}
	a.mu.Lock()
	b.mu.Lock()
	return func() { b.mu.Unlock(); a.mu.Unlock() }
}

func (l *leg) info() call.LegInfo {
	l.mu.Lock()
	defer l.mu.Unlock()
	return call.LegInfo{Leg: l.id, Handle: l.callID, State: l.state, JoinedTo: l.peer, Since: l.since}
}

func (l *leg) answered() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.state == call.LegAnswered
}

// tell tells an event, unless the leg has ended. l.mu is held, so that events are in order.
func (l *leg) tell(ev call.LegEvent) {
	if l.state == call.LegEnded {
		return
	}
	ev.Leg, ev.At, ev.Handle = l.id, time.Now().UTC(), l.callID
	l.s.sink.Leg(ev)
}

// enter notes a new state and tells its event.
func (l *leg) enter(state call.LegState, ev call.LegEvent) {
	l.state, l.since = state, time.Now().UTC()
	l.tell(ev)
}

// finish tells the end of the leg, once, and gives back what it held. A reason that was ordered goes before what the
// phone said. l.mu is not held.
func (l *leg) finish(c call.Cause) {
	l.mu.Lock()
	if l.state == call.LegEnded {
		l.mu.Unlock()
		return
	}
	if l.why != "" {
		c.Reason, c.NotRung = l.why, false
	}
	l.s.forget(l) // before it is told, so that no snapshot shows it afterwards
	l.tell(call.LegEvent{Kind: call.EvEnded, Cause: c})
	l.state = call.LegEnded
	ep, peer := l.ep, l.joinTo
	l.unrecord()
	l.ep = nil
	l.unwatch()
	close(l.done)
	l.settle()
	l.mu.Unlock()
	if ep != nil {
		ep.Unlink()
		_ = ep.Close()
	}
	l.s.earlyOver(peer, l.id)
}

func (l *leg) takeEndpoint() *media.Endpoint {
	l.mu.Lock()
	defer l.mu.Unlock()
	ep := l.ep
	l.ep = nil
	return ep
}

// settle marks the first INVITE as over. l.mu is held.
func (l *leg) settle() {
	select {
	case <-l.confirmed:
	default:
		close(l.confirmed)
	}
}

// nudge wakes the goroutine that drives the leg's first INVITE.
func (l *leg) nudge() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// resume returns the blob from which another process can take the leg up. l.mu is held.
func (l *leg) resume() []byte {
	b := blob{Tag: l.tag, Local: l.local, Held: l.held, Holds: l.holds, Waits: l.waits, Direct: l.direct, Peer: l.peer}
	if name := l.rec.called(l); name != "" {
		b.Recording, b.Recorded = name, l.rec.since.UnixMilli()
	}
	if l.dlg != nil {
		b.Dialog, b.Remote, b.Session, b.Delayed = l.dlg, &l.remote, l.session, l.delayed
	} else if l.invite.CallID != "" {
		b.Invite, b.Early = &l.invite, l.started
	}
	if l.ep != nil {
		b.Port = int(l.ep.Addr().Port())
	}
	raw, err := json.Marshal(b)
	if err != nil {
		l.s.log.Error("resume blob", "leg", l.id, "error", err) // cannot be: all of it is plain data
		return nil
	}
	return raw
}
