// Package demo shows one call: it runs the whole service on free loopback ports with two software phones, clicks, prints
// what crosses the wire as it does, and says who heard whom.
//
// Harry says 600 Hz and Mary 1,000 Hz, so that each can tell what it hears, and from which address: first ring-back,
// then the other through C2D, then the other directly. The phones take their time to answer a re-INVITE, as people's
// phones do over a radio link; otherwise the second of these would last a few milliseconds and nobody could hear it.
package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"c2d/adapters/sip/phone"
	"c2d/cmd/c2d/client"
)

// Options say how to show it.
type Options struct {
	Out     io.Writer
	Colour  bool
	Once    bool // end after the call, with an error unless all went as it should
	Version string
}

const (
	storyLimit = 30 * time.Second        // from the click to the record
	ringsFor   = 700 * time.Millisecond  // each phone, before it is answered
	pondering  = 400 * time.Millisecond  // a phone, before it answers a re-INVITE
	talk       = 1200 * time.Millisecond // after the media went direct
)

// Run tells the story once, and then, unless Options.Once, leaves everything running until ctx ends.
func Run(ctx context.Context, o Options) error {
	p := newPrinter(o.Out, o.Colour)
	defer p.close()
	s, err := open(ctx, p, o.Version)
	if s != nil {
		defer s.close()
	}
	if err != nil {
		return err
	}
	limited, cancel := context.WithTimeout(ctx, storyLimit)
	defer cancel()
	record, err := s.tell(limited)
	if err != nil {
		return fmt.Errorf("the story broke off: %w", err)
	}
	v := s.judge(record)
	p.record(record)
	p.verdict(v)
	if o.Once {
		return v.err()
	}
	if err := s.invite(ctx, p); err != nil {
		return err
	}
	<-ctx.Done()
	return nil
}

// tell clicks, waits until both have heard each other on each path, hangs up, and returns the record.
func (s *stage) tell(ctx context.Context) (client.Call, error) {
	s.printer.heading("The click")
	s.printer.note("POST /v1/calls " + `{"caller":"harry","callee":"Mary"}`)
	placed, err := s.api.Place(ctx, "harry", "Mary")
	if err != nil {
		return placed, err
	}
	followed := make(chan error, 1)
	go func() { // ends with the call, or with ctx
		followed <- s.follow(ctx, placed)
	}()
	heard := s.listen(ctx)
	s.printer.note("POST /v1/calls/" + placed.ID[:8] + "…/hangup")
	_, err = s.api.HangUp(ctx, placed.ID)
	if err := errors.Join(heard, err, <-followed); err != nil {
		return placed, err
	}
	if err := errors.Join(s.ended(ctx, s.harry), s.ended(ctx, s.mary)); err != nil {
		return placed, err
	}
	return s.settled(ctx, placed.ID)
}

// listen returns when both have heard each other directly for a while.
func (s *stage) listen(ctx context.Context) error {
	for _, a := range []*actor{s.harry, s.mary} {
		if _, err := a.phone.Wait(ctx, phone.Answered); err != nil {
			return fmt.Errorf("%s has not answered: %w", a.name, err)
		}
		a.setRTP(a.phone.RTP())
	}
	until := time.Time{}
	for range 2 { // once to begin, and once more for the length of the talk
		for _, a := range []*actor{s.harry, s.mary} {
			want := phone.Expect{Hz: a.other.hz, From: a.other.rtpAddr(), After: until}
			if _, err := a.phone.WaitHeard(ctx, want); err != nil {
				return fmt.Errorf("%s does not hear %s: %w", a.name, a.other.name, err)
			}
		}
		until = time.Now().Add(talk)
	}
	return nil
}

// follow notes each state of the call until it has ended.
func (s *stage) follow(ctx context.Context, now client.Call) error {
	for shown := ""; ; {
		if now.State != shown {
			shown = now.State
			s.printer.state(now)
		}
		if now.Ended() {
			return nil
		}
		next, err := s.api.Next(ctx, now, time.Second)
		if err != nil {
			return err
		}
		now = next
	}
}

func (s *stage) ended(ctx context.Context, a *actor) error {
	_, err := a.phone.Wait(ctx, phone.Ended)
	return err
}

// settled returns the record once every leg in it has ended too.
func (s *stage) settled(ctx context.Context, id string) (client.Call, error) {
	var now client.Call
	err := s.api.Get(ctx, "/v1/calls/"+id, &now)
	for err == nil && !allEnded(now) {
		now, err = s.api.Next(ctx, now, time.Second)
	}
	return now, err
}

func allEnded(c client.Call) bool {
	for _, l := range append(c.Caller.Legs(), c.Callee.Legs()...) {
		if l.EndedAt.IsZero() {
			return false
		}
	}
	return c.Ended()
}
