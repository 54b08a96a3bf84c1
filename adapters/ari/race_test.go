package ari

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/CyCoreSystems/ari/v5"

	"c2d/core/call"
)

// desk notes what Asterisk is asked for, as "DELETE bridges", and does something before it answers.
type desk struct {
	mu    sync.Mutex
	asked []string
	at    map[string]func() // set before the first request
	news  chan string
}

func newDesk() *desk { return &desk{at: map[string]func(){}, news: make(chan string, 100)} }

func (d *desk) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	parts := strings.Split(strings.TrimPrefix(r.URL.Path, "/ari/"), "/")
	what := r.Method + " " + parts[0]
	if len(parts) > 2 {
		what = r.Method + " " + parts[2]
	}
	d.mu.Lock()
	d.asked = append(d.asked, what)
	d.mu.Unlock()
	d.news <- what
	if do := d.at[what]; do != nil {
		do()
	}
	w.WriteHeader(http.StatusNoContent)
}

// awaits waits until Asterisk is asked for something.
func (d *desk) awaits(t *testing.T, what string) {
	t.Helper()
	limit := time.After(5 * time.Second)
	for {
		select {
		case got := <-d.news:
			if got == what {
				return
			}
		case <-limit:
			t.Fatal("not asked for:", what)
		}
	}
}

func (d *desk) all() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.asked)
}

// two are legs that talk, in their bridge.
func two(t *testing.T, b *Backend, told heard) (x, y *leg) {
	t.Helper()
	b.mu.Lock()
	for _, l := range []**leg{&x, &y} {
		*l = &leg{id: b.origin.LegID(), state: call.LegAnswered, up: true, made: true, entered: true, dialled: true, end: end{answered: true}}
		b.add(*l)
	}
	b.mu.Unlock()
	if err := b.Join(t.Context(), x.id, y.id); err != nil {
		t.Fatal(err)
	}
	b.tells(t, `{"type":"ChannelEnteredBridge","bridge":{"id":%q,"channels":[%q,%q]}}`, bridgeOf(x.id, y.id), x.id, y.id)
	if ev := told.next(t); ev.Kind != call.EvJoined {
		t.Fatalf("%+v", ev)
	}
	return x, y
}

func (b *Backend) gone(t *testing.T, l *leg) {
	t.Helper()
	b.tells(t, `{"type":"ChannelDestroyed","cause":16,"channel":{"id":%q}}`, l.id)
}

// Two that are parted and joined again keep their bridge: the order to remove it, which is on its way, does not come after the
// one to make it.
func TestJoinedAgainWhileTheBridgeIsRemoved(t *testing.T) {
	d := newDesk()
	b, told := connected(t, d)
	x, y := two(t, b, told)
	built, removed := make(chan struct{}), make(chan bool, 1)
	d.at["DELETE bridges"] = func() { removed <- comes(built) }
	d.at["POST addChannel"] = func() { close(built) }
	for _, l := range []*leg{x, y} {
		if err := b.Part(t.Context(), l.id); err != nil {
			t.Fatal(err)
		}
	}
	d.awaits(t, "DELETE bridges")
	if err := b.Join(t.Context(), x.id, y.id); err != nil {
		t.Fatal(err)
	}
	if overtaken := <-removed; overtaken {
		t.Error("the bridge is removed under the two that are in it")
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.bridges) != 1 {
		t.Error(len(b.bridges), "bridges")
	}
}

// comes reports whether something happens within a time that is long enough for whoever does not wait.
func comes(event <-chan struct{}) bool {
	select {
	case <-event:
		return true
	case <-time.After(100 * time.Millisecond):
		return false
	}
}

// Early media that is still being bridged when both legs end leaves no bridge behind.
func TestEndWhileEarlyMediaIsBridged(t *testing.T) {
	d := newDesk()
	b, told := connected(t, d)
	caller := &leg{id: b.origin.LegID(), state: call.LegAnswered, up: true, made: true, dialled: true, end: end{answered: true}}
	callee := &leg{id: b.origin.LegID(), joinTo: caller.id, state: call.LegTrying, made: true, dialled: true}
	b.add(caller)
	b.add(callee)
	removed, overtaken := make(chan struct{}), make(chan bool, 1)
	d.at["DELETE bridges"] = func() { close(removed) }
	d.at["POST bridges"] = func() {
		b.gone(t, callee)
		b.gone(t, caller)
		overtaken <- comes(removed)
	}
	b.tells(t, `{"type":"Dial","dialstatus":"PROGRESS","peer":{"id":%q}}`, callee.id)
	d.awaits(t, "DELETE bridges")
	for range 3 {
		told.next(t)
	}
	if <-overtaken {
		t.Error("the bridge is removed before it is made:", d.all())
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.bridges)+len(b.legs)+len(b.channels)+len(b.prompts) != 0 {
		t.Error("something is left:", b.bridges, b.legs, b.channels, b.prompts)
	}
}

