package ari

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"

	"c2d/adapters/ari/client"
	"c2d/core/call"
	"c2d/core/fault"
)

var _ call.Recorder = (*Backend)(nil)

// record is one recording. It is guarded by the backend's mutex.
type record struct {
	leg, name string // on which, and as what it was ordered
	bridge    string // that it is of; empty while that is not known, of one that a former process has left
	began     bool   // Asterisk records
	over      bool   // it is not wanted any more, and is fetched as soon as Asterisk has closed it
	muted     bool   // one holds the other
	beeps     bool   // the two hear that they are recorded
	failed    string // why, if that is known before it is fetched
}

// file is its name in Asterisk's spool, from which whoever finds it there knows whose it is.
func (r *record) file() string { return r.leg + "_" + r.name }

// ofFile returns what a file of our origin is a recording of.
func (b *Backend) ofFile(file string) (leg, name string, ok bool) {
	i := strings.LastIndexByte(file, '_')
	if i < 0 || !b.origin.Made(file) || !recordingName.MatchString(file[i+1:]) {
		return "", "", false
	}
	return file[:i], file[i+1:], true
}

// recordIn returns the recording that runs in a bridge, nil for none; b.mu is held.
func (b *Backend) recordIn(bridge string) *record {
	for _, r := range b.records {
		if r.bridge == bridge && !r.over {
			return r
		}
	}
	return nil
}

// Record implements [call.Recorder]: Asterisk records the bridge, in its own spool.
func (b *Backend) Record(ctx context.Context, leg, name string) error {
	if b.archive == "" {
		return fault.New(fault.CodeNotSupported, "no folder for recordings is configured")
	}
	l, err := b.joined(leg)
	if l == nil || err != nil {
		return err
	}
	r, err := b.newRecord(l, name)
	if r == nil || err != nil {
		return err
	}
	if err = b.archive.reserve(name); err == nil {
		err = b.inTurn(ctx, r.bridge, func() error { return b.begin(ctx, r) })
	}
	if err != nil {
		b.notBegun(r, err)
	}
	return err
}

// newRecord notes that two who are joined are recorded; nil if they are already, under that name.
func (b *Backend) newRecord(l *leg, name string) (*record, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	of := b.bridges[l.bridge]
	if of == nil || !of.told {
		return nil, fault.New(fault.CodeConflict, "the leg talks with nobody")
	}
	r := &record{leg: l.id, name: name, bridge: l.bridge}
	if b.records[r.file()] != nil {
		return nil, nil
	}
	if b.recordIn(l.bridge) != nil {
		return nil, fault.New(fault.CodeConflict, "the two are recorded already")
	}
	b.records[r.file()], l.record = r, r
	return r, nil
}

// begin orders a recording, unless its end was ordered meanwhile. One that is there under its name was ordered by a former process.
func (b *Backend) begin(ctx context.Context, r *record) error {
	b.mu.Lock()
	over := r.over
	b.mu.Unlock()
	if over {
		return nil
	}
	err := b.api.Record(ctx, r.bridge, r.file())
	switch client.Status(err) {
	case http.StatusConflict:
		b.findRecord(ctx, r)
		return nil
	case 0:
		if err != nil {
			return fault.Wrap(fault.CodeBackendUnavailable, err, "Asterisk did not answer")
		}
		return nil
	case http.StatusNotFound:
		return fault.Wrap(fault.CodeConflict, err, "the two have parted, or Asterisk cannot record")
	}
	return fault.Wrap(fault.CodeInternal, err, "Asterisk cannot record: its folder for recordings is not there, or cannot be written")
}

// notBegun forgets a recording that Asterisk has refused. One that it may have begun nevertheless is ended.
func (b *Backend) notBegun(r *record, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case r.over:
	case fault.Is(err, fault.CodeBackendUnavailable):
		b.endRecord(r)
	default:
		b.archive.release(r.name)
		b.forgetRecord(r)
	}
}

// forgetRecord is the end of what is known of a recording; b.mu is held.
func (b *Backend) forgetRecord(r *record) {
	delete(b.records, r.file())
	if l := b.legs[r.leg]; l != nil && l.record == r {
		l.record = nil
	}
}

// StopRecord implements [call.Recorder]. One that does not run is told as ended: it was, while nobody listened.
func (b *Backend) StopRecord(_ context.Context, leg, name string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	l, r := b.legs[leg], b.records[(&record{leg: leg, name: name}).file()]
	switch {
	case r != nil:
		b.endRecord(r)
	case l != nil:
		b.tell(call.LegEvent{Leg: leg, Kind: call.EvRecorded, Recording: name})
	}
	return nil
}

// recordBegan: Asterisk records; b.mu is held.
func (b *Backend) recordBegan(file string) {
	r := b.records[file]
	if r == nil || r.began || r.over {
		return
	}
	r.began = true
	if l := b.legs[r.leg]; l != nil {
		b.tell(call.LegEvent{Leg: r.leg, Kind: call.EvRecording, Recording: r.name, Resume: l.resume()})
	}
	b.adjustRecord(r.bridge)
}

// recordEnded: Asterisk records no more, by itself or since we wanted so; b.mu is held.
func (b *Backend) recordEnded(file, failed string) {
	if r := b.records[file]; r != nil && !r.over {
		r.failed = failed
		b.endRecord(r)
	}
}

