package sip

import (
	"context"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/emiago/sipgo/sip"

	"c2d/adapters/sip/media"
	"c2d/core/call"
	"c2d/core/fault"
	"c2d/core/user"
)

var _ call.Backend = (*Stack)(nil)

// Registrar keeps the phones: who they are and where they can be reached. Safe for concurrent use.
type Registrar interface {
	// Register returns the complete response to a REGISTER.
	Register(ctx context.Context, req *sip.Request, source netip.AddrPort, transport string) *sip.Response
	// Authenticate returns the device that a request proves to come from, or the challenge or refusal to send.
	Authenticate(ctx context.Context, req *sip.Request, source netip.AddrPort) (user.Device, *sip.Response)
	// Bindings returns where the phones of an address of record are registered now.
	Bindings(ctx context.Context, tenant, aor string) ([]user.Binding, error)
}

// Deps are what the stack needs of others.
type Deps struct {
	Registrar Registrar
	LegID     func() string       // names offered legs; see identity.Origin
	National  func(string) string // writes numbers for trunks that want national ones; see identity.Format
	Log       *slog.Logger        // nil discards; ids and last digits only
	Trace     func(Message)       // each message in wire order; it must return at once and not call back. nil for none
}

// Stack is the built-in phone system: one B2BUA, registrar and media relay in this process. Safe for concurrent use.
type Stack struct {
	cfg    Config
	deps   Deps
	log    *slog.Logger
	limits *admission
	waits  waits
	pool   *media.Pool
	tp     *sip.TransportLayer
	tx     *sip.TransactionLayer
	sink   call.Sink
	dns    resolver
	roster roster
	clicks call.Clicks

	ctx    context.Context // ends with Stop
	cancel context.CancelFunc
	work   sync.WaitGroup // every goroutine of ours

	mu      sync.Mutex
	socks   []socket
	legs    map[string]*leg    // by leg id
	dialogs map[string]*leg    // by dialogKey: Call-ID and our tag
	orphans map[string]*orphan // by dialogKey: INVITEs that nobody waits for any more
	early   map[string]time.Time
	debts   []debt // to phones whose connections are lost, the oldest first
	stopped bool   // no new legs and requests
	closed  bool   // no new goroutines
}

// waits are how long the stack waits for others. Tests shorten them.
type waits struct {
	silence  time.Duration    // for the first reply to an INVITE; then the phone is unreachable
	cancel   time.Duration    // for the end of a cancelled INVITE
	bye      time.Duration    // for the reply to a BYE, before the leg is told as ended
	reinvite time.Duration    // for the reply to a re-INVITE
	meet     time.Duration    // for two phones without addresses of ours to be shown each other's, and again for addresses of ours
	handOver time.Duration    // for the phones' audio to be renumbered before they talk directly
	orphan   time.Duration    // that an abandoned INVITE is remembered for late replies
	prompt   time.Duration    // that Tell plays
	second   time.Duration    // of a session interval
	probe    time.Duration    // between the OPTIONS to a phone that talks and knows no session timers
	refresh  time.Duration    // for the reply to a refresh or OPTIONS; then the phone is gone
	takeUp   time.Duration    // over which the first refreshes are spread after a restart
	beep     time.Duration    // between two beeps that tell of a recording
	options  time.Duration    // between the signs of life that a trunk is asked for
	carrier  time.Duration    // for a trunk's answer to REGISTER or OPTIONS
	retry    time.Duration    // after the first failure of a trunk; it doubles, up to 60 times this
	glare    [2]time.Duration // least and most before our re-INVITE is repeated after 491, as the Call-ID's owner (RFC 3261 section 14.1)
}

func defaultWaits() waits {
	return waits{
		silence: 10 * time.Second, cancel: 4 * time.Second, bye: 4 * time.Second, reinvite: 10 * time.Second, meet: 4500 * time.Millisecond, handOver: 1500 * time.Millisecond,
		orphan: 3 * time.Minute, prompt: 3 * time.Second,
		second: time.Second, probe: 5 * time.Minute, refresh: 40 * time.Second, takeUp: 30 * time.Second, beep: 15 * time.Second,
		options: 30 * time.Second, carrier: 8 * time.Second, retry: 2 * time.Second,
		glare: [2]time.Duration{2100 * time.Millisecond, 4 * time.Second},
	}
}

