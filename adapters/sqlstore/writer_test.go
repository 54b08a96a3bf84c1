package sqlstore

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"c2d/core/audit"
	"c2d/core/call"
	"c2d/core/event"
	"c2d/core/fault"
	"c2d/core/user"
)

func openFile(t testing.TB, path string) *Store {
	t.Helper()
	s, err := Open(context.Background(), "sqlite:"+path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func openNew(t testing.TB) *Store { return openFile(t, filepath.Join(t.TempDir(), "c2d.db")) }

// hold keeps the writer busy until the function that it returns is called.
func hold(t *testing.T, s *Store) func() {
	t.Helper()
	busy, release := make(chan struct{}), make(chan struct{})
	done := make(chan error, 1)
	go func() {
		done <- s.w.do(context.Background(), writeLimit, func(context.Context, *tx) error {
			close(busy)
			<-release
			return nil
		})
	}()
	<-busy
	return func() {
		t.Helper()
		close(release)
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

// queued waits until n writes wait.
func queued(t *testing.T, s *Store, n int) {
	t.Helper()
	waits(t, s.w.queue, n)
}

// waits waits until n writes are in a queue.
func waits(t *testing.T, queue chan *write, n int) {
	t.Helper()
	deadline := time.After(20 * time.Second)
	for len(queue) < n {
		select {
		case <-deadline:
			t.Fatalf("%d writes wait, want %d", len(queue), n)
		case <-time.After(time.Millisecond):
		}
	}
}

// crowd runs f n times at once while the writer is held, so that all wait together, and returns their errors.
func crowd(t *testing.T, s *Store, n int, f func(i int) error) []error {
	t.Helper()
	release := hold(t, s)
	var wg sync.WaitGroup
	errs := make([]error, n)
	for i := range n {
		wg.Go(func() { errs[i] = f(i) })
	}
	queued(t, s, n)
	release()
	wg.Wait()
	return errs
}

func createCalls(t testing.TB, s *Store, n int) []call.Call {
	t.Helper()
	calls := make([]call.Call, n)
	for i := range calls {
		calls[i] = call.Call{ID: fmt.Sprint(i), Tenant: "t", Version: 1, State: call.Connected}
		if err := s.Create(t.Context(), calls[i], nil, audit.Trail{}); err != nil {
			t.Fatal(err)
		}
	}
	return calls
}

func TestOneCommitServesManyWrites(t *testing.T) {
	s := openNew(t)
	calls := createCalls(t, s, 200)
	before := s.Stats()
	errs := crowd(t, s, len(calls), func(i int) error {
		calls[i].Version++
		return s.Save(t.Context(), calls[i], audit.Trail{}, nil)
	})
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	now := s.Stats()
	if commits := now.Commits - before.Commits; commits != 2 { // the one that was held, and that of all the others
		t.Errorf("%d writes took %d commits", len(calls), commits)
	}
	if now.Writes-before.Writes != 201 || now.Largest != 200 {
		t.Errorf("the counts are %+v after %+v", now, before)
	}
}

// TestIdleWritesGoWithOthers: what nobody waits for costs no commit of its own while somebody else's comes in time.
func TestIdleWritesGoWithOthers(t *testing.T) {
	s := openNew(t)
	s.w.hold = time.Hour
	calls := createCalls(t, s, 3)
	before := s.Stats()
	release := hold(t, s)
	done := make(chan error, 2)
	for i := range 2 {
		calls[i].Version++
		go func() { done <- s.Save(t.Context(), calls[i], audit.Trail{}, make(chan struct{})) }()
	}
	waits(t, s.w.idle, 2)
	release()
	calls[2].Version++
	if err := errors.Join(s.Save(t.Context(), calls[2], audit.Trail{}, nil), <-done, <-done); err != nil {
		t.Fatal(err)
	}
	if now := s.Stats(); now.Commits-before.Commits != 2 || now.Largest != 3 { // the one that was held, and that of the three
		t.Errorf("the counts are %+v after %+v", now, before)
	}
}

// TestIdleWritesWaitNoLonger than they may: alone, or when the store is closed.
func TestIdleWritesWaitNoLonger(t *testing.T) {
	for name, end := range map[string]func(*Store){
		"alone":  func(*Store) {},
		"closed": func(s *Store) { _ = s.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			s := openNew(t)
			if name != "alone" {
				s.w.hold = time.Hour
			}
			c := createCalls(t, s, 1)[0]
			c.Version++
			release := hold(t, s)
			done := make(chan error, 1)
			go func() { done <- s.Save(t.Context(), c, audit.Trail{}, make(chan struct{})) }()
			waits(t, s.w.idle, 1)
			release()
			end(s)
			select {
			case err := <-done:
				if err != nil {
					t.Error(err)
				}
			case <-time.After(20 * time.Second):
				t.Error("it still waits")
			}
		})
	}
}

// TestAnIdleWriteIsTakenBack: nothing of it is stored, and what comes after it is, in a commit of its own.
func TestAnIdleWriteIsTakenBack(t *testing.T) {
	s := openNew(t)
	s.w.hold = time.Hour
	c := createCalls(t, s, 1)[0]
	before := s.Stats()
	c.Version++
	trail := audit.Trail{Events: []event.Event{{Kind: event.CallChanged}}}
	back, done := make(chan struct{}), make(chan error, 1)
	go func() { done <- s.Save(t.Context(), c, trail, back) }()
	close(back)
	if err := <-done; !errors.Is(err, call.ErrTakenBack) {
		t.Fatal(err)
	}
	c.Version++
	if err := s.Save(t.Context(), c, trail, nil); err != nil {
		t.Fatal(err)
	}
	now := s.Stats()
	if p, err := s.Read(t.Context(), event.Filter{Tenant: "t"}, "", 100); err != nil || len(p.Events) != 1 || now.Commits-before.Commits != 1 || now.Writes-before.Writes != 1 {
		t.Errorf("%v: events %+v; the counts are %+v after %+v", err, p, now, before)
	}
}

func TestAConflictFailsItsOwnWriteAlone(t *testing.T) {
	s := openNew(t)
	calls := createCalls(t, s, 20)
	trail := audit.Trail{Audit: []audit.Entry{{Action: "call.save"}}, Events: []event.Event{{Kind: event.CallChanged}}}
	errs := crowd(t, s, len(calls), func(i int) error {
		calls[i].Version += int64(1 - i%2)
		return s.Save(t.Context(), calls[i], trail, nil)
	})
	for i, err := range errs {
		if want := []fault.Code{"", fault.CodeConflict}[i%2]; fault.CodeOf(err) != want {
			t.Errorf("save %d: %v, want %q", i, err, want)
		}
	}
	if n, broken, err := audit.Verify(t.Context(), s, "t"); n != 10 || broken != 0 || err != nil {
		t.Errorf("the chain has %d entries, broken at %d, %v", n, broken, err)
	}
	p, err := s.Read(t.Context(), event.Filter{Tenant: "t"}, "", 100)
	if err != nil || len(p.Events) != 10 || p.Events[9].Seq != 10 {
		t.Errorf("the log is %+v, %v", p, err)
	}
}

func TestABatchOfFailuresIsNoCommit(t *testing.T) {
	s := openNew(t)
	before := s.Stats().Commits
	if err := s.DeleteUser(t.Context(), "t", "nobody", audit.Trail{}); !fault.Is(err, fault.CodeNotFound) {
		t.Fatal(err)
	}
	if n := s.Stats().Commits - before; n != 0 {
		t.Errorf("%d commits", n)
	}
}

func TestAWriteWhoseContextEndedIsNotRun(t *testing.T) {
	s := openNew(t)
	release := hold(t, s)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		_, err := s.PutUser(ctx, user.User{ID: "1", Tenant: "t", Login: "harry"}, audit.Trail{})
		done <- err
	}()
	queued(t, s, 1)
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) || !fault.Is(err, fault.CodeStoreUnavailable) {
		t.Errorf("the waiter got %v", err)
	}
	release()
	if _, err := s.PutUser(t.Context(), user.User{ID: "2", Tenant: "t", Login: "harry"}, audit.Trail{}); err != nil {
		t.Errorf("the login is taken by a user who was given up: %v", err)
	}
}

func TestAWriteThatHasBegunTellsItsOutcome(t *testing.T) {
	s := openNew(t)
	ctx, cancel := context.WithCancel(t.Context())
	err := s.w.do(ctx, writeLimit, func(context.Context, *tx) error {
		cancel()
		return nil
	})
	if err != nil {
		t.Errorf("a write that was stored said %v", err)
	}
}

func TestAFullQueueMakesWritersWait(t *testing.T) {
	s := openNew(t)
	release := hold(t, s)
	nothing := func(context.Context, *tx) error { return nil }
	var wg sync.WaitGroup
	for range queueLength {
		wg.Go(func() { _ = s.w.do(context.Background(), writeLimit, nothing) })
	}
	queued(t, s, queueLength)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if err := s.w.do(ctx, writeLimit, nothing); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("one too many got %v", err)
	}
	release()
	wg.Wait()
	if largest := s.Stats().Largest; largest != batchLength {
		t.Errorf("a commit served %d writes, want %d", largest, batchLength)
	}
}

