package swap

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"

	"c2d/core/call"
	"c2d/core/fault"
)

// line is a phone system that notes what it is told to do.
type line struct {
	call.Backend
	sink    call.Sink
	did     []string
	stopped bool
}

func (l *line) Start(_ context.Context, s call.Sink, _ []call.OpenLeg) error { l.sink = s; return nil }
func (l *line) Stop(context.Context) error                                   { l.stopped = true; return nil }
func (l *line) Originate(_ context.Context, o call.Originate, _ []byte) error {
	l.did = append(l.did, "ring "+o.Leg)
	return nil
}
func (l *line) Join(_ context.Context, a, b string) error {
	l.did = append(l.did, "join "+a+" "+b)
	return nil
}
func (l *line) ends(leg string) { l.sink.Leg(call.LegEvent{Leg: leg, Kind: call.EvEnded}) }

type nobody struct{}

func (nobody) Leg(call.LegEvent) {}
func (nobody) Link(string, bool) {}

// TestALegStaysWhereItBegan, its peer comes there too, and the former system is stopped with the last of them.
func TestALegStaysWhereItBegan(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		old, next := &line{}, &line{}
		b := New("pbx", old, nil)
		ok := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
		}
		rings := func(leg, peer string) {
			t.Helper()
			ok(b.Originate(t.Context(), call.Originate{Leg: leg, JoinTo: peer}, nil))
		}
		ok(b.Start(t.Context(), nobody{}, nil))
		rings("a1", "")
		n, err := b.Begin(t.Context(), next)
		ok(err)
		n.Take()
		rings("b1", "")
		rings("a2", "a1")
		ok(b.Join(t.Context(), "a1", "a2"))
		if err := b.Join(t.Context(), "a1", "b1"); !fault.Is(err, fault.CodeConflict) {
			t.Errorf("two of two systems: %v", err)
		}
		old.ends("a1")
		synctest.Wait()
		if old.stopped || b.Former() != 1 {
			t.Error("it is stopped, and somebody is there")
		}
		old.ends("a2")
		synctest.Wait()
		if !old.stopped || b.Former() != 0 || next.stopped {
			t.Error("it is not stopped with its last leg, or the other is")
		}
		if want := []string{"ring a1", "ring a2", "join a1 a2"}; !slices.Equal(old.did, want) || !slices.Equal(next.did, []string{"ring b1"}) {
			t.Errorf("%q and %q", old.did, next.did)
		}
		b.Remove()
		if err := b.Originate(t.Context(), call.Originate{Leg: "c1"}, nil); !fault.Is(err, fault.CodeBackendUnavailable) || next.stopped {
			t.Errorf("of one that was taken away: %v, stopped %v", err, next.stopped)
		}
		next.ends("b1")
		synctest.Wait()
		if !next.stopped {
			t.Error("it is not stopped with its last leg")
		}
		ok(b.Stop(t.Context()))
	})
}

// TestWhatWasTakenAwayComesBack as long as somebody is there, and is not stopped then; and an heir is told whom it follows.
func TestWhatWasTakenAwayComesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		old, next := &line{}, &heir{}
		b := New("pbx", old, nil)
		ok := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		ok(b.Start(t.Context(), nobody{}, nil))
		ok(b.Originate(t.Context(), call.Originate{Leg: "a1"}, nil))
		b.Remove()
		if b.Newest() != nil || !b.Return() || b.Newest() != old {
			t.Error("it does not come back")
		}
		old.ends("a1")
		synctest.Wait()
		if old.stopped {
			t.Error("it is stopped, and is the newest again")
		}
		n, err := b.Begin(t.Context(), next)
		ok(err)
		if b.Newest() != old || next.former != nil {
			t.Error("what has begun is in its place already")
		}
		n.Take()
		if b.Newest() != next || next.former != old {
			t.Error("the heir is not told, or is not in its place")
		}
		b.Remove()
		b.Settle()
		if b.Return() || !next.stopped {
			t.Error("what nobody is at comes back")
		}
		ok(b.Stop(t.Context()))
	})
}

