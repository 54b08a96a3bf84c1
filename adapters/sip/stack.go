package sip

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/emiago/sipgo/sip"

	"c2d/adapters/sip/dialog"
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
	LegID     func() string // names offered legs; see identity.Origin
	Log       *slog.Logger  // nil discards; ids and last digits only
	Trace     func(Message) // each message in wire order; it must return at once and not call back. nil for none
}

// Stack is the built-in phone system: one B2BUA, registrar and media relay in this process. Safe for concurrent use.
type Stack struct {
	cfg    Config
	deps   Deps
	log    *slog.Logger
	limits *limiter
	waits  waits
	pool   *media.Pool
	tp     *sip.TransportLayer
	tx     *sip.TransactionLayer
	sink   call.Sink

	ctx    context.Context // ends with Stop
	cancel context.CancelFunc
	work   sync.WaitGroup // every goroutine of ours

	mu      sync.Mutex
	socks   []socket
	legs    map[string]*leg    // by leg id
	dialogs map[string]*leg    // by dialogKey: Call-ID and our tag
	orphans map[string]*orphan // by dialogKey: INVITEs that nobody waits for any more
	early   map[string]time.Time
	stopped bool // no new legs and requests
	closed  bool // no new goroutines
}

// socket is one listening socket.
type socket struct {
	network string
	addr    netip.AddrPort
	deafen  func(context.Context)
	close   func() error
	serve   func() // until close
}

// waits are how long the stack waits for others. Tests shorten them.
type waits struct {
	silence  time.Duration    // for the first reply to an INVITE; then the phone is unreachable
	cancel   time.Duration    // for the end of a cancelled INVITE
	bye      time.Duration    // for the reply to a BYE, before the leg is told as ended
	reinvite time.Duration    // for the reply to a re-INVITE
	orphan   time.Duration    // that an abandoned INVITE is remembered for late replies
	prompt   time.Duration    // that Tell plays
	glare    [2]time.Duration // least and most before our re-INVITE is repeated after 491, as the Call-ID's owner (RFC 3261 section 14.1)
}

func defaultWaits() waits {
	return waits{
		silence: 10 * time.Second, cancel: 4 * time.Second, bye: 4 * time.Second, reinvite: 10 * time.Second,
		orphan: 3 * time.Minute, prompt: 3 * time.Second,
		glare: [2]time.Duration{2100 * time.Millisecond, 4 * time.Second},
	}
}

// largestDatagram lifts sipgo's own limit of 1,300 bytes on what it sends over UDP: an INVITE with a long session
// description must leave. It is a variable of the library, so it is set once in a process.
var largestDatagram = sync.OnceFunc(func() { sip.UDPMTUSize = 65507 + 200 })

// New returns a stack that does not listen yet. Errors: those of [Config.Validate].
func New(cfg Config, deps Deps) (*Stack, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	addr, first, last, _ := cfg.Media.parse() // validated
	pool, err := media.NewPool(addr, first, last)
	if err != nil {
		return nil, fault.Wrap(fault.CodeInvalid, err, "media ports")
	}
	largestDatagram()
	s := &Stack{
		cfg: cfg, deps: deps, log: deps.Log, limits: newLimiter(cfg.Limits), waits: defaultWaits(), pool: pool,
		legs: map[string]*leg{}, dialogs: map[string]*leg{}, orphans: map[string]*orphan{}, early: map[string]time.Time{},
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.layers()
	return s, nil
}

// layers makes the library's transport and transactions. Their logs hold whole messages, so they are discarded.
func (s *Stack) layers() {
	quiet := slog.New(slog.DiscardHandler)
	s.tp = sip.NewTransportLayer(net.DefaultResolver, sip.NewParser(), nil, sip.WithTransportLayerLogger(quiet))
	s.tx = sip.NewTransactionLayer(s.tp, sip.WithTransactionLayerLogger(quiet),
		sip.WithTransactionLayerUnhandledResponseHandler(s.guardStray))
	s.tx.OnRequest(s.guard)
}

// Listen binds every address of the configuration. Messages are read from Start on. Errors: fault.CodeBackendUnavailable
// with the address; then nothing is bound.
func (s *Stack) Listen() error {
	for _, l := range s.cfg.Listen {
		a, err := parseListen(l)
		if err == nil {
			err = s.bind(a)
		}
		if err != nil {
			s.closeSockets()
			return &fault.Error{Code: fault.CodeBackendUnavailable, Field: "sip.listen", Message: "cannot listen on " + l, Cause: err}
		}
	}
	return nil
}

func (s *Stack) bind(a listenAddr) error {
	c, err := net.ListenUDP(a.network, net.UDPAddrFromAddrPort(a.addr))
	if err != nil {
		return err
	}
	w := newWire(c, s.deps.Trace, s.refusedPeer)
	// The library knows the socket only once its reader runs; a request before that would leave from another port.
	at := c.LocalAddr().String()
	s.tp.Pool(a.network).Add(at, &sip.UDPConnection{PacketConn: w, PacketAddr: at, Listener: true})
	s.mu.Lock()
	defer s.mu.Unlock()
	s.socks = append(s.socks, socket{
		network: a.network, addr: c.LocalAddr().(*net.UDPAddr).AddrPort(), deafen: w.deafen, close: c.Close, serve: func() { _ = s.tp.ServeUDP(w) },
	})
	return nil
}

// Addr returns the first address that is listened on; with port 0 in the configuration this is how to learn it.
func (s *Stack) Addr() netip.AddrPort {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.socks) == 0 {
		return netip.AddrPort{}
	}
	return s.socks[0].addr
}

