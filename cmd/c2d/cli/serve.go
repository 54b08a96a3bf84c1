package cli

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"os"
	"os/signal"
	"slices"
	"syscall"

	"c2d/cmd/c2d/app"
	"c2d/cmd/c2d/config"
	"c2d/cmd/c2d/demo"
)

type configFlag struct {
	Config string `help:"Configuration file. Without it: c2d.yaml if that is there, else the defaults." placeholder:"FILE" type:"path"`
}

type serveCmd struct{ configFlag }

// Run serves until ctx ends.
func (c serveCmd) Run(ctx context.Context, env Env) error {
	cfg, err := config.Load(c.Config, env.Lookup)
	if err != nil {
		return err
	}
	collectSeldom()
	hangUp := make(chan os.Signal, 1) // taken from the beginning: it would end the process
	signal.Notify(hangUp, syscall.SIGHUP)
	defer signal.Stop(hangUp)
	log := slog.New(slog.NewTextHandler(env.Stderr, nil))
	service := app.New(cfg, app.Deps{Log: log, Version: env.Version, Load: func() (config.Config, error) { return config.Load(c.Config, env.Lookup) }})
	if err := service.Start(ctx); err != nil {
		return err
	}
	announce(env.Stdout, service)
	reloadOnHangUp(ctx, service, hangUp)
	log.Info("stopping: ringing calls end, talking ones go on")
	return service.Stop(context.WithoutCancel(ctx))
}

func announce(w io.Writer, service *app.App) {
	fmt.Fprintf(w, "HTTP API  %s\n", service.URL())
	if service.SIP().IsValid() {
		fmt.Fprintf(w, "SIP       %s\n", service.SIP())
	}
	files := service.NewKeys()
	for _, role := range slices.Sorted(maps.Keys(files)) {
		fmt.Fprintf(w, "new key   %s (%s)\n", files[role], role)
	}
}

type checkCmd struct{ configFlag }

// Run prints one line for each problem, and for what a phone system cannot.
func (c checkCmd) Run(ctx context.Context, env Env) error {
	cfg, err := config.Load(c.Config, env.Lookup)
	if err != nil {
		fmt.Fprintln(env.Stdout, err)
		return errSilent
	}
	problems := app.Check(ctx, cfg)
	for _, p := range problems {
		fmt.Fprintln(env.Stdout, p)
	}
	for _, l := range app.Limits(ctx, cfg) {
		fmt.Fprintln(env.Stdout, "note: "+l)
	}
	if len(problems) > 0 {
		return errSilent
	}
	_, err = fmt.Fprintln(env.Stdout, "all is well")
	return err
}

type demoCmd struct {
	Once bool `help:"End after the call: 0 only if both heard each other, before and after the media went direct, and the record is right."`
}

// Run shows one call.
func (c demoCmd) Run(ctx context.Context, env Env) error {
	return demo.Run(ctx, demo.Options{Out: env.Stdout, Colour: env.TTY, Once: c.Once, Version: env.Version})
}
