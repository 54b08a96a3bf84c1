package asterisk

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"c2d/adapters/ari"
	"c2d/adapters/ari/client"
	"c2d/adapters/sip/handset"
	telephone "c2d/adapters/sip/phone"
	"c2d/core/access"
	"c2d/core/audit"
	"c2d/core/call"
	"c2d/core/call/calltest"
	"c2d/core/event"
	"c2d/core/identity"
	"c2d/test/pbx"
)

// office is one process of ours at an Asterisk, and the calls that it carries.
type office struct {
	*ward
	t       *testing.T
	origin  identity.Origin
	backend *ari.Backend
	runner  *call.Runner
	store   *ended
	mu      sync.Mutex
	callees map[string]string // addresses, by call id
}

// ended is a store that counts how often the end of a call is told.
type ended struct {
	*calltest.Memory
	mu    sync.Mutex
	calls map[string]call.Call // as it was told
	ends  map[string]int
}

func (e *ended) note(c call.Call, t audit.Trail) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.calls[c.ID] = c
	for _, ev := range t.Events {
		if ev.Kind == event.CallEnded {
			e.ends[c.ID]++
		}
	}
}

func (e *ended) Create(ctx context.Context, c call.Call, idem *call.Idempotency, t audit.Trail) error {
	e.note(c, t)
	return e.Memory.Create(ctx, c, idem, t)
}

func (e *ended) Save(ctx context.Context, c call.Call, t audit.Trail, hurry <-chan struct{}) error {
	e.note(c, t)
	return e.Memory.Save(ctx, c, t, hurry)
}

func (e *ended) call(id string) (call.Call, int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.calls[id], e.ends[id]
}

// opens begins a process of an installation, with an empty store.
func opens(t *testing.T, w *wards, installation string) *office {
	t.Helper()
	o := &office{ward: &ward{wards: w}, t: t, origin: identity.Origin{Installation: installation, Node: "n1"}, callees: map[string]string{}}
	o.store = &ended{Memory: calltest.NewMemory(), calls: map[string]call.Call{}, ends: map[string]int{}}
	o.backend = o.as(t, o.origin)
	o.runner = call.NewRunner(call.Config{Store: o.store, Backends: map[string]call.Backend{o.Name(): o.backend}, Origin: o.origin}, o, o)
	if err := o.runner.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(o.close)
	return o
}

// close ends the process in good order; idempotent.
func (o *office) close() {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := o.runner.Stop(ctx); err != nil {
		o.t.Error("stop of the runner:", err)
	}
	if err := o.backend.Stop(ctx); err != nil {
		o.t.Error("stop of the backend:", err)
	}
}

// LookUp implements [call.LookUp].
func (o *office) LookUp(_ context.Context, c call.Call) (call.LookedUp, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return call.LookedUp{Attempts: []call.Attempt{{Targets: o.target(o.callees[c.ID])}}}, nil
}

// Offered implements [call.Offers]: nobody is.
func (*office) Offered(context.Context, string, call.LegEvent) (call.Call, *call.Cause) {
	return call.Call{}, &call.Cause{Reason: call.Forbidden}
}

func (o *office) target(address string) []call.Target {
	return []call.Target{{Ways: []call.Way{{Backend: o.Name(), Address: address}}}}
}

// chat is a call between two phones, in some state.
type chat struct {
	*office
	id   string
	a, b *handset.Handset
}

// chat is a call that is not placed yet, between two new phones.
func (o *office) chat() *chat {
	o.t.Helper()
	return &chat{office: o, id: identity.NewID(), a: o.Phone(o.t, calltest.Rings).(*handset.Handset), b: o.Phone(o.t, calltest.Rings).(*handset.Handset)}
}

func (c *chat) place() {
	c.t.Helper()
	o := c.office
	o.mu.Lock()
	o.callees[c.id] = c.b.Name
	o.mu.Unlock()
	_, err := o.runner.Place(o.t.Context(), call.Call{
		ID: c.id, Tenant: access.MainTenant, Backend: o.Name(), Confirm: call.ConfirmNever, TalkLimit: 3600,
		Caller: call.Party{Name: "Harry", Number: "100", RingLimit: 60, Attempts: []call.Attempt{{Targets: o.target(c.a.Name)}}},
		Callee: call.Party{Name: "Mary", Number: "101", RingLimit: 60},
	}, nil, audit.Trail{})
	if err != nil {
		c.t.Fatal(err)
	}
}

