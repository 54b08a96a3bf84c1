package main

import (
	"context"
	"fmt"
)

// spare is how many goroutines more than at rest do not mean that each call has one.
const spare = 50

// measureTalking weighs calls that talk directly: memory, and goroutines.
func measureTalking(ctx context.Context, o options, dir string, p *phones, t *table) error {
	s, err := open(ctx, o, dir, "talking", p, people, answers, stays)
	if err != nil {
		return err
	}
	defer s.stop()
	rest, err := s.figures()
	if err != nil {
		return err
	}
	empty, err := s.resident()
	if err != nil {
		return err
	}
	p.direct.Store(0)
	if err := s.place(ctx, o.rate/2, o.talking, stays); err != nil {
		return err
	}
	atRest := func(f map[string]float64) bool {
		return p.direct.Load() == int64(o.talking) && f[goroutines] <= rest[goroutines]+spare
	}
	waited := s.until(ctx, "calls that talk are at rest", atRest)
	full, err := s.resident()
	if err != nil {
		return err
	}
	now, err := s.figures()
	if err != nil {
		return err
	}
	if now[activeCalls] != float64(o.talking) || p.direct.Load() != int64(o.talking) {
		return fmt.Errorf("%v of %d calls talk, %d of them directly", now[activeCalls], o.talking, p.direct.Load())
	}
	each := float64(full-empty) / float64(o.talking) / 1000
	t.add(fmt.Sprintf("memory (RSS) for each of %d calls that talk", o.talking), "under 40 kB", fmt.Sprintf("%.1f kB", each), met(each < 40))
	t.add("goroutines more than at rest, for all of them", fmt.Sprintf("under %d", spare), fmt.Sprintf("%.0f", now[goroutines]-rest[goroutines]), met(waited == nil))
	return nil
}

const goroutines = "go_goroutines"
