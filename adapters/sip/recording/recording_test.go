package recording

import (
	"bytes"
	"context"
	"encoding/binary"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"c2d/core/fault"
	"c2d/core/tone"
)

// disk is a file in memory that can be full, or slow.
type disk struct {
	mu     sync.Mutex
	b      []byte
	most   int // bytes that fit; 0 is any
	stuck  chan struct{}
	closed bool
}

func (d *disk) WriteAt(b []byte, off int64) (int, error) {
	d.mu.Lock()
	stuck := d.stuck
	d.mu.Unlock()
	if stuck != nil {
		<-stuck
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	end := int(off) + len(b)
	if d.most > 0 && end > d.most {
		return 0, syscall.ENOSPC
	}
	if end > len(d.b) {
		d.b = append(d.b, make([]byte, end-len(d.b))...)
	}
	return copy(d.b[off:], b), nil
}

func (d *disk) Sync() error { return nil }

func (d *disk) Close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.closed = true
	return nil
}

func (d *disk) content() []byte {
	d.mu.Lock()
	defer d.mu.Unlock()
	return bytes.Clone(d.b)
}

// heard reads a file, whose header must tell its length, and returns both sides.
func heard(t *testing.T, b []byte) (sides [2][]int16) {
	t.Helper()
	if len(b) < headerSize || string(b[:4]) != "RIFF" || string(b[8:16]) != "WAVEfmt " || string(b[36:40]) != "data" {
		t.Fatalf("no WAV file: %q", b[:min(len(b), headerSize)])
	}
	le := binary.LittleEndian
	if le.Uint16(b[20:]) != 1 || le.Uint16(b[22:]) != 2 || le.Uint32(b[24:]) != 8000 || le.Uint32(b[28:]) != 32000 || le.Uint16(b[32:]) != 4 || le.Uint16(b[34:]) != 16 {
		t.Errorf("format % x", b[20:36])
	}
	size := int(le.Uint32(b[40:]))
	if int(le.Uint32(b[4:])) != size+36 || headerSize+size > len(b) {
		t.Fatalf("the header tells %d and %d bytes, there are %d", le.Uint32(b[4:]), size, len(b))
	}
	for i := headerSize; i < headerSize+size; i += frameSize {
		for side := range sides {
			sides[side] = append(sides[side], int16(le.Uint16(b[i+2*side:])))
		}
	}
	return sides
}

// talker is a phone that says one level, in packets of 20 ms.
type talker struct {
	r       *Recording
	side    Side
	law     tone.Law
	level   int16
	ssrc    uint32
	ts      uint32
	silence bool
}

func (p *talker) packet() Sound {
	pcm := make([]int16, 160)
	for i := range pcm {
		pcm[i] = p.level
	}
	return Sound{Law: p.law, SSRC: p.ssrc, Timestamp: p.ts, Payload: p.law.Encode(make([]byte, 160), pcm), At: time.Now()}
}

func (p *talker) says() {
	if !p.silence {
		p.r.Take(p.side, p.packet())
	}
	p.ts += 160
}

// runs records until stop is called, which returns what Run did.
func runs(r *Recording) (stop func() error) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	return func() error { cancel(); return <-done }
}

func near(v, want int16) bool { return v > want-want/10-1 && v < want+want/10+1 }

// span checks that one side says a level from one sample to another.
func span(t *testing.T, what string, side []int16, from, to int, level int16) {
	t.Helper()
	if to > len(side) {
		t.Fatalf("%s: %d samples, want %d", what, len(side), to)
	}
	for i := from; i < to; i++ {
		if !near(side[i], level) {
			t.Fatalf("%s: sample %d is %d, want %d", what, i, side[i], level)
		}
	}
}

const second = tone.Rate

