package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"c2d/adapters/sqlstore"
	"c2d/cmd/c2d/client"
	"c2d/core/audit"
	"c2d/core/call"
	"c2d/core/event"
	"c2d/core/identity"
)

// measureClicks times the way from a click to the caller's phone, one click at a time. A bare commit of the same record
// comes before each, so that both meet the same disk and the same neighbours.
func measureClicks(ctx context.Context, o options, dir string, p *phones, t *table) error {
	s, err := open(ctx, o, dir, "clicks", p, people, busy, stays)
	if err != nil {
		return err
	}
	defer s.stop()
	bare, err := sqlstore.Open(ctx, "sqlite:"+filepath.Join(dir, "bare.db"), sqlstore.Options{})
	if err != nil {
		return err
	}
	defer bare.Close()
	var commits, clicks []float64
	for n := range o.clicks {
		took, err := commit(ctx, bare)
		if err != nil {
			return err
		}
		commits = append(commits, took)
		if took, err = s.click(ctx, p, n, stays); err != nil {
			return err
		}
		clicks = append(clicks, took)
	}
	t.add("a bare commit, median and 99 %", "", ms(median(commits))+", "+ms(quantile(commits, 0.99)), nil)
	t.add("POST /v1/calls until the INVITE is at the phone", "", ms(median(clicks))+", "+ms(quantile(clicks, 0.99)), nil)
	beyond, rare := median(clicks)-median(commits), quantile(clicks, 0.99)-quantile(commits, 0.99)
	t.add("beyond the commit, median", "under 2 ms", ms(beyond), met(beyond < 2))
	t.add("beyond the commit, 99 %", "under 10 ms", ms(rare), met(rare < 10))
	return nil
}

// click places a call of a phone that is busy, and returns the milliseconds until it was rung, once the call is over.
func (s *product) click(ctx context.Context, p *phones, n int, callee byte) (float64, error) {
	var now client.Call
	took, err := p.rings(user(busy, n%people), func(caller string) (err error) {
		now, err = s.api.Place(ctx, caller, name(user(callee, n%people)))
		return err
	})
	for err == nil && !now.Ended() {
		now, err = s.api.Next(ctx, now, giveUp)
	}
	return took, err
}

// rings returns the milliseconds from a click until the phone is rung.
func (p *phones) rings(caller string, click func(string) error) (float64, error) {
	for len(p.heard) > 0 {
		<-p.heard
	}
	began := time.Now()
	if err := click(caller); err != nil {
		return 0, err
	}
	select {
	case <-p.heard:
	case <-time.After(giveUp):
		return 0, errors.New("nothing rings")
	}
	return float64(p.rungAt(caller).Sub(began)) / float64(time.Millisecond), nil
}

// commit stores one call that is like a placed one, and returns how many milliseconds that took.
func commit(ctx context.Context, store *sqlstore.Store) (float64, error) {
	id, now := identity.NewID(), time.Now().UTC().Truncate(time.Millisecond)
	way := call.Way{Backend: "house", Address: "sip:a0@" + domain}
	leg := call.Leg{ID: "bench-n1-" + id, Way: way, State: call.LegIntended, CreatedAt: now}
	c := call.Call{ID: id, Tenant: "main", Version: 1, Node: "none", Epoch: 1, State: call.Connecting, Backend: "house", CreatedAt: now, UpdatedAt: now,
		Caller: call.Party{UserID: id, Attempts: []call.Attempt{{Targets: []call.Target{{Ways: []call.Way{way}}}, Legs: []call.Leg{leg}}}}}
	t := audit.Trail{Events: []event.Event{{Tenant: "main", Kind: event.CallCreated, Subject: id, Version: 1, At: now}},
		Audit: []audit.Entry{{Tenant: "main", Action: "call.place", Target: id, Result: "ok", At: now}}}
	began := time.Now()
	if err := store.Create(ctx, c, nil, t); err != nil {
		return 0, fmt.Errorf("a bare commit: %w", err)
	}
	return float64(time.Since(began)) / float64(time.Millisecond), nil
}
