package httpapi

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"c2d/core/access"
	"c2d/core/event"
	"c2d/core/webhook"
)

func (s *Server) webhookOperations() {
	if s.deps.Webhooks == nil {
		return
	}
	register(s, operation(http.MethodGet, "/v1/webhooks", "list-webhooks", "Who is told what happens"), s.listWebhooks)
	register(s, created(operation(http.MethodPost, "/v1/webhooks", "create-webhook",
		"A new web hook; its secret is shown this once. Deliveries follow Standard Webhooks: webhook-id, webhook-timestamp, webhook-signature")), s.createWebhook)
	register(s, operation(http.MethodGet, "/v1/webhooks/{id}", "get-webhook", "One web hook, and how it does"), s.getWebhook)
	update := operation(http.MethodPut, "/v1/webhooks/{id}", "update-webhook", "Change a web hook, or enable it again: it goes on where it stopped")
	both(s, update, operation(http.MethodPost, "/v1/webhooks/{id}", "post-webhook", update.Summary), s.updateWebhook)
	remove := operation(http.MethodDelete, "/v1/webhooks/{id}", "delete-webhook", "Remove a web hook and all that waits for it")
	both(s, remove, operation(http.MethodPost, "/v1/webhooks/{id}/delete", "post-delete-webhook", remove.Summary), s.deleteWebhook)
	register(s, operation(http.MethodPost, "/v1/webhooks/{id}/rotate", "rotate-webhook", "A new secret; the old one signs beside it for a day"), s.rotateWebhook)
	register(s, operation(http.MethodPost, "/v1/webhooks/{id}/replay", "replay-webhook", "Tell again all events after one"), s.replayWebhook)
	register(s, operation(http.MethodGet, "/v1/webhooks/{id}/attempts", "list-webhook-attempts", "The last deliveries that were tried, the newest first"), s.webhookAttempts)
}

// webhookView is a hook as it is shown; the secret only in the answer that makes it.
type webhookView struct {
	ID           string       `json:"id"`
	Version      int64        `json:"version"`
	Name         string       `json:"name"`
	URL          string       `json:"url"`
	Kinds        []event.Kind `json:"kinds"`
	Enabled      bool         `json:"enabled"`
	CreatedAt    stamp        `json:"created_at"`
	DisabledAt   stamp        `json:"disabled_at,omitzero"`
	DisabledWhy  string       `json:"disabled_why,omitempty" enum:"failing,gone,ordered" doc:"failing: nothing was delivered for three days; gone: the receiver answered 410"`
	FailingSince stamp        `json:"failing_since,omitzero" doc:"First failure since the last success"`
	Secret       string       `json:"secret,omitempty" doc:"Signs deliveries; it cannot be shown again"`
}

func viewWebhook(h webhook.Hook) webhookView {
	return webhookView{ID: h.ID, Version: h.Version, Name: h.Name, URL: h.URL, Kinds: h.Kinds, Enabled: h.DisabledAt.IsZero(), CreatedAt: stamp(h.CreatedAt),
		DisabledAt: stamp(h.DisabledAt), DisabledWhy: h.Why, FailingSince: stamp(h.FailingSince)}
}

// WebhookBody is what an administrator sets.
type WebhookBody struct {
	Name    string       `json:"name"`
	URL     string       `json:"url" doc:"https, within the networks that the configuration allows"`
	Kinds   []event.Kind `json:"kinds,omitempty" doc:"Kinds of events, such as call.ended; absent is all that the key may see"`
	Enabled *bool        `json:"enabled,omitempty" doc:"true if absent"`
	Version int64        `json:"version,omitempty" doc:"The one seen, for a change"`
}

func (b WebhookBody) change() webhook.Change {
	return webhook.Change{Name: b.Name, URL: b.URL, Kinds: b.Kinds, Enabled: b.Enabled == nil || *b.Enabled, Version: b.Version}
}

type listWebhooksInput struct{ Paged }

func (s *Server) listWebhooks(ctx context.Context, a access.Actor, in *listWebhooksInput) (*output[list[webhookView]], error) {
	if err := in.whole(); err != nil {
		return nil, err
	}
	hooks, err := s.deps.Webhooks.List(ctx, a)
	if err != nil {
		return nil, err
	}
	return page(hooks, "", viewWebhook), nil
}

