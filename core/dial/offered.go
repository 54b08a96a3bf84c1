package dial

import (
	"context"
	"strings"

	"c2d/core/access"
	"c2d/core/call"
	"c2d/core/fault"
	"c2d/core/identity"
)

// Offered implements [call.Offers]: a registered phone dials a number or an address itself. The same rules, record and
// limits hold as for a click, but for the confirmation, since a person has dialled.
func (s *Service) Offered(ctx context.Context, backend string, ev call.LegEvent) (call.Call, *call.Cause) {
	c, err := s.offered(ctx, backend, ev)
	a := access.Internal(access.MainTenant)
	if err != nil {
		s.record(ctx, a, "call.offered", ev.Leg, string(fault.CodeOf(err)))
		return c, offeredCause(err)
	}
	s.record(ctx, a, "call.offered", c.ID, "ok")
	return c, nil
}

func (s *Service) offered(ctx context.Context, backend string, ev call.LegEvent) (call.Call, error) {
	if ev.Backend != "" {
		backend = ev.Backend
	}
	if ev.Outside {
		return s.fromOutside(ctx, backend, ev)
	}
	a := access.Internal(access.MainTenant)
	d, err := s.cfg.Users.DeviceByAddress(ctx, a.Tenant, ev.From)
	if err != nil {
		return call.Call{}, err
	}
	users, err := s.cfg.Users.UsersByDevice(ctx, a.Tenant, d.ID)
	if err != nil {
		return call.Call{}, err
	}
	to, err := s.callee(ctx, a.Tenant, dialled(ev.To))
	if err == nil && to.blocked {
		err = fault.New(fault.CodeBlocked, "blocked")
	}
	if err != nil {
		return call.Call{}, err
	}
	c := s.adopt(a, ev, call.Target{Device: d.ID, Number: d.Number, Ways: []call.Way{{Backend: backend, Address: d.Address}}})
	c.Callee = call.Party{ContactID: to.contact, Name: to.name, Number: to.number, RingLimit: s.course().Ring}
	if len(users) == 1 { // a shared phone does not say who dials
		c.Caller.UserID, c.Caller.Name, c.Caller.ContactID = users[0].ID, users[0].Name, users[0].ContactID
	}
	return c, nil
}

// fromOutside is a call that a network hands us. It reaches phones that live on a backend of ours, and nobody else: else
// whoever can call us could call the world at our cost. Who calls is the network's word, and never one of our users.
func (s *Service) fromOutside(ctx context.Context, backend string, ev call.LegEvent) (call.Call, error) {
	a := access.Internal(access.MainTenant)
	to, err := s.callee(ctx, a.Tenant, dialled(ev.To))
	if err != nil {
		return call.Call{}, err
	}
	d, err := s.cfg.Users.DeviceByAddress(ctx, a.Tenant, to.number)
	if err == nil && !s.entry(d.Backend).Registered {
		err = fault.New(fault.CodeCalleeUnknown, "no phone of ours has that number")
	}
	if err == nil && to.blocked {
		err = fault.New(fault.CodeBlocked, "blocked")
	}
	if err != nil {
		return call.Call{}, err
	}
	from := ""
	if n, err := s.cfg.Numbers.Parse(ev.From); err == nil { // what is no number is not shown
		from = n.Dial()
	}
	c := s.adopt(a, ev, call.Target{Number: from, Ways: []call.Way{{Backend: backend, Address: from}}})
	c.Flags = append(c.Flags, call.Outside)
	c.Callee = call.Party{Number: to.number, RingLimit: s.course().Ring}
	return c, nil
}

// adopt returns a call that began with an offered leg, from a target.
func (s *Service) adopt(a access.Actor, ev call.LegEvent, from call.Target) call.Call {
	way := from.Ways[0]
	leg := call.Leg{ID: ev.Leg, Way: way, Handle: ev.Handle, State: call.LegOffered, CreatedAt: ev.At, Resume: ev.Resume}
	return call.Call{ID: identity.NewID(), Tenant: a.Tenant, Backend: way.Backend, Confirm: call.ConfirmNever, PlacedBy: call.PlacedByActor(a),
		Flags: []call.Flag{call.Adopted}, CallerLeg: ev.Leg, TalkLimit: s.course().Talk,
		Caller: call.Party{Number: from.Number, RingLimit: s.course().Ring, Attempts: []call.Attempt{{Targets: []call.Target{from}, Legs: []call.Leg{leg}}}}}
}

// dialled reads what a phone dialled: a URI whose user part is a number means that number (RFC 3261 section 19.1.6), and letters
// without a domain, as a dialplan hands them on, are a name.
func dialled(to string) Ref {
	number, _, _ := strings.Cut(strings.TrimPrefix(to, "sip:"), "@")
	if _, ok := identity.StripNumber(number); ok {
		return Ref{Number: number}
	}
	if !strings.ContainsAny(to, ":@") {
		return Ref{Name: to}
	}
	return Ref{URI: to}
}

func offeredCause(err error) *call.Cause {
	reason := call.Congestion
	switch fault.CodeOf(err) {
	case fault.CodeCalleeUnknown, fault.CodeInvalidNumber, fault.CodeBadCharacter, fault.CodeNotFound, fault.CodeAmbiguous, fault.CodeInvalid:
		reason = call.InvalidNumber
	case fault.CodeBlocked, fault.CodeNumberDenied, fault.CodeEmergencyNumber:
		reason = call.Forbidden
	}
	return &call.Cause{Reason: reason, NotRung: true}
}