// phonesWait reports whether one in a bridge waits since the other, or we for him, holds; b.mu is held.
func (b *Backend) phonesWait(bridge string) bool {
	of := b.bridges[bridge]
	if of == nil {
		return false
	}
	x, y := b.legs[of.first], b.legs[of.second]
	return of.held || x != nil && x.holds || y != nil && y.holds
}

// adjustRecord lets a recording that runs keep silence while one waits, and be heard while nobody does; b.mu is held.
func (b *Backend) adjustRecord(bridge string) {
	r := b.recordIn(bridge)
	if r == nil {
		return
	}
	b.uplink.Go(func(ctx context.Context) {
		err := b.inTurn(ctx, bridge, func() error { return errors.Join(b.mute(ctx, r), b.announce(ctx, r)) })
		if err != nil {
			b.log.Error("a recording goes on as it was", "leg", r.leg, "recording", r.name, "error", err)
		}
	})
}

// mute keeps silence while one waits, so that times stay right; in the turn of the bridge.
func (b *Backend) mute(ctx context.Context, r *record) error {
	b.mu.Lock()
	waits := b.phonesWait(r.bridge)
	done := !r.began || r.over || r.muted == waits
	b.mu.Unlock()
	if done {
		return nil
	}
	if err := b.api.MuteRecording(ctx, r.file(), waits); err != nil {
		return settled(err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	r.muted = waits
	if l := b.legs[r.leg]; l != nil && l.record == r {
		b.tell(call.LegEvent{Leg: r.leg, Kind: call.EvResume, Resume: l.resume()})
	}
	return nil
}

// announce lets the two hear that they are recorded, but for while one waits: the beeps make way for what a hold plays. Who cannot
// hear it is not recorded. In the turn of the bridge.
func (b *Backend) announce(ctx context.Context, r *record) error {
	b.mu.Lock()
	waits := b.phonesWait(r.bridge)
	done := b.noBeep || !r.began || r.over || r.beeps != waits
	b.mu.Unlock()
	if done {
		return nil
	}
	err := b.beep(ctx, r.bridge, !waits)
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case err == nil:
		r.beeps = !waits
	case client.Gone(err): // so is the joining
		err = nil
	case !waits && client.Status(err) != 0:
		b.recordEnded(r.file(), "the two cannot hear that they are recorded")
	}
	return err
}

// unannounced ends the beeps in a bridge, since something else is to play there; in its turn.
func (b *Backend) unannounced(ctx context.Context, bridge string) error {
	b.mu.Lock()
	r := b.recordIn(bridge)
	beeps := r != nil && r.beeps
	b.mu.Unlock()
	if !beeps {
		return nil
	}
	err := b.beep(ctx, bridge, false)
	if err == nil {
		b.mu.Lock()
		r.beeps = false
		b.mu.Unlock()
	}
	return err
}

// recordTone is what the two hear at the beginning and every 15 s: see tone.Recorded. Asterisk repeats it by itself, also when we
// are no more. It is in the recording too.
const (
	recordTone = "tone:1400/200,0/14800"
	beepSuffix = "-beep"
)

func (b *Backend) beep(ctx context.Context, bridge string, on bool) error {
	if on {
		return b.api.PlayInto(ctx, bridge, bridge+beepSuffix, recordTone)
	}
	return settled(b.api.StopPlaying(ctx, bridge+beepSuffix))
}

// collect looks after each connect at what Asterisk has recorded for us meanwhile.
func (b *Backend) collect(ctx context.Context) {
	if b.archive == "" {
		return
	}
	files, err := b.api.Recordings(ctx)
	if err != nil {
		b.log.Warn("Asterisk's recordings cannot be listed", "error", err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, r := range b.records {
		if !r.over {
			b.uplink.Go(func(ctx context.Context) { b.findRecord(ctx, r) })
		}
	}
	for _, file := range files {
		leg, name, ours := b.ofFile(file)
		if !ours || b.records[file] != nil {
			continue
		}
		r := &record{leg: leg, name: name}
		b.records[file] = r
		b.uplink.Go(func(ctx context.Context) { b.findRecord(ctx, r) })
	}
}

// findRecord finds out what has become of a recording: it runs, or is to be fetched.
func (b *Backend) findRecord(ctx context.Context, r *record) {
	bridge, err := b.api.Recording(ctx, r.file())
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case r.over:
	case err != nil && !client.Gone(err): // the next connection tells
		if r.bridge == "" {
			b.forgetRecord(r)
		}
	case err != nil || r.bridge == "" && !b.takeUpRecord(r, bridge):
		b.endRecord(r)
	default:
		b.recordBegan(r.file())
		b.adjustRecord(r.bridge)
	}
}

// takeUpRecord takes up a recording that a former process has ordered and not noted; false if it is of nobody whose call we
// carry: nobody's record says that it runs. b.mu is held.
func (b *Backend) takeUpRecord(r *record, bridge string) bool {
	l := b.legs[r.leg]
	r.bridge = bridge
	if l == nil || l.bridge != bridge || slices.ContainsFunc(b.inBridge(bridge), func(l *leg) bool { return l.record != nil }) {
		return false
	}
	l.record, r.beeps = r, !b.noBeep
	return true
}

func (b *Backend) inBridge(bridge string) (all []*leg) {
	for _, l := range b.legs {
		if l.bridge == bridge {
			all = append(all, l)
		}
	}
	return all
}
