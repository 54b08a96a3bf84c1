// Package dial is click-to-dial itself: it decides who calls whom, on which devices, over which backends, and answers
// the look-up that a call asks for once its caller has answered.
//
// A callee is resolved once, before anything rings, to one contact id or one number, which is stored with the call.
// When the caller has answered, that contact is read again by its id: for its number now, and whether it may still be
// called. No name is resolved twice.
package dial

import (
	"context"
	"log/slog"
	"regexp"
	"time"

	"c2d/core/audit"
	"c2d/core/call"
	"c2d/core/directory"
	"c2d/core/fault"
	"c2d/core/identity"
	"c2d/core/user"
)

// Entry is one configured backend.
type Entry struct {
	Name       string
	Backend    call.Backend
	Registered bool                        // reaches only devices that live on it, such as phones registered here; else any number
	Health     func(context.Context) error // whether calls can go over this entry now; nil is Backend.Health
}

// Route sends numbers to backends: the first whose Match fits the callee's normalised number wins.
type Route struct {
	Match    *regexp.Regexp
	Backends []string
}

// Limiter says whether one more is allowed now, and if not, when. Safe for concurrent use.
type Limiter interface {
	Allow(key string) (ok bool, retryAfter time.Duration)
}

// Carrier carries the calls that are placed: *call.Runner.
type Carrier interface {
	Place(ctx context.Context, c call.Call, idem *call.Idempotency, t audit.Trail) (call.Call, error)
	HangUp(ctx context.Context, id string, in call.HangUpOrdered) (call.Call, error)
	Get(id string) (call.Call, bool)
	Follow(ctx context.Context, id string, tell func(call.Call) (more bool)) (open bool)
	Of(leg string) (call.Call, bool)
	Transfer(ctx context.Context, c call.Call, from []string, t audit.Trail) (call.Call, error)
	Hold(ctx context.Context, id string, by call.Side, on bool) error
	SendDTMF(ctx context.Context, id string, to call.Side, keys string) error
	Record(ctx context.Context, id string, in call.RecordOrdered) (c call.Call, done bool, err error)
}

// Config is what the service needs; Allowed, Now and Log are optional.
type Config struct {
	Calls    call.Store
	Users    user.Store
	Book     *directory.Service
	Contacts directory.Store
	Audit    audit.Store
	Numbers  identity.Numbering
	Allowed  func(identity.Number) error // the installation's allow and deny rules; nil allows all
	Plan     Plan
	Now      func() time.Time
	Log      *slog.Logger
}

// Service places calls. Safe for concurrent use after Use.
type Service struct {
	cfg      Config
	plans    plans
	carrier  Carrier
	turns    turns
	circuits circuits
}

var (
	_ call.LookUp = (*Service)(nil)
	_ call.Offers = (*Service)(nil)
	_ call.Clicks = (*Service)(nil)
	_ Carrier     = (*call.Runner)(nil)
)

// New returns a service; Use gives it its carrier before anything else is called.
func New(cfg Config) *Service {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	s := &Service{cfg: cfg}
	s.Change(cfg.Plan)
	return s
}

// Use sets what carries the calls: the runner is made with the service, so it comes second.
func (s *Service) Use(c Carrier) { s.carrier = c }

// number parses and applies the rules for numbers that are called by click.
func (s *Service) number(field, typed string) (identity.Number, error) {
	n, err := s.cfg.Numbers.Parse(typed)
	if err != nil {
		return n, inField(err, field)
	}
	if n.Emergency && !s.course().Emergency {
		return n, emergency(field)
	}
	if s.cfg.Allowed != nil {
		err = s.cfg.Allowed(n)
	}
	return n, inField(err, field)
}

func emergency(field string) error {
	return fault.Field(fault.CodeEmergencyNumber, field,
		"emergency numbers are not placed by click: the emergency service needs the line and the place of a phone that dials it itself")
}

// inField names the input field of a fault that has none, unless no input is at fault.
func inField(err error, field string) error {
	f, ok := err.(*fault.Error)
	if !ok || f.Field != "" || f.Code.Kind() == fault.Unavailable || f.Code.Kind() == fault.Internal {
		return err
	}
	c := *f
	c.Field = field
	return &c
}
