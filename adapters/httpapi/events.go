package httpapi

import (
	"context"
	"encoding/json"
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"c2d/core/access"
	"c2d/core/event"
	"c2d/core/fault"
)

const (
	maxWait   = 60 * time.Second // of a long poll; proxies commonly cut at this
	heartbeat = 15 * time.Second // between comments of a stream
	readBatch = 100
)

func (s *Server) eventOperations() {
	register(s, s.eventOperation("/v1/events", "list-events", "What happens, as it happens"),
		func(ctx context.Context, a access.Actor, in *EventsInput) (*huma.StreamResponse, error) {
			return s.events(ctx, a, "", in)
		})
	register(s, s.eventOperation("/v1/calls/{id}/events", "list-call-events", "What happens to a call, from its beginning"),
		func(ctx context.Context, a access.Actor, in *callEventsInput) (*huma.StreamResponse, error) {
			return s.events(ctx, a, in.ID, &in.EventsInput)
		})
}

func (s *Server) eventOperation(path, id, summary string) huma.Operation {
	op := operation(http.MethodGet, path, id, summary)
	op.Description = "Server-sent events; with Accept: application/json, or with wait or after and another Accept than " +
		"text/event-stream, a long poll. Last-Event-ID or after says where to go on; an event named reset tells that older ones are gone."
	schema := s.api.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[eventPage](), true, "EventPage")
	op.Responses = map[string]*huma.Response{"200": {Description: "Events", Content: map[string]*huma.MediaType{
		"text/event-stream": {Schema: &huma.Schema{Type: huma.TypeString}}, "application/json": {Schema: schema}}}}
	return op
}

// eventView is an event with the call that it is about, as the call is now.
type eventView struct {
	ID      string            `json:"id" doc:"Where to go on: Last-Event-ID or after"`
	Kind    event.Kind        `json:"kind"`
	Subject string            `json:"subject" doc:"Id of the call, user, device, contact or key"`
	UserID  string            `json:"user_id,omitempty"`
	Version int64             `json:"version,omitempty" doc:"Of the subject, after the change"`
	At      stamp             `json:"at"`
	Data    map[string]string `json:"data,omitempty"`
	Call    *callView         `json:"call,omitempty"`
}

// eventPage is the answer of a long poll.
type eventPage struct {
	Items []eventView `json:"items"`
	Next  string      `json:"next" doc:"The next after"`
	Reset bool        `json:"reset" doc:"Events before the first item are gone"`
}

// EventsInput says what a reader has seen, and how it wants the rest.
type EventsInput struct {
	Wait        string `query:"wait" doc:"How long to wait for an event, such as 25s; 60s at most"`
	After       string `query:"after" doc:"next of the page before, or the id of an event"`
	LastEventID string `header:"Last-Event-ID"`
	Accept      string `header:"Accept"`
}

type callEventsInput struct {
	ByID
	EventsInput
}

// named gives a cursor that is refused the name under which the client sent it.
func (in *EventsInput) named(err error) error {
	switch {
	case !fault.Is(err, fault.CodeBadCursor):
		return err
	case in.LastEventID != "":
		return fault.Field(fault.CodeBadCursor, "Last-Event-ID", "is no id of an event of this log")
	}
	return fault.Field(fault.CodeBadCursor, "after", "is neither next of a page nor the id of an event")
}

// streams reports whether the client asks for a stream of events.
func (in *EventsInput) streams() bool {
	switch {
	case strings.Contains(in.Accept, "text/event-stream"):
		return true
	case in.Wait != "" || in.After != "":
		return false
	}
	return !strings.Contains(in.Accept, "application/json")
}

func (s *Server) events(ctx context.Context, a access.Actor, callID string, in *EventsInput) (*huma.StreamResponse, error) {
	r, err := s.newReader(ctx, a, callID, in)
	if err != nil {
		return nil, err
	}
	leave, err := s.enter(a.KeyID)
	if err != nil {
		return nil, err
	}
	if !in.streams() {
		defer leave()
		page, err := r.poll(ctx, in.Wait)
		if err != nil {
			return nil, in.named(err)
		}
		return &huma.StreamResponse{Body: func(h huma.Context) { writeJSON(h, page) }}, nil
	}
	if _, err := s.deps.Events.Read(ctx, r.filter, r.cursor, 1); err != nil { // told while there is a status to tell it with
		leave()
		return nil, in.named(err)
	}
	return &huma.StreamResponse{Body: func(h huma.Context) {
		defer leave()
		_, w := humago.Unwrap(h)
		r.stream(h.Context(), w)
	}}, nil
}

func writeJSON(h huma.Context, v any) {
	h.SetHeader("Content-Type", "application/json")
	h.SetStatus(http.StatusOK)
	_ = json.NewEncoder(h.BodyWriter()).Encode(v) // a client that is gone is told nothing
}

