package storetest

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"c2d/core/event"
	"c2d/core/fault"
	"c2d/core/job"
	"c2d/core/webhook"
)

func newHook(id string) webhook.Hook {
	return webhook.Hook{ID: id, Tenant: tenantA, Name: "HIS", URL: "https://his.example/c2d", Kinds: []event.Kind{event.CallEnded}, Cursor: "e0",
		Secrets: []webhook.Secret{{Key: []byte("new")}, {Key: []byte("old"), Until: noon}}, CreatedAt: noon}
}

func newJob(hook, id, line string) job.Job {
	return job.Job{Tenant: tenantA, Kind: job.Webhook, ID: id, Subject: hook, Line: line, Data: []byte(`{"event":"e1"}`)}
}

// putHook stores a hook with jobs.
func putHook(t *testing.T, s Stores, id string, jobs ...job.Job) webhook.Hook {
	t.Helper()
	h, err := s.PutHook(t.Context(), newHook(id), trail(tenantA, id))
	ok(t, err)
	ok(t, s.Advance(t.Context(), tenantA, id, "e0", "e1", jobs))
	return h
}

// claimed returns the ids of what a claim gives at that time.
func claimed(t *testing.T, s Stores, hook string, at time.Time, limit int) []string {
	t.Helper()
	jobs, err := s.Claim(t.Context(), tenantA, job.Webhook, hook, at, time.Minute, limit)
	ok(t, err)
	ids := []string{}
	for _, j := range jobs {
		same(t, string(j.Data), `{"event":"e1"}`)
		ids = append(ids, j.ID)
	}
	return ids
}

func testJobs(t *testing.T, s Stores) {
	ctx := t.Context()
	putHook(t, s, "h", newJob("h", "1", "x"), newJob("h", "2", "x"), newJob("h", "3", "y"))
	putHook(t, s, "other", newJob("other", "1", "x"))
	t.Run("the first of each line, once", func(t *testing.T) {
		same(t, claimed(t, s, "h", noon, 10), []string{"1", "3"})
		same(t, claimed(t, s, "h", noon.Add(59*time.Second), 10), []string{})
	})
	t.Run("a lease runs out", func(t *testing.T) {
		next, found, err := s.Next(ctx, tenantA, job.Webhook, "h") // not that of the job that waits for its line
		ok(t, err)
		same(t, found && next.Equal(noon.Add(time.Minute)), true)
		_, found, err = s.Next(ctx, tenantA, job.Webhook, "nobody")
		ok(t, err)
		same(t, found, false)
		same(t, claimed(t, s, "h", noon.Add(time.Minute), 1), []string{"1"})
	})
	t.Run("is put off, and its line with it", func(t *testing.T) {
		_, err := s.Settle(ctx, tenantA, "h", webhook.Outcome{Job: newJob("h", "1", "x"), Again: noon.Add(time.Hour), Attempt: webhook.Attempt{At: noon, Error: "no"}})
		ok(t, err)
		_, err = s.Settle(ctx, tenantA, "h", webhook.Outcome{Job: newJob("h", "3", "y"), Attempt: webhook.Attempt{At: noon}})
		ok(t, err)
		same(t, claimed(t, s, "h", noon.Add(59*time.Minute), 10), []string{})
		jobs, err := s.Claim(ctx, tenantA, job.Webhook, "h", noon.Add(time.Hour), time.Minute, 10)
		ok(t, err)
		same(t, len(jobs), 1)
		same(t, jobs[0].Attempts, 1)
	})
	t.Run("done, the next of the line has its turn", func(t *testing.T) {
		_, err := s.Settle(ctx, tenantA, "h", webhook.Outcome{Job: newJob("h", "1", "x"), Attempt: webhook.Attempt{At: noon}})
		ok(t, err)
		same(t, claimed(t, s, "h", noon, 10), []string{"2"})
	})
	t.Run("another subject's", func(t *testing.T) { same(t, claimed(t, s, "other", noon, 10), []string{"1"}) })
	t.Run("claimed by many at once, given once", func(t *testing.T) { testClaims(t, s) })
}

func testClaims(t *testing.T, s Stores) {
	var jobs []job.Job
	for i := range 40 {
		jobs = append(jobs, newJob("many", fmt.Sprintf("%02d", i), fmt.Sprint(i)))
	}
	putHook(t, s, "many", jobs...)
	var mu sync.Mutex
	given := map[string]int{}
	var work sync.WaitGroup
	for range 8 {
		work.Go(func() {
			got, err := s.Claim(t.Context(), tenantA, job.Webhook, "many", noon, time.Minute, 10)
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			for _, j := range got {
				given[j.ID]++
			}
		})
	}
	work.Wait()
	for id, n := range given {
		if n > 1 {
			t.Errorf("job %s was given %d times", id, n)
		}
	}
	if len(given) < 10 {
		t.Errorf("%d jobs were given", len(given))
	}
}

