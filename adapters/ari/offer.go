package ari

import (
	"context"
	"errors"
	"strings"

	"github.com/CyCoreSystems/ari/v5"

	"c2d/adapters/ari/client"
	"c2d/core/call"
)

// backVariable tells the dialplan that a call comes back from us, and reasonVariable why.
const (
	backVariable   = "C2D_BACK"
	reasonVariable = "C2D_REASON"
)

// offer: the dialplan hands us a call, as Stasis(c2d,dial,NUMBER). b.mu is held.
func (b *Backend) offer(e *ari.StasisStart) {
	l := &leg{id: b.origin.LegID(), address: endpointOf(e.Channel.Name), channel: e.Channel.ID, state: call.LegOffered, offered: true, made: true, dialled: true}
	if e.Channel.State == "Up" {
		l.up = true // the dialplan has answered it
	}
	b.add(l)
	to := ""
	if len(e.Args) >= 2 && e.Args[0] == "dial" {
		to = e.Args[1]
	}
	b.uplink.Go(func(ctx context.Context) { // Asterisk tells of the end of a channel that it made itself only if asked to
		err := errors.Join(b.api.Subscribe(ctx, b.app, l.channel), b.api.SetVariable(ctx, l.channel, legVariable, l.id))
		_ = b.api.SetVariable(ctx, l.channel, transferHandling, "ari-only") // an old Asterisk does not know it
		if err != nil {
			b.log.Debug("offered leg not followed", "leg", l.id, "error", err)
		}
	})
	b.tell(call.LegEvent{Leg: l.id, Kind: call.EvOffered, Handle: e.Channel.ID, From: endpointOf(e.Channel.Name), To: to, Resume: l.resume()})
}

// endpointOf returns the endpoint of a channel's name: "101" of "PJSIP/101-0000002a". It is what the phone has proved to be.
func endpointOf(name string) string {
	_, rest, _ := strings.Cut(name, "/")
	if i := strings.LastIndex(rest, "-"); i >= 0 {
		rest = rest[:i]
	}
	return rest
}

// left: a channel is in our application no more. Of one that was offered this may be all that is told of its end.
func (b *Backend) left(channel string) {
	l := b.channels[channel]
	if l == nil || !l.offered || l.channel != channel {
		return
	}
	b.finishLater(l)
}

// Ring implements [call.Backend].
func (b *Backend) Ring(ctx context.Context, id string) error {
	return b.withOffered(id, func(channel string) error { return b.api.Ring(ctx, channel) })
}

// Answer implements [call.Backend].
func (b *Backend) Answer(ctx context.Context, id string) error {
	b.mu.Lock()
	if l := b.legs[id]; l != nil && l.up {
		b.answered(l)
		b.mu.Unlock()
		return nil
	}
	b.mu.Unlock()
	return b.withOffered(id, func(channel string) error { return b.api.Answer(ctx, channel) })
}

// withOffered does something to the channel of a leg that is there.
func (b *Backend) withOffered(id string, do func(channel string) error) error {
	b.mu.Lock()
	l, err := b.legs[id], b.down()
	b.mu.Unlock()
	if l == nil || err != nil {
		return err
	}
	return settled(do(l.channel))
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

func (b *Backend) giveBack(ctx context.Context, l *leg, why call.Reason) error {
	err := b.api.SetVariable(ctx, l.channel, reasonVariable, string(why))
	if err == nil {
		err = b.api.SetVariable(ctx, l.channel, backVariable, "1")
	}
	_ = b.api.SetVariable(ctx, l.channel, transferHandling, "core")
	b.mu.Lock()
	l.why = why // before the dialplan has it: a plan that ends it at once may be faster than the answer
	b.mu.Unlock()
	if err == nil {
		err = b.api.Continue(ctx, l.channel)
	}
	if err != nil && !client.Gone(err) {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.finish(l)
	return nil
}