// eventReader is a cursor in the log and what its client may see.
type eventReader struct {
	s      *Server
	q      *request
	filter event.Filter
	cursor string
}

// newReader settles what is read and from where: the events of a call from its beginning, all others from now on.
func (s *Server) newReader(ctx context.Context, a access.Actor, callID string, in *EventsInput) (*eventReader, error) {
	if err := a.May(access.ReadEvents); err != nil {
		return nil, err
	}
	r := &eventReader{s: s, q: asked(ctx), cursor: in.LastEventID,
		filter: event.Filter{Tenant: a.Tenant, Subject: callID, UserID: a.UserID, Kinds: kindsFor(a)}}
	if r.cursor == "" {
		r.cursor = in.After
	}
	if callID != "" {
		_, err := s.deps.Calls.Get(ctx, a, callID)
		return r, err
	}
	var err error
	if r.cursor == "" {
		r.cursor, err = s.deps.Events.Head(ctx, a.Tenant)
	}
	return r, err
}

// kindsFor returns the kinds of events that the actor's scopes let it see.
func kindsFor(a access.Actor) []event.Kind {
	kinds := []event.Kind{event.BackendLost, event.BackendUp}
	for _, k := range []struct {
		scope access.Scope
		kinds []event.Kind
	}{
		{access.ReadCalls, []event.Kind{event.CallCreated, event.CallChanged, event.CallRinging, event.CallAnswered, event.CallConnected, event.CallRecording, event.CallEnded}},
		{access.ReadUsers, []event.Kind{event.UserChanged, event.DeviceChanged}},
		{access.ReadBook, []event.Kind{event.BookChanged}},
		{access.WriteKeys, []event.Kind{event.KeyChanged}},
		{access.WriteWebhooks, []event.Kind{event.WebhookChanged, event.WebhookDisabled}},
	} {
		if a.May(k.scope) == nil {
			kinds = append(kinds, k.kinds...)
		}
	}
	return kinds
}

// poll answers as soon as there is an event, or with none when the time is up or the service stops.
func (r *eventReader) poll(ctx context.Context, wait string) (eventPage, error) {
	limit, err := waitOf(wait)
	if err != nil {
		return eventPage{}, err
	}
	timeUp := time.NewTimer(limit)
	defer timeUp.Stop()
	for {
		changed := r.s.deps.Events.Changed() // before the read, so that no event falls between
		page, err := r.s.deps.Events.Read(ctx, r.filter, r.cursor, readBatch)
		if err != nil {
			return eventPage{}, err
		}
		moved := page.Next != r.cursor
		r.cursor = page.Next
		out := eventPage{Items: r.views(ctx, page.Events), Next: r.cursor, Reset: page.Reset}
		switch {
		case len(out.Items) > 0 || out.Reset || limit == 0:
			return out, nil
		case moved: // past events of others: perhaps more is there
			continue
		}
		select {
		case <-changed:
		case <-timeUp.C:
			return out, nil
		case <-r.s.closing:
			return out, nil
		case <-ctx.Done():
			return out, ctx.Err()
		}
	}
}

// views fills events from the record: they hold ids only. Events of one call on one page show it once read.
func (r *eventReader) views(ctx context.Context, events []event.Event) []eventView {
	views, calls := make([]eventView, len(events)), map[string]*callView{}
	for i, e := range events {
		views[i] = eventView{ID: e.ID, Kind: e.Kind, Subject: e.Subject, UserID: e.UserID, Version: e.Version, At: stamp(e.At), Data: e.Data}
		if !strings.HasPrefix(string(e.Kind), "call.") {
			continue
		}
		if _, known := calls[e.Subject]; !known {
			calls[e.Subject] = r.call(ctx, e.Subject)
		}
		views[i].Call = calls[e.Subject]
	}
	return views
}

// call returns the call as it is now; nil when the client may not see it any more, or it cannot be read.
func (r *eventReader) call(ctx context.Context, id string) *callView {
	c, err := r.s.deps.Calls.Get(ctx, r.q.actor, id)
	if err != nil {
		return nil
	}
	v := r.s.viewCall(c)
	return &v
}

// waitOf reads a duration such as 25s, or whole seconds; longer ones are cut to the longest.
func waitOf(s string) (time.Duration, error) {
	if s == "" {
		return 0, nil
	}
	d, err := time.ParseDuration(s)
	if seconds, bare := strconv.Atoi(s); bare == nil {
		d, err = time.Duration(min(seconds, int(maxWait/time.Second)))*time.Second, nil
	}
	if err != nil || d < 0 {
		return 0, fault.Field(fault.CodeInvalid, "wait", "must be a duration such as 25s")
	}
	return min(d, maxWait), nil
}
