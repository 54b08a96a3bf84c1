package dial

import (
	"context"
	"slices"

	"c2d/core/call"
	"c2d/core/directory"
	"c2d/core/fault"
	"c2d/core/user"
)

// LookUp implements [call.LookUp]: the contact that was settled is read again by its id.
func (s *Service) LookUp(ctx context.Context, c call.Call) (call.LookedUp, error) {
	found := call.LookedUp{Number: c.Callee.Number}
	if c.Callee.ContactID != "" {
		contact, err := s.cfg.Contacts.Contact(ctx, c.Tenant, c.Callee.ContactID)
		if failed, err := s.barred(contact, err); failed != nil || err != nil {
			return call.LookedUp{Failed: failed}, err
		}
		found.Name = string(contact.Name)
		found.Number, err = s.firstNumber(contact)
		if err != nil {
			return call.LookedUp{Failed: &call.Cause{Reason: call.InvalidNumber, NotRung: true}}, nil
		}
	} else if err := s.numberBarred(ctx, c); err != nil {
		if fault.Is(err, fault.CodeBlocked) {
			return call.LookedUp{Failed: &call.Cause{Reason: call.Blocked, NotRung: true}}, nil
		}
		return found, err
	}
	near := c.Backend
	entries := s.route(found.Number, near)
	if c.Has(call.Outside) {
		entries = slices.DeleteFunc(entries, func(e Entry) bool { return !e.Registered })
	}
	targets, err := s.waysOver(ctx, c.ID, c.Tenant, found.Number, entries)
	switch {
	case err != nil:
		return found, err
	case targets == nil:
		found.Failed = &call.Cause{Reason: call.InvalidNumber, NotRung: true}
	case len(targets) > 0:
		found.Attempts = []call.Attempt{{Targets: targets}}
	}
	return found, nil
}

// barred turns a contact that is gone or blocked into the end of the call.
func (s *Service) barred(c directory.Contact, err error) (*call.Cause, error) {
	switch {
	case fault.Is(err, fault.CodeNotFound):
		return &call.Cause{Reason: call.InvalidNumber, NotRung: true}, nil
	case err != nil:
		return nil, err
	case c.Blocked:
		return &call.Cause{Reason: call.Blocked, NotRung: true}, nil
	}
	return nil, nil
}

// numberBarred reports, for a call to a bare number, whether the book has come to block it.
func (s *Service) numberBarred(ctx context.Context, c call.Call) error {
	found, err := s.cfg.Contacts.ContactsByNumber(ctx, c.Tenant, c.Callee.Number)
	for _, contact := range found {
		if contact.Blocked {
			return fault.New(fault.CodeBlocked, "the contact is blocked")
		}
	}
	return err
}

// ways returns the targets that a number or address reaches now from a phone on the entry near: nil when no entry leads
// there, empty when one does and nothing is registered. Several entries are several ways of one target, in the
// route's order; several registered phones are several targets that ring at once.
func (s *Service) ways(ctx context.Context, tenant, number, near string) ([]call.Target, error) {
	return s.waysOver(ctx, "", tenant, number, s.route(number, near))
}

// waysOver passes entries by that cannot carry calls now, unless no other leads there: to try costs no more than to refuse. id is the
// call that is to go there, empty for one that is not placed.
func (s *Service) waysOver(ctx context.Context, id, tenant, number string, entries []Entry) ([]call.Target, error) {
	passed := false
	found, err := s.waysOn(ctx, tenant, number, entries, func(e Entry, behind bool) bool {
		may := e.Well(ctx) == nil && s.lets(e.Name, id, behind)
		passed = passed || !may
		return may
	})
	if err != nil || len(found) > 0 || !passed {
		return found, err
	}
	return s.waysOn(ctx, tenant, number, entries, func(Entry, bool) bool { return true })
}

// waysOn asks of each entry that can lead to the number whether it may; behind says that another leads there before it.
func (s *Service) waysOn(ctx context.Context, tenant, number string, entries []Entry, may func(e Entry, behind bool) bool) ([]call.Target, error) {
	device, err := s.cfg.Users.DeviceByAddress(ctx, tenant, number)
	known := err == nil
	if err != nil && !fault.Is(err, fault.CodeNotFound) {
		return nil, err
	}
	var found []call.Target
	for _, e := range entries {
		w := call.Way{Backend: e.Name, Address: number}
		if known && device.Backend == e.Name {
			w.Address = device.Address
		} else if e.Registered {
			continue
		}
		if !may(e, len(found) > 0) {
			continue
		}
		targets, err := s.locate(ctx, user.Device{ID: device.ID, Number: number}, w)
		if err != nil {
			return nil, err
		}
		found = merge(found, targets)
	}
	return found, nil
}

// merge adds an entry's targets as the next ways of the first that was found before: of that one only, since a number that
// has two phones here must not be called twice over a trunk when neither can be reached.
func merge(found, more []call.Target) []call.Target {
	if found == nil {
		found = []call.Target{}
	}
	if len(found) == 0 {
		return append(found, more...)
	}
	for _, t := range more {
		found[0].Ways = append(found[0].Ways, t.Ways...)
	}
	return found
}