// Each side is on its channel at the time at which it was said: gaps are silence, what came out of order is in order.
func TestBothSidesInRealTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &disk{}
		r := newRecording(d, 0, time.Now(), time.Now())
		stop := runs(r)
		a := &talker{r: r, side: Left, law: tone.ALaw, level: 1000, ssrc: 1, ts: 0xffffff00}
		b := &talker{r: r, side: Right, law: tone.ULaw, level: 2000, ssrc: 2, ts: 77}
		for i := range 500 { // 10 s
			if a.silence = i >= 100 && i < 250; i%10 == 5 {
				late := a.packet()
				a.ts += 160
				a.says()
				if !a.silence {
					r.Take(Left, late)
				}
			} else if i%10 != 6 {
				a.says()
			}
			if i >= 50 {
				b.says()
			}
			time.Sleep(20 * time.Millisecond)
		}
		if err := stop(); err != nil {
			t.Fatal(err)
		}
		if !d.closed {
			t.Error("the file is open")
		}
		sides := heard(t, d.b)
		if n := len(sides[Left]); n != 10*second {
			t.Errorf("%d samples, want ten seconds", n)
		}
		span(t, "left", sides[Left], 0, 2*second, 1000)
		span(t, "left, silent", sides[Left], 2*second, 5*second, 0)
		span(t, "left, again", sides[Left], 5*second, 10*second, 1000)
		span(t, "right, not yet", sides[Right], 0, second, 0)
		span(t, "right", sides[Right], second, 10*second, 2000)
		if n := r.Lost(); n != 0 {
			t.Errorf("%d packets lost", n)
		}
	})
}

// The last word is in the file, whole.
func TestTheLastPacketIsWhole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &disk{}
		r := newRecording(d, 0, time.Now(), time.Now())
		stop := runs(r)
		(&talker{r: r, law: tone.ALaw, level: 1000}).says()
		if err := stop(); err != nil {
			t.Fatal(err)
		}
		span(t, "the only packet", heard(t, d.b)[Left], 0, 160, 1000)
	})
}

// Whenever the process dies, the file is a WAV file that holds all but the last second and a half.
func TestWholeAtAnyTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &disk{}
		r := newRecording(d, 0, time.Now(), time.Now())
		stop := runs(r)
		a := &talker{r: r, law: tone.ALaw, level: 1000}
		for i := range 300 {
			a.says()
			time.Sleep(20 * time.Millisecond)
			if i > 100 && i%10 == 0 {
				sides := heard(t, d.content())
				if n := len(sides[Left]); n < (i+1)*160-3*second/2-160 {
					t.Fatalf("after %d packets %d samples", i, n)
				}
				span(t, "left", sides[Left], 0, len(sides[Left]), 1000)
			}
		}
		if err := stop(); err != nil {
			t.Fatal(err)
		}
	})
}

// The next process goes on in the same file, at the time that it is by then, and for its owner's eyes only.
func TestGoesOnAfterACrash(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "rec-1.wav")
	old := append(header(1), make([]byte, 3*second*frameSize+3)...) // 3 s and a bit, which the header does not tell
	for i := range 3 * second {
		binary.LittleEndian.PutUint16(old[headerSize+i*frameSize:], 500)
	}
	if err := os.WriteFile(path, old, 0o600); err != nil {
		t.Fatal(err)
	}
	r, err := Open(dir, "rec-1", time.Now().Add(-5*time.Second))
	if err != nil {
		t.Fatal(err)
	}
	stop := runs(r)
	a := &talker{r: r, law: tone.ALaw, level: 1000}
	for range 3 {
		a.says()
	}
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	left := heard(t, b)[Left]
	span(t, "before", left, 0, 3*second, 500)
	span(t, "the gap", left, 3*second, 5*second, 0)
	if info, _ := os.Stat(path); info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v", info.Mode())
	}
	if len(left) < 5*second || len(left) > 8*second {
		t.Errorf("%d samples", len(left))
	}
}

// Sound that continues after a gap longer than what is kept in memory is at its time.
func TestALongGap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &disk{}
		r := newRecording(d, 2*second, time.Now().Add(-time.Minute), time.Now())
		stop := runs(r)
		a := &talker{r: r, law: tone.ALaw, level: 1000}
		for range 100 {
			a.says()
			time.Sleep(20 * time.Millisecond)
		}
		if err := stop(); err != nil {
			t.Fatal(err)
		}
		left := heard(t, d.b)[Left]
		span(t, "the gap", left, 2*second, 60*second, 0)
		span(t, "after it", left, 60*second, 62*second, 1000)
	})
}

