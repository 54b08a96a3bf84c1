package main

import (
	"strings"
	"testing"
	"time"
)

// The floor's calls go through, each with what is compared: two phones that answer, and are let go.
func TestFloor(t *testing.T) {
	p, err := newPhones()
	if err != nil {
		t.Fatal(err)
	}
	defer p.close()
	f, err := newBare(p.addr().String())
	if err != nil {
		t.Fatal(err)
	}
	if err := f.run(t.Context(), 100, 10); err != nil {
		t.Fatal(err)
	}
	for _, user := range []string{"a0", "a1"} {
		if p.rungAt(user).IsZero() {
			t.Errorf("%s was not rung", user)
		}
	}
	look := time.NewTicker(time.Millisecond)
	defer look.Stop()
	for deadline := time.Now().Add(10 * time.Second); p.open() > 0; <-look.C {
		if time.Now().After(deadline) {
			t.Fatalf("%d answers were not acknowledged", p.open())
		}
	}
}

// open returns how many messages of the phones wait for an answer.
func (p *phones) open() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.tries)
}

func TestTable(t *testing.T) {
	var tab table
	tab.add("cost", "2 at most", "3.00", met(3.0 <= 2))
	tab.add("size", "", "4 kB", nil)
	var b strings.Builder
	tab.print(&b, time.Minute)
	for _, row := range []string{"| cost | 2 at most | 3.00 | **no** |\n", "| size |  | 4 kB |  |\n"} {
		if !strings.Contains(b.String(), row) {
			t.Errorf("no %q in\n%s", row, b.String())
		}
	}
	if m := quantile([]float64{3, 1, 2, 5, 4}, 0.99); m != 5 {
		t.Errorf("the highest of five is %v", m)
	}
}
