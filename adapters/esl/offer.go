package esl

import (
	"context"
	"time"

	"c2d/adapters/esl/client"
	"c2d/core/call"
)

// Variables of a channel that the dialplan hands us. It sets dialVariable before; we set the others when we give it back.
const (
	dialVariable   = "c2d_dial"
	backVariable   = "c2d_back"
	reasonVariable = "c2d_reason"
)

// offer: the dialplan hands us a call through its socket application. Who connects has proved nothing: what we believe of the
// call is what FreeSWITCH says of that channel over the connection that is ours.
func (b *Backend) offer(ctx context.Context, h *client.Handed) {
	ctx, cancel := context.WithTimeout(ctx, request)
	defer cancel()
	b.mu.Lock()
	known := b.channels[h.Channel] != nil
	b.mu.Unlock()
	about, err := b.dump(ctx, h.Channel)
	if err != nil || known || b.origin.Made(h.Channel) {
		b.log.Warn("a call that FreeSWITCH does not know is not taken", "channel", h.Channel, "error", err)
		h.Close() // the dialplan goes on
		return
	}
	l := &leg{id: b.origin.LegID(), channel: h.Channel, state: call.LegOffered, offered: true, created: true, handed: h, most: longest}
	l.up = about.get("Answer-State") == "answered"
	b.mu.Lock()
	if b.stopping {
		b.mu.Unlock()
		h.Close()
		return
	}
	b.add(l)
	b.mu.Unlock()
	err = b.follow(ctx, l.channel) // from now on its events come to us
	if err == nil {
		_, err = b.call(ctx, "uuid_setvar", l.channel, legVariable, l.id)
	}
	if err != nil {
		b.mu.Lock()
		b.drop(l)
		b.mu.Unlock()
		return
	}
	ev := call.LegEvent{Leg: l.id, Kind: call.EvOffered, Handle: l.channel, From: about.get("variable_user_name"), To: about.get("variable_" + dialVariable), Resume: l.resume()}
	if ev.From == "" {
		ev.From, ev.Outside = about.get("Caller-Caller-ID-Number"), true
	}
	if ev.To == "" {
		ev.To = about.get("Caller-Destination-Number")
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.legs[l.id] == l {
		b.tell(ev)
	}
	b.uplink.Go(func(ctx context.Context) { // it may have ended before its events came to us
		if _, err := b.dump(ctx, l.channel); gone(err) {
			b.mu.Lock()
			defer b.mu.Unlock()
			b.finishLater(l, end{})
		}
	})
}

// longest is how long an answered channel may wait of which nobody has said how long its call may last.
const longest = 24 * time.Hour

// takeOver takes an answered channel out of the dialplan's hands: it waits in park, so that it outlives us; b.mu is held.
func (b *Backend) takeOver(l *leg) {
	if l.handed == nil {
		return
	}
	l.handed = nil
	to := "sched_hangup:+" + itoa(seconds(l.most)) + ",park" // in one order with its end: it waits there also if we are no more
	b.uplink.Go(func(ctx context.Context) {
		if _, err := b.call(ctx, "uuid_transfer", l.channel, to, "inline"); err != nil {
			b.log.Warn("a call that was handed over cannot be parked", "leg", l.id, "error", err)
		}
	})
}

// allow notes how long an offered leg may last once it is answered, when a phone is rung for it: core rings one before; b.mu is held.
func (b *Backend) allow(o call.Originate) {
	if l := b.legs[o.JoinTo]; l != nil && l.handed != nil {
		if limit := whole(o); limit > 0 {
			l.most = limit
		}
	}
}

// Ring implements [call.Backend].
func (b *Backend) Ring(ctx context.Context, id string) error {
	return b.toOffered(ctx, id, "uuid_ring_ready")
}

// Answer implements [call.Backend]. A channel that the dialplan has answered before is taken over at once.
func (b *Backend) Answer(ctx context.Context, id string) error {
	b.mu.Lock()
	l := b.legs[id]
	if l != nil && l.up {
		b.takeOver(l)
		b.mu.Unlock()
		return nil
	}
	b.mu.Unlock()
	return b.toOffered(ctx, id, "uuid_answer")
}

// toOffered runs a command on the channel of a leg that is there.
func (b *Backend) toOffered(ctx context.Context, id, command string) error {
	b.mu.Lock()
	l := b.legs[id]
	b.mu.Unlock()
	if l == nil {
		return nil
	}
	_, err := b.call(ctx, command, l.channel)
	return settled(err)
}

// Refuse implements [call.Backend]. What we do not know, or may not place, is the dialplan's affair again; a callee who is busy
// is not.
func (b *Backend) Refuse(ctx context.Context, id string, why call.Reason) error {
	b.mu.Lock()
	l := b.legs[id]
	b.mu.Unlock()
	if l != nil && !l.rang && (why == call.InvalidNumber || why == call.Forbidden || why == call.Congestion || why == call.BackendFailed) {
		return b.giveBack(ctx, l, why)
	}
	return b.HangUp(ctx, id, why)
}

// GiveBack implements [call.Backend].
func (b *Backend) GiveBack(ctx context.Context, id string) error {
	b.mu.Lock()
	l := b.legs[id]
	b.mu.Unlock()
	if l == nil {
		return nil
	}
	return b.giveBack(ctx, l, call.InvalidNumber)
}

// giveBack lets go of a channel: the dialplan goes on with what stands after its socket application.
func (b *Backend) giveBack(ctx context.Context, l *leg, why call.Reason) error {
	for _, v := range [][2]string{{reasonVariable, string(why)}, {backVariable, "1"}, {legVariable, ""}} {
		if _, err := b.call(ctx, "uuid_setvar", l.channel, v[0], v[1]); settled(err) != nil {
			return err
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	l.why = why
	b.finish(l, end{}) // closes the dialplan's socket
	return nil
}
