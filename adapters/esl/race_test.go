package esl

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"c2d/adapters/esl/freeswitchtest"
	"c2d/core/call"
	"c2d/core/call/calltest"
	"c2d/core/fault"
)

// slow is a log that takes its time.
type slow struct{ slog.Handler }

func (slow) Enabled(context.Context, slog.Level) bool  { return true }
func (slow) Handle(context.Context, slog.Record) error { time.Sleep(time.Second); return nil }
func (s slow) WithAttrs([]slog.Attr) slog.Handler      { return s }

// linked is a sink that notes that the connection is up.
type linked struct {
	heard
	up atomic.Bool
}

func (l *linked) Link(_ string, up bool) { l.up.Store(up) }

// Whoever has started a backend has been told that it is connected, and can order at once.
func TestStartedIsConnected(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &ward{freeswitch: freeswitchtest.New(t)}
		b := w.Open(t).(*Backend)
		b.log = slog.New(slow{})
		var told linked
		if err := b.Start(t.Context(), &told, nil); err != nil {
			t.Fatal(err)
		}
		if !told.up.Load() || b.Health(t.Context()) != nil {
			t.Error("not connected:", b.Health(t.Context()))
		}
	})
}

// A phone that gives no sign of life does not ring, whatever FreeSWITCH's Answer-State says.
func TestSilentIsNotRinging(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		leg, _ := r.rings(calltest.Silent, "")
		r.until(leg, call.EvTrying)
		legs, err := r.Snapshot(t.Context())
		if err != nil || len(legs) != 1 || legs[0].State != call.LegTrying {
			t.Errorf("%+v, %v", legs, err)
		}
		if told := r.rest(); len(told) != 0 {
			t.Errorf("%+v", told)
		}
	})
}

// A callee who is heard and then refuses does not take the caller along.
func TestRefusedAfterEarlyMedia(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		a, x := r.rings(calltest.Answers, "")
		r.until(a, call.EvAnswered)
		b, y := r.rings(calltest.Early, a)
		x.Hears(t, y)
		y.PutDown(t)
		if ev := r.until(b, call.EvEnded); ev.Cause.Reason != call.Rejected {
			t.Errorf("%+v", ev.Cause)
		}
		if told := r.rest(); len(told) != 0 || x.Idle() {
			t.Errorf("the caller is gone: %+v", told)
		}
		next, z := r.rings(calltest.Early, a)
		x.Hears(t, z)
		if err := r.HangUp(t.Context(), next, call.NoAnswer); err != nil {
			t.Error(err)
		}
		r.until(next, call.EvEnded)
		if told := r.rest(); len(told) != 0 || x.Idle() {
			t.Errorf("the caller is gone: %+v", told)
		}
	})
}

// Who waits until a channel is parked does not do so after Stop.
func TestStopEndsWaiting(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		l := &leg{id: r.origin.LegID(), state: call.LegAnswered, up: true, created: true}
		r.mu.Lock()
		r.add(l)
		r.mu.Unlock()
		result := make(chan error, 1)
		go func() { result <- r.untilParked(context.Background(), l) }()
		synctest.Wait()
		if err := r.Stop(t.Context()); err != nil {
			t.Error(err)
		}
		select {
		case err := <-result:
			if !fault.Is(err, fault.CodeBackendUnavailable) {
				t.Error(err)
			}
		case <-time.After(time.Minute):
			t.Error("it still waits")
			r.mu.Lock()
			l.rest()
			r.mu.Unlock()
		}
	})
}

// Two who are held by a former process can be let go of before anybody has looked at what there is.
func TestResumedByTheNextProcess(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		a, b, x, y := r.talk()
		if err := r.Hold(t.Context(), a, true); err != nil {
			t.Fatal(err)
		}
		r.until(a, call.EvHeld)
		y.HearsTone(t)
		r.Crash(t)
		next := r.ward.starts(t, call.OpenLeg{Leg: a, State: call.LegAnswered, JoinedTo: b}, call.OpenLeg{Leg: b, State: call.LegAnswered, JoinedTo: a})
		if err := next.Hold(t.Context(), a, false); err != nil {
			t.Fatal(err)
		}
		next.until(a, call.EvResumed)
		x.Hears(t, y)
		y.Hears(t, x)
	})
}

