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
	reg := registrar.New(registrar.Config{Domains: domains(a.cfg.SIP), Digest: a.cfg.SIP.Digest, Log: a.deps.Log}, a.store, a.store, time.Now)
	stack, err := sip.New(a.cfg.SIP, sip.Deps{Registrar: reg, LegID: a.origin.LegID, National: numbering.National(a.cfg.Numbers.Country), Log: a.deps.Log, Trace: a.deps.Trace})
	if err != nil {
		return err
	}
	if err := stack.Listen(); err != nil {
		return err
	}
	a.stack, a.sipAddr = stack, stack.Addr()
	a.undo("sip", 3*time.Second, stack.Stop)
	return nil
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
