package ari

import (
	"context"
	"strconv"
	"time"

	"c2d/core/call"
)

func itoa(n int) string { return strconv.Itoa(n) }

// RingBack implements [call.Backend]: the tone is that of Asterisk's own country (indications.conf).
func (b *Backend) RingBack(ctx context.Context, id string, on bool) error {
	l, err := b.answeredLeg(id)
	if l == nil || err != nil {
		return err
	}
	if !on {
		return b.quiet(ctx, l)
	}
	return b.tone(ctx, l, "ring")
}

// tone plays a tone to a leg until quiet; one that plays already goes on.
func (b *Backend) tone(ctx context.Context, l *leg, name string) error {
	if err := b.quiet(ctx, l); err != nil {
		return err
	}
	b.mu.Lock()
	l.playing = l.id + toneSuffix
	id := l.playing
	b.mu.Unlock()
	return settled(b.api.Play(ctx, l.channel, id, "tone:"+name))
}

// toneSuffix makes the id of a leg's tone, which the next process has to know: while something plays to a channel, Asterisk
// lets it into no bridge.
const toneSuffix = "-tone"

// quiet ends what plays to a leg. A prompt's end is not told then: who ordered this knows.
func (b *Backend) quiet(ctx context.Context, l *leg) error {
	b.mu.Lock()
	id := l.playing
	l.playing = ""
	delete(b.prompts, id)
	b.mu.Unlock()
	if id == "" {
		return nil
	}
	return settled(b.api.StopPlaying(ctx, id))
}

// tones are what reasons sound like; the others are the information tone.
var tones = map[call.Reason]string{call.Busy: "busy", call.Rejected: "busy", call.NoAnswer: "busy", call.Congestion: "congestion", call.BackendFailed: "congestion"}

// Tell implements [call.Backend].
func (b *Backend) Tell(ctx context.Context, id string, why call.Reason) error {
	name, ok := tones[why]
	if !ok {
		name = "info"
	}
	return b.prompt(ctx, id, name)
}

// AskKey implements [call.Backend]: beeps.
func (b *Backend) AskKey(ctx context.Context, id string) error {
	return b.prompt(ctx, id, "callwaiting")
}

// prompt plays a tone for a while; its end is told.
func (b *Backend) prompt(ctx context.Context, id, name string) error {
	l, err := b.answeredLeg(id)
	if l == nil || err != nil {
		return err
	}
	if err := b.quiet(ctx, l); err != nil {
		return err
	}
	b.mu.Lock()
	b.count++
	play := l.id + "-prompt-" + itoa(b.count)
	b.prompts[play], l.playing = l, play
	b.mu.Unlock()
	if err := b.api.Play(ctx, l.channel, play, "tone:"+name); err != nil {
		b.mu.Lock()
		delete(b.prompts, play)
		b.mu.Unlock()
		return settled(err)
	}
	time.AfterFunc(b.waits.prompt, func() { b.endPrompt(play) })
	return nil
}

// endPrompt stops a tone, which by itself has no end.
func (b *Backend) endPrompt(play string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.prompts[play] == nil {
		return
	}
	b.uplink.Go(func(ctx context.Context) {
		if err := b.api.StopPlaying(ctx, play); err != nil { // nobody will tell its end
			b.mu.Lock()
			defer b.mu.Unlock()
			b.promptDone(play)
		}
	})
}

// promptDone tells that a prompt has ended; b.mu is held.
func (b *Backend) promptDone(play string) {
	l := b.prompts[play]
	if l == nil {
		return
	}
	delete(b.prompts, play)
	l.playing = ""
	b.tell(call.LegEvent{Leg: l.id, Kind: call.EvPromptDone})
}