func TestABrokenTransactionFailsItsBatchAndTheWriterGoesOn(t *testing.T) {
	s := openNew(t)
	calls := createCalls(t, s, 2)
	errs := crowd(t, s, 3, func(i int) error {
		if i == 2 { // ends the transaction behind the writer's back, so that its savepoint is gone
			return s.w.do(t.Context(), writeLimit, func(ctx context.Context, tx *tx) error {
				_, err := tx.exec(ctx, "ROLLBACK")
				return err
			})
		}
		calls[i].Version++
		return s.Save(t.Context(), calls[i], audit.Trail{Events: []event.Event{{Kind: event.CallChanged}}}, nil)
	})
	for i, err := range errs {
		if !fault.Is(err, fault.CodeStoreUnavailable) {
			t.Errorf("write %d of the broken batch got %v", i, err)
		}
	}
	for _, c := range calls {
		if err := s.Save(t.Context(), c, audit.Trail{}, nil); err != nil {
			t.Errorf("after it: %v", err)
		}
	}
	if head, err := s.Head(t.Context(), "t"); err != nil || head != eventCursor(0) {
		t.Errorf("the head is %s, %v: an event of the broken batch was kept", head, err)
	}
}

func TestAnEndlessWriteIsEnded(t *testing.T) {
	s := openNew(t)
	err := s.w.do(t.Context(), 10*time.Millisecond, func(ctx context.Context, _ *tx) error {
		<-ctx.Done()
		return nil
	})
	if !fault.Is(err, fault.CodeStoreUnavailable) {
		t.Errorf("got %v", err)
	}
	createCalls(t, s, 1)
}

