package dial

import (
	"context"
	"slices"

	"c2d/core/access"
	"c2d/core/audit"
	"c2d/core/call"
	"c2d/core/fault"
)

// Resolution is whom and how a call would reach.
type Resolution struct {
	ContactID string   `json:"contact_id,omitempty"`
	Name      string   `json:"name,omitempty"`
	Number    string   `json:"number,omitempty"`
	Blocked   bool     `json:"blocked"`
	Backends  []string `json:"backends"`  // those that the call would try, in order
	Reachable string   `json:"reachable"` // yes: a phone is registered, or the network is asked; no: none is
}

// Resolve says whom and how a call to ref would reach, dialling nothing. The caller decides which backends are asked;
// without one, all are. It is audited.
func (s *Service) Resolve(ctx context.Context, a access.Actor, caller *Ref, ref Ref) (Resolution, error) {
	r, err := s.resolve(ctx, a, caller, ref)
	if err != nil {
		return r, s.refused(ctx, a, "resolve", err)
	}
	s.record(ctx, a, "resolve", r.ContactID, "ok")
	return r, nil
}

func (s *Service) resolve(ctx context.Context, a access.Actor, caller *Ref, ref Ref) (Resolution, error) {
	if err := a.May(access.Resolve); err != nil {
		return Resolution{}, err
	}
	near, err := s.near(ctx, a, caller)
	if err != nil {
		return Resolution{}, err
	}
	to, err := s.callee(ctx, a.Tenant, ref)
	if err != nil {
		return Resolution{}, err
	}
	r := Resolution{ContactID: to.contact, Name: to.name, Number: to.number, Blocked: to.blocked, Backends: []string{}, Reachable: "no"}
	for _, n := range near {
		targets, err := s.ways(ctx, a.Tenant, to.number, n)
		if err != nil {
			return r, err
		}
		for _, t := range targets {
			r.Reachable = "yes"
			for _, w := range t.Ways {
				if !slices.Contains(r.Backends, w.Backend) {
					r.Backends = append(r.Backends, w.Backend)
				}
			}
		}
	}
	return r, nil
}

// near returns the entries from which a call would start.
func (s *Service) near(ctx context.Context, a access.Actor, caller *Ref) ([]string, error) {
	var names []string
	if caller == nil {
		for _, e := range s.course().Entries {
			names = append(names, e.Name)
		}
		return names, nil
	}
	u, err := s.caller(ctx, a, *caller)
	if err != nil {
		return nil, err
	}
	devices, err := s.devices(ctx, u, nil)
	if err != nil {
		return nil, err
	}
	return []string{devices[0].Backend}, nil
}

// Get returns a call that the actor may see; fault.CodeNotFound otherwise. An open call is as new as it can be.
func (s *Service) Get(ctx context.Context, a access.Actor, id string) (call.Call, error) {
	if err := a.May(access.ReadCalls); err != nil {
		return call.Call{}, err
	}
	return s.visible(ctx, a, id)
}

func (s *Service) visible(ctx context.Context, a access.Actor, id string) (call.Call, error) {
	c, err := s.find(ctx, a.Tenant, id)
	if err == nil && a.MayActFor(c.Caller.UserID) != nil {
		err = fault.New(fault.CodeNotFound, "no such call")
	}
	if err != nil {
		return call.Call{}, err
	}
	return c, nil
}

// find returns the newer of what is stored and what is carried: the store wakes its readers a moment before the carrier
// shows the same version, and while the store is down the carrier is ahead of it.
func (s *Service) find(ctx context.Context, tenant, id string) (call.Call, error) {
	stored, err := s.cfg.Calls.Get(ctx, tenant, id)
	if c, ok := s.carrier.Get(id); ok && c.Tenant == tenant && (err != nil || c.Version >= stored.Version) {
		return c, nil
	}
	return stored, err
}

// List returns calls that the actor may see, newest first. Errors: fault.CodeScopeMissing, CodeBadCursor.
func (s *Service) List(ctx context.Context, a access.Actor, q call.Query) (items []call.Call, next string, err error) {
	if err := a.May(access.ReadCalls); err != nil {
		return nil, "", err
	}
	q.Tenant = a.Tenant
	if a.UserID != "" {
		q.UserID = a.UserID
	}
	return s.cfg.Calls.List(ctx, q)
}

// HangUp ends a call in any state and returns it ended; a call that has ended already is returned as it is.
// It does not wait for the store. Errors: fault.CodeScopeMissing, CodeNotFound.
func (s *Service) HangUp(ctx context.Context, a access.Actor, id string) (call.Call, error) {
	if err := a.May(access.ControlCalls); err != nil {
		return call.Call{}, s.refused(ctx, a, "call.hangup", err)
	}
	c, carried := s.carrier.Get(id) // a hang-up waits for no store
	if !carried || c.Tenant != a.Tenant || a.MayActFor(c.Caller.UserID) != nil {
		var err error
		if c, err = s.visible(ctx, a, id); err != nil {
			return c, s.refused(ctx, a, "call.hangup", err)
		}
	}
	if c.State == call.Ended {
		return c, nil
	}
	order := call.HangUpOrdered{By: call.ByAPI, Audit: []audit.Entry{audit.New(a, s.cfg.Now(), "call.hangup", id, "ok")}}
	ended, err := s.carrier.HangUp(ctx, id, order)
	if fault.Is(err, fault.CodeNotFound) {
		return s.find(ctx, a.Tenant, id) // it ended meanwhile
	}
	return ended, err
}