// A caller who has outlived early media is known to wait, also when that was not heard.
func TestFoundAfterEarlyMedia(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		a, x := r.rings(calltest.Answers, "")
		r.until(a, call.EvAnswered)
		b, y := r.rings(calltest.Early, a)
		x.Hears(t, y)
		r.rest()
		r.Lose()
		synctest.Wait()
		y.PutDown(t)
		r.Restore()
		r.connected()
		if _, err := r.Snapshot(t.Context()); err != nil {
			t.Fatal(err)
		}
		r.until(b, call.EvEnded)
		c, z := r.rings(calltest.Answers, a)
		r.until(c, call.EvAnswered)
		if err := r.Join(t.Context(), a, c); err != nil {
			t.Fatal(err)
		}
		r.until(a, call.EvJoined)
		x.Hears(t, z)
	})
}

// A call that was handed over is answered for us once it is ours: the socket application lets it wait as well, and is not park.
func TestOfferedIsAnsweredWhenItIsParked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &ward{freeswitch: freeswitchtest.New(t)}
		parks := make(chan struct{})
		release := sync.OnceFunc(func() { close(parks) })
		defer release()
		w.freeswitch.Before = func(command string) {
			if strings.HasPrefix(command, "api uuid_transfer") {
				<-parks
			}
		}
		r := w.starts(t)
		p := w.Phone(t, calltest.Rings)
		p.Dial(t, "101")
		ev := <-r.told
		r.rest()
		if err := r.Answer(t.Context(), ev.Leg); err != nil {
			t.Fatal(err)
		}
		select {
		case ev := <-r.told:
			t.Errorf("%+v", ev)
		case <-time.After(time.Second):
		}
		release()
		r.until(ev.Leg, call.EvAnswered)
	})
}

// Who was handed on by a phone, in whose midst we were restarted, outlives that phone's leg; and goes with the one that it is joined
// to then.
func TestHandedOnWhileWeWereRestarted(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		a, b, x, y := r.talk()
		r.Crash(t)
		next := r.ward.starts(t, call.OpenLeg{Leg: a, State: call.LegAnswered, JoinedTo: b}, call.OpenLeg{Leg: b, State: call.LegAnswered, JoinedTo: a})
		if err := next.HangUp(t.Context(), a, call.Transferred); err != nil {
			t.Fatal(err)
		}
		next.until(a, call.EvEnded)
		c, z := next.rings(calltest.Answers, b)
		next.until(c, call.EvAnswered)
		if err := next.Join(t.Context(), b, c); err != nil {
			t.Fatal(err)
		}
		next.until(b, call.EvJoined)
		y.Hears(t, z)
		next.Crash(t) // nobody is there who would release the other
		z.PutDown(t)
		time.Sleep(time.Second)
		if !x.Idle() || !y.Idle() {
			t.Error("who was handed on waits for ever")
		}
	})
}

// Two are joined of whom each names the other, in whichever order they are taken up.
func TestEachNamesTheOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all := []call.OpenLeg{{Leg: "b", JoinedTo: "c", State: call.LegAnswered}, {Leg: "a", JoinedTo: "b", State: call.LegAnswered}, {Leg: "c", JoinedTo: "b", State: call.LegAnswered}}
		for i := range all {
			w := &ward{freeswitch: freeswitchtest.New(t)}
			r := w.starts(t, append(slices.Clone(all[i:]), all[:i]...)...)
			r.mu.Lock()
			if len(r.joins) != 1 || r.joins[pair("b", "c")] == nil {
				t.Error(i, r.joins)
			}
			r.mu.Unlock()
		}
	})
}

// An originate without a reply may ring: it is not told as one that did not, since the next way would ring beside it.
func TestAnOriginateWithoutAReplyMayRing(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		hangs := make(chan struct{})
		r.freeswitch.Before = func(command string) {
			if strings.HasPrefix(command, "bgapi originate") {
				<-hangs
			}
		}
		p := r.Phone(t, calltest.Rings)
		o := call.Originate{Leg: r.origin.LegID(), Way: call.Way{Address: p.Address()}, RingLimit: 30 * time.Second, TalkLimit: time.Hour}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := r.Originate(ctx, o, nil); err != nil {
			t.Error("told as not rung:", err)
		}
		close(hangs)
		r.until(o.Leg, call.EvRinging)
		if err := r.HangUp(t.Context(), o.Leg, call.Cancelled); err != nil {
			t.Error(err)
		}
		r.until(o.Leg, call.EvEnded)
	})
}

// Two phones whose media comes at once: one of them is heard, neither is cut, and the other is heard when the one is given up.
func TestEarlyMediaOfTwoAtOnce(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		a, x := r.rings(calltest.Answers, "")
		r.until(a, call.EvAnswered)
		first, _ := r.rings(calltest.Early, a)
		_, z := r.rings(calltest.Early, a)
		for _, ev := range r.rest() {
			if ev.Kind == call.EvEnded {
				t.Errorf("one is gone: %+v", ev)
			}
		}
		if err := r.HangUp(t.Context(), first, call.NoAnswer); err != nil {
			t.Error(err)
		}
		r.until(first, call.EvEnded)
		x.Hears(t, z)
	})
}

