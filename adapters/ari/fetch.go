package ari

import (
	"context"
	"errors"
	"io"
	"net/http"
	"time"

	"c2d/adapters/ari/client"
	"c2d/core/call"
	"c2d/core/fault"
)

// endRecord ends a recording, and fetches it as soon as it is complete; b.mu is held.
func (b *Backend) endRecord(r *record) {
	if r.over {
		return
	}
	r.over = true
	b.uplink.Run(func(ctx context.Context) { b.fetch(ctx, r) }) // once we stop, the next process does it
}

// fetch brings a recording here, however often the connection to Asterisk is lost meanwhile, and tells of it.
func (b *Backend) fetch(ctx context.Context, r *record) {
	err := b.bring(ctx, r)
	for again(err) && pauses(ctx, b.waits.rest) {
		b.log.Warn("a recording is not here yet", "leg", r.leg, "recording", r.name, "error", err)
		err = b.bring(ctx, r)
	}
	if ctx.Err() != nil {
		return // the next process finds it in Asterisk's spool
	}
	if err != nil {
		b.log.Error("a recording failed", "leg", r.leg, "recording", r.name, "error", err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if r.failed == "" && err != nil {
		r.failed = wordsOf(err)
	}
	b.forgetRecord(r)
	l := b.legs[r.leg]
	switch {
	case l == nil: // its call has ended, and its record with it
	case r.failed != "":
		b.tell(call.LegEvent{Leg: l.id, Kind: call.EvRecordFail, Recording: r.name, Text: r.failed, Resume: l.resume()})
	default:
		b.tell(call.LegEvent{Leg: l.id, Kind: call.EvRecorded, Recording: r.name, Resume: l.resume()})
	}
}

// pauses returns false once the backend stops.
func pauses(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// again reports whether it is worth while to ask anew: Asterisk did not answer, or was too busy.
func again(err error) bool {
	var ours *fault.Error
	if err == nil || errors.As(err, &ours) {
		return false
	}
	s := client.Status(err)
	return s == 0 || s == http.StatusServiceUnavailable
}

// wordsOf are those of an error that a user may see.
func wordsOf(err error) string {
	var f *fault.Error
	if errors.As(err, &f) {
		return f.Message
	}
	return "Asterisk does not hand it over"
}

// bring stops a recording, waits until Asterisk has closed it, stores it in our archive, and removes it there.
func (b *Backend) bring(ctx context.Context, r *record) error {
	ctx, cancel := context.WithTimeout(ctx, b.waits.fetch)
	defer cancel()
	if err := b.inTurn(ctx, r.bridge, func() error { return b.stopRecording(ctx, r) }); err != nil {
		return err
	}
	if err := b.closes(ctx, r.file()); err != nil {
		return err
	}
	err := b.archive.store(r.name, func(to io.Writer) error { return b.api.Download(ctx, r.file(), to, mostBytes) })
	switch {
	case client.Gone(err):
		return fault.Wrap(fault.CodeInternal, err, "Asterisk could not write it")
	case err != nil:
		return err
	}
	if err := settled(b.api.DropRecording(ctx, r.file())); err != nil { // it is fetched again, and put in the place of itself
		b.log.Warn("a recording stays in Asterisk too", "recording", r.name, "error", err)
	}
	return nil
}

// stopRecording stops what records, and what tells the two so.
func (b *Backend) stopRecording(ctx context.Context, r *record) error {
	if r.bridge != "" && !b.noBeep {
		_ = b.beep(ctx, r.bridge, false) // it ends with the bridge at the latest
	}
	return settled(b.api.StopRecording(ctx, r.file()))
}

// closes waits until Asterisk has closed a recording. That is nearly always so at once; it is not told to whom has left.
func (b *Backend) closes(ctx context.Context, file string) error {
	for wait := 10 * time.Millisecond; ; wait = min(2*wait, time.Second) {
		if _, err := b.api.Recording(ctx, file); err != nil {
			return settled(err)
		}
		if !pauses(ctx, wait) || ctx.Err() != nil {
			return context.Cause(ctx)
		}
	}
}