type createWebhookInput struct{ Body WebhookBody }

func (s *Server) createWebhook(ctx context.Context, a access.Actor, in *createWebhookInput) (*output[webhookView], error) {
	return shownOnce(s.deps.Webhooks.Create(ctx, a, in.Body.change(), kindsFor(a)))
}

func shownOnce(h webhook.Hook, secret string, err error) (*output[webhookView], error) {
	if err != nil {
		return nil, err
	}
	v := viewWebhook(h)
	v.Secret = secret
	return &output[webhookView]{Body: v}, nil
}

func (s *Server) getWebhook(ctx context.Context, a access.Actor, in *ByID) (*output[webhookView], error) {
	h, err := s.deps.Webhooks.Get(ctx, a, in.ID)
	return shownOnce(h, "", err)
}

type updateWebhookInput struct {
	ByID
	IfMatch string `header:"If-Match"`
	Body    WebhookBody
}

func (s *Server) updateWebhook(ctx context.Context, a access.Actor, in *updateWebhookInput) (*output[webhookView], error) {
	version, err := versionOf(in.Body.Version, in.IfMatch)
	if err != nil {
		return nil, err
	}
	c := in.Body.change()
	c.Version = version
	h, err := s.deps.Webhooks.Update(ctx, a, in.ID, c, kindsFor(a))
	return shownOnce(h, "", err)
}

func (s *Server) deleteWebhook(ctx context.Context, a access.Actor, in *ByID) (*struct{}, error) {
	return nil, s.deps.Webhooks.Delete(ctx, a, in.ID)
}

func (s *Server) rotateWebhook(ctx context.Context, a access.Actor, in *ByID) (*output[webhookView], error) {
	return shownOnce(s.deps.Webhooks.Rotate(ctx, a, in.ID))
}

type replayWebhookInput struct {
	ByID
	Body struct {
		After string `json:"after,omitempty" doc:"Id of an event; absent is from the oldest that is kept"`
	}
}

func (s *Server) replayWebhook(ctx context.Context, a access.Actor, in *replayWebhookInput) (*struct{}, error) {
	return nil, s.deps.Webhooks.Replay(ctx, a, in.ID, in.Body.After)
}

type deliveryView struct {
	At         stamp      `json:"at"`
	Event      string     `json:"event"`
	Kind       event.Kind `json:"kind"`
	Try        int        `json:"try" doc:"From 1"`
	Status     int        `json:"status,omitempty" doc:"Of the answer"`
	Error      string     `json:"error,omitempty" doc:"Why it counts as failed"`
	DurationMS int64      `json:"duration_ms"`
}

type webhookAttemptsInput struct {
	ByID
	Paged
}

func (s *Server) webhookAttempts(ctx context.Context, a access.Actor, in *webhookAttemptsInput) (*output[list[deliveryView]], error) {
	if err := in.whole(); err != nil {
		return nil, err
	}
	all, err := s.deps.Webhooks.Attempts(ctx, a, in.ID, in.page().Limit)
	if err != nil {
		return nil, err
	}
	return page(all, "", func(t webhook.Attempt) deliveryView {
		return deliveryView{At: stamp(t.At), Event: t.Event, Kind: t.Kind, Try: t.Try, Status: t.Status, Error: t.Error, DurationMS: t.Duration.Milliseconds()}
	}), nil
}

// webhookBody is a delivery as Standard Webhooks has it.
type webhookBody struct {
	Type      event.Kind `json:"type"`
	Timestamp stamp      `json:"timestamp"`
	Data      eventView  `json:"data"`
}

// WebhookBody returns what a receiver is told of an event: the event, and the call as it is now.
func (s *Server) WebhookBody(ctx context.Context, e event.Event) ([]byte, error) {
	r := &eventReader{s: s, q: &request{actor: access.Internal(e.Tenant)}}
	return json.Marshal(webhookBody{Type: e.Kind, Timestamp: stamp(e.At.Truncate(time.Millisecond)), Data: r.views(ctx, []event.Event{e})[0]})
}
