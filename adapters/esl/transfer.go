package esl

import (
	"context"
	"strings"

	"c2d/core/call"
	"c2d/core/fault"
)

// handedOn are what FreeSWITCH writes of a channel whose phone has transferred the other one.
var handedOn = map[string]bool{"BLIND_TRANSFER": true, "ATTENDED_TRANSFER": true}

// consulted is how the variable transfer_to of a channel begins whose phone has let the other one talk with somebody: nothing else
// tells so, and the phone may hang up first.
const consulted = "att:"

// hasAsked is the variable transfer_disposition of a channel whose phone has asked for a transfer, whatever has become of that.
const hasAsked = "recv_replace"

// moved: the phone of a leg has given whom it talked with to somebody, and FreeSWITCH has obeyed. The leg goes on as whoever that
// is, behind the one that it talked with: its channel is none of ours any more, and it is over when that one is. It reports whether
// that is so: one that we hold has not been given to anybody. b.mu is held.
func (b *Backend) moved(l *leg) bool {
	y := b.partner(l)
	if y == nil || y.why != "" || l.why != "" || b.legs[l.id] != l || l.behind != "" || y.end != nil || y.behind != "" || b.joinOf(l).held {
		return false
	}
	delete(b.channels, l.channel)
	b.unfollow(l)
	l.with, l.behind, l.missed, l.end = "", y.id, false, nil
	y.given = true
	b.forget(l, y)
	b.tell(call.LegEvent{Leg: l.id, Kind: call.EvResumed}) // the phone may have held it, and nobody else can end that
	b.tell(call.LegEvent{Leg: l.id, Kind: call.EvForwarded, Resume: l.resume()})
	return true
}

// whither: FreeSWITCH has released a leg, and nothing is told of the other one. Either its end follows, or it goes on with somebody:
// who lets the two talk before a third has answered makes FreeSWITCH say nothing of it at all.
func (b *Backend) whither(l, y *leg, e end) {
	b.uplink.After(b.waits.rest, func() {
		b.uplink.Go(func(ctx context.Context) {
			f, err := b.dump(ctx, y.channel)
			b.mu.Lock()
			defer b.mu.Unlock()
			switch {
			case l.end == nil: // it goes on
			case err == nil && !leaving[f.get("Channel-State")] && f.givenAway(l.channel) && b.moved(l):
			default:
				b.finish(l, e)
			}
		})
	})
}

// forget ends the recording of two of whom one has been given to somebody, who was not asked; b.mu is held.
func (b *Backend) forget(l, y *leg) {
	if l.record != "" { // it is over with the channel
		b.recordEnded(l, b.file(l.record))
	}
	switch {
	case y.record != "":
		b.endRecord(y)
	case b.config().Recordings != "":
		b.uplink.Go(func(ctx context.Context) { b.unannounce(ctx, y) })
	}
}

// givenTo: a channel is bridged to another. If whom its leg talked with is over, and that is nobody of ours, somebody has let the
// two talk with each other, and not by a phone; b.mu is held.
func (b *Backend) givenTo(y *leg, other string) {
	if l := b.partner(y); l != nil && l.end != nil && l.channel != other {
		b.moved(l)
	}
}

// givenOn reports that a leg goes on behind the one that it was joined to, or was given to somebody; b.mu is held.
func (l *leg) givenOn() bool { return l.behind != "" || l.given }

// channelOf returns the channel of a leg, empty for one that is gone; b.mu is held.
func (b *Backend) channelOf(id string) string {
	if l := b.legs[id]; l != nil {
		return l.channel
	}
	return ""
}

// givenAway reports that a channel goes on without the one that it was bridged to: in the dialplan, where a phone has sent it, or
// with somebody else, who may ring yet.
func (f facts) givenAway(from string) bool {
	with := bridgedTo(f)
	return f.sent() || f.get("variable_att_xfer_kill_uuid") != "" || with != "" && with != from
}

// sent reports that a phone has sent a channel into the dialplan. Where we move one ourselves, "inline" stands in the dialplan's place.
func (f facts) sent() bool {
	source := f.get("variable_transfer_source")
	return strings.Contains(source, ":bl_xfer:") && !strings.HasSuffix(source, "/inline")
}

// strange reports that a channel has been given to somebody who is nobody of ours. Without a record of it, it is FreeSWITCH's.
func (b *Backend) strange(f facts, found map[string]facts) bool {
	peer := bridgedTo(f)
	other := found[peer]
	return f.sent() || other != nil && !b.origin.Made(peer) && !b.origin.Made(other.get("variable_"+legVariable))
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

// takeBack takes whom a phone has given to somebody from there: FreeSWITCH lets go of whoever that is.
func (b *Backend) takeBack(ctx context.Context, l *leg) error {
	_, err := b.call(ctx, "uuid_transfer", l.channel, "park", "inline")
	switch {
	case gone(err):
		return nil
	case err != nil:
		return fault.Wrap(fault.CodeBackendUnavailable, err, "FreeSWITCH did not answer")
	}
	return b.untilParked(ctx, l)
}

// settledElsewhere refuses what cannot be done to two of whom one has been given to somebody by a phone.
func settledElsewhere() error {
	return fault.New(fault.CodeConflict, "a phone has transferred this call: it goes on in FreeSWITCH's dialplan")
}