// bring places a call and brings it to a state.
func (o *office) bring(state call.State) *chat {
	o.t.Helper()
	c := o.chat()
	c.place()
	awaits(o.t, c.a, telephone.Ringing)
	if state == call.RingingCaller {
		return c
	}
	c.a.Lift(o.t)
	awaits(o.t, c.b, telephone.Ringing)
	if state == call.RingingCallee {
		return c
	}
	c.b.Lift(o.t)
	c.in(call.Connected)
	return c
}

// awaits waits until a phone tells something.
func awaits(t *testing.T, h *handset.Handset, k telephone.Kind) {
	t.Helper()
	h.Does(t, "wait", func(ctx context.Context) error {
		_, err := h.Phone.Wait(ctx, k)
		return err
	})
}

func (c *chat) in(state call.State) {
	c.t.Helper()
	pbx.Eventually(c.t, 2*patience, "the call is "+string(state), func() bool {
		now, _ := c.store.call(c.id)
		return now.State == state
	})
}

// ends waits for the end, which is told once, and for a reason.
func (c *chat) ends(reasons ...call.Reason) {
	c.t.Helper()
	c.in(call.Ended)
	now, times := c.store.call(c.id)
	for _, r := range reasons {
		if now.End.Reason == r && times == 1 {
			return
		}
	}
	c.t.Errorf("ended %d times, as %s, want %v", times, now.End.Reason, reasons)
}

func (c *chat) talks() {
	c.t.Helper()
	c.a.Hears(c.t, c.b)
	c.b.Hears(c.t, c.a)
}

// over checks, once all calls have ended, that no channel and no bridge of ours is left.
func (o *office) over() {
	o.t.Helper()
	api := o.asteriskAPI(o.t)
	ours := func(id string) bool { return o.origin.Made(id) }
	left := ""
	defer func() {
		if o.t.Failed() {
			o.t.Log("left:", left)
		}
	}()
	pbx.Eventually(o.t, patience, "nothing of ours is left", func() bool {
		left = fmt.Sprint(o.runner.Active(), " calls")
		channels, err := api.Channels(o.t.Context())
		if err != nil {
			return false
		}
		bridges, err := api.Bridges(o.t.Context())
		for _, c := range channels {
			if ours(c.ID) {
				left = "channel " + c.ID + " " + c.State
				return false
			}
		}
		for _, b := range bridges {
			if ours(b.ID) {
				left = fmt.Sprint("bridge ", b.ID, b.ChannelIDs)
				return false
			}
		}
		return err == nil && o.runner.Active() == 0
	})
}

// asteriskAPI is a client of ARI beside ours.
func (w *ward) asteriskAPI(t *testing.T) *client.Client {
	api := client.New(client.Config{URL: w.asterisk.URL, Username: w.asterisk.Username, Password: w.asterisk.Password})
	t.Cleanup(api.Close)
	return api
}

// healthy waits until Health says so, or what is wrong.
func (o *office) healthy(says string) {
	o.t.Helper()
	pbx.Eventually(o.t, 2*patience, "Health says "+says, func() bool {
		err := o.backend.Health(o.t.Context())
		return err == nil && says == "" || err != nil && says != "" && strings.Contains(err.Error(), says)
	})
}

// foreign is a call of the PBX's own, phone to phone through its dialplan.
func (w *ward) foreign(t *testing.T) (a, b *handset.Handset) {
	t.Helper()
	a, b = w.Phone(t, calltest.Rings).(*handset.Handset), w.Phone(t, calltest.Rings).(*handset.Handset)
	ctx, hangUp := context.WithTimeout(context.Background(), 5*time.Minute)
	t.Cleanup(hangUp)
	go func() { _ = a.Phone.Dial(ctx, b.Name) }() // ends with the call, or with Close of the phone
	awaits(t, b, telephone.Ringing)
	b.Lift(t)
	a.Hears(t, b)
	b.Hears(t, a)
	return a, b
}
