package sim

import (
	"context"

	"c2d/core/call"
	"c2d/core/fault"
)

// filling is how long it takes until the disk behind a recording that fails is full.
const filling = 200 * joining

// Record implements [call.Recorder]. Nothing is said and nothing kept; it is told.
func (b *Backend) Record(_ context.Context, id, name string) error {
	return b.order(id, func(l *leg) error {
		switch {
		case b.legs[l.joinedTo] == nil:
			return fault.New(fault.CodeConflict, "the leg talks with nobody")
		case l.recording == name:
			return nil
		case l.recording != "":
			return fault.New(fault.CodeConflict, "the leg is recorded already")
		}
		l.recording = name
		b.after(b.scaled(joining), func() { b.recorded(l, name, call.EvRecording, "") })
		if l.does.RecordFails || b.legs[l.joinedTo].does.RecordFails {
			b.after(b.scaled(filling), func() { b.recorded(l, name, call.EvRecordFail, "the disk is full") })
		}
		return nil
	})
}

// StopRecord implements [call.Recorder].
func (b *Backend) StopRecord(_ context.Context, id, name string) error {
	return b.order(id, func(l *leg) error {
		if l.recording != name {
			b.soon(call.LegEvent{Leg: id, Kind: call.EvRecorded, Recording: name})
			return nil
		}
		b.after(b.scaled(joining), func() { b.recorded(l, name, call.EvRecorded, "") })
		return nil
	})
}

// unrecord ends what is recorded of a leg.
func (b *Backend) unrecord(l *leg) {
	if l.recording != "" {
		b.recorded(l, l.recording, call.EvRecorded, "")
	}
}

// recorded tells of a recording that still runs; all but its begin end it.
func (b *Backend) recorded(l *leg, name string, kind call.LegEventKind, why string) {
	if l.recording != name {
		return
	}
	if kind != call.EvRecording {
		l.recording = ""
	}
	b.say(call.LegEvent{Leg: l.id, Kind: kind, Recording: name, Text: why})
}
