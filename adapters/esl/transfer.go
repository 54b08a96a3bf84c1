package esl

import (
	"strings"

	"c2d/core/call"
	"c2d/core/fault"
)

// handedOn are what FreeSWITCH writes of a channel whose phone has transferred the other one.
var handedOn = map[string]bool{"BLIND_TRANSFER": true, "ATTENDED_TRANSFER": true}

// moved: the phone of a leg has given whom it talked with to somebody, and FreeSWITCH has obeyed. The leg goes on as whoever that
// is, behind the one that it talked with: it has no channel of ours any more, and is over when that one is. It reports whether
// that is so; b.mu is held.
func (b *Backend) moved(l *leg) bool {
	y := b.partner(l)
	if y == nil || y.why != "" || l.why != "" || b.legs[l.id] != l || l.behind != "" || y.end != nil || y.behind != "" {
		return false
	}
	delete(b.channels, l.channel)
	b.unfollow(l)
	l.channel, l.with, l.behind, l.missed, l.end = "", "", y.id, false, nil
	b.tell(call.LegEvent{Leg: l.id, Kind: call.EvForwarded, Resume: l.resume()})
	return true
}

// givenTo: a channel is bridged to another. If whom its leg talked with is over, and that is nobody of ours, the phone of that one has
// let the two talk with each other: FreeSWITCH says so in no other way. b.mu is held.
func (b *Backend) givenTo(y *leg, other string) {
	if l := b.partner(y); l != nil && l.end != nil && l.channel != other {
		b.moved(l)
	}
}

// givenOn reports that a leg goes on behind the one that it is joined to, or that one behind it; b.mu is held.
func (b *Backend) givenOn(l *leg) bool {
	y := b.partner(l)
	return l.behind != "" || y != nil && y.behind == l.id
}

// channelOf returns the channel of a leg, empty for one that is gone; b.mu is held.
func (b *Backend) channelOf(id string) string {
	if l := b.legs[id]; l != nil {
		return l.channel
	}
	return ""
}

// givenAway reports that a channel goes on without the one that it was bridged to: in the dialplan, where a phone has sent it, or
// with somebody else.
func (f facts) givenAway(from string) bool {
	with := bridgedTo(f)
	return strings.Contains(f.get("variable_transfer_source"), ":bl_xfer:") || with != "" && with != from
}

// standing lists the legs that go on behind others, and finds those whose transfer nobody heard; b.mu is held.
func (b *Backend) standing(found map[string]facts) (all []call.LegInfo) {
	for _, l := range b.legs {
		y := b.partner(l)
		if y == nil || found[y.channel] == nil {
			continue
		}
		if l.behind == "" && found[l.channel] == nil && found[y.channel].givenAway(l.channel) {
			b.moved(l)
		}
		if l.behind == y.id {
			all = append(all, b.info(l, nil))
		}
	}
	return all
}

// settledElsewhere refuses what cannot be done to two of whom one has been given to somebody by a phone.
func settledElsewhere() error {
	return fault.New(fault.CodeConflict, "a phone has transferred this call: it goes on in FreeSWITCH's dialplan")
}
