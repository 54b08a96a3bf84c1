package app

import (
	"context"
	"slices"

	"c2d/adapters/sip"
	"c2d/cmd/c2d/config"
	"c2d/core/call/swap"
	"c2d/core/fault"
)

// sipChange is what becomes of the SIP stack, which all entries of kind sip share.
type sipChange struct {
	stack    *sip.Stack // that there will be; nil for none
	fresh    bool       // it is new
	returned bool       // it was taken away, and its calls go on
	entries  *sip.Entries
	names    []string   // new ones
	first    bool       // there was none yet
	next     *swap.Next // begun in the place of a former one
	added    []string   // to the runner
}

// reshapeSIP makes what is new of the stack. Errors: those of its entries, or of its addresses.
func (r *reshaping) reshapeSIP(cfg config.Config) (err error) {
	a, c := r.a, &r.sip
	if len(cfg.SIP.Entries) == 0 {
		return nil
	}
	for _, e := range cfg.SIP.Entries {
		if !a.sipNames[e.Name] {
			c.names = append(c.names, e.Name)
		}
	}
	live := len(a.cfg.SIP.Entries) > 0
	if !live && a.sip != nil {
		c.returned = a.sip.Return()
	}
	if live || c.returned {
		c.stack = a.stack
		c.entries, err = a.stack.Plan(cfg.SIP.Entries)
		return err
	}
	if a.sip != nil {
		a.sip.Settle() // so that its ports are free
	}
	c.fresh = true
	if c.stack, err = a.newStack(cfg.SIP); err != nil {
		return fault.Wrap(fault.CodeInvalid, err, "backends of kind sip: %s", plainly(err))
	}
	if c.first = a.sip == nil; c.first {
		a.sip = swap.New("sip", c.stack, a.deps.Log)
		a.sip.Use(a.services.calls)
	}
	return nil
}

func (c *sipChange) begin(ctx context.Context, r *reshaping) (err error) {
	if c.fresh && !c.first {
		if c.next, err = r.a.sip.Begin(ctx, c.stack); err != nil {
			return err
		}
	}
	for _, name := range c.names {
		if err := r.a.runner.Add(ctx, name, r.a.sip); err != nil {
			return err
		}
		c.added = append(c.added, name)
	}
	return nil
}

func (c *sipChange) drop(ctx context.Context, a *App) {
	for _, name := range c.added {
		a.runner.Forget(name)
	}
	if c.returned {
		a.sip.Remove()
	}
	if c.fresh && c.stack != nil {
		_ = c.stack.Stop(ctx)
	}
	if c.first {
		a.sip = nil
	}
}

func (c *sipChange) take(a *App) {
	for _, name := range c.names {
		a.nameSIP(name)
	}
	switch {
	case c.stack == nil:
		return
	case c.entries != nil:
		c.stack.Take(c.entries)
	case c.next != nil:
		c.next.Take()
	default:
		a.added = append(a.added, a.sip)
	}
	a.mu.Lock()
	a.stack, a.sipAddr = c.stack, c.stack.Addr()
	a.mu.Unlock()
}

// remove takes the stack away where no entry wants it any more: it unregisters, and its ports are free, when its calls have ended.
func (c *sipChange) remove(a *App) {
	if c.stack == nil && a.sip != nil {
		a.sip.Remove()
	}
}

// nameSIP remembers that a name is of kind sip.
func (a *App) nameSIP(name string) {
	if a.sipNames == nil {
		a.sipNames = map[string]bool{}
	}
	a.sipNames[name] = true
}

// leavingSIP names the entries of kind sip that have calls still and are no more.
func (a *App) leavingSIP() []string {
	if a.sip.Former() == 0 {
		return a.stack.Draining()
	}
	var names []string
	for name := range a.sipNames {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
