package call

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"c2d/core/audit"
	"c2d/core/fault"
	"c2d/core/identity"
)

// LookUp reads, when the caller has answered, how to reach the callee that was settled when the call was placed.
// core/dial implements it. Safe for concurrent use.
type LookUp interface {
	// LookUp returns what Call.Callee.ContactID and Number mean now. A callee that may not or cannot be called is
	// told in LookedUp.Failed; an error is a fault of ours (the store).
	LookUp(ctx context.Context, c Call) (LookedUp, error)
}

// Offers takes the calls that phones and dialplans hand to us. core/dial implements it.
type Offers interface {
	// Offered returns the call to begin for an offered leg, with that leg as the caller's, or why it is refused.
	Offered(ctx context.Context, backend string, ev LegEvent) (Call, *Cause)
}

// Config is what a runner needs. All but Gates, Allow, Outcome, Log and Now is required.
type Config struct {
	Store    Store
	Backends map[string]Backend // by configuration name; several names may have one backend
	Origin   identity.Origin
	Epoch    int64
	Gates    map[string]int                   // calls that ring at once, by configuration name; 0 is no limit
	Allow    func(backend string) bool        // whether one more call may be sent there now; who placed a call has asked for that of its first phone
	Outcome  func(backend string, why *Cause) // told how a leg fared: nil when its phone rang or answered, else why it ended without; it returns at once
	Log      *slog.Logger
	Now      func() time.Time
}

// stopGrace is for goroutines that are just about to end.
const stopGrace = 500 * time.Millisecond

// Runner carries calls: it feeds the step, writes what the step decided, then acts. One call at a time is worked on by
// one goroutine, which its first input starts and which ends when its mailbox is empty. Safe for concurrent use.
type Runner struct {
	cfg    Config
	lookUp LookUp
	offers Offers

	mu       sync.Mutex
	backends map[string]Backend // by configuration name
	calls    map[string]*box
	legs     map[string]*box       // by leg id
	offering map[string][]LegEvent // what offered legs told before their calls were made
	gates    map[string]*gate
	closing  bool
	seeking  sync.Mutex    // one recovery at a time, so that two find no leg twice
	idle     chan struct{} // closed and renewed whenever a call may have come to rest
	work     sync.WaitGroup
	ctx      context.Context
	cancel   context.CancelFunc
}

// NewRunner returns a runner that carries nothing yet; Start begins.
func NewRunner(cfg Config, l LookUp, o Offers) *Runner {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	ctx, cancel := context.WithCancel(context.Background())
	r := &Runner{cfg: cfg, lookUp: l, offers: o, backends: maps.Clone(cfg.Backends), calls: map[string]*box{}, legs: map[string]*box{}, offering: map[string][]LegEvent{}, gates: map[string]*gate{},
		idle: make(chan struct{}), ctx: ctx, cancel: cancel}
	for name := range cfg.Backends {
		r.gates[name] = r.newGate(name, cfg.Gates[name])
	}
	return r
}

// Start takes up the calls that a former process left open and starts the backends. A call that talks goes on; one
// that rang is ended, and its phones stop. Legs of ours that have no record are recovered afterwards: see recover.go.
func (r *Runner) Start(ctx context.Context) error {
	open, err := r.cfg.Store.Open(ctx, r.cfg.Origin.Node)
	if err != nil {
		return err
	}
	boxes, legs := r.takeUp(open)
	defer func() {
		for _, b := range boxes {
			r.work.Go(b.drain)
		}
	}()
	started := map[Backend]bool{}
	for name, b := range r.cfg.Backends {
		if started[b] {
			continue
		}
		started[b] = true
		if err := b.Start(ctx, sink{r, name}, legs[b]); err != nil {
			return fault.Wrap(fault.CodeBackendUnavailable, err, "backend %s did not start", name)
		}
	}
	for b := range started {
		r.spawn(func(ctx context.Context) { r.compare(ctx, b, nil) })
	}
	return nil
}

// Add takes a backend in while calls go on, and starts it unless it is there under another name. Errors: fault.CodeConflict when there
// is one of that name, those of its Start.
func (r *Runner) Add(ctx context.Context, name string, b Backend) error {
	r.mu.Lock()
	_, there := r.backends[name]
	started := slices.Contains(slices.Collect(maps.Values(r.backends)), b)
	if !there {
		r.backends[name] = b
		r.gates[name] = r.newGate(name, 0)
	}
	r.mu.Unlock()
	if there {
		return fault.New(fault.CodeConflict, "there is a backend %s", name)
	}
	if started {
		return nil
	}
	err := b.Start(ctx, sink{r, name}, nil)
	if err != nil {
		r.Forget(name)
	}
	return err
}

// Forget takes back an Add, before a call was placed there.
func (r *Runner) Forget(name string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.backends, name)
	delete(r.gates, name)
}

// backend returns the one of a configuration name, nil for none.
func (r *Runner) backend(name string) Backend {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.backends[name]
}

// takeUp makes the boxes of the calls that a former process left open, whose first letter says so: it comes before all
// that a backend tells. It returns the boxes, which wait to be drained, and the open legs of each backend.
func (r *Runner) takeUp(open []Call) (boxes []*box, legs map[Backend][]OpenLeg) {
	legs = map[Backend][]OpenLeg{}
	for _, c := range open {
		b := newBox(r, c)
		b.letters, b.running = []letter{{in: Restarted{}}}, true
		r.add(b)
		boxes = append(boxes, b)
		for l := range c.Legs {
			if be := r.backend(l.Way.Backend); be != nil && l.Open() {
				legs[be] = append(legs[be], OpenLeg{Leg: l.ID, Way: l.Way, State: l.State, JoinedTo: l.JoinedTo, Resume: l.Resume})
			}
		}
	}
	return boxes, legs
}

