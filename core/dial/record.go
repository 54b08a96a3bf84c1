package dial

import (
	"context"

	"c2d/core/access"
	"c2d/core/audit"
	"c2d/core/call"
	"c2d/core/fault"
	"c2d/core/identity"
)

// Record begins or ends the recording of a connected call; ordered twice it is one. It returns the call as it is: its
// record tells when the recording runs, ended or failed. Errors: as Hold; fault.CodeScopeMissing without RecordCalls too.
func (s *Service) Record(ctx context.Context, a access.Actor, id string, on bool) (call.Call, error) {
	action := "call.record"
	if !on {
		action = "call.record_stop"
	}
	in := call.RecordOrdered{On: on, By: call.PlacedByActor(a), Audit: []audit.Entry{audit.New(a, s.cfg.Now(), action, id, "ok")}}
	if on {
		in.ID = identity.NewID()
	}
	c, err := s.recordable(ctx, a, id)
	done := false
	if err == nil {
		c, done, err = s.carrier.Record(ctx, id, in)
	}
	if err != nil {
		s.record(ctx, a, action, id, string(fault.CodeOf(err)))
		return c, err
	}
	if !done { // else it is stored with the order
		s.record(ctx, a, action, id, "ok")
	}
	return s.find(ctx, a.Tenant, id)
}

// recordable returns an open call that the actor may record.
func (s *Service) recordable(ctx context.Context, a access.Actor, id string) (call.Call, error) {
	if err := a.May(access.RecordCalls); err != nil {
		return call.Call{}, err
	}
	return s.controlled(ctx, a, id)
}
