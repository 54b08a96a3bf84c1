package esl

import (
	"context"
	"encoding/json"
	"time"

	"c2d/adapters/esl/client"
	"c2d/core/call"
	"c2d/core/tone"
)

// leg is one leg of ours and its channel. All of it is guarded by the backend's mutex.
type leg struct {
	id      string
	channel string // UUID of its channel: the leg's id, or FreeSWITCH's own of a channel that the dialplan has handed us
	joinTo  string // the answered leg that this one will be joined to; empty for the first
	state   call.LegState
	offered bool
	handed  *client.Handed // the dialplan's hold on an offered channel, until it is ours
	most    time.Duration  // that an offered one may last, by what was rung for it

	conn     *client.Conn  // over which it was originated
	ordered  chan struct{} // closed once FreeSWITCH has taken that order, or it has come to nothing; nil for one that we have not rung
	created  bool          // its channel has told of itself
	up       bool          // it is answered
	rang     bool
	early    bool        // early media comes from it
	parked   bool        // its channel waits, and can be joined
	waiters  []func()    // what waits for that
	behind   string      // the leg behind which it goes on without its channel, after a transfer: see transfer.go
	given    bool        // the other one's phone has given it to somebody
	with     string      // the channel that FreeSWITCH bridges it to, as far as is known
	seen     bool        // this process knows whom it is bridged to
	outlives bool        // it has been told to, for early media
	hung     int         // its place among those that hung up
	end      *end        // how it ended, while the end of whom it talked with is awaited
	missed   bool        // its channel is not there any more, and nobody has told of its end
	why      call.Reason // we ended it

	record  string // what it is recorded as, empty for nothing
	back    bool   // core wants it to hear ring-back
	playing bool   // a tone
	plays   int    // counts what was played, and broken off: a prompt is over only if nothing came after it
}

// resume is what is stored of a leg: an offered leg's channel has an id of its own.
type resume struct {
	Channel string `json:"channel"`
	Record  string `json:"record,omitempty"` // what it is recorded as
	Behind  string `json:"behind,omitempty"` // the leg behind which it goes on
}

func (l *leg) resume() []byte {
	r := resume{Channel: l.channel, Record: l.record, Behind: l.behind}
	if r.Behind != "" {
		r.Channel = ""
	}
	raw, _ := json.Marshal(r)
	return raw
}

// add makes a leg known by its channel; b.mu is held.
func (b *Backend) add(l *leg) {
	b.legs[l.id] = l
	if l.behind != "" {
		return
	}
	if l.channel == "" {
		l.channel = l.id
	}
	b.channels[l.channel] = l
}

// takeUp makes a leg known that a former process has left; b.mu is held. Its first snapshot tells the rest.
func (b *Backend) takeUp(o call.OpenLeg) {
	l := &leg{id: o.Leg, state: o.State, created: true, rang: o.State == call.LegRinging || o.State == call.LegEarly, up: o.State == call.LegAnswered}
	l.playing, l.outlives = l.up, l.up // perhaps
	var r resume
	if json.Unmarshal(o.Resume, &r) == nil && r.Channel != "" && r.Channel != o.Leg {
		l.channel, l.offered = r.Channel, true
	}
	l.record, l.behind = r.Record, r.Behind
	b.add(l)
}

// takeUpJoins makes known who talks with whom: each names the other. Who was handed on names the next one already, while the phone
// that has handed it on still names it; b.mu is held.
func (b *Backend) takeUpJoins(open []call.OpenLeg) {
	named := map[string]string{}
	for _, o := range open {
		if named[o.Leg] = o.JoinedTo; o.JoinedTo != "" && named[o.JoinedTo] == o.Leg {
			b.joins[pair(o.JoinedTo, o.Leg)] = &join{first: o.JoinedTo, second: o.Leg, told: true}
			x, y := b.legs[o.JoinedTo], b.legs[o.Leg]
			x.given, y.given = y.behind != "", x.behind != ""
		}
	}
}

// drop forgets a leg; b.mu is held.
func (b *Backend) drop(l *leg) {
	delete(b.legs, l.id)
	delete(b.channels, l.channel)
	b.unfollow(l)
	for key, j := range b.joins {
		if j.first == l.id || j.second == l.id {
			delete(b.joins, key)
		}
	}
	waiters := l.waiters
	l.waiters = nil
	for _, wake := range waiters { // it will not be parked any more
		wake()
	}
	if l.handed != nil {
		l.handed.Close()
	}
}

// enter moves a leg forward and tells of it; b.mu is held.
func (b *Backend) enter(l *leg, to call.LegState, kind call.LegEventKind) {
	if legOrder[to] <= legOrder[l.state] {
		return
	}
	l.state = to
	b.tell(call.LegEvent{Leg: l.id, Kind: kind})
}

var legOrder = map[call.LegState]int{call.LegIntended: 0, call.LegOffered: 0, call.LegTrying: 1, call.LegRinging: 2, call.LegEarly: 3, call.LegAnswered: 4, call.LegEnded: 5}

// answered tells that somebody has picked up, once the channel can be joined; b.mu is held.
func (b *Backend) answered(l *leg) {
	if l.up && (l.parked || l.with != "") {
		b.enter(l, call.LegAnswered, call.EvAnswered)
	}
}

// rest notes that a channel waits, for whoever waits for that.
func (l *leg) rest() {
	l.parked = true
	l.wake()
}

// wake lets those look again who wait for a leg; b.mu is held.
func (l *leg) wake() {
	waiters := l.waiters
	l.waiters = nil
	for _, wake := range waiters {
		wake()
	}
}

// park notes that a channel waits; b.mu is held.
func (b *Backend) park(l *leg) {
	l.with = ""
	if l.back && !l.playing && len(l.waiters) == 0 { // early media is over, and the next phone has none
		b.uplink.Go(func(ctx context.Context) { _ = b.play(ctx, l, stream(tone.RingBack(b.country), 0)) })
	}
	l.rest()
	b.answered(l)
	if !l.up && l.early {
		b.joinEarly(l)
	}
}

// finish tells the end of a leg whose channel is gone; b.mu is held.
func (b *Backend) finish(l *leg, e end) {
	if b.legs[l.id] != l {
		return
	}
	c := call.Cause{Reason: l.why}
	switch {
	case l.why != "":
	case l.missed:
		c.Reason = call.Lost
	default:
		e.rang, e.answered = l.rang, l.state == call.LegAnswered
		c = e.why()
	}
	y := b.partner(l)
	b.drop(l)
	l.state = call.LegEnded
	b.tell(call.LegEvent{Leg: l.id, Kind: call.EvEnded, Cause: c})
	if y != nil && y.end != nil {
		b.finish(y, *y.end)
	}
}

// finishLater tells the end of a leg unless FreeSWITCH does so, and better, within a moment.
func (b *Backend) finishLater(l *leg, e end) {
	b.uplink.After(b.waits.rest, func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		if l.behind == "" {
			b.finish(l, e)
		}
	})
}

// missing is a leg whose channel is not there any more, although nobody told us: either its end is on its way to us, or
// nobody listened when it was told; b.mu is held.
func (b *Backend) missing(l *leg) {
	l.missed = true
	b.uplink.After(b.waits.rest, func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		if l.missed {
			b.finish(l, end{})
		}
	})
}