type heir struct {
	line
	former call.Backend
}

func (h *heir) TakeOver(former call.Backend) { h.former = former }

// far is a phone system that can be away.
type far struct {
	line
	away bool
	legs []call.LegInfo
}

var errAway = fault.New(fault.CodeBackendUnavailable, "away")

func (f *far) Health(context.Context) error {
	if f.away {
		return errAway
	}
	return nil
}

func (f *far) Snapshot(ctx context.Context) ([]call.LegInfo, error) { return f.legs, f.Health(ctx) }

// links is a sink that notes what it is told of connections.
type links struct {
	nobody
	told []bool
}

func (l *links) Link(_ string, up bool) { l.told = append(l.told, up) }

// TestAFormerSystemThatIsGone for ever, as one that burnt down and was replaced, takes nothing from those who talk over the next: core
// hears at once that they are there, and of the others that they are unsure.
func TestAFormerSystemThatIsGone(t *testing.T) {
	old, next := &far{legs: []call.LegInfo{{Leg: "a1"}}}, &far{legs: []call.LegInfo{{Leg: "b1"}}}
	b, told := New("pbx", old, nil), &links{}
	ok := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	sees := func(want ...call.LegInfo) {
		t.Helper()
		if got, err := b.Snapshot(t.Context()); err != nil || !slices.Equal(got, want) {
			t.Errorf("%v, %+v", err, got)
		}
	}
	ok(b.Start(t.Context(), told, nil))
	ok(b.Originate(t.Context(), call.Originate{Leg: "a1"}, nil))
	old.away = true
	old.sink.Link("", false)
	if _, err := b.Snapshot(t.Context()); err != errAway || !slices.Equal(told.told, []bool{false}) {
		t.Errorf("%v while it is the only one, told %v", err, told.told)
	}
	n, err := b.Begin(t.Context(), next)
	ok(err)
	n.Take()
	ok(b.Originate(t.Context(), call.Originate{Leg: "b1"}, nil))
	sees(call.LegInfo{Leg: "a1", Unsure: true}, call.LegInfo{Leg: "b1"})
	old.away = false
	sees(call.LegInfo{Leg: "a1"}, call.LegInfo{Leg: "b1"})
	old.away, told.told = true, nil
	old.sink.Link("", false)
	if !slices.Equal(told.told, []bool{false, true}) {
		t.Errorf("told %v: who talks over the next stays unsure", told.told)
	}
	next.away = true
	if _, err := b.Snapshot(t.Context()); err != errAway {
		t.Errorf("%v while none is connected", err)
	}
}

// late is a phone system that counts what it is told to ring after its stop.
type late struct {
	line
	mu      sync.Mutex
	stopped bool
	late    int
}

func (l *late) Stop(context.Context) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stopped = true
	return nil
}

func (l *late) Originate(_ context.Context, o call.Originate, _ []byte) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.stopped {
		l.late++
	}
	return nil
}

// TestNobodyIsRungByAStoppedSystem: who is rung at the moment of an exchange is rung by one that lives until he has gone.
func TestNobodyIsRungByAStoppedSystem(t *testing.T) {
	all := []*late{{}}
	b := New("pbx", all[0], nil)
	if err := b.Start(t.Context(), nobody{}, nil); err != nil {
		t.Fatal(err)
	}
	var rings sync.WaitGroup
	over := make(chan struct{})
	for who := range 4 {
		rings.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-over:
					return
				default:
				}
				leg := fmt.Sprint(who, "-", i)
				_ = b.Originate(t.Context(), call.Originate{Leg: leg}, nil)
				b.ended(leg)
			}
		})
	}
	for range 20000 {
		next := &late{}
		n, err := b.Begin(t.Context(), next)
		if err != nil {
			t.Fatal(err)
		}
		n.Take()
		all = append(all, next)
	}
	close(over)
	rings.Wait()
	b.Settle()
	missed := 0
	for _, l := range all {
		missed += l.late
	}
	if missed > 0 {
		t.Errorf("%d were rung by a system that was stopped", missed)
	}
}
