package esl

import (
	"context"
	"path"
	"time"

	"c2d/adapters/esl/client"
	"c2d/core/call"
	"c2d/core/fault"
	"c2d/core/tone"
)

var _ call.Recorder = (*Backend)(nil)

// beepEvery is how often the two hear that they are recorded.
const beepEvery = 15 * time.Second

// file is where FreeSWITCH writes a recording.
func (b *Backend) file(name string) string { return path.Join(b.config().Recordings, name+".wav") }

// Record implements [call.Recorder]: FreeSWITCH writes what the leg's phone says on the left, and what it hears on the right. It ends
// with the leg, also if we are no more.
func (b *Backend) Record(ctx context.Context, id, name string) error {
	if b.config().Recordings == "" {
		return fault.New(fault.CodeNotSupported, "no folder for FreeSWITCH's recordings is configured")
	}
	l, err := b.joined(id)
	if l == nil || err != nil {
		return err
	}
	y, again, err := b.newRecord(l, name)
	if again || err != nil {
		return err
	}
	if err = b.begin(ctx, l, y, name); err == nil {
		return nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if l.record == name {
		b.endRecord(l)
		l.record = ""
	}
	return err
}

// newRecord notes that a leg is recorded, and returns whom it talks with; again if it is already, under that name.
func (b *Backend) newRecord(l *leg, name string) (y *leg, again bool, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	y = b.partner(l)
	switch {
	case y == nil:
		return nil, false, fault.New(fault.CodeConflict, "the leg talks with nobody")
	case l.record == name:
		return y, true, nil
	case l.record != "" || y.record != "":
		return nil, false, fault.New(fault.CodeConflict, "the two are recorded already")
	}
	l.record = name
	return y, false, nil
}

// begin orders a recording, and lets the two hear of it first: who cannot hear it is not recorded.
func (b *Backend) begin(ctx context.Context, l, y *leg, name string) error {
	for _, of := range []*leg{l, y} {
		if b.noBeep {
			continue
		}
		if _, err := b.call(ctx, "uuid_displace", of.channel, "start", b.beep(), "0", "mux"); err != nil {
			return recordError(err, "the two cannot hear that they are recorded")
		}
	}
	if _, err := b.call(ctx, "uuid_setvar", l.channel, "RECORD_STEREO", "true"); err != nil {
		return recordError(err, "FreeSWITCH does not record this channel")
	}
	_, err := b.call(ctx, "uuid_record", l.channel, "start", b.file(name))
	return recordError(err, "FreeSWITCH cannot write the recording: is its folder there, and FreeSWITCH's to write?")
}

// beep is what both hear now and then: see tone.Recorded.
func (b *Backend) beep() string {
	t := tone.Recorded()
	t.Segments = append(t.Segments, tone.Segment{For: beepEvery - length(t)})
	return stream(t, 0)
}

func recordError(err error, text string) error {
	switch {
	case err == nil:
		return nil
	case client.Answered(err):
		return fault.Wrap(fault.CodeInternal, err, "%s", text)
	}
	return fault.Wrap(fault.CodeBackendUnavailable, err, "FreeSWITCH did not answer")
}

// StopRecord implements [call.Recorder]. One that does not run is told as ended: it was, while nobody listened.
func (b *Backend) StopRecord(_ context.Context, id, name string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch l := b.legs[id]; {
	case l == nil:
	case l.record == name:
		b.endRecord(l)
	default:
		b.tell(call.LegEvent{Leg: id, Kind: call.EvRecorded, Recording: name})
	}
	return nil
}

// endRecord stops the recording of a leg, if there is one; its end is told when FreeSWITCH tells it; b.mu is held.
func (b *Backend) endRecord(l *leg) {
	if l.record == "" {
		return
	}
	name, y := l.record, b.partner(l)
	if y != nil && y.behind != "" { // it has no channel any more
		y = nil
	}
	b.uplink.Go(func(ctx context.Context) {
		_, err := b.call(ctx, "uuid_record", l.channel, "stop", b.file(name))
		b.unannounce(ctx, l, y)
		b.mu.Lock()
		defer b.mu.Unlock()
		if gone(err) {
			b.recordEnded(l, b.file(name))
		}
	})
}

// unannounce ends the beeps; with a channel they end by themselves.
func (b *Backend) unannounce(ctx context.Context, legs ...*leg) {
	for _, l := range legs {
		if l != nil && !b.noBeep {
			_, _ = b.call(ctx, "uuid_displace", l.channel, "stop", b.beep())
		}
	}
}

// recordBegan: FreeSWITCH records a leg; b.mu is held.
func (b *Backend) recordBegan(l *leg, file string) {
	if l.record != "" && file == b.file(l.record) {
		b.tell(call.LegEvent{Leg: l.id, Kind: call.EvRecording, Recording: l.record, Resume: l.resume()})
	}
}

// recordEnded: a recording is complete; b.mu is held.
func (b *Backend) recordEnded(l *leg, file string) {
	if b.legs[l.id] != l || l.record == "" || file != b.file(l.record) {
		return
	}
	name := l.record
	l.record = ""
	b.tell(call.LegEvent{Leg: l.id, Kind: call.EvRecorded, Recording: name, Resume: l.resume()})
}

// mask lets the recording of two keep silence while one holds the other, and be heard again; b.mu is held.
func (b *Backend) mask(on bool, legs ...*leg) {
	word := "unmask"
	if on {
		word = "mask"
	}
	for _, l := range legs {
		if l == nil || l.record == "" {
			continue
		}
		file := b.file(l.record)
		b.uplink.Go(func(ctx context.Context) {
			if _, err := b.call(ctx, "uuid_record", l.channel, word, file); err != nil {
				b.log.Warn("a recording goes on as it was", "leg", l.id, "error", err)
			}
		})
	}
}
