package httpapi_test

import (
	"context"
	"time"

	"c2d/core/access"
	"c2d/core/event"
	"c2d/core/fault"
	"c2d/core/webhook"
)

// fakeWebhooks knows one hook, h-1, and keeps what it was asked for.
type fakeWebhooks struct {
	change webhook.Change
	may    []event.Kind
	after  string
	gone   bool
}

func (f *fakeWebhooks) hook() webhook.Hook {
	return webhook.Hook{ID: "h-1", Version: 1, Name: "HIS", URL: "https://his.example/c2d", Kinds: []event.Kind{event.CallEnded}, CreatedAt: start,
		DisabledAt: start, Why: "failing", FailingSince: start, Secrets: []webhook.Secret{{Key: []byte("SECRET-hmac")}}}
}

func (f *fakeWebhooks) Create(_ context.Context, a access.Actor, c webhook.Change, may []event.Kind) (webhook.Hook, string, error) {
	f.change, f.may = c, may
	return f.hook(), "whsec_shown-once", a.May(access.WriteWebhooks)
}

func (f *fakeWebhooks) Update(_ context.Context, _ access.Actor, _ string, c webhook.Change, may []event.Kind) (webhook.Hook, error) {
	f.change, f.may = c, may
	return f.hook(), nil
}

func (f *fakeWebhooks) Rotate(context.Context, access.Actor, string) (webhook.Hook, string, error) {
	return f.hook(), "whsec_shown-once", nil
}

func (f *fakeWebhooks) Get(_ context.Context, _ access.Actor, id string) (webhook.Hook, error) {
	if id != "h-1" {
		return webhook.Hook{}, fault.New(fault.CodeNotFound, "there is none")
	}
	return f.hook(), nil
}

func (f *fakeWebhooks) List(context.Context, access.Actor) ([]webhook.Hook, error) {
	return []webhook.Hook{f.hook()}, nil
}

func (f *fakeWebhooks) Delete(context.Context, access.Actor, string) error {
	f.gone = true
	return nil
}

func (f *fakeWebhooks) Attempts(context.Context, access.Actor, string, int) ([]webhook.Attempt, error) {
	return []webhook.Attempt{{At: start, Event: "e9", Kind: event.CallEnded, Try: 2, Status: 503, Error: "the receiver refused it", Duration: 12 * time.Millisecond}}, nil
}

func (f *fakeWebhooks) Replay(_ context.Context, _ access.Actor, _, after string) error {
	f.after = after
	return nil
}
