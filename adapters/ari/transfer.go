package ari

import (
	"context"

	"c2d/adapters/ari/client"
	"c2d/core/call"
	"c2d/core/fault"
)

// transferHandling leaves a REFER of a channel's phone to us; Asterisk would take the channel away into the dialplan. Versions
// before 20.13 and 22.3 do not know it, and do that.
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
		b.spawn(func(ctx context.Context) { _ = b.api.Transferred(ctx, t.Channel, client.TransferDeclined) })
		return
	}
	for _, l := range legs {
		l.moving = true
	}
	b.spawn(func(ctx context.Context) {
		err := do(ctx)
		b.log.Info("a phone transfers", "leg", l.id, "error", err)
		_ = b.api.Transferred(ctx, t.Channel, transferred(err)) // a phone that has gone does not ask
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
		b.spawn(func(ctx context.Context) { _ = b.api.HangUp(ctx, l.channel, order(l.why)) })
	}
}
