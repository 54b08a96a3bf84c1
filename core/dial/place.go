package dial

import (
	"context"
	"errors"
	"strings"
	"time"
	"unicode"

	"c2d/core/access"
	"c2d/core/audit"
	"c2d/core/call"
	"c2d/core/fault"
	"c2d/core/identity"
	"c2d/core/user"
)

// Request asks for a call.
type Request struct {
	Caller         Ref
	Callee         Ref
	Devices        []string // ids of the caller's devices to ring at once; empty is the default one
	Present        string   // number to show to the callee
	Context        map[string]string
	CallerRing     call.Seconds // 0 is the configured one
	CalleeRing     call.Seconds
	TalkLimit      call.Seconds
	Confirm        call.ConfirmPolicy // empty is auto
	Priority       string
	IdempotencyKey string
	BodyHash       string // of the canonical body, for IdempotencyKey
}

const idempotencyKept = 7 * 24 * time.Hour

// Place admits a call, stores it and begins to ring the caller. It returns when the call and its first legs are
// durable, whatever rings then. replayed says that the idempotency key was used: the call is that of the first use.
// Errors: fault.CodeScopeMissing, CodeForbidden, CodeCallerUnknown, CodeCalleeUnknown, CodeAmbiguous (detail
// "candidates"), CodeInvalidNumber, CodeEmergencyNumber, CodeNumberDenied, CodeBlocked, CodeNoRoute, CodeSameParty,
// CodeCallerBusy (detail "call"), CodeCallerOffline, CodeCallerNoDevice, CodeIdempotencyMismatch, CodeRateLimited,
// CodeNotSupported, CodeStoreUnavailable, CodeBackendUnavailable, CodeShuttingDown; those of input carry the field.
func (s *Service) Place(ctx context.Context, a access.Actor, r Request) (c call.Call, replayed bool, err error) {
	if err := a.May(access.PlaceCalls); err != nil {
		return c, false, s.refused(ctx, a, "call.place", err)
	}
	if r.IdempotencyKey != "" {
		defer s.turns.take(a.Tenant + "/" + a.KeyID + "/" + r.IdempotencyKey)()
		row, err := s.cfg.Calls.Replayed(ctx, a.Tenant, a.KeyID, r.IdempotencyKey)
		if err == nil {
			return s.replay(ctx, a, r, row)
		}
		if !fault.Is(err, fault.CodeNotFound) {
			return c, false, err
		}
	}
	c, err = s.admit(ctx, a, r)
	if err != nil {
		return c, false, s.refused(ctx, a, "call.place", err)
	}
	trail := audit.Trail{Audit: []audit.Entry{audit.New(a, s.cfg.Now(), "call.place", c.ID, "ok")}}
	placed, err := s.carrier.Place(ctx, c, s.idempotency(a, r, c.ID), trail)
	var used *call.Replay
	if errors.As(err, &used) {
		return s.replay(ctx, a, r, used.Row)
	}
	if err != nil {
		return c, false, s.refused(ctx, a, "call.place", err)
	}
	return placed, false, nil
}

func (s *Service) idempotency(a access.Actor, r Request, callID string) *call.Idempotency {
	if r.IdempotencyKey == "" {
		return nil
	}
	return &call.Idempotency{Tenant: a.Tenant, KeyID: a.KeyID, Key: r.IdempotencyKey, BodyHash: r.BodyHash, CallID: callID,
		ExpiresAt: s.cfg.Now().Add(idempotencyKept)}
}

func (s *Service) replay(ctx context.Context, a access.Actor, r Request, row call.Idempotency) (call.Call, bool, error) {
	if row.BodyHash != r.BodyHash {
		return call.Call{}, false, s.refused(ctx, a, "call.place",
			fault.Field(fault.CodeIdempotencyMismatch, "request_id", "this key was used with another body"))
	}
	c, err := s.find(ctx, a.Tenant, row.CallID)
	return c, true, err
}

// admit settles who calls whom, and over what; it sends and stores nothing.
func (s *Service) admit(ctx context.Context, a access.Actor, r Request) (call.Call, error) {
	if err := r.check(); err != nil {
		return call.Call{}, err
	}
	u, err := s.caller(ctx, a, r.Caller)
	if err != nil {
		return call.Call{}, err
	}
	devices, err := s.devices(ctx, u, r.Devices)
	if err != nil {
		return call.Call{}, err
	}
	to, err := s.settle(ctx, a, r.Callee, devices)
	if err != nil {
		return call.Call{}, err
	}
	if r.Confirm == call.ConfirmAlways && !s.entry(devices[0].Backend).Backend.Capabilities().Confirm {
		return call.Call{}, fault.Field(fault.CodeNotSupported, "confirm", "this phone system cannot ask for a key press")
	}
	targets, err := s.callerTargets(ctx, devices)
	if err != nil {
		return call.Call{}, err
	}
	if err := s.limit(u, to, devices[0].Backend); err != nil {
		return call.Call{}, err
	}
	present, err := s.present(r.Present)
	if err != nil {
		return call.Call{}, err
	}
	c := s.build(a, r, u, devices[0], to)
	c.Present = present
	c.Caller.Attempts = []call.Attempt{{Targets: targets}}
	return c, nil
}

