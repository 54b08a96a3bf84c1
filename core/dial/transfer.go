package dial

import (
	"context"

	"c2d/core/access"
	"c2d/core/audit"
	"c2d/core/call"
	"c2d/core/fault"
	"c2d/core/identity"
	"c2d/core/user"
)

// Transfer implements [call.Clicks]: a registered phone that talks hands its peer to a third party (blind transfer). The
// rules for who may be called are those of a click. Errors: fault.CodeConflict unless the two talk, CodeNotSupported,
// CodeNotFound for a phone that is not registered here, and those of the callee as in Place.
func (s *Service) Transfer(ctx context.Context, leg string, asked call.Asked) (call.Call, error) {
	a := access.Internal(access.MainTenant)
	old, next, err := s.transfer(ctx, a, leg, asked)
	if err != nil {
		return call.Call{}, s.refused(ctx, a, "call.transfer", err)
	}
	trail := audit.Trail{Audit: []audit.Entry{audit.New(a, s.cfg.Now(), "call.transfer", next.ID, "ok")}}
	c, err := s.carrier.Transfer(ctx, next, []string{old.ID}, trail)
	if err != nil {
		return c, s.refused(ctx, a, "call.transfer", err)
	}
	return c, nil
}

// transfer settles the call that follows; nothing is changed yet.
func (s *Service) transfer(ctx context.Context, a access.Actor, leg string, asked call.Asked) (old, next call.Call, err error) {
	old, ok := s.carrier.Of(leg)
	stays, side := staying(&old, leg)
	if !ok || old.State != call.Connected || stays == nil {
		return old, next, fault.New(fault.CodeConflict, "only who talks can be transferred")
	}
	if e := s.entries[stays.Way.Backend]; e.Backend == nil || !e.Backend.Capabilities().Part {
		return old, next, fault.New(fault.CodeNotSupported, "this phone system cannot transfer")
	}
	d, err := s.cfg.Users.DeviceByAddress(ctx, a.Tenant, asked.From)
	if err != nil {
		return old, next, inField(err, "caller")
	}
	ref, err := s.meant(ctx, a.Tenant, asked)
	if err != nil {
		return old, next, err
	}
	to, err := s.settle(ctx, a, ref, []user.Device{d})
	if err != nil {
		return old, next, err
	}
	return old, s.following(a, &old, side, *stays, to), nil
}

// staying returns the leg that goes on when the other is let go, and its side.
func staying(c *call.Call, leaves string) (*call.Leg, call.Side) {
	other := ""
	switch leaves {
	case c.CallerLeg:
		other = c.CalleeLeg
	case c.CalleeLeg:
		other = c.CallerLeg
	}
	l, side, _ := c.Find(other)
	return l, side
}

// following is the call of who stays, with the third party as its callee.
func (s *Service) following(a access.Actor, old *call.Call, side call.Side, leg call.Leg, to callee) call.Call {
	who := *old.Party(side)
	_, _, target := old.Find(leg.ID)
	leg.Target, leg.WayIndex, leg.JoinedTo, leg.Held = 0, 0, "", false
	who.Current, who.RingLimit = 0, s.cfg.Ring
	who.Attempts = []call.Attempt{{Targets: []call.Target{*target}, Legs: []call.Leg{leg}}}
	return call.Call{ID: identity.NewID(), Tenant: a.Tenant, Backend: leg.Way.Backend, Confirm: call.ConfirmNever, PlacedBy: call.PlacedByActor(a),
		Flags: []call.Flag{call.Adopted}, CallerLeg: leg.ID, CallerAnsweredAt: s.cfg.Now(), Context: old.Context, TalkLimit: s.cfg.Talk,
		Caller: who, Callee: call.Party{ContactID: to.contact, Name: to.name, Number: to.number, RingLimit: s.cfg.Ring}}
}
