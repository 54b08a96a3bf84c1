package ari

import (
	"encoding/json"
	"maps"
	"slices"

	"c2d/core/call"
)

// leg is one leg of ours and its channels. All of it is guarded by the backend's mutex.
//
//	direct      one channel, whose id is the leg's
//	dialplan    a Local channel: the near half, whose id is the leg's, is in our application; the far half runs through the
//	            admin's dialplan, which dials phones: those are behind
//	offered     a channel of the dialplan's, with an id of Asterisk's
type leg struct {
	id      string
	channel string // ours, of the id's
	farHalf string // of a Local channel, else empty
	address string // of its phone, as the directory has it
	joinTo  string // the answered leg that this one will be joined to; empty for the first
	state   call.LegState
	offered bool

	made      bool              // its channel is there, and all of its events come to us
	entered   bool              // its channel has told that it is in the application
	seen      bool              // its channel was there when we looked; whether it is in the application is not known
	dialled   bool              // once it was made and in the application
	failed    bool              // Asterisk did not dial it
	up        bool              // the channel is answered, and in the application
	rang      bool              // a phone rang
	forwarded bool              // the dialplan follows a phone's redirection
	behind    map[string]*phone // phones that the dialplan dials, by channel
	gone      map[string]bool   // channels of ours that were destroyed
	missed    bool              // its channel is not there any more, and nobody has told of its end
	end       end
	why       call.Reason // we ended it
	limit     string      // seconds that it may ring

	moving bool   // its phone has asked for a transfer that is not decided yet
	over   bool   // its end waits for that
	hangUp bool   // so does its hang-up
	link   string // which Local channel of Asterisk's own has taken its place in an attended transfer, and leads to another leg

	playing string  // id of the playback that it hears
	bridge  string  // that it is in, or shall be
	holds   bool    // its phone lets the other wait
	record  *record // that was ordered on it last, until it is here
}

// phone is a channel that the dialplan dials for a leg.
type phone struct {
	end end
	up  bool
}

// resume is what is stored of a leg: an offered leg's channel has an id of its own, and a recording goes on without us.
type resume struct {
	Channel string `json:"channel"`
	Holds   bool   `json:"holds,omitempty"`
	Record  string `json:"record,omitempty"`
	Muted   bool   `json:"muted,omitempty"`
}

func (l *leg) resume() []byte {
	r := resume{Channel: l.channel, Holds: l.holds}
	if l.record != nil {
		r.Record, r.Muted = l.record.name, l.record.muted
	}
	raw, _ := json.Marshal(r)
	return raw
}

// add makes a leg known by its channels; b.mu is held.
func (b *Backend) add(l *leg) {
	if l.channel == "" {
		l.channel = l.id
	}
	l.behind, l.gone = map[string]*phone{}, map[string]bool{}
	b.legs[l.id], b.channels[l.channel] = l, l
	if l.farHalf != "" {
		b.channels[l.farHalf] = l
	}
}

// takeUp makes a leg known that a former process has left; b.mu is held.
func (b *Backend) takeUp(o call.OpenLeg) {
	l := &leg{id: o.Leg, address: o.Way.Address, state: o.State, rang: o.State == call.LegRinging || o.State == call.LegEarly, up: o.State == call.LegAnswered, made: true, dialled: true}
	if l.up {
		l.end.answered, l.playing = true, l.id+toneSuffix // if there is one
	}
	var r resume
	if json.Unmarshal(o.Resume, &r) == nil && r.Channel != "" && r.Channel != o.Leg {
		l.channel, l.offered = r.Channel, true
	}
	l.holds = r.Holds
	if r.Record != "" && o.JoinedTo != "" {
		l.record = &record{leg: o.Leg, name: r.Record, bridge: bridgeOf(o.Leg, o.JoinedTo), began: true, muted: r.Muted, beeps: !r.Muted && !b.noBeep}
		b.records[l.record.file()] = l.record
	}
	if to, err := b.endpoint(o.Way.Address); err == nil && dialplan(to) && !l.offered {
		l.farHalf = o.Leg + far
	}
	b.add(l)
	for id, of := range b.bridges { // it may be alone in one
		if slices.Contains(of.inside, l.channel) {
			l.bridge = id
		}
	}
	if peer := b.legs[o.JoinedTo]; peer != nil { // each names the other
		_, of := b.pair(peer, l)
		of.wanted, of.told = true, true
	}
}

