package esl

import (
	"context"
	"strings"

	"c2d/adapters/esl/client"
	"c2d/core/call"
)

// wanted are the names of events that FreeSWITCH is asked for: ten for a leg that talks, of more than thirty.
var wanted = []string{
	"CHANNEL_CREATE", "CHANNEL_PROGRESS", "CHANNEL_PROGRESS_MEDIA", "CHANNEL_ANSWER", "CHANNEL_PARK", "CHANNEL_BRIDGE", "CHANNEL_UNBRIDGE",
	"CHANNEL_HOLD", "CHANNEL_UNHOLD", "CHANNEL_HANGUP", "CHANNEL_HANGUP_COMPLETE", "DTMF", "BACKGROUND_JOB",
	"RECORD_START", "RECORD_STOP",
}

// hear takes one event, on the one goroutine that reads.
func (b *Backend) hear(ev client.Event) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if ev.Name == "BACKGROUND_JOB" {
		b.result(ev)
		return
	}
	l := b.channels[ev.Get("Unique-ID")]
	if l == nil {
		if ev.Name == "CHANNEL_CREATE" || ev.Name == "CHANNEL_ANSWER" {
			b.stray(ev.Get("Unique-ID"))
		}
		return
	}
	switch ev.Name {
	case "CHANNEL_CREATE":
		b.created(l)
	case "CHANNEL_PROGRESS":
		if l.rang = true; !l.offered { // else it is what we have ordered
			b.enter(l, call.LegRinging, call.EvRinging)
		}
	case "CHANNEL_PROGRESS_MEDIA":
		if l.rang, l.early = true, true; !l.offered {
			b.enter(l, call.LegEarly, call.EvEarlyMedia)
		}
	case "CHANNEL_ANSWER":
		l.up = true
		b.answered(l)
		b.takeOver(l)
	case "CHANNEL_PARK":
		if l.handed == nil { // else it waits in the dialplan's socket application, which is not for us to bridge
			b.park(l)
		}
	case "CHANNEL_BRIDGE":
		b.bridged(l, ev.Get("Other-Leg-Unique-ID"))
	case "CHANNEL_UNBRIDGE":
		b.unbridged(l, ev.Get("Bridge-B-Unique-ID"))
	case "DTMF":
		if key := ev.Get("DTMF-Digit"); len(key) == 1 && ev.Get("DTMF-Source") != "APP" { // what we press ourselves is not told
			b.tell(call.LegEvent{Leg: l.id, Kind: call.EvDTMF, Digit: key[0]})
		}
	case "RECORD_START":
		b.recordBegan(l, ev.Get("Record-File-Path"))
	case "RECORD_STOP":
		b.recordEnded(l, ev.Get("Record-File-Path"))
	case "CHANNEL_HOLD":
		b.tell(call.LegEvent{Leg: l.id, Kind: call.EvHeld})
	case "CHANNEL_UNHOLD":
		b.tell(call.LegEvent{Leg: l.id, Kind: call.EvResumed})
	case "CHANNEL_HANGUP":
		b.hangups++
		l.hung, l.missed = b.hangups, false
		if e := ended(ev); l.state == call.LegAnswered && e.theirs && !e.moved {
			b.finish(l, e)
		}
	case "CHANNEL_HANGUP_COMPLETE":
		l.missed = false // a snapshot may have found before that it is gone
		b.over(l, ended(ev))
	}
}

// over: a channel is gone. FreeSWITCH tells of two who talked in either order; who hung up is told first.
func (b *Backend) over(l *leg, e end) {
	y := b.partner(l)
	switch {
	case e.moved && b.moved(l):
	case y != nil && y.behind == l.id && e.ours: // whoever is behind it has hung up
		b.finish(y, e)
		b.finish(l, e)
	case y == nil || l.why != "" || y.why != "" || !e.ours:
		b.finish(l, e)
	case y.end == nil: // whose hang-up this follows
		l.end = &e
		b.whither(l, y, e)
	default: // it has ended both
		l.end = &e
		if y.hung < l.hung && !e.moved { // whose phone has given the other one to nobody has left it
			l = y
		}
		b.finish(l, *l.end)
	}
}

// created: the channel of an originate is there. If its call was given up before, that order found nobody.
func (b *Backend) created(l *leg) {
	l.created, l.missed = true, false
	if l.why != "" {
		b.kill(l.channel, order(l.why, false))
		return
	}
	b.enter(l, call.LegTrying, call.EvTrying)
}

// stray is a channel of ours that no record knows: its originate was given up when FreeSWITCH did not answer in time, or it was not
// in the list that was looked through after a connect.
func (b *Backend) stray(channel string) {
	if b.origin.Made(channel) {
		b.kill(channel, order(call.Cancelled, false))
	}
}

func (b *Backend) kill(channel, cause string) {
	b.uplink.Go(func(ctx context.Context) { _, _ = b.call(ctx, "uuid_kill", channel, cause) })
}

// result: what an originate has come to. Its channel, if there was one, tells more.
func (b *Backend) result(ev client.Event) {
	l := b.legs[ev.Get("Job-UUID")]
	if l == nil || strings.HasPrefix(ev.Body, "+OK") {
		return
	}
	e := failed(ev.Body, l.created)
	if l.created {
		b.finishLater(l, e)
		return
	}
	if why := e.why(); why.Reason == call.BackendFailed || why.Reason == call.Congestion {
		b.log.Warn("FreeSWITCH does not ring", "leg", l.id, "says", strings.TrimSpace(ev.Body))
	}
	b.finish(l, e)
}
