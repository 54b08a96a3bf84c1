package ari

import (
	"c2d/core/fault"
	"c2d/core/identity"
)

// Follows returns nil where a connected backend can change to c from what it was, at the same url, while calls go on. Errors:
// fault.CodeConflict with the field that cannot.
func (c Config) Follows(was Config) error {
	switch {
	case c.app() != was.app():
		return fault.Field(fault.CodeConflict, "app", "cannot change while Asterisk is connected")
	case c.CA != was.CA:
		return fault.Field(fault.CodeConflict, "ca", "cannot change while Asterisk is connected")
	}
	return nil
}

// Follow takes another configuration of the same Asterisk, which [Config.Follows]: calls from now on are dialled by its rules, requests
// from now on are its user's, and go to its url, which may be another address of the same machine.
func (b *Backend) Follow(cfg Config) {
	b.settings.Lock()
	defer b.settings.Unlock()
	b.cfg, b.numbers = cfg, identity.NewDialling(cfg.Dial, defaultDial, cfg.Out, b.national)
	b.api.Follow(cfg.URL, cfg.Username, cfg.Password)
}

func (b *Backend) config() Config {
	b.settings.RLock()
	defer b.settings.RUnlock()
	return b.cfg
}

func (b *Backend) dialled() identity.Dialling {
	b.settings.RLock()
	defer b.settings.RUnlock()
	return b.numbers
}
