package registrar

import (
	"context"
	"hash/maphash"
	"log/slog"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/emiago/sipgo/sip"

	"c2d/core/access"
	"c2d/core/fault"
	"c2d/core/user"
)

// Config says for whom the registrar speaks. Zero values are the defaults.
type Config struct {
	Tenant         string        // main
	Domains        []string      // required; the first is the domain of the addresses of record, the others are aliases, such as our own IP address
	Realm          string        // the first domain; device credentials must be hashed for it
	Digest         []string      // algorithms to offer, of SHA-256 and MD5, the preferred one first; MD5 alone
	MinExpires     time.Duration // 60 s; shorter asks are answered 423
	DefaultExpires time.Duration // 1 h, where a phone asks for nothing
	MaxExpires     time.Duration // 2 h; longer asks are granted this
	MaxBindings    int           // 10 per address of record
	NonceLife      time.Duration // 5 min
	Failures       int           // 20 failed authentications of one source within FailureWindow
	FailureWindow  time.Duration // 1 min
	Log            *slog.Logger  // tells of sources that are shut out; discarded if nil
}

func (c Config) withDefaults() Config {
	fill(&c.Tenant, access.MainTenant)
	if len(c.Domains) > 0 {
		fill(&c.Realm, c.Domains[0])
	}
	if len(c.Digest) == 0 {
		c.Digest = []string{string(algMD5)}
	}
	fill(&c.MinExpires, time.Minute)
	fill(&c.DefaultExpires, time.Hour)
	fill(&c.MaxExpires, 2*time.Hour)
	fill(&c.MaxBindings, 10)
	fill(&c.NonceLife, 5*time.Minute)
	fill(&c.Failures, 20)
	fill(&c.FailureWindow, time.Minute)
	fill(&c.Log, slog.New(slog.DiscardHandler))
	return c
}

func fill[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// Registrar answers REGISTER and authenticates requests. Safe for concurrent use.
type Registrar struct {
	cfg       Config
	domains   domains
	locations user.Locations
	users     user.Store
	now       func() time.Time
	nonces    *nonces
	failures  *failures
	seed      maphash.Seed
	turns     [256]sync.Mutex // one REGISTER of an address of record at a time
}

// New returns a registrar; now is the clock.
func New(cfg Config, locations user.Locations, users user.Store, now func() time.Time) *Registrar {
	cfg = cfg.withDefaults()
	return &Registrar{
		cfg: cfg, domains: cfg.Domains, locations: locations, users: users, now: now,
		nonces: newNonces(cfg.NonceLife, now), failures: newFailures(cfg.Failures, cfg.FailureWindow, now), seed: maphash.MakeSeed(),
	}
}

// Register answers a REGISTER that came from source over transport (udp, tcp, tls). The response is complete; the
// caller sends it. ctx bounds the work in the stores.
func (r *Registrar) Register(ctx context.Context, req *sip.Request, source netip.AddrPort, transport string) *sip.Response {
	bindings, no := r.register(ctx, req, source, transport)
	if no != nil {
		return no.response(req)
	}
	return r.accepted(req, bindings)
}

// Authenticate returns the device that sent a request other than REGISTER, or the response that challenges (407) or
// refuses it (400, 403, 503). The From address must be the device's own. It is not for ACK and CANCEL,
// which cannot be challenged (RFC 3261 section 22.1).
func (r *Registrar) Authenticate(ctx context.Context, req *sip.Request, source netip.AddrPort) (user.Device, *sip.Response) {
	dev, no := r.sender(ctx, req, source)
	if no != nil {
		return user.Device{}, no.response(req)
	}
	return dev, nil
}

// Bindings returns where the phones of an address of record can be reached now, newest first.
// Errors: fault.CodeStoreUnavailable.
func (r *Registrar) Bindings(ctx context.Context, tenant, aor string) ([]user.Binding, error) {
	if own, ok := r.domains.parse(aor); ok {
		aor = own
	}
	return r.locations.Bindings(ctx, tenant, aor, r.now())
}

func (r *Registrar) sender(ctx context.Context, req *sip.Request, source netip.AddrPort) (user.Device, *refusal) {
	if no := checkForm(req); no != nil {
		return user.Device{}, no
	}
	dev, no := r.authenticate(ctx, req, source, proxyDigest)
	if no != nil {
		return user.Device{}, no
	}
	if own, _ := r.domains.parse(dev.Address); own == "" || !r.domains.is(req.From().Address, own) {
		return user.Device{}, refuse(sip.StatusForbidden, "From Is Not Your Address")
	}
	return dev, nil
}

func (r *Registrar) register(ctx context.Context, req *sip.Request, source netip.AddrPort, transport string) ([]user.Binding, *refusal) {
	if no := checkRegister(req); no != nil {
		return nil, no
	}
	aor, ok := r.domains.aor(req.To().Address)
	if !ok || !r.domains.serve(req.Recipient.Host) {
		return nil, refuse(sip.StatusNotFound, "Domain Not Served")
	}
	dev, no := r.authenticate(ctx, req, source, userDigest)
	if no != nil {
		return nil, no
	}
	if no := r.authorise(ctx, dev, aor, req); no != nil {
		return nil, no
	}
	ask, no := r.ask(req)
	if no != nil {
		return nil, no
	}
	ask.from = user.Binding{Tenant: r.cfg.Tenant, AOR: aor, CallID: req.CallID().Value(), CSeq: req.CSeq().SeqNo,
		Transport: strings.ToLower(transport), Source: source, Path: ask.path, UserAgent: printable(headerValue(req, "User-Agent"), 128)}
	return r.update(ctx, aor, ask)
}

// authorise lets a device register its own address of record only, and nobody else's.
func (r *Registrar) authorise(ctx context.Context, dev user.Device, aor string, req *sip.Request) *refusal {
	own, _ := r.domains.parse(dev.Address)
	if own == aor && r.domains.is(req.From().Address, aor) {
		return nil
	}
	_, err := r.users.DeviceByAddress(ctx, r.cfg.Tenant, aor)
	switch {
	case fault.Is(err, fault.CodeNotFound):
		return refuse(sip.StatusNotFound, "Unknown Address Of Record")
	case err != nil:
		return unavailable()
	}
	return refuse(sip.StatusForbidden, "Not Your Address Of Record")
}

// update stores what a REGISTER asks for and returns the bindings that there are then.
func (r *Registrar) update(ctx context.Context, aor string, a ask) ([]user.Binding, *refusal) {
	turn := &r.turns[maphash.String(r.seed, aor)%uint64(len(r.turns))]
	turn.Lock()
	defer turn.Unlock()
	now := r.now().UTC()
	have, err := r.locations.Bindings(ctx, r.cfg.Tenant, aor, now)
	if err != nil {
		return nil, unavailable()
	}
	c, no := a.change(have, now, r.cfg.MaxBindings)
	if no != nil || len(c.put)+len(c.remove) == 0 {
		return have, no
	}
	if err := r.locations.PutBindings(ctx, r.cfg.Tenant, aor, c.put, c.remove); err != nil {
		return nil, unavailable()
	}
	return append(c.put, c.keep...), nil
}
