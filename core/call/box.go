package call

import (
	"context"
	"errors"
	"sync"
	"time"

	"c2d/core/audit"
	"c2d/core/fault"
)

// box is one call and its mailbox. Its goroutine lives only while there are letters.
type box struct {
	r *Runner

	mu      sync.Mutex
	letters []letter
	running bool
	closed  bool
	call    Call // written by the goroutine only, under mu; read by it without
	timer   *time.Timer
	changed chan struct{} // closed at the next change; nil while nobody follows

	stored  int64       // version in the store
	unsaved audit.Trail // trail of transitions that the store did not take yet
	dirty   bool
}

type letter struct {
	in    Input
	reply chan<- Call
}

// stopRinging ends a call that does not talk, because the service stops; retry writes again what the store did not take;
// ask changes nothing: its reply is the call after all that was posted before; lent stands still after its reply, until
// whoever has borrowed the call gives it back.
type (
	stopRinging struct{}
	retry       struct{}
	ask         struct{}
	lent        struct{ back <-chan struct{} }
)

func (stopRinging) input() {}
func (retry) input()       {}
func (ask) input()         {}
func (lent) input()        {}

const (
	operationLimit = 5 * time.Second
	saveLimit      = 5 * time.Second
	savePatience   = time.Second
	retryEvery     = time.Second
)

func newBox(r *Runner, c Call) *box { return &box{r: r, call: c, stored: c.Version} }

// post never blocks.
func (b *box) post(l letter) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		if l.reply != nil {
			l.reply <- b.call
		}
		return
	}
	b.letters = append(b.letters, l)
	if b.running {
		return
	}
	b.running = true
	b.r.work.Go(b.drain)
}

func (b *box) drain() {
	for {
		b.mu.Lock()
		if len(b.letters) == 0 {
			b.running = false
			over := !b.call.Open() && !b.dirty
			b.closed = b.closed || over
			b.arm()
			b.mu.Unlock()
			b.r.settle(b, over)
			return
		}
		l := b.letters[0]
		b.letters = b.letters[1:]
		b.mu.Unlock()
		b.work(l)
	}
}

func (b *box) work(l letter) {
	switch in := l.in.(type) {
	case ask:
	case lent:
		l.reply <- b.call
		<-in.back
		return
	case retry:
		b.save(b.call, audit.Trail{})
	case stopRinging:
		if b.call.State != Connected {
			b.process(HangUpOrdered{By: BySystem, Reason: Cancelled})
		}
	case HangUpOrdered:
		b.unsaved.Audit = append(b.unsaved.Audit, in.Audit...) // goes with the next write, which this causes
		b.process(in)
	default:
		b.process(in)
	}
	if l.reply != nil {
		l.reply <- b.call
	}
}

// process is the order of work: step, release, prepare, durable write, act.
func (b *box) process(in Input) {
	now := b.r.cfg.Now()
	next, actions, changed := step(b.call, in, now)
	if !changed && len(actions) == 0 {
		return
	}
	later := b.release(next, actions)
	later, failed := b.prepare(&next, later)
	if changed && !b.commit(next, later) {
		return
	}
	b.act(next, later)
	for _, ev := range failed {
		b.post(letter{in: ev})
	}
}

// waits reports whether a call in that state holds a place among those that ring.
func waits(s State) bool { return s != Connected && s != Ended }

// create is the first step of a new call, written with its idempotency row. When the runner was stopped meanwhile, the
// call stays in the store for the next process to end, and nothing rings.
func (b *box) create(ctx context.Context, in Input, idem *Idempotency, t audit.Trail) (Call, error) {
	next, actions, _ := step(b.call, in, b.r.cfg.Now())
	later, failed := b.prepare(&next, actions)
	next.Version = 1
	made := trail(Call{}, next)
	t.Events = append(t.Events, made.Events...)
	if err := b.r.cfg.Store.Create(ctx, next, idem, t); err != nil {
		b.close()
		return Call{}, err
	}
	b.stored = 1
	b.accept(next)
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return Call{}, stopping()
	}
	b.r.work.Go(func() {
		b.act(next, later)
		for _, ev := range failed {
			b.post(letter{in: ev})
		}
		b.drain()
	})
	return next, nil
}

// arm sets the one timer to the next deadline, or to the next try to store what is unsaved; the caller holds b.mu.
func (b *box) arm() {
	if b.timer != nil {
		b.timer.Stop()
		b.timer = nil
	}
	if b.closed {
		return
	}
	var first time.Time
	for _, at := range b.call.Timers {
		if first.IsZero() || at.Before(first) {
			first = at
		}
	}
	wait, in := first.Sub(b.r.cfg.Now()), Input(Tick{})
	if b.dirty && (first.IsZero() || wait > retryEvery) {
		wait, in = retryEvery, retry{}
	}
	if b.dirty || !first.IsZero() {
		b.timer = time.AfterFunc(wait, func() { b.post(letter{in: in}) })
	}
}

// close takes no more letters. Who waits for an answer gets the call as it is.
func (b *box) close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, l := range b.letters {
		if l.reply != nil {
			l.reply <- b.call
		}
	}
	b.closed, b.letters = true, nil
	b.arm()
}

func (b *box) snapshot() (Call, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.call, b.call.Version > 0
}

func (b *box) carrier() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.call.Backend
}

// rests reports whether the call may be left to the next process: it talks, and there is nothing to do or to store.
func (b *box) rests() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.call.State == Connected && !b.running && !b.dirty
}

// causeOf turns a backend's refusal into the end of a leg. Only what the backend proved not to have rung says so.
func causeOf(err error) Cause {
	c := Cause{Reason: BackendFailed}
	var f *fault.Error
	if !errors.As(err, &f) {
		return c
	}
	switch f.Code {
	case fault.CodeBackendUnavailable:
		c.NotRung = true
	case fault.CodeCongestion:
		c.Reason, c.NotRung = Congestion, true
	case fault.CodeInvalidNumber, fault.CodeBadCharacter, fault.CodeInvalid:
		c.Reason, c.NotRung = InvalidNumber, true
	case fault.CodeNotFound:
		c.Reason, c.NotRung = Unreachable, true
	}
	return c
}
