package esl

import (
	"context"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"c2d/adapters/esl/freeswitchtest"
	"c2d/core/call"
	"c2d/core/call/calltest"
	"c2d/core/fault"
)

const stopLimit = 3 * time.Second // what Stop is given where it is wired

// far is a connection to a FreeSWITCH that is far away: what is written takes its time.
type far struct {
	net.Conn
	way chan parcel
}

// parcel is something that is on its way.
type parcel struct {
	text string
	at   time.Time
}

func farAway(conn net.Conn) far {
	f := far{conn, make(chan parcel, 1000)}
	go func() { // ends with the test
		for p := range f.way {
			time.Sleep(time.Until(p.at))
			_, _ = conn.Write([]byte(p.text))
		}
	}()
	return f
}

func (f far) Write(text []byte) (int, error) {
	f.way <- parcel{string(text), time.Now().Add(100 * time.Millisecond)}
	return len(text), nil
}

// Fifty phones ring at a FreeSWITCH that is far away, or busy: each stops when we do.
func TestStopWhileFiftyRing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &ward{freeswitch: freeswitchtest.New(t)}
		b := w.Open(t).(*Backend)
		dial := b.to.Dial
		b.to.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
			conn, err := dial(ctx, network, address)
			if err != nil {
				return nil, err
			}
			f := farAway(conn)
			t.Cleanup(func() { close(f.way) })
			return f, nil
		}
		r := &rig{ward: w, Backend: b, t: t, told: make(heard, 1000)}
		if err := b.Start(t.Context(), r.told, nil); err != nil {
			t.Fatal(err)
		}
		r.connected()
		var phones []calltest.Phone
		for range 50 {
			leg, p := r.rings(calltest.Rings, "")
			r.until(leg, call.EvRinging)
			phones = append(phones, p)
		}
		ctx, cancel := context.WithTimeout(t.Context(), stopLimit)
		defer cancel()
		if err := b.Stop(ctx); err != nil {
			t.Error(err)
		}
		for _, p := range phones {
			if !p.Idle() {
				t.Error("a phone rings on:", p.Address())
			}
		}
	})
}

// Nothing is rung any more once we stop.
func TestNothingIsRungWhileWeStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &ward{freeswitch: freeswitchtest.New(t)}
		stops := make(chan struct{})
		w.freeswitch.Before = func(command string) {
			if strings.HasPrefix(command, "api uuid_kill") {
				<-stops
			}
		}
		r := w.starts(t)
		leg, _ := r.rings(calltest.Rings, "")
		r.until(leg, call.EvRinging)
		stopped := make(chan error, 1)
		go func() { stopped <- r.Stop(context.Background()) }()
		synctest.Wait()
		late := w.Phone(t, calltest.Rings)
		result := make(chan error, 1)
		go func() {
			result <- r.Originate(context.Background(), call.Originate{Leg: r.origin.LegID(), Way: call.Way{Address: late.Address()}, RingLimit: time.Minute, TalkLimit: time.Hour}, nil)
		}()
		synctest.Wait()
		close(stops)
		if err := <-result; !fault.Is(err, fault.CodeBackendUnavailable) {
			t.Error("it is taken:", err)
		}
		if err := <-stopped; err != nil {
			t.Error(err)
		}
		if time.Sleep(time.Second); late.Rang() != 0 {
			t.Error("a phone rings after Stop")
		}
	})
}

// A leg that is being rung while we stop is hung up after that, and its end is waited for, since FreeSWITCH may have no channel yet.
func TestStopWhileOneIsBeingRung(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		killed := make(chan struct{}, 10)
		r.freeswitch.Before = func(command string) {
			if strings.HasPrefix(command, "api uuid_kill") {
				killed <- struct{}{}
			}
		}
		l := &leg{id: r.origin.LegID(), state: call.LegIntended, ordered: make(chan struct{})}
		r.mu.Lock()
		r.add(l)
		r.mu.Unlock()
		stopped := make(chan error, 1)
		go func() { stopped <- r.Stop(context.Background()) }()
		synctest.Wait()
		if len(killed) != 0 {
			t.Error("it is hung up before it is rung")
		}
		close(l.ordered)
		<-killed
		synctest.Wait()
		r.mu.Lock()
		r.created(l)
		r.mu.Unlock()
		<-killed
		if len(stopped) != 0 {
			t.Error("it is not waited for")
		}
		r.mu.Lock()
		r.finish(l, end{})
		r.mu.Unlock()
		if err := <-stopped; err != nil {
			t.Error(err)
		}
	})
}

// A call that the dialplan hands over while we stop goes back to it.
func TestNothingIsTakenWhileWeStop(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		l := &leg{id: r.origin.LegID(), state: call.LegIntended, ordered: make(chan struct{})}
		r.mu.Lock()
		r.add(l)
		r.mu.Unlock()
		stopped := make(chan error, 1)
		go func() { stopped <- r.Stop(context.Background()) }()
		synctest.Wait()
		p := r.Phone(t, calltest.Rings)
		p.Dial(t, "101")
		if told := r.rest(); len(told) != 0 || !p.Idle() {
			t.Errorf("it is not the dialplan's affair: %+v", told)
		}
		close(l.ordered)
		synctest.Wait()
		r.mu.Lock()
		r.finish(l, end{})
		r.mu.Unlock()
		if err := <-stopped; err != nil {
			t.Error(err)
		}
	})
}
