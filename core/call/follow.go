package call

import "context"

// Asked is a call that a phone asks us to place for it: a click on the phone itself (SIP REFER outside a dialog).
type Asked struct {
	From string // the address of record that the phone proved to be
	To   string // whom it names: a number, or a sip: or tel: URI
	Name string // the name that it may mean, where To is an address of ours; personal data
}

// Clicks takes the calls that phones ask for. core/dial implements it. Safe for concurrent use.
type Clicks interface {
	// Click places the call; the phone that asks rings first. Errors: those of dial.Service.Place.
	Click(ctx context.Context, a Asked) (Call, error)
	// Follow tells a call as it is now and after each change, until tell returns false, the call has ended, or ctx ends.
	// A call that changes faster than tell returns is told as it is then.
	Follow(ctx context.Context, id string, tell func(Call) (more bool))
	// Transfer gives the phone that talks with leg to whom a names, and lets leg go. It returns once that is durable,
	// before anybody rings. Errors: those of dial.Service.Transfer; then everything is as it was.
	Transfer(ctx context.Context, leg string, a Asked) (Call, error)
	// Attend joins those that leg and other talk with, and lets both go. It returns once that is durable. Errors: those of
	// dial.Service.Attend; then everything is as it was.
	Attend(ctx context.Context, leg, other string) (Call, error)
}

// Follow tells an open call as it is now and after each change, until tell returns false, the call has ended, or ctx
// ends. It reports whether the call was open here.
func (r *Runner) Follow(ctx context.Context, id string, tell func(Call) (more bool)) (open bool) {
	r.mu.Lock()
	b := r.calls[id]
	r.mu.Unlock()
	if b == nil {
		return false
	}
	for {
		c, changed := b.watch()
		if !tell(c) || c.State == Ended {
			return true
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return true
		}
	}
}

// watch returns the call as it is, and a channel that is closed when it is another.
func (b *box) watch() (Call, <-chan struct{}) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.changed == nil {
		b.changed = make(chan struct{})
	}
	return b.call, b.changed
}

// wakeFollowers tells those that follow the call that it has changed. b.mu is held.
func (b *box) wakeFollowers() {
	if b.changed != nil {
		close(b.changed)
		b.changed = nil
	}
}