// drop forgets a leg; b.mu is held.
func (b *Backend) drop(l *leg) {
	delete(b.legs, l.id)
	for id, of := range b.channels {
		if of == l {
			delete(b.channels, id)
			b.noteOver(id)
		}
	}
	maps.DeleteFunc(b.prompts, func(_ string, of *leg) bool { return of == l })
	b.leaveBridge(l)
}

// enter moves a leg forward and tells of it; b.mu is held.
func (b *Backend) enter(l *leg, to call.LegState, kind call.LegEventKind) {
	if order := legOrder[to]; order <= legOrder[l.state] {
		return
	}
	l.state = to
	b.tell(call.LegEvent{Leg: l.id, Kind: kind})
}

var legOrder = map[call.LegState]int{call.LegIntended: 0, call.LegOffered: 0, call.LegTrying: 1, call.LegRinging: 2, call.LegEarly: 3, call.LegAnswered: 4, call.LegEnded: 5}

// ringing is told when a phone rings; early media of the callee is bridged to the caller, in place of his tone; b.mu is held.
func (b *Backend) ringing(l *leg, early bool) {
	l.rang = true
	if !early {
		b.enter(l, call.LegRinging, call.EvRinging)
		return
	}
	if legOrder[l.state] < legOrder[call.LegEarly] && l.joinTo != "" {
		b.bridgeEarly(l)
	}
	b.enter(l, call.LegEarly, call.EvEarlyMedia)
}

// answered tells that somebody has picked up, once that is known; b.mu is held. The caller's own phone must have: what else may
// answer behind a dialplan is a mailbox, and nobody shall be rung for that. For the callee the dialplan decides what an
// answer is, as it does for everybody who dials through it.
func (b *Backend) answered(l *leg) {
	if !l.up || l.farHalf != "" && l.joinTo == "" && !l.phoneUp() {
		return
	}
	l.end.answered = true
	b.enter(l, call.LegAnswered, call.EvAnswered)
}

func (l *leg) phoneUp() bool {
	for _, p := range l.behind {
		if p.up {
			return true
		}
	}
	return false
}

// finish tells the end of a leg whose channels are gone; b.mu is held.
func (b *Backend) finish(l *leg) {
	if l.over = l.moving; l.over || b.legs[l.id] != l {
		return
	}
	c := call.Cause{Reason: l.why}
	switch {
	case l.why != "":
	case l.missed:
		c.Reason = call.Lost
	default:
		c = l.cause()
	}
	b.drop(l)
	l.state = call.LegEnded
	b.tell(call.LegEvent{Leg: l.id, Kind: call.EvEnded, Cause: c})
}

// finishLater tells the end of a leg unless Asterisk does so, and better, within a moment.
func (b *Backend) finishLater(l *leg) {
	b.uplink.After(b.waits.rest, func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.finish(l)
	})
}

// missing is a leg whose channel is not there any more, although nobody told us: either its end is on its way to us, or
// nobody listened when it was told; b.mu is held.
func (b *Backend) missing(l *leg) {
	if len(l.gone) == 0 {
		l.missed = true
	}
	b.finishLater(l)
}

// cause returns why a leg ended that we did not end. Of a leg through the dialplan the phone knows best.
func (l *leg) cause() call.Cause {
	e := l.end
	for _, p := range l.behind {
		if p.end.cause != 0 && (p.up || !l.phoneUp()) {
			e = p.end
		}
	}
	e.rang, e.answered = l.rang, l.end.answered
	e.nobody = l.farHalf != "" && len(l.behind) == 0
	e.unknown = e.nobody && l.entered && l.dialled && !l.failed && l.state == call.LegIntended // Asterisk tells when it has dialled
	c := e.why()
	if l.forwarded && c.Reason == call.BackendFailed { // to where nobody is
		c.Reason = call.Forwarded
	}
	return c
}
