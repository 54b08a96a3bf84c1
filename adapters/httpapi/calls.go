package httpapi

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"c2d/core/access"
	"c2d/core/call"
	"c2d/core/dial"
	"c2d/core/fault"
)

func (s *Server) callOperations() {
	place := created(operation(http.MethodPost, "/v1/calls", "place-call", "Ring the caller's own phone, then the callee's"))
	place.Description = "Answers at once, before anybody has picked up. With an Idempotency-Key, or request_id, it may be sent again: the " +
		"same key and body give the same call, with Idempotent-Replayed: true. 409 caller_busy has the other call's id in details.call; " +
		"409 ambiguous has details.candidates, each with id, name, kind, department and site: ask the person, and send {\"id\": …}."
	register(s, place, s.place)
	list := operation(http.MethodGet, "/v1/calls", "list-calls", "Calls, newest first")
	list.Description = "context.KEY=VALUE, up to four times, selects calls that were placed with that context."
	list.Metadata[metaPrefix] = contextPrefix
	list.Middlewares = huma.Middlewares{keepQuery}
	register(s, list, s.listCalls)
	get := operation(http.MethodGet, "/v1/calls/{id}", "get-call", "One call, at once or when it has changed")
	get.Description = "With wait it is a long poll: it answers when the version is higher than after, or with what is there when the time " +
		"is up. A call whose state is ended may still gain the ends of its legs."
	register(s, get, s.getCall)
	both(s, operation(http.MethodDelete, "/v1/calls/{id}", "delete-call", "End a call in any state"),
		operation(http.MethodPost, "/v1/calls/{id}/hangup", "hang-up-call", "End a call in any state"), s.hangUp)
	s.controlOperations()
	register(s, operation(http.MethodPost, "/v1/resolve", "resolve", "Whom and how a call would reach, dialling nothing"), s.resolve)
}

// placeBody asks for a call.
type placeBody struct {
	Caller    *ref               `json:"caller,omitempty" doc:"May be absent with a user's own key or token: then it is that user"`
	Callee    *ref               `json:"callee" required:"true"`
	Devices   []string           `json:"devices,omitempty" doc:"Ids of the caller's devices to ring at once"`
	Present   string             `json:"present,omitempty" doc:"Number to show to the callee"`
	Context   map[string]string  `json:"context,omitempty" doc:"Kept with the call as given; 16 keys at most"`
	Limits    limitsBody         `json:"limits,omitempty"`
	Confirm   call.ConfirmPolicy `json:"confirm,omitempty" enum:"auto,always,never"`
	Priority  string             `json:"priority,omitempty"`
	RequestID string             `json:"request_id,omitempty" doc:"The same as Idempotency-Key"`
}

type limitsBody struct {
	CallerRing call.Seconds `json:"caller_ring_s,omitempty"`
	CalleeRing call.Seconds `json:"callee_ring_s,omitempty"`
	Talk       call.Seconds `json:"talk_s,omitempty"`
}

type placeInput struct {
	IdempotencyKey string `header:"Idempotency-Key" doc:"1 to 255 printable ASCII characters; kept 7 days"`
	Body           placeBody
}

type placeOutput struct {
	Location string `header:"Location"`
	ETag     string `header:"ETag"`
	Replayed string `header:"Idempotent-Replayed" doc:"true when the key was used before: the call is that of the first use"`
	Body     callView
}

func (s *Server) place(ctx context.Context, a access.Actor, in *placeInput) (*placeOutput, error) {
	r, err := in.request(a)
	if err != nil {
		return nil, err
	}
	r.BodyHash = hashOf(ctx)
	c, replayed, err := s.deps.Calls.Place(ctx, a, r)
	if err != nil {
		return nil, err
	}
	out := &placeOutput{Location: "/v1/calls/" + url.PathEscape(c.ID), ETag: entityTag(c.Version), Body: s.viewCall(c)}
	if replayed {
		out.Replayed = "true"
	}
	return out, nil
}

func (in *placeInput) request(a access.Actor) (dial.Request, error) {
	b := in.Body
	r := dial.Request{Devices: b.Devices, Present: b.Present, Context: b.Context, CallerRing: b.Limits.CallerRing,
		CalleeRing: b.Limits.CalleeRing, TalkLimit: b.Limits.Talk, Confirm: b.Confirm, Priority: b.Priority}
	var err error
	if r.IdempotencyKey, err = idempotencyKey(in.IdempotencyKey, b.RequestID); err != nil {
		return r, err
	}
	if err := checkContext(b.Context); err != nil {
		return r, err
	}
	if len(b.Devices) > 16 || len(b.Priority) > 32 {
		return r, fault.Field(fault.CodeInvalid, "devices", "must have 16 items at most, and priority 32 characters")
	}
	switch {
	case b.Caller != nil:
		if r.Caller, err = b.Caller.read("caller"); err != nil {
			return r, err
		}
	case a.UserID == "":
		return r, fault.Field(fault.CodeInvalid, "caller", "is required: this key is no user's own")
	}
	r.Callee, err = b.Callee.read("callee")
	return r, err
}

