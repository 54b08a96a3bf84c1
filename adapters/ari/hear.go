package ari

import (
	"context"
	"net/http"
	"strings"

	"github.com/CyCoreSystems/ari/v5"

	"c2d/adapters/ari/client"
	"c2d/core/call"
)

// wanted are the types of events that Asterisk is asked for; the others (half of all are variables) stay there.
var wanted = []string{
	"StasisStart", "StasisEnd", "ChannelStateChange", "ChannelDestroyed", "ChannelHangupRequest", "Dial", "ChannelDtmfReceived",
	"ChannelHold", "ChannelUnhold", "ChannelEnteredBridge", "PlaybackFinished", "ApplicationReplaced", "ChannelTransfer",
	"RecordingStarted", "RecordingFinished", "RecordingFailed",
}

// hear takes one event, on the one goroutine that reads.
func (b *Backend) hear(ev client.Event) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if ev.Transfer != nil {
		b.transfer(ev.Transfer)
	}
	switch e := ev.Event.(type) {
	case *ari.StasisStart:
		b.started(e)
	case *ari.StasisEnd:
		b.left(e.Channel.ID)
	case *ari.Dial:
		b.dialling(e)
	case *ari.ChannelStateChange:
		if l := b.channels[e.Channel.ID]; l != nil {
			b.changed(l, e.Channel.ID, e.Channel.State)
		}
	case *ari.ChannelHangupRequest:
		b.asked(e.Channel.ID, e.Cause)
	case *ari.ChannelDestroyed:
		b.destroyed(e.Channel.ID, e.Cause, ev.TechCause)
	case *ari.ChannelDtmfReceived:
		if l := b.legs[e.Channel.ID]; l != nil && len(e.Digit) == 1 {
			b.tell(call.LegEvent{Leg: l.id, Kind: call.EvDTMF, Digit: e.Digit[0]})
		}
	case *ari.ChannelHold:
		b.phoneHolds(e.Channel.ID, call.EvHeld)
	case *ari.ChannelUnhold:
		b.phoneHolds(e.Channel.ID, call.EvResumed)
	case *ari.ChannelEnteredBridge:
		b.entered(e.Bridge.ID, e.Bridge.ChannelIDs)
	case *ari.PlaybackFinished:
		b.promptDone(e.Playback.ID)
	case *ari.RecordingStarted:
		b.recordBegan(e.Recording.Name)
	case *ari.RecordingFinished:
		b.recordEnded(e.Recording.Name, "")
	case *ari.RecordingFailed:
		b.recordEnded(e.Recording.Name, "Asterisk could not write it")
	}
}

// started: a channel is in an application of ours.
func (b *Backend) started(e *ari.StasisStart) {
	l := b.channels[e.Channel.ID]
	switch {
	case e.ReplaceChannel.ID != "":
		b.replaced(b.channels[e.ReplaceChannel.ID], e)
	case l == nil && e.Application == b.shared && !b.origin.Made(e.Channel.ID):
		b.offer(e)
	case l == nil && b.origin.Made(e.Channel.ID): // its call was given up meanwhile
		b.tell(call.LegEvent{Leg: e.Channel.ID, Kind: call.EvAnswered})
	case l == nil || l.channel != e.Channel.ID:
	default:
		l.entered = true
		b.dial(l)
	}
}

// dial rings a created channel once it can be, and its events come to us: what the dialplan does with it at once would be missed
// else. b.mu is held.
func (b *Backend) dial(l *leg) {
	if l.dialled || !l.made || !l.entered && !l.seen || l.why != "" {
		return
	}
	l.dialled = true
	sure := l.entered
	b.uplink.Go(func(ctx context.Context) {
		err := b.api.Dial(ctx, l.channel, l.limit)
		switch {
		case err == nil || client.Gone(err):
		case client.Status(err) == http.StatusConflict && !sure:
			b.mu.Lock()
			defer b.mu.Unlock()
			l.dialled, l.seen = false, false // it will tell when it is in the application, or just did
			b.dial(l)
		default:
			b.log.Warn("not dialled", "leg", l.id, "error", err)
			b.mu.Lock()
			defer b.mu.Unlock()
			l.failed = true
			b.uplink.Go(func(ctx context.Context) { _ = b.api.HangUp(ctx, l.channel, order(call.BackendFailed)) }) // in a time of its own
		}
	})
}