// A clock that was set does not stretch the file, nor push all that follows before its end.
func TestTheClockWasSet(t *testing.T) {
	now := time.Now()
	for _, since := range []time.Time{now.Add(-365 * 24 * time.Hour), now.Add(time.Hour)} {
		r := newRecording(&disk{}, 2*second, since, now)
		if at := r.sample(now); at != 2*second {
			t.Errorf("since %v: goes on at %d", since.Sub(now), at)
		}
	}
}

// A slow disk loses recording. Who brings the sound never waits, and what is kept stays in its place.
func TestASlowDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &disk{stuck: make(chan struct{})}
		r := newRecording(d, 0, time.Now(), time.Now())
		stop := runs(r)
		a := &talker{r: r, law: tone.ALaw, level: 1000}
		say := func(n int) {
			for range n {
				a.says()
				time.Sleep(20 * time.Millisecond)
			}
		}
		begun := time.Now()
		say(2 * queued)
		if took := time.Since(begun); took != 2*queued*20*time.Millisecond {
			t.Errorf("it took %v", took)
		}
		d.mu.Lock()
		close(d.stuck)
		d.stuck = nil
		d.mu.Unlock()
		synctest.Wait()
		resumed := (2*queued*160 + second)
		say(200)
		if err := stop(); err != nil {
			t.Fatal(err)
		}
		if n := r.Lost(); n < queued/2 || n > 2*queued {
			t.Errorf("%d packets lost", n)
		}
		left := heard(t, d.b)[Left]
		span(t, "before", left, 0, 10*second, 1000)
		span(t, "after", left, resumed, len(left)-160, 1000)
	})
}

// A full disk ends the recording, says so, and leaves what it has.
func TestAFullDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &disk{most: headerSize + 5*second*frameSize}
		r := newRecording(d, 0, time.Now(), time.Now())
		done := make(chan error, 1)
		go func() { done <- r.Run(t.Context()) }()
		a := &talker{r: r, law: tone.ALaw, level: 1000}
		for range 500 {
			a.says()
			time.Sleep(20 * time.Millisecond)
		}
		err := <-done
		if err == nil || !strings.Contains(err.Error(), "the disk is full") || !d.closed {
			t.Errorf("%v, closed %v", err, d.closed)
		}
		span(t, "what fitted", heard(t, d.b)[Left], 0, 4*second, 1000)
	})
}

func TestTooLongForAFile(t *testing.T) {
	r := newRecording(&disk{}, 0, time.Now(), time.Now())
	r.done = mostFrames - 10
	if err := r.flush(mostFrames + 1); !fault.Is(err, fault.CodeTooLarge) {
		t.Error(err)
	}
	if h := header(mostFrames); binary.LittleEndian.Uint32(h[40:]) < 1<<32-1-headerSize-frameSize {
		t.Errorf("the longest is told as % x", h[40:])
	}
}

func TestOpenRefuses(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"", "../rec", "a/b", "a b", ".", strings.Repeat("x", 129)} {
		if _, err := Open(dir, name, time.Now()); !fault.Is(err, fault.CodeInvalid) {
			t.Errorf("%q: %v", name, err)
		}
	}
	if _, err := Open(filepath.Join(dir, "gone"), "rec", time.Now()); err == nil {
		t.Error("a folder that is not there")
	}
}

func TestPlace(t *testing.T) {
	p := place{}
	for i, c := range []struct {
		ssrc, ts uint32
		now      int64
		want     int64
	}{
		{1, 1000, 50, 50},
		{1, 1160, 230, 210},                     // it came a little late
		{1, 1000, 240, 50},                      // an old one
		{1, 0xfffff000, 100, 100},               // far off: the clock began anew
		{1, 0xfffff0a0, 250, 260},               // and goes on
		{2, 159, 300, 300},                      // another source
		{2, 159 + 8000, 400, 400},               // half a second ahead of its time
		{2, 159 + 8160, 400 + 4500, 400 + 4500}, // and behind it
	} {
		if got := p.of(Sound{SSRC: c.ssrc, Timestamp: c.ts}, c.now); got != c.want {
			t.Errorf("%d: at %d, want %d", i, got, c.want)
		}
	}
}
