package main

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"runtime"
	"runtime/pprof"
	"syscall"

	"c2d/cmd/c2d/cli"
)

// service is the product: c2d serve with that file, until the signal. profile is empty, or how the names of its profiles
// begin.
func service(ctx context.Context, file, profile string) error {
	stop := func() error { return nil }
	if profile != "" {
		stop = profiled(profile)
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

// profiled profiles from the signal USR1, when the people are there, to the call of stop.
func profiled(name string) (stop func() error) {
	begin := make(chan os.Signal, 1)
	signal.Notify(begin, syscall.SIGUSR1)
	begun := make(chan error, 1)
	go func() {
		<-begin
		f, err := os.Create(name + ".cpu")
		if err == nil {
			err = pprof.StartCPUProfile(f)
		}
		begun <- err
	}()
	return func() error {
		err := <-begun
		pprof.StopCPUProfile()
		return errors.Join(err, heap(name+".heap"))
	}
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