// A job that failed says nothing of whether the phone of a channel that was there has rung.
func TestAFailedJobOfAChannelProvesNothing(t *testing.T) {
	for channel, notRung := range map[bool]bool{true: false, false: true} {
		if why := failed("-ERR NO_ANSWER\n", channel).why(); why.NotRung != notRung {
			t.Errorf("%v: %+v", channel, why)
		}
	}
}

// Keys that are pressed on a phone that has dialled are told, also after the connection was lost, and by the next process. Nothing of
// the channel is asked for when it is over.
func TestKeysOfWhoDialled(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		p := r.Phone(t, calltest.Rings)
		p.Dial(t, "101")
		ev := r.offered()
		if err := r.Answer(t.Context(), ev.Leg); err != nil {
			t.Fatal(err)
		}
		r.until(ev.Leg, call.EvAnswered)
		presses := func(r *rig) {
			t.Helper()
			p.Press(t, "7")
			if told := r.until(ev.Leg, call.EvDTMF); told.Digit != '7' {
				t.Errorf("%+v", told)
			}
		}
		presses(r)
		r.Lose()
		synctest.Wait()
		r.Restore()
		r.connected()
		presses(r)
		r.Crash(t)
		next := r.ward.starts(t, call.OpenLeg{Leg: ev.Leg, State: call.LegAnswered, Resume: ev.Resume})
		presses(next)
		p.PutDown(t)
		next.until(ev.Leg, call.EvEnded)
		next.rest()
		if left := r.freeswitch.Filters(); len(left) != 3 {
			t.Errorf("%q", left)
		}
	})
}

// Keys are told also of a phone that has dialled whose channel no record tells of, but FreeSWITCH does.
func TestKeysOfWhoIsFound(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		p := r.Phone(t, calltest.Rings)
		p.Dial(t, "101")
		ev := r.offered()
		if err := r.Answer(t.Context(), ev.Leg); err != nil {
			t.Fatal(err)
		}
		r.until(ev.Leg, call.EvAnswered)
		b, _ := r.rings(calltest.Answers, ev.Leg)
		r.until(b, call.EvAnswered)
		if err := r.Join(t.Context(), ev.Leg, b); err != nil {
			t.Fatal(err)
		}
		r.until(ev.Leg, call.EvJoined)
		r.Crash(t)
		next := r.ward.starts(t)
		if legs, err := next.Snapshot(t.Context()); err != nil || len(legs) != 2 {
			t.Fatalf("%+v %v", legs, err)
		}
		synctest.Wait()
		p.Press(t, "3")
		next.until(ev.Leg, call.EvDTMF)
	})
}

// The end of a bridge that is told late parts neither of the two from whom it is bridged to by now, as after a phone's own transfer.
func TestALateEndOfABridge(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		a, b, _, _ := r.talk()
		with := func(leg, want string) {
			t.Helper()
			time.Sleep(time.Second)
			r.mu.Lock()
			defer r.mu.Unlock()
			if got := r.legs[leg].with; got != want {
				t.Errorf("%s is with %q, want %q", leg, got, want)
			}
		}
		r.freeswitch.Tell(true, b, "a-stranger")
		r.freeswitch.Tell(false, a, b)
		with(b, "a-stranger")
		with(a, "")
		r.freeswitch.Tell(true, a, "another")
		r.freeswitch.Tell(false, a, b)
		with(a, "another")
		r.freeswitch.Tell(false, a, "another")
		with(a, "")
	})
}

// A phone gives the other one to nobody who is there: FreeSWITCH may have let go of that one before it tells of the phone, which has
// left first.
func TestGivenToNobodyAtOnce(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		a, b, _, _ := r.talk()
		r.mu.Lock()
		x, y := r.legs[a], r.legs[b]
		y.hung, x.hung = 1, 2
		r.over(y, end{cause: "USER_NOT_REGISTERED", ours: true, channel: true})
		r.over(x, end{cause: "NORMAL_CLEARING", ours: true, moved: true, channel: true})
		r.mu.Unlock()
		var ended []string
		for _, ev := range r.rest() {
			if ev.Kind == call.EvEnded {
				ended = append(ended, ev.Leg)
			}
		}
		if !slices.Equal(ended, []string{a, b}) {
			t.Errorf("%q ended, want %q and then %q", ended, a, b)
		}
	})
}
