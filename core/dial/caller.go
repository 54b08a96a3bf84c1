package dial

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"c2d/core/access"
	"c2d/core/call"
	"c2d/core/fault"
	"c2d/core/user"
)

// caller finds the user that a request means; a key of one user means that user when it says nothing.
func (s *Service) caller(ctx context.Context, a access.Actor, r Ref) (user.User, error) {
	if len(r.set()) == 0 && a.UserID != "" {
		r = Ref{ID: a.UserID}
	}
	if err := r.check("caller"); err != nil {
		return user.User{}, err
	}
	u, err := s.findUser(ctx, a.Tenant, r)
	if fault.Is(err, fault.CodeNotFound) {
		err = fault.Field(fault.CodeCallerUnknown, "caller", "no user answers to that")
	}
	if err != nil {
		return u, inField(err, "caller")
	}
	if err := a.MayActFor(u.ID); err != nil {
		return u, err
	}
	if u.Disabled {
		return u, fault.Field(fault.CodeForbidden, "caller", "the user is disabled")
	}
	return u, nil
}

func (s *Service) findUser(ctx context.Context, tenant string, r Ref) (user.User, error) {
	switch {
	case r.ID != "":
		return s.cfg.Users.User(ctx, tenant, r.ID)
	case r.Name != "":
		return s.cfg.Users.UserByLogin(ctx, tenant, strings.ToLower(r.Name))
	case r.Identifier != nil:
		users, err := s.cfg.Users.UsersByIdentifier(ctx, tenant, *r.Identifier)
		return only(users, err)
	}
	d, err := s.findDevice(ctx, tenant, "caller", r)
	if err != nil {
		return user.User{}, err
	}
	users, err := s.cfg.Users.UsersByDevice(ctx, tenant, d.ID)
	return only(users, err)
}

func (s *Service) findDevice(ctx context.Context, tenant, field string, r Ref) (user.Device, error) {
	number := r.Number
	if tel, ok := telNumber(r.URI); ok {
		number = tel
	}
	if number == "" {
		return s.cfg.Users.DeviceByAddress(ctx, tenant, r.URI)
	}
	n, err := s.cfg.Numbers.Parse(number)
	if err != nil {
		return user.Device{}, inField(err, field)
	}
	return s.cfg.Users.DeviceByAddress(ctx, tenant, n.Dial())
}

// only returns the one user of a list: a shared phone does not say who clicks.
func only(users []user.User, err error) (user.User, error) {
	switch {
	case err != nil:
		return user.User{}, err
	case len(users) == 0:
		return user.User{}, fault.New(fault.CodeNotFound, "no such user")
	case len(users) == 1:
		return users[0], nil
	}
	ids := make([]string, 0, len(users))
	for _, u := range users {
		ids = append(ids, u.ID)
	}
	return user.User{}, fault.New(fault.CodeAmbiguous, "%d users answer to that", len(users)).With("candidates", ids)
}

// devices returns those of the user's devices that are to ring: the ones asked for, else the default.
func (s *Service) devices(ctx context.Context, u user.User, ask []string) ([]user.Device, error) {
	if len(u.DeviceIDs) == 0 {
		return nil, fault.Field(fault.CodeCallerNoDevice, "caller", "the user has no phone")
	}
	ids := ask
	if len(ids) == 0 {
		ids = u.DeviceIDs[:1]
	}
	var found []user.Device
	for i, id := range ids {
		field := fmt.Sprintf("devices[%d]", i)
		if !slices.Contains(u.DeviceIDs, id) {
			return nil, fault.Field(fault.CodeInvalid, field, "no device of this user")
		}
		if slices.Contains(ids[:i], id) {
			return nil, fault.Field(fault.CodeInvalid, field, "named twice")
		}
		d, err := s.cfg.Users.Device(ctx, u.Tenant, id)
		if err != nil {
			return nil, inField(err, field)
		}
		found = append(found, d)
	}
	return found, nil
}

// callerTargets returns what rings for the devices now. known says that the backends know where they are: then none
// means that all are offline.
func (s *Service) callerTargets(ctx context.Context, devices []user.Device) ([]call.Target, error) {
	var targets []call.Target
	backend := s.entry(devices[0].Backend).Backend
	for _, d := range devices {
		if err := s.notEmergency("caller", d.Address); err != nil {
			return nil, err
		}
		if s.entry(d.Backend).Backend != backend {
			return nil, fault.Field(fault.CodeInvalid, "devices", "the devices live on different phone systems and cannot ring for one call")
		}
		found, err := s.locate(ctx, d, call.Way{Backend: d.Backend, Address: d.Address})
		if err != nil {
			return nil, err
		}
		targets = append(targets, found...)
	}
	if len(targets) == 0 {
		return nil, fault.Field(fault.CodeCallerOffline, "caller", "no phone of the caller is registered now")
	}
	return targets, nil
}

// locate makes a target of each phone that a way reaches now. A backend that reaches any number has one target: its ways
// lead to the same phone and are tried one after the other, unless it says that they are phones.
func (s *Service) locate(ctx context.Context, d user.Device, w call.Way) ([]call.Target, error) {
	e := s.entry(w.Backend)
	if e.Backend == nil {
		return nil, fault.New(fault.CodeNoRoute, "the phone's backend is not configured")
	}
	ways, err := e.Backend.Locate(ctx, w)
	if err != nil {
		return nil, fault.Wrap(fault.CodeBackendUnavailable, err, "the phone system does not answer")
	}
	// A mobile or an outside number may be answered by a mailbox or by somebody else; a phone that is registered
	// here with its own password is as much its user's as the one on the desk.
	one := call.Target{Device: d.ID, Number: d.Number, Confirm: d.Kind == user.Mobile || d.Kind == user.PSTN}
	if !e.Registered && len(ways) > 0 && !ways[0].Phone {
		one.Ways = ways
		return []call.Target{one}, nil
	}
	var targets []call.Target
	for _, w := range ways {
		one.Ways = []call.Way{w}
		targets = append(targets, one)
	}
	return targets, nil
}
