package call

import (
	"context"
	"errors"
	"slices"
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
	call    Call  // written by the goroutine only, under mu; read by it without
	shown   *Call // what others may rely on: the store has it, or cannot have it; nil if it is call
	timer   *time.Timer
	changed chan struct{} // closed at the next change; nil while nobody follows
	hurry   chan struct{} // told of what ends the call

	// The goroutine's own.
	version int64       // of the last transition
	unsaved audit.Trail // of transitions that the store was not given yet
	dirty   bool        // there are some
	due     time.Time   // when it is given them
	writing *writing    // what it was given and has not answered; nil if nothing
	doubt   bool        // it may have taken the last, or not
}

type letter struct {
	in    Input
	reply chan<- Call
}

// stopRinging ends a call that does not talk, because the service stops; due says that what is unsaved has waited long
// enough; stored, that the store has answered; ask changes nothing: its reply is the call after all that was posted before;
// lent stands still after its reply, until whoever has borrowed the call gives it back.
type (
	stopRinging struct{}
	due         struct{}
	stored      struct{}
	ask         struct{}
	lent        struct{ back <-chan struct{} }
)

func (stopRinging) input() {}
func (due) input()         {}
func (stored) input()      {}
func (ask) input()         {}
func (lent) input()        {}

const (
	operationLimit = 5 * time.Second
	saveLimit      = 5 * time.Second
	savePatience   = time.Second     // of one who hangs up, for the store: then he is told so all the same
	actPatience    = 4 * time.Second // of what may make a phone ring, or joins two
	retryEvery     = time.Second
	lull           = 10 * time.Millisecond // in which changes gather for one write, unless an act needs it
)

func newBox(r *Runner, c Call) *box {
	return &box{r: r, call: c, version: c.Version, hurry: make(chan struct{}, 1)}
}

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
	if b.hurries(l) {
		select {
		case b.hurry <- struct{}{}:
		default:
		}
	}
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
			over := !b.call.Open() && !b.dirty && b.writing == nil
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
		b.durable(savePatience, nil)
		l.reply <- b.call
		<-in.back
		return
	case due:
		b.flush(true)
	case stored:
		_ = b.written()
	case stopRinging:
		if b.call.State != Connected {
			b.process(HangUpOrdered{By: BySystem, Reason: Cancelled})
		}
	case RecordOrdered:
		b.unsaved.Audit = append(b.unsaved.Audit, in.Audit...)
		b.process(in)
		b.durable(savePatience, nil)
	case HangUpOrdered:
		b.unsaved.Audit = append(b.unsaved.Audit, in.Audit...) // goes with the next write, which this causes
		b.process(in)
		b.durable(savePatience, nil)
	default:
		b.process(in)
	}
	if l.reply != nil {
		l.reply <- b.call
	}
}

// process is the order of work: step, release, prepare, durable write if an act needs it, act.
func (b *box) process(in Input) {
	now := b.r.cfg.Now()
	next, actions, changed := step(b.call, in, now)
	if !changed && len(actions) == 0 {
		return
	}
	b.fared(in)
	later := b.release(next, actions)
	later, failed := b.prepare(&next, later)
	if changed {
		b.keep(next)
	}
	if slices.ContainsFunc(later, Action.binds) && !b.durable(actPatience, b.hurry) {
		b.refrain(later)
	} else {
		b.act(next, later)
	}
	for _, ev := range failed {
		b.post(letter{in: ev})
	}
}

// refrain is for acts that did not become durable: the call ends, unless what ends it waits already. What was to ring never did.
func (b *box) refrain(actions []Action) {
	if !b.hurried() {
		b.process(NotDurable{})
	}
	for _, a := range actions {
		if a.Op == OpOriginate {
			b.post(letter{in: LegEvent{Leg: a.Leg, Kind: EvEnded, Cause: Cause{Reason: Congestion, NotRung: true}}})
		}
	}
}

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
	b.version = 1
	b.accept(next)
	b.show(next)
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

// arm sets the one timer to the next deadline, or to when what is unsaved is due; the caller holds b.mu.
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
	in := Input(Tick{})
	if b.dirty && b.writing == nil && (first.IsZero() || b.due.Before(first)) {
		first, in = b.due, due{}
	}
	if !first.IsZero() {
		b.timer = time.AfterFunc(first.Sub(b.r.cfg.Now()), func() { b.post(letter{in: in}) })
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

// snapshot returns what others may rely on; false before it is created.
func (b *box) snapshot() (Call, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	c := b.call
	if b.shown != nil {
		c = *b.shown
	}
	return c, c.Version > 0
}

// newest returns the call as the mailbox has it.
func (b *box) newest() (Call, bool) {
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
	return b.call.State == Connected && !b.running && !b.dirty && b.writing == nil
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
