package desk

import (
	"testing"
	"time"

	"c2d/core/call/calltest"
)

// Referrer is a [Line] of a system that obeys phones which transfer. What has become of that is told to [Phone.Became].
type Referrer interface {
	Line
	Refer(number string) bool    // hands the other side to a number
	Replace(other Referrer) bool // lets the other side talk with that of another line
}

// Caller is a [System] that connects phones by itself, too.
type Caller interface {
	Call(p *Phone, number string)
}

var _ calltest.Referrer = (*Phone)(nil)

// Became is the system's: what has become of a transfer, a SIP status.
func (p *Phone) Became(status int) { p.told <- status }

// refers fails the test unless the phone is in a call that can be transferred.
func (p *Phone) refers(t *testing.T, act func(Referrer) bool) {
	t.Helper()
	p.acts(t, "transfer", func(l Line) bool {
		r, can := l.(Referrer)
		return can && act(r)
	})
}

// Refer implements [calltest.Referrer].
func (p *Phone) Refer(t *testing.T, number string) {
	t.Helper()
	p.refers(t, func(l Referrer) bool { return l.Refer(number) })
}

// SetAside implements [calltest.Referrer].
func (p *Phone) SetAside(t *testing.T) {
	t.Helper()
	p.Hold(t, true)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.line, p.aside = nil, p.line
}

// Consult implements [calltest.Referrer].
func (p *Phone) Consult(t *testing.T, number string) {
	t.Helper()
	p.SetAside(t)
	p.system.(Caller).Call(p, number)
}

// Attend implements [calltest.Referrer].
func (p *Phone) Attend(t *testing.T) {
	t.Helper()
	p.mu.Lock()
	aside, _ := p.aside.(Referrer)
	p.mu.Unlock()
	p.refers(t, func(l Referrer) bool { return aside != nil && aside.Replace(l) })
}

// Leave implements [calltest.Referrer].
func (p *Phone) Leave(*testing.T) {
	p.mu.Lock()
	all := []Line{p.aside, p.line}
	p.mu.Unlock()
	for _, l := range all {
		if l != nil {
			l.PutDown()
		}
	}
}

// Told implements [calltest.Referrer].
func (p *Phone) Told(t *testing.T) int {
	t.Helper()
	select {
	case status := <-p.told:
		return status
	case <-time.After(patience):
		t.Errorf("%s is never told", p.address)
		return 0
	}
}
