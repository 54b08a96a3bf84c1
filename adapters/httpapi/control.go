package httpapi

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"c2d/core/access"
	"c2d/core/call"
	"c2d/core/fault"
)

// controlOperations are what may be done with a call that talks, where its phone system can: "can" lists them.
func (s *Server) controlOperations() {
	const able = " 409 not_supported where the phone system cannot, 409 conflict unless the two talk."
	post := func(verb, summary, description string) huma.Operation {
		op := operation(http.MethodPost, "/v1/calls/{id}/"+verb, verb+"-call", summary)
		op.Description = description + able
		return op
	}
	register(s, post("hold", "Let the other side wait", "party is who holds, the caller if it is not said: the other hears that it waits. "+
		"The answer is the call as it is; held of the party's leg says when the hold is on."), s.hold)
	register(s, post("resume", "Talk again", "Ends the hold of party, the caller's if it is not said."), s.resume)
	register(s, post("dtmf", "Press keys", "Presses digits (0-9 * # A-D, 64 at most) one after the other towards party, the callee if it is not said. "+
		"They are in no log, event or audit entry."), s.sendDTMF)
	register(s, post("transfer", "Hand the other side to a third", "party is who leaves, the caller if it is not said; exactly one of to and call says whom the other "+
		"side gets. to rings a third while the other side hears ring-back (blind). call is another call in which who leaves talks: "+
		"the two that stay are joined (attended); while the third still rings that is 409 conflict. The calls that are left end as "+
		"transferred; the answer is the new one. When it is refused, all go on talking."), s.transfer)
	register(s, post("record", "Record what the two say, or not any more", "on says which; ordered twice it is one recording. It needs calls:record beside "+
		"calls:control, and an administrator who says where recordings lie. recordings of the call tells its id, and whether it runs, has ended or has failed; the "+
		"sound is not to be had over this API. The two hear that they are recorded, unless the administrator has switched that off."), s.record)
}

type partyBody struct {
	Party call.Side `json:"party,omitempty" enum:"caller,callee"`
}

type partyInput struct {
	ByID
	Body *partyBody `required:"false"`
}

func (in *partyInput) party() call.Side {
	if in.Body == nil {
		return call.NoSide
	}
	return in.Body.Party
}

func (s *Server) hold(ctx context.Context, a access.Actor, in *partyInput) (*callOutput, error) {
	return s.shown(s.deps.Calls.Hold(ctx, a, in.ID, in.party(), true))
}

func (s *Server) resume(ctx context.Context, a access.Actor, in *partyInput) (*callOutput, error) {
	return s.shown(s.deps.Calls.Hold(ctx, a, in.ID, in.party(), false))
}

type dtmfInput struct {
	ByID
	Body struct {
		Party  call.Side `json:"party,omitempty" enum:"caller,callee"`
		Digits string    `json:"digits" required:"true"`
	}
}

func (s *Server) sendDTMF(ctx context.Context, a access.Actor, in *dtmfInput) (*callOutput, error) {
	return s.shown(s.deps.Calls.SendDTMF(ctx, a, in.ID, in.Body.Party, in.Body.Digits))
}

type recordInput struct {
	ByID
	Body struct {
		On bool `json:"on" required:"true"`
	}
}

func (s *Server) record(ctx context.Context, a access.Actor, in *recordInput) (*callOutput, error) {
	return s.shown(s.deps.Calls.Record(ctx, a, in.ID, in.Body.On))
}

type transferInput struct {
	ByID
	Body struct {
		Party call.Side `json:"party,omitempty" enum:"caller,callee"`
		To    *ref      `json:"to,omitempty"`
		Call  string    `json:"call,omitempty" doc:"Id of another call of who leaves"`
	}
}

func (s *Server) transfer(ctx context.Context, a access.Actor, in *transferInput) (*callOutput, error) {
	switch {
	case in.Body.To == nil && in.Body.Call == "":
		return nil, fault.Field(fault.CodeInvalid, "to", "to or call is needed")
	case in.Body.To == nil:
		return s.shown(s.deps.Calls.JoinCalls(ctx, a, in.ID, in.Body.Party, in.Body.Call))
	case in.Body.Call != "":
		return nil, fault.Field(fault.CodeInvalid, "call", "cannot be given beside to")
	}
	to, err := in.Body.To.read("to")
	if err != nil {
		return nil, err
	}
	return s.shown(s.deps.Calls.TransferCall(ctx, a, in.ID, in.Body.Party, to))
}

func (s *Server) shown(c call.Call, err error) (*callOutput, error) {
	if err != nil {
		return nil, err
	}
	return s.showCall(c), nil
}
