package storetest

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"c2d/core/audit"
	"c2d/core/call"
	"c2d/core/event"
	"c2d/core/fault"
)

// crowd is how many do the same at once.
const crowd = 200

// together runs f in many goroutines at once and returns their errors.
func together(n int, f func(i int) error) []error {
	var wg sync.WaitGroup
	errs, begin := make([]error, n), make(chan struct{})
	for i := range n {
		wg.Go(func() {
			<-begin
			errs[i] = f(i)
		})
	}
	close(begin)
	wg.Wait()
	return errs
}

// testConcurrency runs everything on one store, so that the chain and the log see all of it.
func testConcurrency(t *testing.T, s Stores) {
	seen := follow(t, s)
	t.Run("one key, one call", func(t *testing.T) { testOneKey(t, s) })
	t.Run("one caller, one ringing call", func(t *testing.T) { testOneRinging(t, s) })
	t.Run("one version, one winner", func(t *testing.T) { testOneWinner(t, s) })
	t.Run("many calls", func(t *testing.T) { testManyCalls(t, s) })
	entries, events := left(t, s, tenantA)
	same(t, [2]int{entries, events}, [2]int{3 + 2*crowd, 3 + 2*crowd})
	wantChain(t, s, tenantA, int64(entries))
	seen(events)
}

// follow reads the log from its head while others write; the function that it returns waits for that many events and
// checks that each came once and in order.
func follow(t *testing.T, s Stores) func(want int) {
	var subjects []int64
	count, stop, ended := make(chan int, 10*crowd), make(chan struct{}), make(chan error, 1)
	go func() { ended <- readAll(t, s, count, stop, &subjects) }()
	return func(want int) {
		t.Helper()
		deadline := time.After(30 * time.Second)
		for n := 0; n < want; {
			select {
			case n = <-count:
			case <-deadline:
				t.Fatalf("the reader saw %d of %d events", n, want)
			}
		}
		close(stop)
		ok(t, <-ended)
		for i, seq := range subjects {
			same(t, seq, subjects[0]+int64(i))
		}
		same(t, len(subjects), want)
	}
}

// readAll reads until stop, and asks again after a while as the port's doc says that readers do.
func readAll(t *testing.T, s Stores, count chan<- int, stop <-chan struct{}, seqs *[]int64) error {
	cursor := ""
	for {
		changed := s.Changed()
		p, err := s.Read(t.Context(), event.Filter{Tenant: tenantA}, cursor, 7)
		if err != nil {
			return err
		}
		for _, e := range p.Events {
			*seqs = append(*seqs, e.Seq)
		}
		if cursor = p.Next; len(p.Events) > 0 {
			count <- len(*seqs)
			continue
		}
		select {
		case <-changed:
		case <-time.After(time.Second):
		case <-stop:
			return nil
		}
	}
}

func testOneKey(t *testing.T, s Stores) {
	errs := together(crowd, func(i int) error {
		id := fmt.Sprint("k", i)
		return s.Create(t.Context(), newCall(tenantA, id, "key"), used(tenantA, "same", id, time.Hour), trail(tenantA, id))
	})
	row, err := s.Replayed(t.Context(), tenantA, "k1", "same")
	ok(t, err)
	created := 0
	for i, err := range errs {
		var r *call.Replay
		switch {
		case err == nil && row.CallID == fmt.Sprint("k", i):
			created++
		case errors.As(err, &r) && r.Row == row:
		default:
			t.Fatalf("call %d: %v", i, err)
		}
	}
	same(t, created, 1)
	wantListed(t, s, call.Query{Tenant: tenantA, UserID: "key"}, row.CallID)
}

func testOneRinging(t *testing.T, s Stores) {
	errs := together(crowd, func(i int) error {
		id := fmt.Sprint("r", i)
		return s.Create(t.Context(), newCall(tenantA, id, "ring"), nil, trail(tenantA, id))
	})
	wantOne(t, errs, fault.CodeCallerBusy)
}

func testOneWinner(t *testing.T, s Stores) {
	c := newCall(tenantA, "w", "winner")
	ok(t, s.Create(t.Context(), c, nil, audit.Trail{}))
	errs := together(crowd, func(i int) error {
		n := next(c, call.Connected)
		n.Backend = fmt.Sprint(i)
		return s.Save(t.Context(), n, trail(tenantA, c.ID), nil)
	})
	winner := wantOne(t, errs, fault.CodeConflict)
	stored, err := s.Get(t.Context(), tenantA, c.ID)
	ok(t, err)
	same(t, stored.Backend, fmt.Sprint(winner))
}

// wantOne checks that one alone has won, and returns which; the others have that code.
func wantOne(t *testing.T, errs []error, code fault.Code) int {
	t.Helper()
	winner := -1
	for i, err := range errs {
		switch {
		case err != nil:
			wantCode(t, err, code)
		case winner >= 0:
			t.Fatalf("both %d and %d have won", winner, i)
		default:
			winner = i
		}
	}
	if winner < 0 {
		t.Fatal("nobody has won")
	}
	return winner
}

func testManyCalls(t *testing.T, s Stores) {
	errs := together(crowd, func(i int) error {
		c := newCall(tenantA, fmt.Sprint("m", i), fmt.Sprint("many", i))
		if err := s.Create(t.Context(), c, nil, trail(tenantA, c.ID)); err != nil {
			return err
		}
		n := next(c, call.Ended)
		if err := s.Save(t.Context(), n, trail(tenantA, c.ID), nil); err != nil {
			return err
		}
		stored, err := s.Get(t.Context(), tenantA, c.ID)
		if err == nil && stored.Version != 2 {
			return fmt.Errorf("version %d was read after version 2 was stored", stored.Version)
		}
		return err
	})
	ok(t, errors.Join(errs...))
}
