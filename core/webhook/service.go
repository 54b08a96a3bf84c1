package webhook

import (
	"context"
	"slices"
	"time"

	"c2d/core/access"
	"c2d/core/audit"
	"c2d/core/event"
	"c2d/core/fault"
	"c2d/core/identity"
)

const (
	maxHooks   = 32             // of a tenant: each has a goroutine
	oldSecret  = 24 * time.Hour // for which a replaced secret still signs
	maxURL     = 2000
	maxPending = 1000 // jobs of a hook
)

// Service is what administrators do with hooks. All of it needs access.WriteWebhooks. Safe for concurrent use.
type Service struct {
	store Store
	log   event.Log
	check func(url string) error
	now   func() time.Time
	wake  func() // the couriers look again at which hooks there are
}

// NewService returns a service; check refuses an address that must not be told, with fault.CodeInvalid or
// fault.CodeNetworkDenied; wake is called after each change.
func NewService(s Store, log event.Log, check func(url string) error, wake func()) *Service {
	return &Service{store: s, log: log, check: check, now: time.Now, wake: wake}
}

// Change is what an administrator sets.
type Change struct {
	Name    string
	URL     string
	Kinds   []event.Kind // empty is all that the key may see
	Enabled bool
	Version int64 // the one seen; for Update
}

// Create makes a hook that is told from now on, and returns its secret, which is shown this once. may are the kinds that the
// actor may see. Errors: fault.CodeInvalid with the field, fault.CodeNetworkDenied, fault.CodeConflict when there are
// too many, those of Store.
func (s *Service) Create(ctx context.Context, a access.Actor, c Change, may []event.Kind) (Hook, string, error) {
	all, err := s.List(ctx, a)
	if err != nil {
		return Hook{}, "", err
	}
	if len(all) >= maxHooks {
		return Hook{}, "", fault.New(fault.CodeConflict, "there are %d web hooks already, which is the most", maxHooks)
	}
	now := s.clock()
	secret := newSecret()
	h := Hook{ID: identity.NewID(), Tenant: a.Tenant, Secrets: []Secret{secret}, CreatedAt: now}
	if err := s.set(&h, c, may); err != nil {
		return Hook{}, "", err
	}
	if h.Cursor, err = s.log.Head(ctx, a.Tenant); err != nil {
		return Hook{}, "", err
	}
	h, err = s.put(ctx, a, h, "webhook.create")
	return h, secret.Text(), err
}

// Update replaces what is set; enabling a disabled hook goes on where it stopped. Errors: as Create.
func (s *Service) Update(ctx context.Context, a access.Actor, id string, c Change, may []event.Kind) (Hook, error) {
	h, err := s.Get(ctx, a, id)
	if err != nil {
		return Hook{}, err
	}
	if c.Version != 0 {
		h.Version = c.Version
	}
	if err := s.set(&h, c, may); err != nil {
		return Hook{}, err
	}
	return s.put(ctx, a, h, "webhook.update")
}

// Rotate replaces the secret and returns the new one; the old one signs beside it for a day.
func (s *Service) Rotate(ctx context.Context, a access.Actor, id string) (Hook, string, error) {
	h, err := s.Get(ctx, a, id)
	if err != nil {
		return Hook{}, "", err
	}
	old, secret := h.Secrets[0], newSecret()
	old.Until = s.clock().Add(oldSecret)
	h.Secrets = []Secret{secret, old}
	h, err = s.put(ctx, a, h, "webhook.rotate")
	return h, secret.Text(), err
}

func (s *Service) put(ctx context.Context, a access.Actor, h Hook, act string) (Hook, error) {
	h, err := s.store.PutHook(ctx, h, s.trail(a, act, h.ID))
	if err == nil {
		s.wake()
	}
	return h, err
}

// set checks what is asked for and puts it into the hook.
func (s *Service) set(h *Hook, c Change, may []event.Kind) error {
	if err := identity.CheckText("name", c.Name, 1, 64); err != nil {
		return err
	}
	if len(c.URL) > maxURL {
		return fault.Field(fault.CodeInvalid, "url", "must have %d bytes at most", maxURL)
	}
	if err := s.check(c.URL); err != nil {
		return err
	}
	if len(c.Kinds) == 0 {
		c.Kinds = may
	}
	for _, k := range c.Kinds {
		if !slices.Contains(may, k) {
			return fault.Field(fault.CodeInvalid, "kinds", "%q is no kind of event that this key may see", string(k))
		}
	}
	h.Name, h.URL, h.Kinds = c.Name, c.URL, slices.Compact(slices.Sorted(slices.Values(c.Kinds)))
	switch {
	case c.Enabled:
		h.DisabledAt, h.Why = time.Time{}, ""
	case h.DisabledAt.IsZero():
		h.DisabledAt, h.Why = s.clock(), "ordered"
	}
	return nil
}

// Get returns a hook.
func (s *Service) Get(ctx context.Context, a access.Actor, id string) (Hook, error) {
	if err := a.May(access.WriteWebhooks); err != nil {
		return Hook{}, err
	}
	return s.store.Hook(ctx, a.Tenant, id)
}

// List returns all hooks.
func (s *Service) List(ctx context.Context, a access.Actor) ([]Hook, error) {
	if err := a.May(access.WriteWebhooks); err != nil {
		return nil, err
	}
	return s.store.Hooks(ctx, a.Tenant)
}

// Delete removes a hook and all that waits for it.
func (s *Service) Delete(ctx context.Context, a access.Actor, id string) error {
	if _, err := s.Get(ctx, a, id); err != nil {
		return err
	}
	err := s.store.DeleteHook(ctx, a.Tenant, id, s.trail(a, "webhook.delete", id))
	if err == nil {
		s.wake()
	}
	return err
}

// Attempts lists the last deliveries that were tried, the newest first; limit 1 to 500.
func (s *Service) Attempts(ctx context.Context, a access.Actor, id string, limit int) ([]Attempt, error) {
	if _, err := s.Get(ctx, a, id); err != nil {
		return nil, err
	}
	return s.store.Attempts(ctx, a.Tenant, id, limit)
}

// Replay tells again all events after the one with that id (empty: from the oldest that is kept).
// Errors: fault.CodeBadCursor when it is no event's id, those of Store.
func (s *Service) Replay(ctx context.Context, a access.Actor, id, after string) error {
	if _, err := s.Get(ctx, a, id); err != nil {
		return err
	}
	if _, err := s.log.Read(ctx, event.Filter{Tenant: a.Tenant}, after, 1); err != nil {
		if fault.Is(err, fault.CodeBadCursor) {
			err = fault.Field(fault.CodeBadCursor, "after", "is not the id of an event")
		}
		return err
	}
	err := s.store.Rewind(ctx, a.Tenant, id, after, s.trail(a, "webhook.replay", id))
	if err == nil {
		s.wake()
	}
	return err
}

func (s *Service) trail(a access.Actor, act, id string) audit.Trail {
	now := s.clock()
	return audit.Trail{Audit: []audit.Entry{audit.New(a, now, act, id, "ok")},
		Events: []event.Event{{Tenant: a.Tenant, Kind: event.WebhookChanged, Subject: id, At: now, Data: map[string]string{"act": act}}}}
}

func (s *Service) clock() time.Time { return s.now().UTC().Truncate(time.Millisecond) }
