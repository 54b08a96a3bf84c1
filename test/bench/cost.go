package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"c2d/cmd/c2d/client"
)

// measureCost lets floor and product take turns at the same rate and compares what the kernel charges each with.
func measureCost(ctx context.Context, o options, dir string, p *phones, t *table) error {
	f, err := start("floor", p.addr().String())
	if err != nil {
		return err
	}
	defer f.stop()
	if _, err := f.line(); err != nil {
		return err
	}
	s, err := open(ctx, o, dir, "cost", p, people, answers, leaves)
	if err != nil {
		return err
	}
	defer s.stop()
	warm := o
	warm.seconds = 1
	_, lost := turns(ctx, warm, f, s) // the first calls are dearer, on both sides
	var least, ours, ratios, commits []float64
	for range o.rounds {
		r, err := turns(ctx, o, f, s)
		if err != nil { // a machine that is busy with other things cannot keep the rate: that turn says nothing
			lost = errors.Join(lost, err, s.rest(ctx))
			continue
		}
		least, ours, ratios, commits = append(least, r.floor), append(ours, r.product), append(ratios, r.product/r.floor), append(commits, r.commits)
	}
	if len(ratios) == 0 {
		return lost
	}
	t.lost(o.rounds-len(ratios), o.rounds)
	t.add(fmt.Sprintf("CPU of a call on bare sipgo, %d calls/s", o.rate), "", ms(median(least)), nil)
	t.add(fmt.Sprintf("CPU of a call, %d calls/s", o.rate), "", ms(median(ours)), nil)
	t.add("as a multiple of the floor", "2 at most", fmt.Sprintf("%.2f (%.2f to %.2f)", median(ratios), slices.Min(ratios), slices.Max(ratios)), met(median(ratios) <= 2))
	t.add(fmt.Sprintf("commits (fsync) for a call, %d calls/s", o.rate), "under 1", fmt.Sprintf("%.2f", median(commits)), met(median(commits) < 1))
	return nil
}

// result is one turn of each: CPU in milliseconds for a call, and what the store did.
type result struct{ floor, product, commits float64 }

func turns(ctx context.Context, o options, f *child, s *product) (r result, err error) {
	calls := o.rate * o.seconds
	if r.floor, err = charged(f.pid(), calls, func() error {
		if _, err := fmt.Fprintln(f.in, o.rate, calls); err != nil {
			return err
		}
		_, err := f.line()
		return err
	}); err != nil {
		return r, fmt.Errorf("floor: %w", err)
	}
	before, err := s.figures()
	if err != nil {
		return r, err
	}
	if r.product, err = charged(s.pid(), calls, func() error { return s.load(ctx, o.rate, calls) }); err != nil {
		return r, fmt.Errorf("product: %w", err)
	}
	after, err := s.figures()
	r.commits = (after[commitsTotal] - before[commitsTotal]) / float64(calls)
	return r, err
}

// charged returns what work costs a process, in milliseconds of CPU for each call.
func charged(pid, calls int, work func() error) (float64, error) {
	before, err := cpu(pid)
	if err != nil {
		return 0, err
	}
	if err := work(); err != nil {
		return 0, err
	}
	after, err := cpu(pid)
	return float64(after-before) / float64(time.Millisecond) / float64(calls), err
}

const (
	commitsTotal = "c2d_store_commits_total"
	wellEnded    = `c2d_calls_ended_total{reason="completed",side="callee"}`
	activeCalls  = "c2d_calls_active"
)

// load places calls to phones that leave, and returns when all have ended well.
func (s *product) load(ctx context.Context, rate, calls int) error {
	before, err := s.figures()
	if err != nil {
		return err
	}
	if err := s.place(ctx, rate, calls, leaves); err != nil {
		return err
	}
	if err := s.rest(ctx); err != nil {
		return err
	}
	after, err := s.figures()
	if well := after[wellEnded] - before[wellEnded]; err == nil && well != float64(calls) {
		err = fmt.Errorf("%.0f of %d calls have ended well: %v", well, calls, ended(after))
	}
	return err
}

