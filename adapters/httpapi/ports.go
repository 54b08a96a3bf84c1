package httpapi

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"time"

	"c2d/core/access"
	"c2d/core/audit"
	"c2d/core/call"
	"c2d/core/dial"
	"c2d/core/directory"
	"c2d/core/event"
	"c2d/core/identity"
	"c2d/core/user"
	"c2d/core/webhook"
)

// Deps is what the API drives. Webhooks, Limiter, Health, Metrics and Log may be nil.
type Deps struct {
	Calls  Calls
	Users  Users
	Book   Book
	Keys   Keys
	Events event.Log
	Audit  audit.Store
	// Webhooks may be nil: then there are none.
	Webhooks Webhooks
	// Limiter bounds requests of one API key ("key/<id>") and failed sign-ins from one address ("addr/<ip>").
	Limiter Limiter
	// Reload reads the configuration again; nil is never. Errors: fault.CodeInvalid of a file that is wrong, fault.CodeNotSupported,
	// those of access.Actor.May.
	Reload func(ctx context.Context, a access.Actor) (Reloaded, error)
	// Health tells how the parts are: "store", and each backend by its name; nil is well.
	Health  func(ctx context.Context) map[string]error
	Metrics http.Handler
	Log     *slog.Logger
	Version string // of the service, for the OpenAPI document
}

// Calls is *dial.Service.
type Calls interface {
	Place(ctx context.Context, a access.Actor, r dial.Request) (c call.Call, replayed bool, err error)
	Resolve(ctx context.Context, a access.Actor, caller *dial.Ref, callee dial.Ref) (dial.Resolution, error)
	Get(ctx context.Context, a access.Actor, id string) (call.Call, error)
	List(ctx context.Context, a access.Actor, q call.Query) (items []call.Call, next string, err error)
	HangUp(ctx context.Context, a access.Actor, id string) (call.Call, error)
	Hold(ctx context.Context, a access.Actor, id string, by call.Side, on bool) (call.Call, error)
	SendDTMF(ctx context.Context, a access.Actor, id string, to call.Side, keys string) (call.Call, error)
	Record(ctx context.Context, a access.Actor, id string, on bool) (call.Call, error)
	TransferCall(ctx context.Context, a access.Actor, id string, leaves call.Side, to dial.Ref) (call.Call, error)
	JoinCalls(ctx context.Context, a access.Actor, id string, leaves call.Side, other string) (call.Call, error)
	Can(c call.Call) []string
}

// Users is *user.Service.
type Users interface {
	Create(ctx context.Context, a access.Actor, u user.User) (user.User, error)
	Update(ctx context.Context, a access.Actor, u user.User) (user.User, error)
	Delete(ctx context.Context, a access.Actor, id string) error
	Get(ctx context.Context, a access.Actor, id string) (user.User, error)
	List(ctx context.Context, a access.Actor, id *identity.Identifier, p user.Page) ([]user.User, string, error)
	AddDevice(ctx context.Context, a access.Actor, userID string, d user.Device, password string) (user.Device, error)
	UpdateDevice(ctx context.Context, a access.Actor, d user.Device, password string) (user.Device, error)
	RemoveDevice(ctx context.Context, a access.Actor, userID, deviceID string) error
	Devices(ctx context.Context, a access.Actor, userID string) ([]user.Device, error)
}

// Book is *directory.Service.
type Book interface {
	Create(ctx context.Context, a access.Actor, c directory.Contact) (directory.Contact, error)
	Update(ctx context.Context, a access.Actor, c directory.Contact) (directory.Contact, error)
	Delete(ctx context.Context, a access.Actor, id string) error
	Get(ctx context.Context, a access.Actor, id string) (directory.Contact, error)
	Search(ctx context.Context, a access.Actor, q string, id *identity.Identifier, p user.Page) ([]directory.Contact, string, error)
	Import(ctx context.Context, a access.Actor, r io.Reader, dryRun bool) (directory.ImportReport, error)
}

// Keys is *access.Service.
type Keys interface {
	Issue(ctx context.Context, a access.Actor, k access.Key) (access.Key, string, error)
	IssueToken(ctx context.Context, a access.Actor, userID, origin string) (access.Key, string, error)
	Revoke(ctx context.Context, a access.Actor, id string) error
	List(ctx context.Context, a access.Actor) ([]access.Key, error)
	Authenticate(ctx context.Context, secret string, addr netip.Addr, origin string) (access.Actor, error)
}

// Webhooks is *webhook.Service.
type Webhooks interface {
	Create(ctx context.Context, a access.Actor, c webhook.Change, may []event.Kind) (webhook.Hook, string, error)
	Update(ctx context.Context, a access.Actor, id string, c webhook.Change, may []event.Kind) (webhook.Hook, error)
	Rotate(ctx context.Context, a access.Actor, id string) (webhook.Hook, string, error)
	Get(ctx context.Context, a access.Actor, id string) (webhook.Hook, error)
	List(ctx context.Context, a access.Actor) ([]webhook.Hook, error)
	Delete(ctx context.Context, a access.Actor, id string) error
	Attempts(ctx context.Context, a access.Actor, id string, limit int) ([]webhook.Attempt, error)
	Replay(ctx context.Context, a access.Actor, id, after string) error
}

// Limiter says whether one more is allowed now, and if not, when. Safe for concurrent use.
type Limiter interface {
	Allow(key string) (ok bool, retryAfter time.Duration)
}

var (
	_ Calls = (*dial.Service)(nil)
	_ Users = (*user.Service)(nil)
	_ Book  = (*directory.Service)(nil)
	_ Keys  = (*access.Service)(nil)

	_ Webhooks = (*webhook.Service)(nil)
)
