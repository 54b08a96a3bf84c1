package esl

import (
	"context"

	"c2d/adapters/esl/client"
	"c2d/core/call"
	"c2d/core/fault"
	"c2d/core/identity"
)

// Follows returns nil where a connected backend can change to c from what it was, at the same address, while calls go on. Errors:
// fault.CodeConflict with the field that cannot.
func (c Config) Follows(was Config) error {
	switch {
	case c.Listen != was.Listen:
		return fault.Field(fault.CodeConflict, "listen", "cannot change while FreeSWITCH is connected")
	case c.Recordings != was.Recordings: // those that run end where they began
		return fault.Field(fault.CodeConflict, "recordings", "cannot change while FreeSWITCH is connected")
	}
	return nil
}

// Follow takes another configuration of the same FreeSWITCH, which [Config.Follows]: calls from now on are dialled by its rules,
// and the next connection uses its address, which may be another of the same machine, and its password.
func (b *Backend) Follow(cfg Config) {
	b.settings.Lock()
	defer b.settings.Unlock()
	b.cfg, b.dialling = cfg, identity.NewDialling(cfg.Dial, defaultDial, cfg.Out, b.national)
	b.to.Address, b.to.Password = cfg.Address, cfg.Password
}

func (b *Backend) config() Config {
	b.settings.RLock()
	defer b.settings.RUnlock()
	return b.cfg
}

func (b *Backend) dialled() identity.Dialling {
	b.settings.RLock()
	defer b.settings.RUnlock()
	return b.dialling
}

func (b *Backend) reached() client.Config {
	b.settings.RLock()
	defer b.settings.RUnlock()
	return b.to
}

// TakeOver is that of an heir in core/call/swap: the dialplan of another FreeSWITCH hands us its calls where the former's did. What was handed to
// that stays with it.
func (b *Backend) TakeOver(former call.Backend) {
	f, is := former.(*Backend)
	if !is || b.at() != nil || f.at() == nil || b.config().Listen != f.config().Listen {
		return
	}
	if l := f.at().Yield(); l != nil {
		b.settings.Lock()
		b.door = client.NewDoor(l)
		b.settings.Unlock()
		b.serve()
	}
}

// at is where the dialplan hands us calls, nil for nowhere.
func (b *Backend) at() *client.Door {
	b.settings.RLock()
	defer b.settings.RUnlock()
	return b.door
}

// serve takes what the dialplan hands us, until Stop.
func (b *Backend) serve() {
	if door := b.at(); door != nil {
		b.uplink.Run(func(ctx context.Context) { door.Serve(func(h *client.Handed) { b.offer(ctx, h) }) })
	}
}
