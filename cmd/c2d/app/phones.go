package app

import (
	"context"
	"net/netip"
	"slices"
	"strings"
	"time"

	"c2d/adapters/numbering"
	"c2d/adapters/sip"
	"c2d/adapters/sip/registrar"
	"c2d/core/call/swap"
	"c2d/core/dial"
)

// openPhoneSystems makes every backend and binds its listeners; none takes a call before the runner starts it.
func (a *App) openPhoneSystems(context.Context) error {
	a.undo("added backends", 3*time.Second, a.stopAdded)
	for _, b := range a.cfg.Backends {
		if b.SIP != nil && a.stack == nil {
			if err := a.openSIP(); err != nil {
				return err
			}
		}
		entry, err := a.openBackend(b)
		if err != nil {
			return err
		}
		a.entries = append(a.entries, entry)
	}
	return nil
}

// openSIP makes the one SIP stack that all entries of kind sip share.
func (a *App) openSIP() error {
	stack, err := a.newStack(a.cfg.SIP)
	if err != nil {
		return err
	}
	a.stack, a.sipAddr, a.sip = stack, stack.Addr(), swap.New("sip", stack, a.deps.Log)
	a.undo("sip", 3*time.Second, a.sip.Stop)
	return nil
}

// newStack makes a stack that listens.
func (a *App) newStack(cfg sip.Config) (*sip.Stack, error) {
	reg := registrar.New(registrar.Config{Domains: domains(cfg), Digest: cfg.Digest, Log: a.deps.Log}, a.store, a.store, time.Now)
	stack, err := sip.New(cfg, sip.Deps{Registrar: reg, LegID: a.origin.LegID, National: numbering.National(a.cfg.Numbers.Country), Log: a.deps.Log, Trace: a.deps.Trace})
	if err != nil {
		return nil, err
	}
	return stack, stack.Listen()
}

// sipStack returns the stack that is there, nil for none.
func (a *App) sipStack() *sip.Stack {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.stack
}

// sipEntry is one entry of the stack's.
func (a *App) sipEntry(e sip.Entry) dial.Entry {
	return dial.Entry{Name: e.Name, Backend: a.sip, Registered: !e.Trunk(), Health: func(ctx context.Context) error {
		if err := a.sip.Health(ctx); err != nil {
			return err
		}
		return a.sipStack().EntryHealth(ctx, e.Name)
	}}
}

// domains are what phones may call us: our domain, and our addresses, so that a softphone needs no outbound proxy.
func domains(c sip.Config) []string {
	all := []string{c.Domain, c.Advertise, c.Media.Address}
	for _, l := range c.Listen {
		_, addr, _ := strings.Cut(l, ":")
		if ap, err := netip.ParseAddrPort(addr); err == nil && !ap.Addr().IsUnspecified() {
			all = append(all, ap.Addr().String())
		}
	}
	var distinct []string
	for _, d := range all {
		if d != "" && !slices.Contains(distinct, d) {
			distinct = append(distinct, d)
		}
	}
	return distinct
}
