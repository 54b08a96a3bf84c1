package phone

import (
	"context"
	"net/netip"
	"sync"
	"time"
)

// Kind says what happened to a phone.
type Kind string

const (
	Registered Kind = "registered"
	Ringing    Kind = "ringing"  // it rings, or the phone that it called does
	Answered   Kind = "answered" // both sides have agreed on media
	Media      Kind = "media"    // its sound goes to Remote from now on
	Heard      Kind = "heard"    // a tone begins to be heard: Sound
	Ended      Kind = "ended"    // the call is over: Status, Here, Reason
	Pressed    Kind = "pressed"  // the other side has pressed Key
	Told       Kind = "told"     // how the call gets on that Refer asked for: Status
)

// Event is one thing that happened.
type Event struct {
	Kind     Kind
	At       time.Time
	Call     string // Call-ID
	Incoming bool   // the call was placed by the other side
	Status   int    // Ended: final status of an INVITE that was not answered; 0 after a talk. Told: of the call
	Here     bool   // Ended: this phone ended it
	Reason   string // Ended: the Reason header of the other side's CANCEL or BYE (RFC 3326). Told: the words beside Status
	Remote   netip.AddrPort
	Sound    Sound
	Key      byte // Pressed: 0-9 * # A-D
}

// journal keeps the events of a phone and wakes those who wait for one. Safe for concurrent use.
type journal struct {
	notify  func(Event)
	mu      sync.Mutex
	all     []Event
	seen    map[Kind]int // how many of all have been searched by wait for the kind
	changed chan struct{}
	order   sync.Mutex // held while telling, so that notify sees the order of all
}

func newJournal(notify func(Event)) *journal {
	return &journal{notify: notify, seen: make(map[Kind]int), changed: make(chan struct{})}
}

func (j *journal) tell(e Event) {
	j.order.Lock()
	defer j.order.Unlock()
	e.At = time.Now()
	j.mu.Lock()
	j.all = append(j.all, e)
	j.mu.Unlock()
	j.wake()
	if j.notify != nil {
		j.notify(e)
	}
}

// wake lets every waiter look again.
func (j *journal) wake() {
	j.mu.Lock()
	defer j.mu.Unlock()
	close(j.changed)
	j.changed = make(chan struct{})
}

// until calls ready at once and after each change until it returns true or ctx ends.
func (j *journal) until(ctx context.Context, ready func() bool) error {
	for {
		j.mu.Lock()
		changed, done := j.changed, ready()
		j.mu.Unlock()
		if done {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// next returns the first event of the kind that it has not returned before.
func (j *journal) next(ctx context.Context, k Kind) (found Event, err error) {
	err = j.until(ctx, func() bool {
		for i := j.seen[k]; i < len(j.all); i++ {
			j.seen[k] = i + 1
			if j.all[i].Kind == k {
				found = j.all[i]
				return true
			}
		}
		return false
	})
	return found, err
}

// find returns the first event of all that matches.
func (j *journal) find(ctx context.Context, match func(Event) bool) (found Event, err error) {
	err = j.until(ctx, func() bool {
		for _, e := range j.all {
			if match(e) {
				found = e
				return true
			}
		}
		return false
	})
	return found, err
}
