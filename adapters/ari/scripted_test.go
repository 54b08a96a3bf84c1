package ari

import (
	"context"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"c2d/adapters/ari/asterisktest"
	"c2d/core/call"
	"c2d/core/call/calltest"
	"c2d/core/fault"
	"c2d/core/identity"
)

// trouble is a backend at a scripted Asterisk that is about to do what a real one seldom does.
type trouble struct {
	*ward
	*Backend
	t    *testing.T
	told heard
	fail atomic.Pointer[func(*http.Request) int]
}

// inTrouble runs a story in both dial forms.
func inTrouble(t *testing.T, story func(*trouble)) {
	t.Helper()
	for _, to := range []string{"PJSIP/{number}", "Local/{number}@from-internal/n"} {
		synctest.Test(t, func(t *testing.T) {
			x := &trouble{t: t, told: make(heard, 100), ward: &ward{asterisk: asterisktest.New(t), dial: []identity.Dial{{Match: ".*", To: to}}}}
			x.asterisk.Before = func(r *http.Request) int {
				if fail := x.fail.Load(); fail != nil {
					return (*fail)(r)
				}
				return 0
			}
			x.Backend = x.ward.Open(t).(*Backend)
			if err := x.Start(t.Context(), x.told, nil); err != nil {
				t.Fatal(err)
			}
			story(x)
		})
	}
}

// Name is said by both.
func (x *trouble) Name() string { return x.ward.Name() }

// on lets something happen at each request of a kind, such as "POST dial", before it is done. Other than 0 it is the answer.
func (x *trouble) on(what string, do func(*http.Request) int) {
	fail := func(r *http.Request) int {
		if method, last, _ := strings.Cut(what, " "); r.Method != method || !strings.HasSuffix(r.URL.Path, "/"+last) {
			return 0
		}
		return do(r)
	}
	x.fail.Store(&fail)
}

// originate rings a phone, or tries to.
func (x *trouble) originate(p calltest.Phone) (leg string, err error) {
	leg = x.origin.LegID()
	ctx, cancel := context.WithTimeout(x.t.Context(), time.Second)
	defer cancel()
	return leg, x.Originate(ctx, call.Originate{Leg: leg, Way: call.Way{Address: p.Address()}, RingLimit: time.Minute}, nil)
}

// rings is a leg whose phone rings.
func (x *trouble) rings() (leg string, p calltest.Phone) {
	x.t.Helper()
	p = x.asterisk.Phone(calltest.Rings)
	leg, err := x.originate(p)
	if err != nil {
		x.t.Fatal(err)
	}
	x.hears(leg, call.EvTrying)
	x.hears(leg, call.EvRinging)
	return leg, p
}

// hears waits for the next thing that is told.
func (x *trouble) hears(leg string, kind call.LegEventKind) call.LegEvent {
	x.t.Helper()
	var ev call.LegEvent
	select {
	case ev = <-x.told:
	case <-time.After(time.Minute): // of the bubble's time: longer than anything that we wait for
	}
	if ev.Leg != leg || ev.Kind != kind {
		x.t.Fatalf("%+v, want %s", ev, kind)
	}
	return ev
}

// ends hangs up, and nothing is left of legs.
func (x *trouble) ends(legs ...string) {
	x.t.Helper()
	for _, leg := range legs {
		if err := x.HangUp(x.t.Context(), leg, call.Cancelled); err != nil {
			x.t.Error(err)
		}
		x.hears(leg, call.EvEnded)
	}
	x.nothingLeft()
}

func (x *trouble) nothingLeft() {
	x.t.Helper()
	synctest.Wait()
	if all, err := x.api.Channels(x.t.Context()); err != nil || len(all) != 0 {
		x.t.Error("channels are left:", all, err)
	}
}

