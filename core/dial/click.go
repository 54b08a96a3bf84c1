package dial

import (
	"context"

	"c2d/core/access"
	"c2d/core/call"
	"c2d/core/fault"
	"c2d/core/user"
)

// Click implements [call.Clicks]: a registered phone asks for a call with itself as the caller, as the API would for its
// user, with the same rules, limits and record. Errors: those of Place; fault.CodeForbidden for a phone of several users,
// which does not say who clicks.
func (s *Service) Click(ctx context.Context, asked call.Asked) (call.Call, error) {
	a := access.Actor{Tenant: access.MainTenant, KeyID: "phone", Role: access.User, Scopes: access.User.Scopes()}
	d, u, err := s.clicker(ctx, a.Tenant, asked.From)
	if err != nil {
		return call.Call{}, s.refused(ctx, a, "call.place", err)
	}
	a.UserID = u.ID
	ref, err := s.meant(ctx, a.Tenant, asked)
	if err != nil {
		return call.Call{}, s.refused(ctx, a, "call.place", err)
	}
	c, _, err := s.Place(ctx, a, Request{Caller: Ref{ID: u.ID}, Callee: ref, Devices: []string{d.ID}})
	return c, err
}

// clicker returns whose phone it is.
func (s *Service) clicker(ctx context.Context, tenant, address string) (d user.Device, u user.User, err error) {
	if d, err = s.cfg.Users.DeviceByAddress(ctx, tenant, address); err != nil {
		return d, u, inField(err, "caller")
	}
	users, err := s.cfg.Users.UsersByDevice(ctx, tenant, d.ID)
	if err != nil {
		return d, u, err
	}
	if len(users) != 1 {
		return d, u, fault.Field(fault.CodeForbidden, "caller", "this phone does not say which of its users clicks")
	}
	return d, users[0], nil
}

// meant settles whether an address of ours is a phone's or stands for a name: "sip:Mary@hospital.example" may be either.
// When it is both, and they are not the same party, it is ambiguous: the wrong Mary must never ring.
func (s *Service) meant(ctx context.Context, tenant string, asked call.Asked) (Ref, error) {
	address, name := dialled(asked.To), Ref{Name: asked.Name}
	if address.Number != "" || asked.Name == "" {
		return address, nil
	}
	at, err := s.callee(ctx, tenant, address)
	if fault.Is(err, fault.CodeCalleeUnknown) {
		return name, nil // Place says what there is to say of it
	}
	if err != nil {
		return address, err
	}
	called, err := s.callee(ctx, tenant, name)
	switch {
	case fault.Is(err, fault.CodeCalleeUnknown):
		return address, nil
	case err != nil:
		return name, err
	case at.contact != "" && at.contact == called.contact, s.samePhone(ctx, tenant, at.number, called.number):
		return name, nil
	}
	return name, fault.Field(fault.CodeAmbiguous, "callee", "one phone has this address, and another contact this name")
}

// samePhone reports whether two numbers or addresses are one device's.
func (s *Service) samePhone(ctx context.Context, tenant, a, b string) bool {
	if a == b {
		return true
	}
	da, errA := s.cfg.Users.DeviceByAddress(ctx, tenant, a)
	db, errB := s.cfg.Users.DeviceByAddress(ctx, tenant, b)
	return errA == nil && errB == nil && da.ID == db.ID
}

// Follow implements [call.Clicks]. A call that has ended already is told once, as it was stored.
func (s *Service) Follow(ctx context.Context, id string, tell func(call.Call) (more bool)) {
	if s.carrier.Follow(ctx, id, tell) {
		return
	}
	if c, err := s.find(ctx, access.MainTenant, id); err == nil {
		tell(c)
	}
}