func idempotencyKey(header, body string) (string, error) {
	key, field := header, "Idempotency-Key"
	switch {
	case header == "":
		key, field = body, "request_id"
	case body != "" && body != header:
		return "", fault.Field(fault.CodeInvalid, "request_id", "differs from the header Idempotency-Key")
	}
	if len(key) > 255 || strings.ContainsFunc(key, func(r rune) bool { return r < ' ' || r > '~' }) {
		return "", fault.Field(fault.CodeInvalid, field, "must be 1 to 255 printable ASCII characters")
	}
	return key, nil
}

// checkContext bounds what is kept with a call; the decoder has refused control characters.
func checkContext(context map[string]string) error {
	if len(context) > 16 {
		return fault.Field(fault.CodeInvalid, "context", "must have 16 keys at most")
	}
	for k, v := range context {
		if n := len([]rune(k)); n < 1 || n > 64 {
			return fault.Field(fault.CodeInvalid, "context", "a key must have 1 to 64 characters")
		}
		if len([]rune(v)) > 256 {
			return fault.Field(fault.CodeInvalid, join("context", k), "must have 256 characters at most")
		}
	}
	return nil
}

const contextPrefix = "context."

type queryKey struct{}

// keepQuery hands the whole query to an operation with free parameters, which huma does not know.
func keepQuery(ctx huma.Context, next func(huma.Context)) {
	u := ctx.URL()
	next(huma.WithValue(ctx, queryKey{}, u.Query()))
}

type listCallsInput struct {
	Active bool `query:"active" doc:"Only calls that have not ended"`
	Paged
}

func (s *Server) listCalls(ctx context.Context, a access.Actor, in *listCallsInput) (*output[list[callView]], error) {
	p := in.page()
	if err := p.Check(); err != nil {
		return nil, err
	}
	q := call.Query{Active: in.Active, After: p.After, Limit: p.Limit, Context: map[string]string{}}
	given, _ := ctx.Value(queryKey{}).(url.Values)
	for name := range given {
		if key, is := strings.CutPrefix(name, contextPrefix); is {
			q.Context[key] = given.Get(name)
		}
	}
	if len(q.Context) > 4 {
		return nil, fault.Field(fault.CodeInvalid, "context", "may be asked for 4 times at most")
	}
	items, next, err := s.deps.Calls.List(ctx, a, q)
	if err != nil {
		return nil, err
	}
	return page(items, next, s.viewCall), nil
}

type getCallInput struct {
	ByID
	Wait  string `query:"wait" doc:"How long to wait for a version after that of after, such as 25s; 60s at most"`
	After int64  `query:"after" doc:"The version that is known already"`
}

type callOutput struct {
	ETag string `header:"ETag"`
	Body callView
}

func (s *Server) showCall(c call.Call) *callOutput {
	return &callOutput{ETag: entityTag(c.Version), Body: s.viewCall(c)}
}

func (s *Server) getCall(ctx context.Context, a access.Actor, in *getCallInput) (*callOutput, error) {
	wait, err := waitOf(in.Wait)
	if err != nil {
		return nil, err
	}
	if wait == 0 {
		c, err := s.deps.Calls.Get(ctx, a, in.ID)
		if err != nil {
			return nil, err
		}
		return s.showCall(c), nil
	}
	return s.awaitCall(ctx, a, in.ID, in.After, wait)
}

// awaitCall answers when the call is newer than after, or with what it is when the time is up or the service stops.
func (s *Server) awaitCall(ctx context.Context, a access.Actor, id string, after int64, wait time.Duration) (*callOutput, error) {
	leave, err := s.enter(a.KeyID)
	if err != nil {
		return nil, err
	}
	defer leave()
	timeUp := time.NewTimer(wait)
	defer timeUp.Stop()
	for last := false; ; {
		changed := s.deps.Events.Changed() // before the read, so that no change falls between
		c, err := s.deps.Calls.Get(ctx, a, id)
		if err != nil {
			return nil, err
		}
		if c.Version > after || last {
			return s.showCall(c), nil
		}
		select {
		case <-changed:
		case <-timeUp.C:
			last = true // read once more: not every change of a call is an event
		case <-s.closing:
			last = true
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

func (s *Server) hangUp(ctx context.Context, a access.Actor, in *ByID) (*callOutput, error) {
	c, err := s.deps.Calls.HangUp(ctx, a, in.ID)
	if err != nil {
		return nil, err
	}
	return s.showCall(c), nil
}

type resolveInput struct {
	Body struct {
		Caller *ref `json:"caller,omitempty"`
		Callee *ref `json:"callee" required:"true"`
	}
}

func (s *Server) resolve(ctx context.Context, a access.Actor, in *resolveInput) (*output[dial.Resolution], error) {
	var caller *dial.Ref
	if in.Body.Caller != nil {
		r, err := in.Body.Caller.read("caller")
		if err != nil {
			return nil, err
		}
		caller = &r
	}
	callee, err := in.Body.Callee.read("callee")
	if err != nil {
		return nil, err
	}
	r, err := s.deps.Calls.Resolve(ctx, a, caller, callee)
	if err != nil {
		return nil, err
	}
	return &output[dial.Resolution]{Body: r}, nil
}
