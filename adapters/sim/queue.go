package sim

import (
	"time"

	"c2d/core/call"
)

// alarm is a timer that runs f under the backend's mutex, unless it was called off before.
type alarm struct {
	timer *time.Timer
	off   bool
}

// after runs f once d has passed. The caller holds b.mu. Stop waits for what runs, and calls off what does not.
func (b *Backend) after(d time.Duration, f func()) *alarm {
	a := &alarm{}
	b.alarms[a] = true
	b.work.Add(1)
	a.timer = time.AfterFunc(d, func() {
		defer b.work.Done()
		b.mu.Lock()
		delete(b.alarms, a)
		if !a.off {
			f()
		}
		b.mu.Unlock()
		b.flush()
	})
	return a
}

// callOff stops an alarm, once or more often. The caller holds b.mu.
func (b *Backend) callOff(a *alarm) {
	if a == nil || a.off {
		return
	}
	a.off = true
	delete(b.alarms, a)
	if a.timer.Stop() {
		b.work.Done()
	}
}

// scaled is a time of the table at the configured speed.
func (b *Backend) scaled(d time.Duration) time.Duration {
	if b.cfg.Speed == 0 {
		return d
	}
	return time.Duration(float64(d) / b.cfg.Speed)
}

// say queues an event; flush tells it. The caller holds b.mu. What happens while the link is lost is not told.
func (b *Backend) say(ev call.LegEvent) {
	if b.lost {
		return
	}
	ev.At = time.Now().UTC()
	b.queue = append(b.queue, func(s call.Sink) { s.Leg(ev) })
}

// soon queues an event now, before all that follows, and has it told once the operation has returned.
func (b *Backend) soon(ev call.LegEvent) {
	b.say(ev)
	b.after(0, func() {})
}

// flush tells what is queued, in order, without the mutex: whoever comes second leaves it to the first.
func (b *Backend) flush() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.telling {
		return
	}
	b.telling = true
	for len(b.queue) > 0 {
		next := b.queue[0]
		b.queue = b.queue[1:]
		sink := b.sink
		b.mu.Unlock()
		next(sink)
		b.mu.Lock()
	}
	b.telling = false
}
