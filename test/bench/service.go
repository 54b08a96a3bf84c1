package main

import (
	"context"
	"errors"
	"os"
	"runtime"
	"runtime/pprof"

	"c2d/cmd/c2d/cli"
)

// service is the product: c2d serve with that file, until the signal. profile is empty, or how the names of its profiles
// begin.
func service(ctx context.Context, file, profile string) error {
	stop := func() error { return nil }
	if profile != "" {
		cpu, err := os.Create(profile + ".cpu")
		if err != nil {
			return err
		}
		if err := pprof.StartCPUProfile(cpu); err != nil {
			return err
		}
		stop = func() error { pprof.StopCPUProfile(); return errors.Join(cpu.Close(), heap(profile+".heap")) }
	}
	served := make(chan int, 1)
	go func() {
		served <- cli.Run(ctx, []string{"serve", "--config", file}, cli.Env{Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, Lookup: os.LookupEnv})
	}()
	select {
	case <-ctx.Done():
	case code := <-served:
		return errors.Join(stop(), exit(code))
	}
	err := stop() // before what talks is gone
	return errors.Join(err, exit(<-served))
}

func exit(code int) error {
	if code != 0 {
		return errors.New("the service failed")
	}
	return nil
}

func heap(name string) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	runtime.GC()
	return errors.Join(pprof.WriteHeapProfile(f), f.Close())
}