// rest waits until no call is left.
func (s *product) rest(ctx context.Context) error {
	return s.until(ctx, "no call is left", func(f map[string]float64) bool { return f[activeCalls] == 0 })
}

// place places calls to one kind of phone, each as a request of its own, and returns when all are accepted.
func (s *product) place(ctx context.Context, rate, calls int, kind byte) error {
	var work sync.WaitGroup
	var failed atomic.Pointer[error]
	pace(ctx, rate, calls, func(n int) {
		work.Go(func() {
			if err := s.placeOne(ctx, n, kind); err != nil {
				failed.CompareAndSwap(nil, &err)
			}
		})
	})
	work.Wait()
	if err := failed.Load(); err != nil {
		return *err
	}
	return ctx.Err()
}

// placeOne places a call of one who is free: on a machine that is busy with other things a phone may still ring for the
// call before.
func (s *product) placeOne(ctx context.Context, n int, kind byte) error {
	for try := 0; ; try++ {
		_, err := s.api.Place(ctx, user(answers, (n+try*people/7)%people), name(user(kind, n%people)))
		var refused *client.Problem
		if try == 6 || !errors.As(err, &refused) || refused.Code != "caller_busy" {
			return err
		}
	}
}

// giveUp is for anything that takes seconds.
const giveUp = 60 * time.Second

// until waits for what the service says of itself.
func (s *product) until(ctx context.Context, what string, true func(map[string]float64) bool) error {
	look := time.NewTicker(250 * time.Millisecond)
	defer look.Stop()
	for deadline := time.Now().Add(giveUp); ; {
		f, err := s.figures()
		if err != nil || true(f) {
			return err
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("it does not come to pass that %s: %v", what, ended(f))
		}
		select {
		case <-look.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// measureCrowd counts commits while many place calls as fast as they can, each following its own by long poll.
func measureCrowd(ctx context.Context, o options, dir string, p *phones, t *table) error {
	s, err := open(ctx, o, dir, "crowd", p, o.workers, answers, leaves)
	if err != nil {
		return err
	}
	defer s.stop()
	http.DefaultTransport.(*http.Transport).MaxIdleConnsPerHost = o.workers
	before, err := s.figures()
	if err != nil {
		return err
	}
	calls := 5 * o.workers
	began := time.Now()
	if err := s.crowd(ctx, o.workers, calls); err != nil {
		return err
	}
	took := time.Since(began)
	after, err := s.figures()
	if err != nil {
		return err
	}
	commits := (after[commitsTotal] - before[commitsTotal]) / float64(calls)
	t.add(fmt.Sprintf("commits for a call, %d callers who never pause (%.0f calls/s)", o.workers, float64(calls)/took.Seconds()), "", fmt.Sprintf("%.2f", commits), nil)
	return nil
}

func (s *product) crowd(ctx context.Context, workers, calls int) error {
	var left atomic.Int64
	left.Store(int64(calls))
	errs := make(chan error, workers)
	for n := range workers {
		go func() {
			for left.Add(-1) >= 0 {
				if err := s.whole(ctx, n); err != nil {
					errs <- err
					return
				}
			}
			errs <- nil
		}()
	}
	var err error
	for range workers {
		err = errors.Join(err, <-errs)
	}
	return err
}

// whole places a call and follows it to its end.
func (s *product) whole(ctx context.Context, n int) error {
	now, err := s.api.Place(ctx, user(answers, n), name(user(leaves, n)))
	for err == nil && !now.Ended() {
		now, err = s.api.Next(ctx, now, giveUp)
	}
	if err == nil && now.End.Reason != "completed" {
		err = fmt.Errorf("a call ended %s", now.End.Reason)
	}
	return err
}

// ended is what became of calls, for an error.
func ended(f map[string]float64) map[string]float64 {
	return maps.Collect(func(yield func(string, float64) bool) {
		for name, v := range f {
			if strings.HasPrefix(name, "c2d_calls_") && !yield(name, v) {
				return
			}
		}
	})
}