// dialling: what one channel's dialling of another has come to. What the dialplan dials for a leg becomes the leg's.
func (b *Backend) dialling(e *ari.Dial) {
	l := b.channels[e.Peer.ID]
	if l == nil {
		if l = b.channels[e.Caller.ID]; l == nil || l.farHalf == "" {
			return
		}
		b.follow(l, e.Peer.ID, e.Peer.Name)
	}
	if e.Forward != "" && !l.forwarded {
		l.forwarded = true
		b.tell(call.LegEvent{Leg: l.id, Kind: call.EvForwarded})
	}
	switch e.Dialstatus {
	case "":
		b.enter(l, call.LegTrying, call.EvTrying)
	case "RINGING":
		b.ringing(l, false)
	case "PROGRESS":
		b.ringing(l, true)
	case "ANSWER":
		b.changed(l, e.Peer.ID, "Up")
	}
}

// follow takes up a channel that the dialplan dials for a leg; b.mu is held.
func (b *Backend) follow(l *leg, id, name string) {
	b.channels[id], l.behind[id] = l, &phone{}
	b.uplink.Go(func(ctx context.Context) {
		if half, local := strings.CutSuffix(name, ";1"); local { // a follow-me: the phones are behind its other half
			b.followHalf(ctx, l, half+";2")
		}
		if err := b.api.Subscribe(ctx, b.app, id); err != nil {
			b.log.Debug("not followed", "leg", l.id, "channel", id, "error", err) // gone already: the far half tells
		}
	})
}

// followHalf takes up the far half of a Local channel that the dialplan dials.
func (b *Backend) followHalf(ctx context.Context, l *leg, name string) {
	all, err := b.api.Channels(ctx)
	if err != nil {
		return
	}
	for _, c := range all {
		if c.Name != name {
			continue
		}
		b.mu.Lock()
		b.channels[c.ID] = l
		b.mu.Unlock()
		_ = b.api.Subscribe(ctx, b.app, c.ID)
	}
}

// changed takes the state of one of a leg's channels; b.mu is held.
func (b *Backend) changed(l *leg, channel, state string) {
	behind := l.behind[channel]
	switch {
	case state == "Ringing" && channel != l.farHalf && !l.offered:
		b.ringing(l, false)
	case state != "Up" || channel == l.farHalf:
	case behind != nil:
		if !behind.up && l.state == call.LegAnswered {
			b.again(l)
		}
		behind.up = true
		b.answered(l)
	case channel == l.channel:
		l.up = true
		b.answered(l)
		b.meet(l)
	}
}

// asked: the far side of a channel, or Asterisk itself, wants its end. 32 is a flag of Asterisk's, not a cause.
func (b *Backend) asked(channel string, cause int) {
	l := b.channels[channel]
	if l == nil || cause == 0 || cause == 32 {
		return
	}
	if p := l.behind[channel]; p != nil {
		p.end.asked = true
	} else if channel == l.channel {
		l.end.asked = true
	}
}

// destroyed: a channel is gone. This is the one end that every channel has.
func (b *Backend) destroyed(channel string, cause, tech int) {
	b.noteOver(channel)
	l := b.channels[channel]
	if l == nil {
		return
	}
	if p := l.behind[channel]; p != nil {
		p.end.cause, p.end.tech = cause, tech
		delete(b.channels, channel)
		return
	}
	if channel != l.channel && channel != l.farHalf {
		return
	}
	l.gone[channel], l.missed = true, false
	if channel == l.channel && l.farHalf == "" || channel == l.farHalf { // a near half has no cause of its own
		l.end.cause, l.end.tech = cause, tech
	}
	if l.farHalf == "" || l.gone[l.channel] && l.gone[l.farHalf] {
		b.finish(l)
		return
	}
	b.finishLater(l)
}

func (b *Backend) phoneHolds(channel string, kind call.LegEventKind) {
	l := b.channels[channel]
	if l == nil || l.state != call.LegAnswered || l.farHalf != "" && l.behind[channel] == nil {
		return
	}
	l.holds = kind == call.EvHeld
	b.tell(call.LegEvent{Leg: l.id, Kind: kind, Resume: l.resume()})
	b.adjustRecord(l.bridge)
}