func TestCloseDoesWhatWaitsAndRefusesTheRest(t *testing.T) {
	path := filepath.Join(t.TempDir(), "c2d.db")
	s := openFile(t, path)
	release := hold(t, s)
	stored := make(chan error, 1)
	go func() {
		_, err := s.PutUser(t.Context(), user.User{ID: "1", Tenant: "t", Login: "harry"}, audit.Trail{})
		stored <- err
	}()
	queued(t, s, 1)
	closed := make(chan error, 2)
	for range 2 {
		go func() { closed <- s.Close() }()
	}
	<-s.w.quit
	release()
	if err := errors.Join(<-stored, <-closed, <-closed, s.Close()); err != nil {
		t.Error(err)
	}
	if err := s.DeleteUser(t.Context(), "t", "1", audit.Trail{}); !fault.Is(err, fault.CodeStoreUnavailable) {
		t.Errorf("a closed store said %v to a write", err)
	}
	if _, err := s.User(t.Context(), "t", "1"); !fault.Is(err, fault.CodeStoreUnavailable) {
		t.Errorf("a closed store said %v to a read", err)
	}
	if _, err := openFile(t, path).User(t.Context(), "t", "1"); err != nil {
		t.Errorf("what waited was not stored: %v", err)
	}
}

func TestCloseIsBounded(t *testing.T) {
	s := openNew(t)
	begun := make(chan struct{})
	stuck := make(chan error, 1)
	go func() {
		stuck <- s.w.do(context.Background(), time.Hour, func(ctx context.Context, _ *tx) error {
			close(begun)
			<-ctx.Done()
			return ctx.Err()
		})
	}()
	<-begun
	s.w.grace = time.Millisecond
	_ = s.Close() // what it says of the cut connection is of no use
	if err := <-stuck; !fault.Is(err, fault.CodeStoreUnavailable) {
		t.Errorf("the stuck write got %v", err)
	}
}
