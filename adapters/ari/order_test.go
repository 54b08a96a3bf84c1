package ari

import (
	"context"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/CyCoreSystems/ari/v5"

	"c2d/adapters/ari/client"
	"c2d/core/call"
	"c2d/core/identity"
)

// heard keeps what a backend tells.
type heard chan call.LegEvent

func (h heard) Leg(ev call.LegEvent) { h <- ev }
func (heard) Link(string, bool)      {}

func (h heard) next(t *testing.T) call.LegEvent {
	t.Helper()
	select {
	case ev := <-h:
		return ev
	case <-time.After(5 * time.Second):
		t.Fatal("nothing is told")
		return call.LegEvent{}
	}
}

// connected is a backend whose requests go to h, and whose events the test makes.
func connected(t *testing.T, h http.Handler, dial ...identity.Dial) (*Backend, heard) {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	b, err := New(Config{Name: "pbx", URL: s.URL + "/ari", Username: "u", Password: "p", Dial: dial}, Deps{Origin: identity.Origin{Installation: "here", Node: "n1"}})
	if err != nil {
		t.Fatal(err)
	}
	told := make(heard, 20)
	b.sink, b.waits.rest = told, time.Minute
	always := func(ctx context.Context, up func()) error { up(); <-ctx.Done(); return ctx.Err() }
	if err := b.uplink.Start(t.Context(), told, always); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.uplink.Close(context.Background()); b.api.Close() })
	return b, told
}

// An end that comes while a snapshot is being taken is told as Asterisk tells it, not lost.
func TestEndDuringSnapshot(t *testing.T) {
	b, told := connected(t, http.NotFoundHandler())
	id := b.origin.LegID() + "-1"
	l := &leg{id: id, state: call.LegRinging, rang: true, made: true, dialled: true}
	b.add(l)
	if _, err := b.compare(t.Context(), nil, nil, map[*leg]bool{l: true}); err != nil {
		t.Fatal(err)
	}
	b.hear(client.Event{Event: &ari.ChannelDestroyed{Channel: ari.ChannelData{ID: id}, Cause: 17}, TechCause: 486})
	if ev := told.next(t); ev.Kind != call.EvEnded || ev.Cause.Reason != call.Busy {
		t.Errorf("%+v", ev)
	}
}

// A leg whose end nobody heard is told as lost after a while, and one that is just being made is not.
func TestMissingFromSnapshot(t *testing.T) {
	b, told := connected(t, http.NotFoundHandler())
	b.waits.rest = time.Millisecond
	gone := &leg{id: b.origin.LegID() + "-1", state: call.LegRinging, made: true, dialled: true}
	coming := &leg{id: b.origin.LegID() + "-1", state: call.LegIntended}
	b.add(gone)
	b.add(coming)
	if _, err := b.compare(t.Context(), nil, nil, map[*leg]bool{gone: gone.made, coming: coming.made}); err != nil {
		t.Fatal(err)
	}
	if ev := told.next(t); ev.Leg != gone.id || ev.Kind != call.EvEnded || ev.Cause.Reason != call.Lost {
		t.Errorf("%+v", ev)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.legs[coming.id] == nil {
		t.Error("a leg that is being made is forgotten")
	}
}

// A list that was made before a leg ended does not bring it to life again.
func TestStaleSnapshot(t *testing.T) {
	b, told := connected(t, http.NotFoundHandler())
	stop := b.look()
	id := b.origin.LegID() + "-1"
	b.add(&leg{id: id, state: call.LegAnswered, up: true, made: true, dialled: true})
	b.hear(client.Event{Event: &ari.ChannelDestroyed{Channel: ari.ChannelData{ID: id}, Cause: 16}})
	told.next(t)
	legs, err := b.compare(t.Context(), []ari.ChannelData{{ID: id, State: "Up"}}, nil, nil)
	stop()
	b.mu.Lock()
	defer b.mu.Unlock()
	if err != nil || len(legs) != 0 || len(b.legs) != 0 {
		t.Errorf("%v, %v, %d legs", legs, err, len(b.legs))
	}
}

// A leg through the dialplan is dialled after its far half is subscribed to, however early its channel enters the application:
// else the phone that the dialplan dials is never known.
func TestDialledOnceFollowed(t *testing.T) {
	var mu sync.Mutex
	var asked []string
	dialled := make(chan struct{})
	var b *Backend
	b, _ = connected(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		asked = append(asked, r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:])
		mu.Unlock()
		switch {
		case strings.HasSuffix(r.URL.Path, "/create"):
			b.hear(client.Event{Event: &ari.StasisStart{EventData: ari.EventData{Application: b.app}, Channel: ari.ChannelData{ID: "here-n1-1", State: "Down"}}})
		case strings.HasSuffix(r.URL.Path, "/dial"):
			close(dialled)
		}
		w.WriteHeader(http.StatusNoContent)
	}), identity.Dial{Match: ".*", To: "Local/{number}@from-internal/n"})
	if err := b.Originate(context.Background(), call.Originate{Leg: "here-n1-1", Way: call.Way{Address: "101"}, RingLimit: time.Second}, nil); err != nil {
		t.Fatal(err)
	}
	select {
	case <-dialled:
	case <-time.After(5 * time.Second):
		t.Fatal("not dialled")
	}
	mu.Lock()
	defer mu.Unlock()
	if !slices.Equal(asked, []string{"create", "subscription", "dial"}) {
		t.Error(asked)
	}
}

// A number that the context of the dialplan does not know ends the leg before Asterisk dials it.
func TestUnknownToTheDialplan(t *testing.T) {
	for _, tries := range []bool{false, true} {
		b, told := connected(t, http.NotFoundHandler())
		l := &leg{id: b.origin.LegID() + "-1", farHalf: "far", state: call.LegIntended, made: true, entered: true, dialled: true}
		b.add(l)
		want := call.InvalidNumber
		if tries {
			want = call.BackendFailed
			b.hear(client.Event{Event: &ari.Dial{Peer: ari.ChannelData{ID: l.id}}})
			told.next(t)
		}
		for _, channel := range []string{l.id, "far"} {
			b.hear(client.Event{Event: &ari.ChannelDestroyed{Channel: ari.ChannelData{ID: channel}}})
		}
		if ev := told.next(t); ev.Kind != call.EvEnded || ev.Cause.Reason != want {
			t.Errorf("tried %v: %+v", tries, ev)
		}
	}
}
