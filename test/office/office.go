package office

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"c2d/adapters/sip/handset"
	telephone "c2d/adapters/sip/phone"
	"c2d/core/call"
	"c2d/core/call/calltest"
	"c2d/core/identity"
	"c2d/test/pbx"
)

// patience is that of a phone's owner.
const patience = 10 * time.Second

// Ward is a phone system that outlives our process, phones at it, and the line between it and us. Each process has its own.
type Ward interface {
	Name() string                                             // of the backend
	As(t *testing.T, origin identity.Origin) call.Backend     // the backend of a process of some installation
	Phone(t *testing.T, does calltest.Does) calltest.Phone    // a *handset.Handset
	Crash(t *testing.T)                                       // ends the line: what the process would still say reaches nobody
	Left(ctx context.Context, o identity.Origin) (one string) // something of ours that is on the phone system, "" for nothing
}

// Office is one process of ours, and the calls that it carries.
type Office struct {
	Backend call.Backend
	Runner  *call.Runner
	Store   *Store

	ward    Ward
	t       *testing.T
	origin  identity.Origin
	pen     *pen
	mu      sync.Mutex
	callees map[string]string // addresses, by call id
}

// Open begins a process of an installation on a store.
func Open(t *testing.T, w Ward, installation string, s *Store) *Office {
	t.Helper()
	o := &Office{ward: w, t: t, origin: identity.Origin{Installation: installation, Node: "n1"}, Store: s, pen: &pen{Store: s}, callees: map[string]string{}}
	o.Backend = w.As(t, o.origin)
	o.Runner = call.NewRunner(call.Config{Store: o.pen, Backends: map[string]call.Backend{w.Name(): o.Backend}, Origin: o.origin}, o, o)
	if err := o.Runner.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(o.close)
	return o
}

// close ends the process in good order, unless it was killed.
func (o *Office) close() {
	if o.pen.dead.Load() {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := o.Runner.Stop(ctx); err != nil {
		o.t.Error("stop of the runner:", err)
	}
	if err := o.Backend.Stop(ctx); err != nil {
		o.t.Error("stop of the backend:", err)
	}
}

// Kill ends the process as kill -9 does: from now on it writes and says nothing.
func (o *Office) Kill() {
	o.t.Helper()
	o.pen.dead.Store(true)
	o.ward.Crash(o.t)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_ = o.Runner.Stop(ctx) // what it still wants to do comes to nothing
	_ = o.Backend.Stop(ctx)
}

// Healthy waits until Health says so, or what is wrong.
func (o *Office) Healthy(says string) {
	o.t.Helper()
	pbx.Eventually(o.t, 2*patience, "Health says "+says, func() bool {
		err := o.Backend.Health(o.t.Context())
		return err == nil && says == "" || err != nil && says != "" && strings.Contains(err.Error(), says)
	})
}

// Over checks, once all calls have ended, that nothing of ours is left.
func (o *Office) Over() {
	o.t.Helper()
	var left string
	defer func() {
		if o.t.Failed() {
			o.t.Log("left:", o.Runner.Active(), "calls,", left)
		}
	}()
	pbx.Eventually(o.t, patience, "nothing of ours is left", func() bool {
		left = o.ward.Left(o.t.Context(), o.origin)
		return left == "" && o.Runner.Active() == 0
	})
}

// Foreign is a call of the phone system's own, phone to phone through its dialplan.
func Foreign(t *testing.T, w Ward) (a, b *handset.Handset) {
	t.Helper()
	a, b = w.Phone(t, calltest.Rings).(*handset.Handset), w.Phone(t, calltest.Rings).(*handset.Handset)
	ctx, hangUp := context.WithTimeout(context.Background(), 5*time.Minute)
	t.Cleanup(hangUp)
	go func() { _ = a.Phone.Dial(ctx, b.Name) }() // ends with the call, or with Close of the phone
	Awaits(t, b, telephone.Ringing)
	b.Lift(t)
	a.Hears(t, b)
	b.Hears(t, a)
	return a, b
}

// Awaits waits until a phone tells something.
func Awaits(t *testing.T, h *handset.Handset, k telephone.Kind) {
	t.Helper()
	h.Does(t, "wait", func(ctx context.Context) error {
		_, err := h.Phone.Wait(ctx, k)
		return err
	})
}
