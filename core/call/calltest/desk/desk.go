package desk

import (
	"sync"
	"testing"
	"time"

	"c2d/core/call/calltest"
)

// Line is a phone's end of one call, at a fake phone system. An act that the state of the call does not allow is false. Safe for
// concurrent use.
type Line interface {
	Alert() bool    // 180
	Progress() bool // 183, with sound
	Lift() bool
	Refuse(status int) bool // a SIP status, before the answer
	PutDown() bool          // whatever the state; who dials gives up
	Press(key byte) bool
	Hold(on bool) bool

	Hears(other Line) bool
	HearsTone() bool
	Keys() string // pressed towards the phone so far
}

// System is what phones dial into by themselves.
type System interface {
	Dial(p *Phone, number string)
}

// Reactions of a phone, and of its owner.
const (
	at       = time.Millisecond      // of the phone itself
	owner    = 20 * time.Millisecond // of whoever answers or rejects at once
	patience = 10 * time.Second
	declined = 603 // what a phone says whose owner does not want the call
)

// Phone is one telephone and its owner. Safe for concurrent use.
type Phone struct {
	system  System
	address string
	does    calltest.Does
	told    chan int // what has become of its transfers

	mu    sync.Mutex // is never held while a Line is called
	line  Line       // nil at rest
	aside Line       // another call, which it has put aside
	rang  int
}

var _ calltest.Phone = (*Phone)(nil)

// New returns a phone at rest.
func New(s System, address string, does calltest.Does) *Phone {
	return &Phone{system: s, address: address, does: does, told: make(chan int, 10)}
}

// There reports whether the phone is registered.
func (p *Phone) There() bool { return p.does != calltest.Offline }

// Ring is the system's: the phone gets a call, and does what it does a moment later.
func (p *Phone) Ring(l Line) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.rang++
	if p.line != nil {
		time.AfterFunc(at, func() { l.Refuse(486) })
		return
	}
	p.line = l
	time.AfterFunc(at, func() { p.react(l) })
}

// Calls is the system's: the phone has dialled, and this is its call.
func (p *Phone) Calls(l Line) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.line = l
}

// Over is the system's: a call of the phone is over.
func (p *Phone) Over(l Line) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch l {
	case p.line:
		p.line = nil
	case p.aside:
		p.aside = nil
	}
}

var refusals = map[calltest.Does]int{calltest.Busy: 486, calltest.Unknown: 404, calltest.Congested: 503, calltest.Redirects: 302}

// react is what the phone does by itself. The call may be over by then: the line knows.
func (p *Phone) react(l Line) {
	if status, ok := refusals[p.does]; ok {
		l.Refuse(status)
		return
	}
	switch p.does {
	case calltest.Silent, calltest.Late:
	case calltest.Early:
		l.Progress()
	default:
		l.Alert()
	}
	switch p.does {
	case calltest.Answers:
		time.AfterFunc(owner, func() { l.Lift() })
	case calltest.Rejects:
		time.AfterFunc(owner, func() { l.Refuse(declined) })
	}
}

func (p *Phone) now() Line {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.line
}

// acts fails the test unless the phone is in a call that allows it.
func (p *Phone) acts(t *testing.T, what string, act func(Line) bool) {
	t.Helper()
	if l := p.now(); l == nil || !act(l) {
		t.Errorf("%s cannot %s now", p.address, what)
	}
}

// Address implements [calltest.Phone].
func (p *Phone) Address() string { return p.address }

// Lift implements [calltest.Phone].
func (p *Phone) Lift(t *testing.T) { t.Helper(); p.acts(t, "lift", Line.Lift) }

// Wake implements [calltest.Phone]. A call that the system has taken back by then does not ring.
func (p *Phone) Wake(*testing.T) {
	if l := p.now(); l != nil {
		l.Alert()
	}
}

// PutDown implements [calltest.Phone].
func (p *Phone) PutDown(*testing.T) {
	if l := p.now(); l != nil && !l.Refuse(declined) {
		l.PutDown()
	}
}

// Idle implements [calltest.Phone].
func (p *Phone) Idle() bool { return p.now() == nil }

// Rang implements [calltest.Phone].
func (p *Phone) Rang() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.rang
}

// Press implements [calltest.Phone].
func (p *Phone) Press(t *testing.T, keys string) {
	t.Helper()
	for _, key := range []byte(keys) {
		p.acts(t, "press", func(l Line) bool { return l.Press(key) })
	}
}

// Hold implements [calltest.Phone].
func (p *Phone) Hold(t *testing.T, on bool) {
	t.Helper()
	p.acts(t, "hold", func(l Line) bool { return l.Hold(on) })
}

// Dial implements [calltest.Phone].
func (p *Phone) Dial(_ *testing.T, number string) { p.system.Dial(p, number) }

// Hears implements [calltest.Phone].
func (p *Phone) Hears(t *testing.T, other calltest.Phone) {
	t.Helper()
	o := other.(*Phone)
	p.hears(t, o.address, func(l Line) bool {
		says := o.now()
		return says != nil && l.Hears(says)
	})
}

// HearsTone implements [calltest.Phone].
func (p *Phone) HearsTone(t *testing.T) { t.Helper(); p.hears(t, "a tone", Line.HearsTone) }

// HearsKeys implements [calltest.Phone].
func (p *Phone) HearsKeys(t *testing.T, keys string) {
	t.Helper()
	p.hears(t, "the keys "+keys, func(l Line) bool { return l.Keys() == keys })
}

// hears waits until something is heard.
func (p *Phone) hears(t *testing.T, what string, is func(Line) bool) {
	t.Helper()
	for end := time.After(patience); ; {
		if l := p.now(); l != nil && is(l) {
			return
		}
		select {
		case <-time.After(at):
		case <-end:
			t.Fatalf("%s never hears %s", p.address, what)
		}
	}
}
