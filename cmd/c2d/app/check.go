package app

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"c2d/adapters/sip"
	"c2d/adapters/sqlstore"
	"c2d/cmd/c2d/config"
	"c2d/core/access"
	"c2d/core/call"
	"c2d/core/fault"
	"c2d/core/identity"
)

// checkLimit is how long each thing may take to show that it is there.
const checkLimit = 5 * time.Second

// Check tries what a valid configuration names: the store, every listening address, each backend. It returns one line
// for each thing that is wrong, and leaves nothing behind. While the service runs, its own addresses are told as taken.
func Check(ctx context.Context, cfg config.Config) []string {
	var problems []string
	note := func(what string, err error) {
		for _, one := range apart(err) {
			problems = append(problems, what+": "+plainly(one))
		}
	}
	note("store", checkStore(ctx, cfg.Store.URL))
	note("http.listen", checkTCP(cfg.HTTP.Listen))
	if cfg.HTTP.AdminListen != "" {
		note("http.admin_listen", checkTCP(cfg.HTTP.AdminListen))
	}
	if dir := cfg.Media.Recordings; dir != "" && keepsRecordings(cfg) {
		note("media.recordings", checkRecordings(dir))
	}
	checkBackends(ctx, cfg, note)
	return problems
}

// apart are the errors that were joined into one.
func apart(err error) []error {
	if joined, is := err.(interface{ Unwrap() []error }); is {
		return joined.Unwrap()
	}
	if err == nil {
		return nil
	}
	return []error{err}
}

// plainly is an error for the operator: a fault's own words and its cause, without its code.
func plainly(err error) string {
	var f *fault.Error
	if !errors.As(err, &f) || f.Message == "" {
		return err.Error()
	}
	if f.Cause == nil {
		return f.Message
	}
	return fmt.Sprintf("%s: %v", f.Message, f.Cause)
}

// checkStore opens the store. A SQLite file that is not there yet is not made: its folder must let us.
func checkStore(ctx context.Context, url string) error {
	ctx, cancel := context.WithTimeout(ctx, checkLimit)
	defer cancel()
	path, isFile := strings.CutPrefix(url, "sqlite:")
	if _, err := os.Stat(path); isFile && os.IsNotExist(err) {
		return checkFolder(filepath.Dir(path))
	}
	s, err := sqlstore.Open(ctx, url, sqlstore.Options{})
	if err != nil {
		return err
	}
	defer s.Close()
	_, err = s.Head(ctx, access.MainTenant)
	return err
}

func checkFolder(dir string) error {
	f, err := os.CreateTemp(dir, ".c2d-check-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	return f.Close()
}

// keepsRecordings reports whether a backend would put recordings into the folder.
func keepsRecordings(cfg config.Config) bool {
	return len(cfg.SIP.Entries) > 0 || slices.ContainsFunc(cfg.Backends, func(b config.Backend) bool { return b.Asterisk != nil })
}

// checkRecordings looks whether files can be made in a folder, or it can be made itself where it is not there.
func checkRecordings(dir string) error {
	for {
		_, err := os.Stat(dir)
		above := filepath.Dir(dir)
		if !os.IsNotExist(err) || above == dir {
			return checkFolder(dir)
		}
		dir = above
	}
}

func checkTCP(address string) error {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	return l.Close()
}

// checkBackends makes each phone system as Start would, asks those that need no start how they are, and stops them.
func checkBackends(ctx context.Context, cfg config.Config, note func(string, error)) {
	a := New(cfg, Deps{})
	a.origin = identity.Origin{Installation: "check", Node: "check"}
	for _, b := range cfg.Backends {
		if b.SIP != nil {
			continue
		}
		s, err := a.checked(b)
		note("backend "+b.Name, err)
		if s != nil {
			note("backend "+b.Name, probe(ctx, s))
			note("backend "+b.Name, s.Stop(ctx))
		}
	}
	if len(cfg.SIP.Entries) > 0 {
		note("sip.listen", checkSIP(ctx, cfg.SIP))
	}
}

// checked makes a phone system, to be asked how it is. One whose own port is taken, as by the service while it runs, is made without it:
// there are an error and a phone system then.
func (a *App) checked(b config.Backend) (call.Backend, error) {
	s, err := a.phoneSystem(b, nil)
	if err == nil {
		return s, nil
	}
	if b.FreeSWITCH == nil || b.FreeSWITCH.Listen == "" {
		return nil, err
	}
	deaf := *b.FreeSWITCH
	deaf.Listen, b.FreeSWITCH = "", &deaf
	if s, without := a.phoneSystem(b, nil); without == nil {
		return s, err
	}
	return nil, err
}

// probe asks a phone system how it is. One that is reached over a connection is tried without taking it over from the service.
func probe(ctx context.Context, b call.Backend) error {
	ctx, cancel := context.WithTimeout(ctx, checkLimit)
	defer cancel()
	if p, ok := b.(interface{ Probe(context.Context) error }); ok {
		return p.Probe(ctx)
	}
	return b.Health(ctx)
}

// Limits returns one line for each thing that a phone system of a valid configuration cannot, and that is no fault.
func Limits(ctx context.Context, cfg config.Config) (all []string) {
	a := New(cfg, Deps{})
	a.origin = identity.Origin{Installation: "check", Node: "check"}
	for _, b := range cfg.Backends {
		if b.SIP != nil {
			continue
		}
		s, _ := a.checked(b) // Check tells what is wrong
		if s == nil {
			continue
		}
		for _, text := range limits(ctx, s) {
			all = append(all, "backend "+b.Name+": "+text)
		}
		_ = s.Stop(ctx)
	}
	return all
}

// limits asks a phone system what it cannot.
func limits(ctx context.Context, b call.Backend) []string {
	l, ok := b.(interface {
		Limits(context.Context) []string
	})
	if !ok {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, checkLimit)
	defer cancel()
	return l.Limits(ctx)
}

func checkSIP(ctx context.Context, cfg sip.Config) error {
	stack, err := sip.New(cfg, sip.Deps{})
	if err != nil {
		return err
	}
	if err := stack.Listen(); err != nil {
		return err
	}
	return stack.Stop(ctx)
}