// hop returns how requests over a transport leave us.
func (s *Stack) hop(transport string) (dialog.Hop, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, k := range s.socks {
		if sip.NetworkToUpper(k.network) == transport {
			return s.through(k, transport), nil
		}
	}
	return dialog.Hop{}, fault.New(fault.CodeBackendUnavailable, "not listening on %s", transport)
}

func (s *Stack) through(k socket, transport string) dialog.Hop {
	h := dialog.Hop{Transport: transport, Host: s.cfg.Advertise, Port: int(k.addr.Port())}
	if h.Host == "" {
		h.Host = k.addr.Addr().String()
		if k.addr.Addr().IsUnspecified() {
			h.Host = s.cfg.Media.Address
		}
	}
	if transport == "UDP" {
		h.Local = sip.Addr{IP: net.IP(k.addr.Addr().AsSlice()), Port: int(k.addr.Port())}
	}
	return h
}

// Name implements [call.Backend]. All entries are one system: any two of its legs can be joined.
func (s *Stack) Name() string { return "sip" }

// Capabilities implements [call.Backend].
func (s *Stack) Capabilities() call.Capabilities {
	return call.Capabilities{Confirm: true, Offers: true}
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
	recovered := s.adopt(open)
	for _, k := range socks {
		s.spawn(k.serve)
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

// Stop implements [call.Backend]: what rings is cancelled, what was offered is refused, who talks goes on talking.
func (s *Stack) Stop(ctx context.Context) error {
	s.mu.Lock()
	first := !s.stopped
	s.stopped = true
	s.mu.Unlock()
	if !first {
		return nil
	}
	err := s.releaseRinging(ctx)
	for _, k := range s.sockets() {
		k.deafen(ctx)
	}
	s.cancel()
	s.tx.Close()
	s.closeSockets()
	s.closeMedia()
	return errors.Join(err, s.tp.Close(), s.wait(ctx))
}

// releaseRinging ends every leg that was not answered, and waits until each has ended.
func (s *Stack) releaseRinging(ctx context.Context) error {
	var ringing []*leg
	for _, l := range s.all() {
		if !l.answered() {
			ringing = append(ringing, l)
			l.hangUp(call.Cancelled)
		}
	}
	for _, l := range ringing {
		select {
		case <-l.done:
		case <-ctx.Done():
			return fmt.Errorf("releasing what rings: %w", ctx.Err())
		}
	}
	return nil
}

func (s *Stack) sockets() []socket {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.socks)
}

func (s *Stack) closeSockets() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, k := range s.socks {
		_ = k.close()
	}
	s.socks = nil
}

func (s *Stack) closeMedia() {
	for _, l := range s.all() {
		if ep := l.takeEndpoint(); ep != nil {
			_ = ep.Close()
		}
	}
}

// spawn runs f in a goroutine that Stop waits for; after Stop it does nothing.
func (s *Stack) spawn(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		s.work.Go(f)
	}
}

func (s *Stack) wait(ctx context.Context) error {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	ended := make(chan struct{})
	go func() { s.work.Wait(); close(ended) }() // ends with the last of ours, which all watch s.ctx
	select {
	case <-ended:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