// Place stores a new call and begins it. It returns when the call and its first legs are durable. idem may be nil.
// The call comes without legs, version and times. Errors: those of Store.Create, fault.CodeShuttingDown.
func (r *Runner) Place(ctx context.Context, c Call, idem *Idempotency, t audit.Trail) (Call, error) {
	c.Node, c.Epoch = r.cfg.Origin.Node, r.cfg.Epoch
	if c.LegBase == "" {
		c.LegBase = r.cfg.Origin.LegID()
	}
	b := newBox(r, c)
	queue, err := r.enter(b, c)
	if err != nil {
		return Call{}, err
	}
	created, err := b.create(ctx, Started{Queue: queue}, idem, t)
	if err != nil {
		r.remove(b)
	}
	return created, err
}

// enter takes the call in, unless the runner is closing; queue says that it must wait for a place. From here on others
// may post to it: the letters wait until it is created.
func (r *Runner) enter(b *box, c Call) (queue bool, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closing {
		return false, stopping()
	}
	b.running = true // nobody else has the box yet
	r.calls[c.ID] = b
	if g := r.gates[c.gate()]; g != nil && c.CalleeLeg == "" { // else nobody rings
		queue = !g.enter(c.ID)
	}
	return queue, nil
}

// HangUp ends a call in any state and returns it ended, once that is stored or the store fails. Its phones are let go before.
// Errors: fault.CodeNotFound when it is not open here, fault.CodeShuttingDown when the runner stops before.
func (r *Runner) HangUp(ctx context.Context, id string, in HangUpOrdered) (Call, error) {
	r.mu.Lock()
	b := r.calls[id]
	r.mu.Unlock()
	if b == nil {
		return Call{}, fault.New(fault.CodeNotFound, "no open call of that id")
	}
	done := make(chan Call, 1)
	b.post(letter{in: in, reply: done})
	select {
	case c := <-done:
		if c.State != Ended { // the letter came too late
			return c, stopping()
		}
		return c, nil
	case <-ctx.Done():
		return Call{}, ctx.Err()
	}
}

// Get returns an open call as the store has it, or, while the store fails, as it is.
func (r *Runner) Get(id string) (Call, bool) {
	r.mu.Lock()
	b := r.calls[id]
	r.mu.Unlock()
	if b == nil {
		return Call{}, false
	}
	return b.snapshot()
}

// Active returns how many calls are open.
func (r *Runner) Active() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.calls)
}

// Stop takes no new call, ends those that do not talk, and leaves the talking ones to the next process. It returns when
// that is done or ctx ends; nothing runs after it. Idempotent. The backends are stopped by their owner afterwards.
func (r *Runner) Stop(ctx context.Context) error {
	r.mu.Lock()
	r.closing = true
	for _, b := range r.calls {
		b.post(letter{in: stopRinging{}})
	}
	r.mu.Unlock()
	err := r.waitQuiet(ctx)
	r.cancel()
	r.mu.Lock()
	for _, b := range r.calls {
		b.close()
	}
	r.mu.Unlock()
	return errors.Join(err, r.waitWork(ctx))
}

// waitWork waits for every goroutine of ours; for one that a hung store or backend holds, no longer than ctx and a grace.
func (r *Runner) waitWork(ctx context.Context) error {
	ended := make(chan struct{})
	go func() { r.work.Wait(); close(ended) }() // ends with the last of them, which all have limits
	select {
	case <-ended:
		return nil
	case <-ctx.Done():
	}
	select {
	case <-ended:
		return nil
	case <-time.After(stopGrace):
		return ctx.Err()
	}
}

// waitQuiet waits until only talking calls are left, with nothing more to be done about them.
func (r *Runner) waitQuiet(ctx context.Context) error {
	for {
		r.mu.Lock()
		idle, busy := r.idle, false
		for _, b := range r.calls {
			busy = busy || !b.rests()
		}
		r.mu.Unlock()
		if !busy {
			return nil
		}
		select {
		case <-idle:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (r *Runner) add(b *box) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.calls[b.call.ID] = b
	for l := range b.call.Legs {
		if l.Open() || r.legs[l.ID] == nil { // one that was handed over is in two records, and open in one
			r.legs[l.ID] = b
		}
	}
	if g := r.gates[b.call.gate()]; g != nil && b.call.State != Connected && b.call.State != Ended {
		g.enter(b.call.ID)
	}
}

// settle is told of a box whose letters are all done; over says that it will get no more.
func (r *Runner) settle(b *box, over bool) {
	if over {
		r.remove(b)
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.wake()
}

// remove forgets a call that is over.
func (r *Runner) remove(b *box) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.calls, b.call.ID)
	for l := range b.call.Legs {
		if r.legs[l.ID] == b {
			delete(r.legs, l.ID)
		}
	}
	r.leave(b.call.ID, func(string) bool { return false })
	r.wake()
}

func stopping() error { return fault.New(fault.CodeShuttingDown, "the service is stopping") }

// wake lets waitQuiet look again; the caller holds r.mu.
func (r *Runner) wake() {
	close(r.idle)
	r.idle = make(chan struct{})
}
