package ari

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/CyCoreSystems/ari/v5"

	"c2d/adapters/ari/client"
	"c2d/core/call"
	"c2d/core/fault"
)

// transferHandling leaves a REFER of a channel's phone to us; Asterisk would take the channel away into the dialplan. Versions
// before 20.13, 21.8 and 22.3 do not know it, and do that: see replaced.
const transferHandling = "PJSIP_TRANSFER_HANDLING()"

// Use sets who does what phones ask for; before Start. Without it transfers are declined.
func (b *Backend) Use(c call.Clicks) { b.clicks = c }

// transfer is what a phone asks for by REFER: its peer is handed to a third party, or to whom it talks with in another call of
// ours. Until it is decided the end of its legs waits: many phones say BYE as soon as they have the 202, and that must not
// end the call that is handed over. Nor do we hang up before the phone knows. b.mu is held.
func (b *Backend) transfer(t *client.Transfer) {
	l, other := b.channels[t.Channel], b.channels[t.Other]
	do := b.blind(l, t.Exten)
	legs := []*leg{l}
	if t.Attended {
		do = b.attended(l, other)
		legs = append(legs, other)
	}
	if do == nil {
		b.uplink.Go(func(ctx context.Context) { _ = b.api.Transferred(ctx, t.Channel, client.TransferDeclined) })
		return
	}
	b.move(legs, do, func(ctx context.Context, err error) {
		_ = b.api.Transferred(ctx, t.Channel, transferred(err)) // a phone that has gone does not ask
	})
}

// move lets core decide about a transfer, while the end of its legs waits, and says what came of it; b.mu is held.
func (b *Backend) move(legs []*leg, do func(context.Context) error, say func(context.Context, error)) {
	for _, l := range legs {
		l.moving = true
	}
	b.uplink.Go(func(ctx context.Context) {
		err := do(ctx)
		b.log.Info("a phone transfers", "leg", legs[0].id, "error", err)
		say(ctx, err)
		b.mu.Lock()
		defer b.mu.Unlock()
		for _, l := range legs {
			b.decided(l)
		}
	})
}

// blind returns what hands the peer of a leg to somebody, nil if it cannot be.
func (b *Backend) blind(l *leg, to string) func(context.Context) error {
	if b.clicks == nil || l == nil || l.moving || to == "" {
		return nil
	}
	return func(ctx context.Context) error {
		_, err := b.clicks.Transfer(ctx, l.id, call.Asked{From: l.address, To: to})
		return err
	}
}

// attended returns what joins the peers of two legs, nil if they cannot be.
func (b *Backend) attended(l, other *leg) func(context.Context) error {
	if b.clicks == nil || l == nil || other == nil || l == other || l.moving || other.moving {
		return nil
	}
	return func(ctx context.Context) error {
		_, err := b.clicks.Attend(ctx, l.id, other.id)
		return err
	}
}

// replaced: an Asterisk that does not leave transfers to us has put another channel in the place of a leg's. It leads through the
// dialplan to whom the phone has named, or into the other call of that phone; the leg goes on with whoever that is, as behind a
// dialplan, and the phone is let go. b.mu is held.
func (b *Backend) replaced(l *leg, e *ari.StasisStart) {
	channel := e.Channel.ID
	if l == nil { // its leg has gone meanwhile
		b.uplink.Go(func(ctx context.Context) { _ = b.api.HangUp(ctx, channel, order(call.Transferred)) })
		return
	}
	phone := l.channel
	delete(b.channels, phone)
	b.channels[channel] = l
	l.channel, l.offered, l.end = channel, true, end{answered: true}
	if half, is := strings.CutPrefix(e.Channel.Name, "Local/_attended@transfer-"); is {
		l.link = strings.TrimRight(half, ";12")
	}
	b.tell(call.LegEvent{Leg: l.id, Kind: call.EvForwarded, Handle: channel, Resume: l.resume()})
	b.uplink.Go(func(ctx context.Context) { // as for an offered leg
		err := errors.Join(b.api.Subscribe(ctx, b.app, channel), b.api.SetVariable(ctx, channel, legVariable, l.id))
		if err != nil {
			b.log.Debug("a leg's new channel is not followed", "leg", l.id, "error", err)
		}
	})
	time.AfterFunc(b.waits.rest, func() { // it is told that its transfer was done, and most say BYE then
		b.mu.Lock()
		defer b.mu.Unlock()
		b.uplink.Go(func(ctx context.Context) { _ = b.api.HangUp(ctx, phone, order(call.Transferred)) })
	})
}

// meet: the two halves of a Local channel, between two calls of one phone that has transferred the one to the other, are there.
// Whom it talked with are joined as if the transfer had been ours, and the channel goes: it may carry no sound (seen on 22.10).
// b.mu is held.
func (b *Backend) meet(l *leg) {
	if l.link == "" {
		return
	}
	for _, other := range b.legs {
		if other == l || other.link != l.link {
			continue
		}
		if do := b.attended(l, other); do != nil {
			b.move([]*leg{l, other}, do, func(context.Context, error) {}) // the phone has been told
		}
		return
	}
}

func transferred(err error) string {
	switch fault.CodeOf(err) {
	case "":
		return client.TransferDone
	case fault.CodeConflict, fault.CodeCallEnded, fault.CodeForbidden, fault.CodeBlocked, fault.CodeNumberDenied, fault.CodeNotSupported:
		return client.TransferDeclined
	}
	return client.TransferFailed
}

// decided does what waited for the decision about a transfer; b.mu is held.
func (b *Backend) decided(l *leg) {
	l.moving = false
	switch {
	case l.over:
		b.finish(l)
	case l.hangUp:
		b.uplink.Go(func(ctx context.Context) { _ = b.api.HangUp(ctx, l.channel, order(l.why)) })
	}
}
