package sip

import (
	"context"
	"errors"
	"os"
	"time"

	"c2d/adapters/sip/recording"
	"c2d/core/call"
	"c2d/core/fault"
)

var _ call.Recorder = (*Stack)(nil)

// record is one recording of two legs. Both have it while it runs, under their locks; its ctx ends it.
type record struct {
	leg   *leg // on which it was ordered: its phone is on the left
	peer  *leg
	name  string
	since time.Time
	ctx   context.Context
	end   context.CancelFunc
}

func (s *Stack) newRecord(l *leg, name string, since time.Time) *record {
	r := &record{leg: l, name: name, since: since}
	r.ctx, r.end = context.WithCancel(s.ctx)
	return r
}

// called returns the name of the record where it was ordered on that leg: one of the two stores it.
func (r *record) called(l *leg) string {
	if r == nil || r.leg != l {
		return ""
	}
	return r.name
}

// makeFolder makes the folder of recordings, for its owner's eyes only.
func makeFolder(dir string) error {
	if dir == "" {
		return nil
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fault.Field(fault.CodeInvalid, "media.recordings", "cannot be made: %v", err)
	}
	return nil
}

// Record implements [call.Recorder]: the audio of both comes to us, in a codec that we can read, and a file is written.
func (s *Stack) Record(_ context.Context, leg, name string) error {
	if s.cfg.Media.Recordings == "" {
		return fault.New(fault.CodeNotSupported, "no folder for recordings is configured")
	}
	l := s.leg(leg)
	if l == nil {
		return nil
	}
	peer, err := l.joined()
	if err != nil {
		return err
	}
	r, moved, err := l.record(peer, name)
	if r != nil {
		s.spawn(func() { r.run(moved) })
	}
	return err
}

// record notes that the two are recorded; nil if they are already, under that name.
func (l *leg) record(peer *leg, name string) (r *record, moved bool, err error) {
	defer both(l, peer)()
	switch {
	case l.peer != peer.id || peer.state != call.LegAnswered:
		return nil, false, fault.New(fault.CodeConflict, "the leg talks with nobody")
	case l.rec.called(l) == name:
		return nil, false, nil
	case l.rec != nil:
		return nil, false, fault.New(fault.CodeConflict, "the two are recorded already")
	}
	if moved, err = anchorBoth(l, peer); err != nil {
		return nil, false, err
	}
	l.rec = l.s.newRecord(l, name, time.Now())
	l.epoch++ // a redirection that is under way begins anew, and finds that nobody may talk directly
	peer.epoch++
	r = shareRecord(l, peer)
	l.tell(call.LegEvent{Kind: call.EvResume, Resume: l.resume()})
	peer.tell(call.LegEvent{Kind: call.EvResume, Resume: peer.resume()})
	return r, moved, nil
}

// shareRecord gives both legs the record that one has. Both are locked.
func shareRecord(l, peer *leg) *record {
	if l.rec == nil {
		l, peer = peer, l
	}
	if l.rec != nil {
		l.rec.peer, peer.rec = peer, l.rec
	}
	return l.rec
}

// StopRecord implements [call.Recorder]. One that does not run is told as ended: it was, before a restart.
func (s *Stack) StopRecord(_ context.Context, leg, name string) error {
	l := s.leg(leg)
	if l == nil {
		return nil
	}
	peer, runs := l.recordedWith(name)
	if !runs {
		return nil
	}
	defer both(l, peer)()
	if l.rec.called(l) == name { // else it has just ended by itself
		l.unrecord()
		peer.unrecord()
	}
	return nil
}

// recordedWith returns with whom a leg is recorded under a name; where it is not, that is told as ended.
func (l *leg) recordedWith(name string) (peer *leg, runs bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.rec.called(l) == name && l.rec.peer != nil {
		return l.rec.peer, true
	}
	l.tell(call.LegEvent{Kind: call.EvRecorded, Recording: name})
	return nil, false
}

// unrecord ends what is recorded of a leg. l.mu is held.
func (l *leg) unrecord() {
	if l.rec == nil {
		return
	}
	l.rec.end()
	l.rec = nil
	if l.ep != nil {
		l.ep.Tap(nil)
	}
}

// run records until that is ended, and tells what comes of it. moved says that the phones have to be asked to send to us.
func (r *record) run(moved bool) {
	s := r.leg.s
	err := r.write(moved)
	if s.ctx.Err() != nil {
		return // the next process goes on
	}
	kind, why := call.EvRecorded, ""
	if err != nil {
		s.log.Error("a recording failed", "leg", r.leg.id, "recording", r.name, "error", err)
		kind, why = call.EvRecordFail, words(err)
	}
	if r.close(kind, why) {
		s.redirect(r.leg, r.peer)
	}
}

// words are those of an error that a user may see.
func words(err error) string {
	var f *fault.Error
	if errors.As(err, &f) {
		return f.Message
	}
	return "it cannot be written"
}

// write keeps the sound of the two in a file until the recording is ended.
func (r *record) write(moved bool) error {
	s := r.leg.s
	f, err := recording.Open(s.cfg.Media.Recordings, r.name, r.since)
	if err != nil {
		return err
	}
	r.tap(f)
	ctx, cancel := context.WithCancel(r.ctx)
	defer cancel()
	if err := r.bringBack(ctx, moved); err != nil {
		if r.ctx.Err() != nil {
			err = nil // it is not wanted any more
		}
		cancel()
		return errors.Join(err, f.Run(ctx))
	}
	r.begun()
	if !s.cfg.Media.NoBeep {
		s.spawn(func() { r.beep(ctx) })
	}
	err = f.Run(ctx)
	if n := f.Lost(); n > 0 {
		s.log.Warn("the disk was too slow for a recording", "recording", r.name, "packets", n)
	}
	return err
}

// begun tells that the recording runs.
func (r *record) begun() {
	r.leg.mu.Lock()
	defer r.leg.mu.Unlock()
	r.leg.tell(call.LegEvent{Kind: call.EvRecording, Recording: r.name, Resume: r.leg.resume()})
}

// close tells what came of the recording, and reports whether the two still talk, and may do so directly.
func (r *record) close(kind call.LegEventKind, why string) bool {
	defer both(r.leg, r.peer)()
	for _, l := range []*leg{r.leg, r.peer} {
		if l.rec == r {
			l.unrecord()
			l.epoch++
		}
	}
	r.leg.tell(call.LegEvent{Kind: kind, Recording: r.name, Text: why, Resume: r.leg.resume()})
	return r.leg.peer == r.peer.id && r.leg.state == call.LegAnswered && r.peer.state == call.LegAnswered
}
