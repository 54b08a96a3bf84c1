package media

import (
	"time"

	"c2d/core/tone"
)

const (
	frame  = 160 // samples in a packet
	period = 20 * time.Millisecond
	// maxLag is how late the player may be and still catch up; after a longer stop of the process it goes on from then,
	// rather than send a burst.
	maxLag = pauses * period
)

// player plays one tone, or presses one key. Its fields but stop are those of its goroutine.
type player struct {
	stop   chan struct{}
	source *tone.Source
	keys   *press // a key press in place of a tone
	left   int    // packets left; below 0 without end
	done   func()
	pcm    [frame]int16
	wire   [headerSize + frame]byte
}

// Play sends a tone from now on, until Stop, Link, Close or another tone. It replaces what is played, and what is forwarded to
// this endpoint. The packets of silence between two beeps are sent too: they keep routers and watchdogs awake.
func (e *Endpoint) Play(t tone.Tone) { e.start(t, -1, nil) }

// PlayOnce sends a tone for d, or until it is over if that is earlier; d of 0 or less sets no limit. done, if not nil,
// is called once: when the tone is over, was stopped or replaced, or the endpoint is closed. It is called on a
// goroutine of its own, without a lock, which Close does not wait for.
func (e *Endpoint) PlayOnce(t tone.Tone, d time.Duration, done func()) {
	left := -1
	if d > 0 {
		left = int((d + period - 1) / period)
	}
	e.start(t, left, done)
}

// Stop ends what is played; what is forwarded is heard again.
func (e *Endpoint) Stop() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.silence()
}

func (e *Endpoint) start(t tone.Tone, left int, done func()) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.begin(&player{source: tone.NewSource(t), left: left, done: done})
}

// begin replaces what is played. The caller holds mu.
func (e *Endpoint) begin(p *player) {
	p.stop = make(chan struct{})
	if p.done == nil {
		p.done = func() {}
	}
	if e.closed {
		go p.done() // never on the caller's goroutine, which may hold the lock that done takes
		return
	}
	if e.player != nil {
		close(e.player.stop) // the stream goes on: no cut between two tones
	}
	e.player, e.yields = p, false
	e.running.Add(1)
	go e.play(p) // ends when p.stop is closed or the tone is over; Close waits for it
}

// silence ends the player. The caller holds mu.
func (e *Endpoint) silence() {
	if e.player != nil {
		close(e.player.stop)
		e.player = nil
		e.out.cut()
	}
}

func (e *Endpoint) play(p *player) {
	pace(p.stop, func() bool { return e.step(p) })
	e.mu.Lock()
	if e.player == p {
		e.player = nil
		e.out.cut()
	}
	e.mu.Unlock()
	e.running.Done()
	p.done() // after Done, so that it may call Close
}

// pace calls f at each period from now on, until f returns false or stop is closed. Its times are absolute, so that
// it does not drift; periods that were missed are made up for, unless they are more than maxLag.
func pace(stop <-chan struct{}, f func() bool) {
	due := time.Now()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-stop:
			return
		case <-timer.C:
		}
		if now := time.Now(); now.Sub(due) > maxLag {
			due = now
		}
		if !f() {
			return
		}
		due = due.Add(period)
		timer.Reset(time.Until(due))
	}
}

// step sends the next packet, and returns false when it was the last.
func (e *Endpoint) step(p *player) bool {
	more := true
	if p.keys == nil {
		more = p.source.Read(p.pcm[:])
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.player != p {
		return false
	}
	if p.keys != nil {
		e.stepKey(p)
	} else if e.terms.plays && e.remote.target().IsValid() {
		n := e.out.next(time.Now())
		e.out.head(p.wire[:], e.terms.pt, n.first, n)
		e.terms.law.Encode(p.wire[headerSize:], p.pcm[:])
		e.send(p.wire[:])
	}
	p.left--
	return more && p.left != 0
}