// Joined while its early media is being bridged: the two are in one bridge, and it is told once.
func TestJoinWhileEarlyMediaIsBridged(t *testing.T) {
	d := newDesk()
	b, told := connected(t, d)
	caller := &leg{id: b.origin.LegID(), state: call.LegAnswered, up: true, made: true, dialled: true, end: end{answered: true}}
	callee := &leg{id: b.origin.LegID(), joinTo: caller.id, state: call.LegTrying, made: true, dialled: true}
	b.add(caller)
	b.add(callee)
	entered := func() {
		b.tells(t, `{"type":"ChannelEnteredBridge","bridge":{"id":%q,"channels":[%q,%q]}}`, bridgeOf(caller.id, callee.id), caller.id, callee.id)
	}
	var joined sync.WaitGroup
	d.at["POST bridges"] = sync.OnceFunc(func() {
		b.tells(t, `{"type":"ChannelStateChange","channel":{"id":%q,"state":"Up"}}`, callee.id)
		joined.Go(func() {
			if err := b.Join(context.Background(), caller.id, callee.id); err != nil {
				t.Error(err)
			}
		})
	})
	d.at["POST addChannel"] = entered
	b.tells(t, `{"type":"Dial","dialstatus":"PROGRESS","peer":{"id":%q}}`, callee.id)
	var kinds []call.LegEventKind
	for range 3 {
		kinds = append(kinds, told.next(t).Kind)
	}
	joined.Wait()
	if !slices.Equal(kinds, []call.LegEventKind{call.EvEarlyMedia, call.EvAnswered, call.EvJoined}) || len(told) != 0 {
		t.Error(kinds, len(told), "more")
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.bridges) != 1 || caller.bridge != callee.bridge {
		t.Error(len(b.bridges), "bridges")
	}
}

// A leg that ends while it is put on hold, or taken off it, is not told as held after its end.
func TestEndWhileHeld(t *testing.T) {
	for _, on := range []bool{true, false} {
		for _, both := range []bool{true, false} {
			d := newDesk()
			b, told := connected(t, d)
			x, y := two(t, b, told)
			if !on {
				if err := b.Hold(t.Context(), x.id, true); err != nil || told.next(t).Kind != call.EvHeld {
					t.Fatal(err)
				}
			}
			ends := func() {
				b.gone(t, x)
				if both {
					b.gone(t, y)
				}
			}
			d.at["POST removeChannel"], d.at["DELETE playbacks"] = ends, ends
			if err := b.Hold(t.Context(), x.id, on); err != nil {
				t.Errorf("hold %v: %v", on, err)
			}
			want := 1
			if both {
				want = 2
			}
			if len(told) != want {
				t.Errorf("hold %v: %d events are told, want %d ends", on, len(told), want)
			}
			for len(told) > 0 {
				if ev := told.next(t); ev.Kind != call.EvEnded {
					t.Errorf("hold %v: %+v", on, ev)
				}
			}
			if both && !on && slices.Contains(d.all()[2:], "POST addChannel") {
				t.Error("nobody is put into a bridge")
			}
		}
	}
}

// A leg without a record that is alone in a bridge of a former process takes the bridge with it.
func TestAloneInABridge(t *testing.T) {
	d := newDesk()
	b, told := connected(t, d)
	id := b.origin.LegID()
	bridge := bridgeOf(id, b.origin.LegID())
	if !b.found(ari.BridgeData{ID: bridge, ChannelIDs: []string{id}}) {
		t.Fatal("the bridge is taken for empty")
	}
	b.mu.Lock()
	b.takeUp(call.OpenLeg{Leg: id, State: call.LegAnswered})
	b.mu.Unlock()
	b.tells(t, `{"type":"ChannelDestroyed","cause":16,"channel":{"id":%q}}`, id)
	told.next(t)
	d.awaits(t, "DELETE bridges")
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.bridges) != 0 {
		t.Error("the bridge is still known")
	}
}

// A dialplan that ends a leg as soon as it has it back is told as that we gave it back, though the answer comes later.
func TestGivenBackAndEndedAtOnce(t *testing.T) {
	d := newDesk()
	b, told := connected(t, d)
	l := &leg{id: b.origin.LegID(), channel: "offered", state: call.LegOffered, offered: true, made: true, dialled: true}
	b.add(l)
	d.at["POST continue"] = func() { b.tells(t, `{"type":"ChannelDestroyed","cause":0,"channel":{"id":"offered"}}`) }
	if err := b.GiveBack(t.Context(), l.id); err != nil {
		t.Fatal(err)
	}
	if ev := told.next(t); ev.Kind != call.EvEnded || ev.Cause.Reason != call.InvalidNumber {
		t.Errorf("%+v", ev)
	}
}

// Nothing is told, and nothing sent, once Stop has returned, whatever was waited for.
func TestNothingAfterStop(t *testing.T) {
	d := newDesk()
	b, told := connected(t, d)
	b.waits.rest, b.waits.prompt = 20*time.Millisecond, 20*time.Millisecond
	l := &leg{id: b.origin.LegID(), state: call.LegAnswered, up: true, made: true, dialled: true, end: end{answered: true}}
	b.add(l)
	if err := b.AskKey(t.Context(), l.id); err != nil {
		t.Fatal(err)
	}
	b.mu.Lock()
	b.missing(l)
	b.mu.Unlock()
	if err := b.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	sent, said := len(d.all()), len(told)
	later := make(chan struct{})
	time.AfterFunc(60*time.Millisecond, func() { close(later) }) // after both
	<-later
	if len(d.all()) != sent || len(told) != said {
		t.Error(d.all()[sent:], len(told)-said, "events")
	}
}
