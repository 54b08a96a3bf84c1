package bench

import (
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"c2d/cmd/c2d/client"
	"c2d/core/audit"
	"c2d/core/call"
	"c2d/core/event"
	"c2d/core/identity"
)

const giveUp = 10 * time.Second // for anything that takes milliseconds

// BenchmarkPostToOriginate measures from the request's first byte to the order that rings the caller's phone. A bare
// commit of the same record comes before each request, so that both meet the same disk and the same neighbours.
func BenchmarkPostToOriginate(b *testing.B) {
	s := newService(b)
	caller := s.user(b, 0, silent)
	rung := make(chan time.Time, 1)
	s.probe.rung = func() { rung <- time.Now() }
	var commits, orders, replies []time.Duration
	for b.Loop() {
		commits = append(commits, s.commit(b))
		began := time.Now()
		made, err := s.Place(b.Context(), caller, leaves)
		if err != nil {
			b.Fatal(err)
		}
		replies = append(replies, time.Since(began))
		select {
		case at := <-rung:
			orders = append(orders, at.Sub(began))
		case <-time.After(giveUp):
			b.Fatal("nothing rings")
		}
		b.StopTimer()
		s.end(b, made)
		b.StartTimer()
	}
	b.ReportMetric(0, "ns/op") // the loop has more in it than one request
	commit := report(b, "commit", commits)
	b.ReportMetric(report(b, "originate", orders)/commit, "originate/commit")
	b.ReportMetric(report(b, "reply", replies)/commit, "reply/commit")
}

// commit stores one call that is like a placed one, and returns how long that took.
func (s *service) commit(b *testing.B) time.Duration {
	id, now := identity.NewID(), time.Now().UTC().Truncate(time.Millisecond)
	way := call.Way{Backend: "sandbox", Address: silent}
	leg := call.Leg{ID: "bench-n1-" + id, Way: way, State: call.LegIntended, CreatedAt: now}
	c := call.Call{ID: id, Tenant: "main", Version: 1, Node: "none", Epoch: 1, State: call.Connecting, Backend: "sandbox", CreatedAt: now, UpdatedAt: now,
		Caller: call.Party{UserID: id, Attempts: []call.Attempt{{Targets: []call.Target{{Ways: []call.Way{way}}}, Legs: []call.Leg{leg}}}}}
	t := audit.Trail{Events: []event.Event{{Tenant: "main", Kind: event.CallCreated, Subject: id, Version: 1, At: now}},
		Audit: []audit.Entry{{Tenant: "main", Action: "call.place", Target: id, Result: "ok", At: now}}}
	began := time.Now()
	if err := s.store.Create(b.Context(), c, nil, t); err != nil {
		b.Fatal(err)
	}
	return time.Since(began)
}

// end hangs the call up and waits until nothing of it is left, so that the next round meets a service at rest.
func (s *service) end(b *testing.B, c client.Call) {
	if _, err := s.HangUp(b.Context(), c.ID); err != nil {
		b.Fatal(err)
	}
	look := time.NewTicker(time.Millisecond)
	defer look.Stop()
	for deadline := time.Now().Add(giveUp); s.runner.Active() > 0; <-look.C {
		if time.Now().After(deadline) {
			b.Fatal("the phone still rings")
		}
	}
}

// report tells the median and the 99th percentile in milliseconds, and returns the median.
func report(b *testing.B, name string, all []time.Duration) float64 {
	slices.Sort(all)
	ms := func(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
	b.ReportMetric(ms(all[len(all)/2]), name+"-ms")
	b.ReportMetric(ms(all[len(all)*99/100]), name+"-p99-ms")
	return ms(all[len(all)/2])
}

// BenchmarkCalls measures whole calls, from the request until the record says that it ended: both phones answer, are
// joined, and the callee leaves. Each worker is a user of the API who follows the call by long poll.
func BenchmarkCalls(b *testing.B) {
	for _, workers := range []int{1, 8, workers} {
		b.Run(fmt.Sprintf("workers=%d", workers), func(b *testing.B) {
			s := newService(b)
			for n := range workers {
				s.user(b, n, answers(n))
			}
			before := s.store.Stats()
			var left atomic.Int64
			left.Store(int64(b.N))
			var work sync.WaitGroup
			b.ResetTimer()
			for n := range workers {
				work.Go(func() {
					for left.Add(-1) >= 0 {
						if err := s.whole(b, fmt.Sprintf("nurse%d", n)); err != nil {
							b.Error(err)
							return
						}
					}
				})
			}
			work.Wait()
			after := s.store.Stats()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "calls/s")
			b.ReportMetric(float64(after.Commits-before.Commits)/float64(b.N), "commits/call")
		})
	}
}

// whole places a call and follows it to its end.
func (s *service) whole(b *testing.B, caller string) error {
	now, err := s.Place(b.Context(), caller, leaves)
	for err == nil && !now.Ended() {
		now, err = s.Next(b.Context(), now, giveUp)
	}
	if err == nil && now.End.Reason != "completed" {
		err = fmt.Errorf("the call ended %s", now.End.Reason)
	}
	return err
}
