package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// A phone system that a hospital has is not made for more.
const (
	pbxRate   = 15 // calls in a second
	pbxCalls  = 7 * pbxRate
	pbxRounds = 4
	pbxClicks = 300
)

// hospital is a phone system of its own with phones, and the product beside it: a click by the product is compared with the click
// that the phone system knows itself. The two take turns.
type hospital struct {
	name      string // "Asterisk"
	order     string // what its own click is
	pid       int
	originate func(ctx context.Context, caller, callee string) error // its own click
	product   *product
	phones    *phones
}

// cost compares what a call costs.
func (h *hospital) cost(ctx context.Context, t *table) error {
	var alone, with, ours, ratios []float64
	var lost error
	for n := range pbxRounds + 1 {
		calls := pbxCalls
		if n == 0 { // the first calls are dearer, on both sides
			calls = 2 * pbxRate
		}
		own, err := h.own(ctx, calls)
		if err != nil {
			return err
		}
		its, us, err := h.through(ctx, calls)
		if err != nil {
			lost = errors.Join(lost, err, h.product.rest(ctx))
			continue
		}
		if n == 0 {
			continue
		}
		alone, with, ours, ratios = append(alone, own), append(with, its), append(ours, us), append(ratios, 100*us/own)
	}
	if len(ratios) == 0 {
		return lost
	}
	t.lost(pbxRounds-len(ratios), pbxRounds)
	t.add(fmt.Sprintf("%s's CPU of a call by its own click-to-dial, %d calls/s", h.name, pbxRate), "", ms(median(alone)), nil)
	t.add(h.name+"'s CPU of a call through us", "", ms(median(with)), nil)
	t.add("our CPU of it", "", ms(median(ours)), nil)
	t.add("our CPU as a part of "+h.name+"'s", "10 % at most", fmt.Sprintf("%.0f %%", median(ratios)), met(median(ratios) <= 10))
	return nil
}

// own returns its CPU, in milliseconds, for a call that it sets up by itself.
func (h *hospital) own(ctx context.Context, calls int) (float64, error) {
	return charged(h.pid, calls, func() error {
		return h.turn(ctx, calls, func() error {
			var work sync.WaitGroup
			errs := make(chan error, calls)
			pace(ctx, pbxRate, calls, func(n int) {
				work.Go(func() { errs <- h.originate(ctx, user(answers, n%people), user(goes, n%people)) })
			})
			work.Wait()
			close(errs)
			var err error
			for e := range errs {
				err = errors.Join(err, e)
			}
			return errors.Join(err, ctx.Err())
		})
	})
}

// through returns its CPU and ours for a call that we set up.
func (h *hospital) through(ctx context.Context, calls int) (its, ours float64, err error) {
	before, err := h.product.figures()
	if err != nil {
		return 0, 0, err
	}
	its, err = charged(h.pid, calls, func() error {
		ours, err = charged(h.product.pid(), calls, func() error {
			return h.turn(ctx, calls, func() error { return h.product.place(ctx, pbxRate, calls, goes) })
		})
		return err
	})
	if err != nil {
		return 0, 0, err
	}
	if err := h.product.rest(ctx); err != nil {
		return 0, 0, err
	}
	after, err := h.product.figures()
	if well := after[wellEnded] - before[wellEnded]; err == nil && well != float64(calls) {
		err = fmt.Errorf("%.0f of %d calls have ended well: %v", well, calls, ended(after))
	}
	return its, ours, err
}

// turn places calls and returns when every caller was hung up on.
func (h *hospital) turn(ctx context.Context, calls int, place func() error) error {
	all := h.phones.released() + calls
	if err := place(); err != nil {
		return err
	}
	look := time.NewTicker(10 * time.Millisecond)
	defer look.Stop()
	for deadline := time.Now().Add(giveUp); h.phones.released() < all; {
		if time.Now().After(deadline) {
			return fmt.Errorf("%d calls do not end", all-h.phones.released())
		}
		select {
		case <-look.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// clicks compares how long a click takes to the phone, one click at a time.
func (h *hospital) clicks(ctx context.Context, t *table) error {
	var own, ours []float64
	for n := range pbxClicks {
		took, err := h.product.click(ctx, h.phones, n, goes)
		if err != nil {
			return err
		}
		ours = append(ours, took)
		if took, err = h.phones.rings(user(busy, n%people), func(caller string) error {
			return h.originate(ctx, caller, user(goes, n%people))
		}); err != nil {
			return err
		}
		own = append(own, took)
	}
	t.add(h.order+" until the INVITE is at the phone, median and 99 %", "", ms(median(own))+", "+ms(quantile(own, 0.99)), nil)
	t.add("POST /v1/calls until the INVITE is at the phone, through "+h.name, "", ms(median(ours))+", "+ms(quantile(ours, 0.99)), nil)
	more := median(ours) - median(own)
	t.add("more than "+h.name+"'s own, median", "under 3 ms", ms(more), met(more < 3))
	return nil
}
