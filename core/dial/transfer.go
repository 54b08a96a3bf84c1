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
	old, _ := s.carrier.Of(leg)
	next, err := s.transfer(ctx, a, talk{old, leg}, asked)
	return s.handOver(ctx, a, next, err, old.ID)
}

// Attend implements [call.Clicks]: a phone that has two calls joins those that it talks with (attended transfer). Whom the
// leg talks with becomes the caller. Errors: fault.CodeConflict unless both talk, CodeForbidden when the legs are not one
// person's, CodeNotSupported.
func (s *Service) Attend(ctx context.Context, leg, other string) (call.Call, error) {
	a := access.Internal(access.MainTenant)
	one, _ := s.carrier.Of(leg)
	two, _ := s.carrier.Of(other)
	next, err := s.meeting(a, talk{one, leg}, talk{two, other})
	return s.handOver(ctx, a, next, err, one.ID, two.ID)
}

// handOver begins the call that follows those that end, or says why not. A client that leaves does not stop it half way.
func (s *Service) handOver(ctx context.Context, a access.Actor, next call.Call, err error, from ...string) (call.Call, error) {
	if err == nil {
		trail := audit.Trail{Audit: []audit.Entry{audit.New(a, s.cfg.Now(), "call.transfer", next.ID, "ok")}}
		next, err = s.carrier.Transfer(context.WithoutCancel(ctx), next, from, trail)
	}
	if err != nil {
		return next, s.refused(ctx, a, "call.transfer", err)
	}
	return next, nil
}

// talk is a call, and the leg that leaves it.
type talk struct {
	call.Call
	leaves string
}

// stays returns the leg that goes on when the other is let go, and its side; nil unless the two talk.
func (t *talk) stays() (*call.Leg, call.Side) {
	other := ""
	switch {
	case t.State != call.Connected:
	case t.leaves == t.CallerLeg:
		other = t.CalleeLeg
	case t.leaves == t.CalleeLeg:
		other = t.CallerLeg
	}
	l, side, _ := t.Find(other)
	return l, side
}

// movable returns the leg that stays, which can be parted from the one that leaves.
func (s *Service) movable(t *talk) (*call.Leg, call.Side, error) {
	l, side := t.stays()
	switch {
	case l == nil:
		return nil, side, fault.New(fault.CodeConflict, "only who talks can be transferred")
	case !s.able(l.Way.Backend).Part:
		return nil, side, fault.New(fault.CodeNotSupported, "this phone system cannot transfer")
	}
	return l, side, nil
}

// transfer settles the call that follows a blind transfer by a phone; nothing is changed yet.
func (s *Service) transfer(ctx context.Context, a access.Actor, t talk, asked call.Asked) (next call.Call, err error) {
	if _, _, err = s.movable(&t); err != nil {
		return next, err
	}
	d, err := s.cfg.Users.DeviceByAddress(ctx, a.Tenant, asked.From)
	if err != nil {
		return next, inField(err, "caller")
	}
	ref, err := s.meant(ctx, a.Tenant, asked)
	if err != nil {
		return next, err
	}
	to, err := s.settle(ctx, a, ref, []user.Device{d})
	if err != nil {
		return next, err
	}
	return s.following(a, &t, to), nil
}

// following is the call of who stays, with the third party as its callee.
func (s *Service) following(a access.Actor, t *talk, to callee) call.Call {
	next := s.taken(a, t)
	next.Callee = call.Party{ContactID: to.contact, Name: to.name, Number: to.number, RingLimit: s.course().Ring}
	return next
}

// meeting is the call of those who stay when one person leaves both talks.
func (s *Service) meeting(a access.Actor, one, two talk) (next call.Call, err error) {
	x, _, err := s.movable(&one)
	if err != nil {
		return next, err
	}
	y, side, err := s.movable(&two)
	switch {
	case err != nil:
		return next, err
	case one.ID == two.ID:
		return next, fault.New(fault.CodeConflict, "the two talk with each other already")
	case !one.samePerson(&two):
		return next, fault.New(fault.CodeForbidden, "the two calls have no person in common")
	case s.entry(x.Way.Backend).Backend != s.entry(y.Way.Backend).Backend:
		return next, fault.New(fault.CodeNotSupported, "the two are on different phone systems")
	}
	next = s.taken(a, &one)
	next.CalleeLeg, next.CalleeAnsweredAt, next.Callee = y.ID, s.cfg.Now(), s.party(&two, side, *y)
	return next, nil
}

// samePerson reports whether who leaves the two talks is one user, or one device.
func (t *talk) samePerson(other *talk) bool {
	a, side, _ := t.Find(t.leaves)
	b, otherSide, _ := other.Find(other.leaves)
	if a == nil || b == nil || t.Tenant != other.Tenant {
		return false
	}
	id := t.Party(side).UserID
	return id != "" && id == other.Party(otherSide).UserID || a.Way.Address != "" && a.Way.Backend == b.Way.Backend && a.Way.Address == b.Way.Address
}

// taken is a call whose caller is who stays.
func (s *Service) taken(a access.Actor, t *talk) call.Call {
	leg, side := t.stays()
	return call.Call{ID: identity.NewID(), Tenant: a.Tenant, Backend: leg.Way.Backend, Confirm: call.ConfirmNever, PlacedBy: call.PlacedByActor(a),
		Flags: []call.Flag{call.Adopted}, CallerLeg: leg.ID, CallerAnsweredAt: s.cfg.Now(), Context: t.Context, TalkLimit: s.course().Talk,
		Caller: s.party(t, side, *leg)}
}

// party is who stays, with that one leg. It is joined to its old peer until it is parted.
func (s *Service) party(t *talk, side call.Side, leg call.Leg) call.Party {
	who := *t.Party(side)
	_, _, target := t.Find(leg.ID)
	leg.Target, leg.WayIndex, leg.Held = 0, 0, false
	who.Current, who.RingLimit = 0, s.course().Ring
	who.Attempts = []call.Attempt{{Targets: []call.Target{*target}, Legs: []call.Leg{leg}}}
	return who
}
