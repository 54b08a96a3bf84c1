package httpapi

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"c2d/core/access"
	"c2d/core/call"
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
	register(s, post("transfer", "Hand the other side to a third", "party is who leaves, the caller if it is not said. The call ends as transferred; the answer "+
		"is the new one, which rings the third while the other side hears ring-back. When to may not be called, the two go on talking."), s.transfer)
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

type transferInput struct {
	ByID
	Body struct {
		Party call.Side `json:"party,omitempty" enum:"caller,callee"`
		To    *ref      `json:"to" required:"true"`
	}
}

func (s *Server) transfer(ctx context.Context, a access.Actor, in *transferInput) (*callOutput, error) {
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