// What cannot be read, or is of a type that nobody knows, is passed over.
func TestUnknownEvents(t *testing.T) {
	inTrouble(t, func(x *trouble) {
		leg, p := x.rings()
		for _, text := range []string{`{"type":"CallBroadcast","channel":{"id":"` + leg + `"}}`, `{"type":"Nonsense"}`, `{"type":7}`, `{`, `[]`, ``} {
			x.asterisk.Say(x.app, text)
		}
		p.Lift(x.t)
		x.hears(leg, call.EvAnswered)
		x.ends(leg)
	})
}

// An Asterisk that takes a request and answers it late: the leg is given up within the time that the caller allows; the channel
// that appears after all is told, so that core lets it go, and its phone never rings.
func TestCreatedLate(t *testing.T) {
	inTrouble(t, func(x *trouble) {
		late, p := make(chan struct{}), x.asterisk.Phone(calltest.Rings)
		x.on("POST create", func(*http.Request) int { <-late; return 0 })
		leg, err := x.originate(p)
		if !fault.Is(err, fault.CodeBackendUnavailable) {
			t.Error(err)
		}
		synctest.Wait() // it has been hung up, in vain
		close(late)
		x.hears(leg, call.EvAnswered)
		if err := x.HangUp(x.t.Context(), leg, call.Cancelled); err != nil {
			t.Error(err)
		}
		x.nothingLeft()
		if p.Rang() != 0 {
			t.Error("the phone rang")
		}
	})
}

// The order to dial is never answered, or refused: the leg ends.
func TestNotDialled(t *testing.T) {
	for _, answer := range []int{0, 500, 503} {
		inTrouble(t, func(x *trouble) {
			p := x.asterisk.Phone(calltest.Rings)
			x.on("POST dial", func(r *http.Request) int {
				if answer == 0 {
					<-r.Context().Done()
					return 504
				}
				return answer
			})
			leg, err := x.originate(p)
			if err != nil {
				t.Fatal(err)
			}
			if ev := x.hears(leg, call.EvEnded); ev.Cause.Reason != call.BackendFailed {
				t.Errorf("%d: %+v", answer, ev.Cause)
			}
			x.nothingLeft()
		})
	}
}

// Asterisk fails at what is asked of legs that are there: who asked is told so, and the legs go on.
func TestAnswersWithFailure(t *testing.T) {
	for _, status := range []int{500, 502, 503} {
		inTrouble(t, func(x *trouble) {
			leg, p := x.rings()
			other, q := x.rings()
			for id, phone := range map[string]calltest.Phone{leg: p, other: q} {
				phone.Lift(x.t)
				x.hears(id, call.EvAnswered)
			}
			all := func(*http.Request) int { return status }
			x.fail.Store(&all)
			ctx := x.t.Context()
			for name, err := range map[string]error{"ring-back": x.RingBack(ctx, leg, true), "tell": x.Tell(ctx, leg, call.Busy), "ask": x.AskKey(ctx, leg),
				"join": x.Join(ctx, leg, other), "hang up": x.HangUp(ctx, leg, call.Cancelled)} {
				if err == nil {
					t.Errorf("%s: no error at %d", name, status)
				}
			}
			if _, err := x.Snapshot(ctx); err == nil {
				t.Error("a snapshot is taken")
			}
			x.fail.Store(nil)
			x.ends(leg, other)
		})
	}
}

// The websocket is closed while a phone rings, and what the phone does then is told to nobody: it is found.
func TestDeafWhileItRings(t *testing.T) {
	inTrouble(t, func(x *trouble) {
		leg, p := x.rings()
		x.asterisk.Deafen(x.app)
		p.Lift(x.t)
		for x.Health(x.t.Context()) == nil { // until it has noticed
			time.Sleep(time.Millisecond) // of the bubble's time
		}
		for x.Health(x.t.Context()) != nil {
			time.Sleep(time.Millisecond)
		}
		if _, err := x.Snapshot(x.t.Context()); err != nil {
			t.Fatal(err)
		}
		x.hears(leg, call.EvAnswered)
		x.ends(leg)
	})
}
