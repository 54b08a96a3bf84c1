package dial

import (
	"context"
	"strings"

	"c2d/core/access"
	"c2d/core/call"
	"c2d/core/fault"
	"c2d/core/user"
)

// mostKeys is how many keys one order may press: a card's number and its PIN fit.
const mostKeys = 64

// Can returns what can be done with a call now, of hangup, hold, resume, dtmf, transfer and record.
func (s *Service) Can(c call.Call) []string {
	able := call.Capabilities{Hold: true, SendDTMF: true, Part: true, Record: true}
	for _, id := range []string{c.CallerLeg, c.CalleeLeg} {
		var of call.Capabilities
		if l, _, _ := c.Find(id); l != nil {
			of = s.able(l.Way.Backend)
		}
		able.Hold, able.SendDTMF, able.Part = able.Hold && of.Hold, able.SendDTMF && of.SendDTMF, able.Part && of.Part
		able.Record = able.Record && of.Record
	}
	return call.Can(&c, able)
}

func (s *Service) able(backend string) call.Capabilities {
	if e := s.entry(backend); e.Backend != nil {
		return e.Backend.Capabilities()
	}
	return call.Capabilities{}
}

// Hold lets one side of a connected call hold the other, or ends that. It returns the call as it is; its record tells
// when the hold is on. by is the caller's side when empty. Errors: fault.CodeScopeMissing, CodeNotFound, CodeCallEnded,
// CodeConflict unless the two talk, CodeNotSupported, CodeCongestion, CodeBackendUnavailable.
func (s *Service) Hold(ctx context.Context, a access.Actor, id string, by call.Side, on bool) (call.Call, error) {
	action := "call.hold"
	if !on {
		action = "call.resume"
	}
	return s.control(ctx, a, action, id, func() error {
		side, err := sideOf("party", by, call.CallerSide)
		if err != nil {
			return err
		}
		return s.carrier.Hold(ctx, id, side, on)
	})
}

// SendDTMF presses keys (0-9 * # A-D) towards one side of a connected call, the callee's when to is empty. Errors: as
// Hold; fault.CodeInvalid and CodeTooLarge with the field.
func (s *Service) SendDTMF(ctx context.Context, a access.Actor, id string, to call.Side, keys string) (call.Call, error) {
	return s.control(ctx, a, "call.dtmf", id, func() error {
		side, err := sideOf("party", to, call.CalleeSide)
		if err != nil {
			return err
		}
		keys = strings.ToUpper(keys)
		switch {
		case keys == "" || strings.Trim(keys, "0123456789*#ABCD") != "":
			return fault.Field(fault.CodeInvalid, "digits", "one or more of 0-9 * # A-D")
		case len(keys) > mostKeys:
			return fault.Field(fault.CodeTooLarge, "digits", "at most %d", mostKeys)
		}
		return s.carrier.SendDTMF(ctx, id, side, keys)
	})
}

// TransferCall lets the party that leaves hand the other to whom ref means (blind transfer): the call ends as transferred,
// and a new one, which is returned, rings the third. leaves is the caller's side when empty. Whom nobody may call is
// refused, and the two go on talking. Errors: as Hold, and those of the callee as in Place, in the field "to".
func (s *Service) TransferCall(ctx context.Context, a access.Actor, id string, leaves call.Side, ref Ref) (call.Call, error) {
	old, err := s.controlled(ctx, a, id)
	if err != nil {
		return old, s.refused(ctx, a, "call.transfer", err)
	}
	next, err := s.toThird(ctx, a, old, leaves, ref)
	return s.handOver(ctx, a, next, err, old.ID)
}

func (s *Service) toThird(ctx context.Context, a access.Actor, old call.Call, leaves call.Side, ref Ref) (next call.Call, err error) {
	t, leaves, err := leaver(old, leaves)
	if err != nil {
		return next, err
	}
	stays, side, err := s.movable(&t)
	if err != nil {
		return next, err
	}
	near := []user.Device{
		{Backend: stays.Way.Backend, Number: old.Party(side).Number}, {Backend: stays.Way.Backend, Number: old.Party(leaves).Number},
	}
	to, err := s.settle(ctx, a, ref, near)
	if err != nil {
		return next, renamed(err, "callee", "to")
	}
	return s.following(a, &t, to), nil
}

