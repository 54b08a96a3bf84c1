package recording

import (
	"context"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"sync/atomic"
	"time"

	"c2d/core/fault"
	"c2d/core/tone"
)

// Side is a channel of the file.
type Side int

// The two sides.
const (
	Left Side = iota
	Right
)

// Sound is a packet of G.711 that arrived.
type Sound struct {
	Law       tone.Law
	SSRC      uint32
	Timestamp uint32
	Payload   []byte // taken over
	At        time.Time
}

const (
	queued  = 1024            // packets: ten seconds of two phones
	window  = 2 * tone.Rate   // samples that wait to be written
	lag     = tone.Rate       // how old, in samples, sound is when it is written
	beat    = time.Second / 2 // between two writes
	longGap = 24 * time.Hour  // beyond, the clock of the machine was set
)

// file is what of *os.File is used.
type file interface {
	WriteAt(b []byte, off int64) (int, error)
	Sync() error
	Close() error
}

type packet struct {
	side Side
	Sound
}

// Recording is one file that grows. Take may be called by many at once, Run once.
type Recording struct {
	file  file
	begin time.Time // of the file's first sample
	queue chan packet
	lost  atomic.Int64

	// Run's own.
	done   int64 // samples that are written, or left out
	last   int64 // the one after the last that was put
	sound  [window * channels]int16
	places [channels]place
	bytes  [window * frameSize]byte
}

var nameForm = regexp.MustCompile(`^[A-Za-z0-9-]{1,128}$`)

// Open begins the recording of that name in a folder, as of since, or goes on with the one that is there. Its file is
// <name>.wav, and only its owner may read it. Errors: fault.CodeInvalid for a name of other characters; those of the file
// system, in words that a user may see.
func Open(dir, name string, since time.Time) (*Recording, error) {
	if !nameForm.MatchString(name) {
		return nil, fault.New(fault.CodeInvalid, "%q is no name of a recording", name)
	}
	f, err := os.OpenFile(filepath.Join(dir, name+".wav"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, failure(err)
	}
	info, err := f.Stat()
	if err != nil {
		return nil, errors.Join(failure(err), f.Close())
	}
	r := newRecording(f, max(0, info.Size()-headerSize)/frameSize, since, time.Now())
	if _, err = f.WriteAt(header(r.done), 0); err != nil {
		return nil, errors.Join(failure(err), f.Close())
	}
	return r, nil
}

// newRecording goes on after the samples that are there, at the time that it is by now.
func newRecording(f file, there int64, since, now time.Time) *Recording {
	was := time.Duration(there) * time.Second / tone.Rate
	if gap := now.Sub(since) - was; gap > 0 && gap < longGap {
		was += gap
	}
	r := &Recording{file: f, begin: now.Add(-was), queue: make(chan packet, queued), done: there}
	return r
}

// failure says in words why a file could not be written.
func failure(err error) error {
	if full(err) {
		return fault.Wrap(fault.CodeInternal, err, "the disk is full")
	}
	return fault.Wrap(fault.CodeInternal, err, "the file cannot be written")
}

// Take takes a packet of one side. It returns at once: what the disk is too slow for is lost.
func (r *Recording) Take(side Side, s Sound) {
	select {
	case r.queue <- packet{side, s}:
	default:
		r.lost.Add(1)
	}
}

// Lost returns how many packets were lost since the disk was too slow.
func (r *Recording) Lost() int64 { return r.lost.Load() }

// Run writes until ctx ends, and completes the file, or until the file cannot be written; then it says why, in words that
// a user may see.
func (r *Recording) Run(ctx context.Context) error {
	err := r.write(ctx)
	if err == nil {
		err = r.file.Sync()
	}
	if err = errors.Join(err, r.file.Close()); err != nil {
		var known *fault.Error
		if !errors.As(err, &known) {
			err = failure(err)
		}
	}
	return err
}

func (r *Recording) write(ctx context.Context) error {
	tick := time.NewTicker(beat)
	defer tick.Stop()
	for {
		select {
		case p := <-r.queue:
			if err := r.put(p); err != nil {
				return err
			}
		case <-tick.C:
			if err := r.catchUp(r.sample(time.Now()) - lag); err != nil {
				return err
			}
		case <-ctx.Done():
			if err := r.catchUp(r.sample(time.Now())); err != nil {
				return err
			}
			return r.flush(r.last) // a packet that has just come lasts a little longer
		}
	}
}

// sample is how many samples after the begin a time is.
func (r *Recording) sample(t time.Time) int64 {
	return int64(t.Sub(r.begin)) / int64(time.Second/tone.Rate)
}

// catchUp puts all that is queued, and writes up to a sample.
func (r *Recording) catchUp(to int64) error {
	for {
		select {
		case p := <-r.queue:
			if err := r.put(p); err != nil {
				return err
			}
		default:
			return r.flush(to)
		}
	}
}

// put decodes a packet into the window, which moves on where it does not reach. What is too late is left out.
func (r *Recording) put(p packet) error {
	at := r.places[p.side].of(p.Sound, r.sample(p.At))
	r.last = max(r.last, at+int64(len(p.Payload)))
	if err := r.flush(r.last - window); err != nil {
		return err
	}
	for i, v := range p.Law.Decode(make([]int16, len(p.Payload)), p.Payload) {
		if n := at + int64(i) - r.done; n >= 0 && n < window {
			r.sound[n*channels+int64(p.side)] = v
		}
	}
	return nil
}

// flush writes what the window holds before a sample, and a header that says so. What lies beyond the window is a gap.
func (r *Recording) flush(to int64) error {
	n := min(to-r.done, window)
	if n <= 0 {
		return nil
	}
	if to > mostFrames {
		return fault.New(fault.CodeTooLarge, "the recording is as long as it can be")
	}
	b := r.bytes[:n*frameSize]
	for i, v := range r.sound[:n*channels] {
		binary.LittleEndian.PutUint16(b[2*i:], uint16(v))
	}
	if _, err := r.file.WriteAt(b, headerSize+r.done*frameSize); err != nil {
		return failure(err)
	}
	left := copy(r.sound[:], r.sound[n*channels:])
	clear(r.sound[left:])
	if gap := to - r.done - n; gap > 0 {
		if _, err := r.file.WriteAt(make([]byte, frameSize), headerSize+(to-1)*frameSize); err != nil {
			return failure(err)
		}
	}
	r.done = to
	if _, err := r.file.WriteAt(header(r.done), 0); err != nil {
		return failure(err)
	}
	return nil
}
