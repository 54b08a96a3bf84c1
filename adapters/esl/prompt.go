package esl

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"c2d/core/call"
	"c2d/core/tone"
)

func itoa(n int) string { return strconv.Itoa(n) }

// stream returns a tone as FreeSWITCH plays it (TGML): %(on, off, Hz …) for each sound and the pause after it; loops of 0 is for ever.
func stream(t tone.Tone, loops int) string {
	if loops == 0 {
		loops = -1
	}
	var parts []string
	for i, s := range t.Segments {
		if len(s.Hz) == 0 {
			continue
		}
		pause := time.Duration(0)
		if i+1 < len(t.Segments) && len(t.Segments[i+1].Hz) == 0 {
			pause = t.Segments[i+1].For
		}
		part := fmt.Sprintf("%%(%d,%d", s.For.Milliseconds(), pause.Milliseconds())
		for _, hz := range s.Hz {
			part += "," + strconv.FormatFloat(hz, 'f', -1, 64)
		}
		parts = append(parts, part+")")
	}
	return "tone_stream://" + strings.Join(parts, ";") + ";loops=" + itoa(loops)
}

// length is how long a tone lasts once.
func length(t tone.Tone) (all time.Duration) {
	for _, s := range t.Segments {
		all += s.For
	}
	return all
}

// RingBack implements [call.Backend].
func (b *Backend) RingBack(ctx context.Context, id string, on bool) error {
	l, err := b.answeredLeg(id)
	if l == nil || err != nil {
		return err
	}
	if err := b.quiet(ctx, l); err != nil || !on {
		return err
	}
	b.mu.Lock()
	l.back = true
	b.mu.Unlock()
	return b.play(ctx, l, stream(tone.RingBack(b.country), 0))
}

// play begins a tone, which ends when it is over, by quiet, or when the leg is joined. One that comes out of a bridge just now
// would miss it.
func (b *Backend) play(ctx context.Context, l *leg, stream string) error {
	if err := b.untilParked(ctx, l); err != nil {
		return err
	}
	b.mu.Lock()
	l.plays++
	l.playing = true
	b.mu.Unlock()
	_, err := b.call(ctx, "uuid_broadcast", l.channel, stream, "aleg")
	return settled(err)
}

// quiet ends what plays to a leg. A prompt's end is not told then: who ordered this knows.
func (b *Backend) quiet(ctx context.Context, l *leg) error {
	b.mu.Lock()
	was := l.playing
	l.playing, l.back = false, false
	l.plays++
	b.mu.Unlock()
	if !was {
		return nil
	}
	_, err := b.call(ctx, "uuid_break", l.channel, "all")
	return settled(err)
}

// Tell implements [call.Backend].
func (b *Backend) Tell(ctx context.Context, id string, why call.Reason) error {
	t := tone.SIT()
	switch why {
	case call.Busy, call.Rejected, call.NoAnswer:
		t = tone.Busy(b.country)
	case call.Congestion, call.BackendFailed:
		t = tone.Congestion(b.country)
	}
	return b.prompt(ctx, id, t)
}

// AskKey implements [call.Backend].
func (b *Backend) AskKey(ctx context.Context, id string) error {
	return b.prompt(ctx, id, tone.KeyPrompt())
}

// prompt plays a tone for about as long as a prompt lasts; its end is told.
func (b *Backend) prompt(ctx context.Context, id string, t tone.Tone) error {
	l, err := b.answeredLeg(id)
	if l == nil || err != nil {
		return err
	}
	if err := b.quiet(ctx, l); err != nil {
		return err
	}
	loops := max(1, int((b.waits.prompt+length(t)-1)/length(t)))
	if err := b.play(ctx, l, stream(t, loops)); err != nil {
		return err
	}
	b.mu.Lock()
	mine := l.plays
	b.mu.Unlock()
	b.uplink.After(time.Duration(loops)*length(t), func() { b.promptDone(l, mine) })
	return nil
}

// promptDone tells that a prompt has ended, unless something else plays by now. FreeSWITCH's own word is not waited for: of a
// channel that is broken off while it begins to play there is none.
func (b *Backend) promptDone(l *leg, which int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.legs[l.id] != l || l.plays != which {
		return
	}
	l.playing = false
	b.tell(call.LegEvent{Leg: l.id, Kind: call.EvPromptDone})
}