func testHooks(t *testing.T, s Stores) {
	ctx := t.Context()
	t.Run("is made and read", func(t *testing.T) {
		h, err := s.PutHook(ctx, newHook("1"), trail(tenantA, "1"))
		ok(t, err)
		want := newHook("1")
		want.Version = 1
		same(t, h, want)
		if string(h.Secrets[0].Key) != "new" || !h.Secrets[1].Until.Equal(noon) {
			t.Errorf("secrets are %d", len(h.Secrets))
		}
		_, err = s.PutHook(ctx, newHook("1"), trail(tenantA, "1"))
		wantCode(t, err, fault.CodeConflict)
		_, err = s.Hook(ctx, tenantB, "1")
		wantCode(t, err, fault.CodeNotFound)
	})
	t.Run("a cursor moves from where it stood", func(t *testing.T) {
		wantCode(t, s.Advance(ctx, tenantA, "1", "e5", "e6", nil), fault.CodeConflict)
		ok(t, s.Advance(ctx, tenantA, "1", "e0", "e7", []job.Job{newJob("1", "1", "x")}))
		ok(t, s.Advance(ctx, tenantA, "1", "e7", "e8", []job.Job{newJob("1", "1", "x"), newJob("1", "2", "x")})) // put again: once
		n, err := s.Pending(ctx, tenantA, "1")
		ok(t, err)
		same(t, n, 2)
	})
	t.Run("a change keeps the place", func(t *testing.T) {
		h, err := s.Hook(ctx, tenantA, "1")
		ok(t, err)
		h.Name, h.Cursor = "other", "e1"
		h, err = s.PutHook(ctx, h, trail(tenantA, "1"))
		ok(t, err)
		same(t, h.Cursor+h.Name, "e8other")
	})
	t.Run("failures and successes", func(t *testing.T) { testFailing(t, s) })
	t.Run("disabled once, told from the place given", func(t *testing.T) {
		first, err := s.Oldest(ctx, tenantA, job.Webhook, "1")
		ok(t, err)
		same(t, first.ID, "1")
		ok(t, s.Disable(ctx, tenantA, "1", "failing", noon, "e3", trail(tenantA, "1")))
		wantCode(t, s.Disable(ctx, tenantA, "1", "gone", noon, "e2", trail(tenantA, "1")), fault.CodeNotFound)
		h, err := s.Hook(ctx, tenantA, "1")
		ok(t, err)
		same(t, h.Cursor+h.Why+h.DisabledAt.Format(time.DateOnly), "e3failing2026-11-22")
		_, err = s.Oldest(ctx, tenantA, job.Webhook, "1")
		wantCode(t, err, fault.CodeNotFound)
		wantCode(t, s.Advance(ctx, tenantA, "1", "e3", "e9", nil), fault.CodeConflict)
	})
	t.Run("put back", func(t *testing.T) {
		putHook(t, s, "2", newJob("2", "1", "x"))
		ok(t, s.Rewind(ctx, tenantA, "2", "", trail(tenantA, "2")))
		h, err := s.Hook(ctx, tenantA, "2")
		ok(t, err)
		same(t, h.Cursor, "e0")
		same(t, claimed(t, s, "2", noon, 10), []string{})
	})
	t.Run("deleted with what waits", func(t *testing.T) {
		putHook(t, s, "3", newJob("3", "1", "x"))
		ok(t, s.DeleteHook(ctx, tenantA, "3", trail(tenantA, "3")))
		wantCode(t, s.DeleteHook(ctx, tenantA, "3", trail(tenantA, "3")), fault.CodeNotFound)
		same(t, claimed(t, s, "3", noon, 10), []string{})
		_, err := s.Settle(ctx, tenantA, "3", webhook.Outcome{Job: newJob("3", "1", "x")})
		wantCode(t, err, fault.CodeNotFound)
		all, err := s.Hooks(ctx, tenantA)
		ok(t, err)
		same(t, len(all), 2)
	})
}

func testFailing(t *testing.T, s Stores) {
	ctx := t.Context()
	settle := func(at, again time.Time, want time.Time) {
		t.Helper()
		since, err := s.Settle(ctx, tenantA, "1", webhook.Outcome{Job: newJob("1", "9", "x"), Again: again,
			Attempt: webhook.Attempt{At: at, Event: "e1", Kind: event.CallEnded, Try: 1, Status: 500, Duration: time.Second}})
		ok(t, err)
		same(t, since, want)
	}
	settle(noon, noon.Add(time.Hour), noon)
	settle(noon.Add(time.Minute), noon.Add(time.Hour), noon)
	settle(noon.Add(time.Hour), time.Time{}, time.Time{})
	settle(noon.Add(2*time.Hour), noon.Add(3*time.Hour), noon.Add(2*time.Hour))
	tried, err := s.Attempts(ctx, tenantA, "1", 2)
	ok(t, err)
	same(t, len(tried), 2)
	same(t, tried[0], webhook.Attempt{At: noon.Add(2 * time.Hour), Event: "e1", Kind: event.CallEnded, Try: 1, Status: 500, Duration: time.Second})
	same(t, tried[1].At, noon.Add(time.Hour))
}