// settle resolves the callee and checks, before anything rings, that it may be called and that a route leads there.
func (s *Service) settle(ctx context.Context, a access.Actor, r Ref, devices []user.Device) (callee, error) {
	to, err := s.callee(ctx, a.Tenant, r)
	switch {
	case err != nil:
		return to, err
	case to.blocked:
		return to, fault.Field(fault.CodeBlocked, "callee", "the book does not allow calls to this contact")
	case sameParty(devices, to.number):
		return to, fault.Field(fault.CodeSameParty, "callee", "caller and callee are the same phone")
	}
	if s.course().entries[devices[0].Backend].Backend == nil { // a former one carries what it has, and nothing new
		return to, fault.Field(fault.CodeNoRoute, "caller", "the phone's backend is not configured")
	}
	targets, err := s.ways(ctx, a.Tenant, to.number, devices[0].Backend)
	if err == nil && targets == nil {
		err = fault.Field(fault.CodeNoRoute, "callee", "no backend reaches both this number and the caller's phone")
	}
	return to, err
}

func (s *Service) limit(u user.User, to callee, backend string) error {
	for _, l := range []struct {
		by  Limiter
		key string
	}{{s.course().Limits.PerUser, u.Tenant + "/" + u.ID}, {s.course().Limits.PerCallee, u.Tenant + "/" + to.number}, {s.course().Limits.PerBackend, backend}} {
		if l.by == nil {
			continue
		}
		if ok, after := l.by.Allow(l.key); !ok {
			return fault.New(fault.CodeRateLimited, "too many calls").With("retry_after_s", int(after.Seconds())+1)
		}
	}
	return nil
}

func (s *Service) build(a access.Actor, r Request, u user.User, d user.Device, to callee) call.Call {
	pick := func(ask, standard call.Seconds) call.Seconds {
		if ask > 0 {
			return ask
		}
		return standard
	}
	confirm := r.Confirm
	if confirm == "" {
		confirm = call.ConfirmAuto
	}
	if !s.entry(d.Backend).Backend.Capabilities().Confirm {
		confirm = call.ConfirmNever
	}
	return call.Call{
		ID: identity.NewID(), Tenant: a.Tenant, Backend: d.Backend, Confirm: confirm, Context: r.Context, Priority: r.Priority,
		Caller:    call.Party{UserID: u.ID, ContactID: u.ContactID, Name: u.Name, Number: d.Number, RingLimit: pick(r.CallerRing, s.course().Ring)},
		Callee:    call.Party{ContactID: to.contact, Name: to.name, Number: to.number, RingLimit: pick(r.CalleeRing, s.course().Ring)},
		TalkLimit: pick(r.TalkLimit, s.course().Talk), PlacedBy: call.PlacedByActor(a),
	}
}

func (s *Service) present(typed string) (string, error) {
	if typed == "" {
		return "", nil
	}
	n, err := s.cfg.Numbers.Parse(typed)
	if n.Emergency {
		err = fault.Field(fault.CodeEmergencyNumber, "present", "nobody may be shown an emergency number")
	}
	return n.Dial(), inField(err, "present")
}

// check refuses what no backend may be given.
func (r Request) check() error {
	if len(r.Context) > 16 {
		return fault.Field(fault.CodeTooLarge, "context", "at most 16 entries")
	}
	for k, v := range r.Context {
		if k == "" || len(k) > 64 || len(v) > 256 {
			return fault.Field(fault.CodeTooLarge, "context", "a key has 1 to 64 bytes, a value at most 256")
		}
		if strings.ContainsFunc(k+v, unicode.IsControl) {
			return fault.Field(fault.CodeBadCharacter, "context", "a control character")
		}
	}
	switch r.Confirm {
	case "", call.ConfirmAuto, call.ConfirmAlways, call.ConfirmNever:
	default:
		return fault.Field(fault.CodeInvalid, "confirm", "auto, always or never")
	}
	for field, v := range map[string]call.Seconds{"limits.caller_ring_s": r.CallerRing, "limits.callee_ring_s": r.CalleeRing} {
		if v < 0 || v > 300 {
			return fault.Field(fault.CodeInvalid, field, "1 to 300 seconds")
		}
	}
	if r.TalkLimit < 0 || r.TalkLimit > 24*3600 {
		return fault.Field(fault.CodeInvalid, "limits.talk_s", "1 to 86400 seconds")
	}
	return nil
}

// refused audits a refusal and returns it as it is.
func (s *Service) refused(ctx context.Context, a access.Actor, action string, err error) error {
	s.record(ctx, a, action, "", string(fault.CodeOf(err)))
	return err
}

func (s *Service) record(ctx context.Context, a access.Actor, action, target, result string) {
	t := audit.Trail{Audit: []audit.Entry{audit.New(a, s.cfg.Now(), action, target, result)}}
	if err := s.cfg.Audit.Record(context.WithoutCancel(ctx), t); err != nil {
		s.cfg.Log.Error("audit entry not written", "action", action, "result", result, "error", err)
	}
}