// tame sets what the library keeps in variables of its own, once in a process: no limit of 1,300 bytes on what it sends
// over UDP, since an INVITE with a long session description must leave; no log, since it would hold whole messages; and an
// INVITE that was answered is not held for 32 s, since [Stack.stray] acknowledges an answer that comes again.
var tame = sync.OnceFunc(func() {
	sip.UDPMTUSize = 65507 + 200
	sip.Timer_M = time.Second
	sip.SetDefaultLogger(slog.New(slog.DiscardHandler))
})

// New returns a stack that does not listen yet. Errors: those of [Config.Validate].
func New(cfg Config, deps Deps) (*Stack, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	addr, low, high, _ := cfg.Media.parse() // validated
	pool, err := media.NewPool(addr, low, high)
	if err != nil {
		return nil, fault.Wrap(fault.CodeInvalid, err, "media ports")
	}
	tame()
	s := &Stack{
		cfg: cfg, deps: deps, log: deps.Log, limits: newAdmission(cfg.Limits), waits: defaultWaits(), pool: pool, dns: system{net.DefaultResolver, configured},
		legs: map[string]*leg{}, dialogs: map[string]*leg{}, orphans: map[string]*orphan{}, early: map[string]time.Time{},
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	first, err := s.Plan(cfg.Entries)
	if err != nil {
		return nil, err
	}
	s.roster.entries, s.roster.gateways = first.all, first.gateways
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.layers()
	return s, nil
}

// layers makes the library's transport and transactions. Their logs hold whole messages, so they are discarded.
func (s *Stack) layers() {
	quiet := slog.New(slog.DiscardHandler)
	s.tp = sip.NewTransportLayer(net.DefaultResolver, sip.NewParser(), nil, sip.WithTransportLayerLogger(quiet),
		sip.WithTransportLayerTransports(sip.TransportsConfig{TCP: undialled(), TLS: &sip.TransportTLS{TransportTCP: undialled()}}))
	s.tx = sip.NewTransactionLayer(s.tp, sip.WithTransactionLayerLogger(quiet),
		sip.WithTransactionLayerUnhandledResponseHandler(s.guardStray))
	s.tx.OnRequest(s.guard)
}

// Name implements [call.Backend]. All entries are one system: any two of its legs can be joined.
func (s *Stack) Name() string { return "sip" }

// Capabilities implements [call.Backend].
func (s *Stack) Capabilities() call.Capabilities {
	return call.Capabilities{Confirm: true, Offers: true, Part: true, Hold: true, SendDTMF: true, Record: s.cfg.Media.Recordings != ""}
}

// Start implements [call.Backend]. Listen comes before it.
func (s *Stack) Start(_ context.Context, sink call.Sink, open []call.OpenLeg) error {
	socks := s.sockets()
	s.mu.Lock()
	s.sink = sink
	s.mu.Unlock()
	if len(socks) == 0 {
		return fault.New(fault.CodeBackendUnavailable, "the SIP stack does not listen")
	}
	if err := makeFolder(s.cfg.Media.Recordings); err != nil {
		return err
	}
	recovered := s.adopt(open)
	for _, k := range socks {
		s.spawn(k.serve)
	}
	for _, g := range s.trunks() {
		s.spawn(g.run)
	}
	s.takeUp(recovered)
	return nil
}

// Health implements [call.Backend].
func (s *Stack) Health(context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.stopped:
		return fault.New(fault.CodeShuttingDown, "the SIP stack was stopped")
	case len(s.socks) == 0 || s.sink == nil:
		return fault.New(fault.CodeBackendUnavailable, "the SIP stack does not listen")
	}
	return nil
}

// Snapshot implements [call.Backend].
func (s *Stack) Snapshot(context.Context) ([]call.LegInfo, error) {
	infos := []call.LegInfo{}
	for _, l := range s.all() {
		infos = append(infos, l.info())
	}
	return infos, nil
}