// JoinCalls lets the party that leaves a call hand the other to whom it talks with in another call of its own (attended
// transfer): both calls end as transferred, and a new one, which is returned, joins the two. leaves is the caller's side
// when empty. Errors: as Hold; in the field "call": fault.CodeNotFound, CodeCallEnded, CodeConflict unless those two talk,
// CodeSameParty for the same call, CodeInvalid when who leaves is not in it.
func (s *Service) JoinCalls(ctx context.Context, a access.Actor, id string, leaves call.Side, other string) (call.Call, error) {
	one, err := s.controlled(ctx, a, id)
	if err != nil {
		return one, s.refused(ctx, a, "call.transfer", err)
	}
	next, two, err := s.withOther(ctx, a, one, leaves, other)
	return s.handOver(ctx, a, next, err, one.ID, two.ID)
}

func (s *Service) withOther(ctx context.Context, a access.Actor, old call.Call, leaves call.Side, other string) (next, two call.Call, err error) {
	one, _, err := leaver(old, leaves)
	if err != nil {
		return next, two, err
	}
	if _, _, err = s.movable(&one); err != nil {
		return next, two, err
	}
	if other == old.ID {
		return next, two, fault.Field(fault.CodeSameParty, "call", "is this call itself")
	}
	if two, err = s.controlled(ctx, a, other); err != nil {
		return next, two, inField(err, "call")
	}
	for _, leg := range []string{two.CallerLeg, two.CalleeLeg} {
		if t := (talk{two, leg}); one.samePerson(&t) {
			next, err = s.meeting(a, one, t)
			return next, two, inField(err, "call")
		}
	}
	return next, two, fault.Field(fault.CodeInvalid, "call", "who leaves is not in that call")
}

// leaver is the call with the leg of the party that leaves it, and that party's side.
func leaver(c call.Call, side call.Side) (talk, call.Side, error) {
	side, err := sideOf("party", side, call.CallerSide)
	t := talk{c, c.CallerLeg}
	if side == call.CalleeSide {
		t.leaves = c.CalleeLeg
	}
	return t, side, err
}

// control does something to a call that the actor may control, and audits it, done or refused.
func (s *Service) control(ctx context.Context, a access.Actor, action, id string, do func() error) (call.Call, error) {
	c, err := s.controlled(ctx, a, id)
	if err == nil {
		err = do()
	}
	if err != nil {
		s.record(ctx, a, action, c.ID, string(fault.CodeOf(err)))
		return c, err
	}
	s.record(ctx, a, action, id, "ok")
	return s.find(ctx, a.Tenant, id)
}

// controlled returns an open call that the actor may control.
func (s *Service) controlled(ctx context.Context, a access.Actor, id string) (call.Call, error) {
	if err := a.May(access.ControlCalls); err != nil {
		return call.Call{}, err
	}
	c, err := s.visible(ctx, a, id)
	if err == nil && c.State == call.Ended {
		err = fault.New(fault.CodeCallEnded, "the call has ended")
	}
	return c, err
}

func sideOf(field string, given, standard call.Side) (call.Side, error) {
	switch given {
	case call.NoSide:
		return standard, nil
	case call.CallerSide, call.CalleeSide:
		return given, nil
	}
	return given, fault.Field(fault.CodeInvalid, field, "caller or callee")
}

// renamed says the field of a fault in the words of another request.
func renamed(err error, was, is string) error {
	f, ok := err.(*fault.Error)
	if !ok {
		return err
	}
	if rest, of := strings.CutPrefix(f.Field, was); of {
		c := *f
		c.Field = is + rest
		return &c
	}
	return err
}
