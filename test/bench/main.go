// Command bench measures what one call costs, how long a click takes and how much a call that talks occupies, beside a
// floor in the same run: a bare SIP program that does the least with the same phones. It prints the table of README.md.
//
//	this process      load, scripted phones, the clock
//	bench service     the product as `c2d serve` runs it, all of it on
//	bench floor       two INVITE dialogs for each call on bare sipgo, nothing else
//
// Each of the three is a process, so that the kernel says what each costs. The two that are compared take turns. Beside an
// Asterisk or FreeSWITCH it is the product and the phone system's own click-to-dial that do.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// options are how much is measured.
type options struct {
	rate    int // calls in a second
	rounds  int // turns of floor and product
	seconds int // of each turn
	clicks  int // whose way to the wire is timed
	talking int // calls that talk at once
	workers int // that place calls as fast as they can
	profile string
	only    string
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var o options
	flag.IntVar(&o.rate, "rate", 200, "calls in a second")
	flag.IntVar(&o.rounds, "rounds", 5, "turns of floor and product")
	flag.IntVar(&o.seconds, "seconds", 6, "of each turn")
	flag.IntVar(&o.clicks, "clicks", 1000, "clicks whose way to the wire is timed")
	flag.IntVar(&o.talking, "talking", 5000, "calls that talk at once")
	flag.IntVar(&o.workers, "workers", 200, "that place calls as fast as they can")
	flag.StringVar(&o.profile, "profile", "", "write CPU and heap profiles of the product to files that begin so")
	flag.StringVar(&o.only, "only", "", "cost, clicks, crowd, talking, asterisk or freeswitch; empty is all")
	flag.Parse()
	if err := run(ctx, o, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// run is one of the three processes.
func run(ctx context.Context, o options, args []string) error {
	switch {
	case len(args) == 3 && args[0] == "service":
		return service(ctx, args[1], args[2])
	case len(args) == 2 && args[0] == "floor":
		return floor(ctx, args[1])
	case len(args) > 0:
		return fmt.Errorf("what is %q?", args)
	}
	return measure(ctx, o)
}

// measure takes all figures and prints them.
func measure(ctx context.Context, o options) error {
	dir, err := os.MkdirTemp("", "c2d-bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	p, err := newPhones()
	if err != nil {
		return err
	}
	defer p.close()
	began := time.Now()
	var t table
	var failed error
	for _, part := range []struct {
		name string
		run  func(context.Context, options, string, *phones, *table) error
	}{{"cost", measureCost}, {"clicks", measureClicks}, {"crowd", measureCrowd}, {"talking", measureTalking}, {"asterisk", measureAsterisk}, {"freeswitch", measureFreeSWITCH}} {
		if o.only != "" && o.only != part.name {
			continue
		}
		if err := part.run(ctx, o, dir, p, &t); err != nil {
			failed = errors.Join(failed, err) // the others are worth knowing
		}
	}
	t.print(os.Stdout, time.Since(began))
	return failed
}
