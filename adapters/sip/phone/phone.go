package phone

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"regexp"
	"sync"
	"time"

	"github.com/emiago/sipgo"
	"github.com/emiago/sipgo/sip"

	"c2d/adapters/sip/grave"
)

// ErrNoCall says that the phone is not in the state that the act needs.
var ErrNoCall = errors.New("phone: no such call")

// closeLimit is how long Close waits for the answers to its BYE and REGISTER.
const closeLimit = 2 * time.Second

// plainAOR keeps out what would need escaping in a header; sipgo checks nothing that it writes.
var plainAOR = regexp.MustCompile(`^sip:[0-9A-Za-z+*._-]+@[0-9A-Za-z.:\[\]-]+$`)

// Phone is one telephone with one line, on which a second call may be set aside. All methods are safe for concurrent use.
type Phone struct {
	cfg     Config
	aor     sip.Uri
	addr    netip.AddrPort
	conn    net.PacketConn
	ua      *sipgo.UserAgent
	server  *sipgo.Server
	client  *sipgo.Client
	journal *journal
	ears    *ears
	reg     registration

	ctx  context.Context // ends when Close begins
	stop context.CancelFunc
	wg   sync.WaitGroup // every goroutine of the phone's own, and the requests being handled

	ear grave.Ear

	mu     sync.Mutex
	closed bool
	answer Answer
	call   *call // the present call, from its INVITE to its end
	aside  *call // one that was set aside
}

// New opens the phone's socket and begins to listen. Close must be called.
func New(cfg Config) (*Phone, error) {
	cfg.fill()
	p := &Phone{cfg: cfg, answer: cfg.Answer, journal: newJournal(cfg.Notify)}
	p.ears = newEars(p.journal)
	if err := sip.ParseUri(cfg.AOR, &p.aor); err != nil || !plainAOR.MatchString(cfg.AOR) {
		return nil, fmt.Errorf("phone: %q is no address of record", cfg.AOR)
	}
	if err := p.open(); err != nil {
		return nil, fmt.Errorf("phone: %w", err)
	}
	p.ctx, p.stop = context.WithCancel(context.Background())
	p.route()
	p.wg.Go(func() { _ = p.server.ServeUDP(p.conn) }) // ends when Close closes the socket
	return p, nil
}

// open makes the socket and sipgo's layers on it. sipgo's own log is discarded: it prints whole messages.
func (p *Phone) open() (err error) {
	quiet := slog.New(slog.DiscardHandler)
	p.ua, err = sipgo.NewUA(sipgo.WithUserAgent(p.aor.User),
		sipgo.WithUserAgentTransactionLayerOptions(sip.WithTransactionLayerLogger(quiet),
			sip.WithTransactionLayerUnhandledResponseHandler(func(*sip.Response) {})),
		sipgo.WithUserAgentTransportLayerOptions(sip.WithTransportLayerLogger(quiet)))
	if err != nil {
		return err
	}
	if p.server, err = sipgo.NewServer(p.ua, sipgo.WithServerLogger(quiet)); err != nil {
		return err
	}
	if p.conn, err = net.ListenPacket("udp", p.cfg.Listen.String()); err != nil {
		return err
	}
	p.addr = p.conn.LocalAddr().(*net.UDPAddr).AddrPort()
	if p.cfg.Line != nil {
		p.conn = p.cfg.Line(p.conn)
	}
	p.conn = &socket{p.conn, &p.ear}
	// ServeUDP adds the socket to the pool only once its goroutine runs; a REGISTER before that would open another.
	p.ua.TransportLayer().Pool("udp").Add(p.addr.String(),
		&sip.UDPConnection{PacketConn: p.conn, PacketAddr: p.addr.String(), Listener: true})
	p.client, err = sipgo.NewClient(p.ua, sipgo.WithClientLogger(quiet),
		sipgo.WithClientConnectionAddr(p.addr.String()), sipgo.WithClientNAT())
	if err != nil {
		_ = p.conn.Close()
	}
	return err
}

// socket is the phone's, as its one reader hears it.
type socket struct {
	net.PacketConn
	ear *grave.Ear
}

// ReadFrom implements [net.PacketConn].
func (s *socket) ReadFrom(b []byte) (int, net.Addr, error) {
	s.ear.Back()
	for {
		n, from, err := s.PacketConn.ReadFrom(b)
		if err != nil {
			return n, from, err
		}
		if at, ok := from.(*net.UDPAddr); ok && !s.ear.Hear(at.AddrPort()) {
			continue
		}
		return n, from, nil
	}
}

// route says which method handles which request; what is not here gets 405.
func (p *Phone) route() {
	p.server.OnInvite(p.guard(p.onInvite))
	p.server.OnAck(p.guard(p.onAck))
	p.server.OnBye(p.guard(p.onBye))
	p.server.OnCancel(p.guard(p.onStrayCancel))
	p.server.OnOptions(p.guard(p.onOptions))
	p.server.OnNotify(p.guard(p.onNotify))
	p.server.OnInfo(p.guard(p.onInfo))
	p.server.OnNoRoute(p.guard(p.onOther))
}

// guard counts a request as being handled, so that Close can wait for it, and drops it once Close has begun.
func (p *Phone) guard(handle func(*sip.Request, sip.ServerTransaction)) sipgo.RequestHandler {
	return func(req *sip.Request, tx sip.ServerTransaction) {
		if p.enter() {
			defer p.wg.Done()
			handle(req, tx)
		}
	}
}

func (p *Phone) enter() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.closed {
		p.wg.Add(1)
	}
	return !p.closed
}

// Addr returns where the phone listens for SIP.
func (p *Phone) Addr() netip.AddrPort { return p.addr }

// RTP returns where the phone receives sound in its present call; the zero value without one.
func (p *Phone) RTP() netip.AddrPort {
	if c := p.current(); c != nil {
		return c.audio.addr
	}
	return netip.AddrPort{}
}

// SetAnswer changes what the phone does with calls that come from now on.
func (p *Phone) SetAnswer(a Answer) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.answer = a
}

// Wait returns the next event of the kind that no Wait has returned before.
func (p *Phone) Wait(ctx context.Context, k Kind) (Event, error) { return p.journal.next(ctx, k) }

// WaitFor returns the first event since New that matches, which may be long past.
func (p *Phone) WaitFor(ctx context.Context, match func(Event) bool) (Event, error) {
	return p.journal.find(ctx, match)
}

// Heard returns what was heard since New, in order of beginning.
func (p *Phone) Heard() []Sound { return p.ears.sounds() }

// WaitHeard returns once a sound is heard that is as expected.
func (p *Phone) WaitHeard(ctx context.Context, want Expect) (Sound, error) {
	return p.ears.wait(ctx, want)
}

// Close hangs up, takes the registration back, and returns when the phone's goroutines have ended. Idempotent.
func (p *Phone) Close() {
	ctx, cancel := context.WithTimeout(context.Background(), closeLimit)
	defer cancel()
	for range 2 { // the one that was set aside, too
		_ = p.HangUp(ctx)
		p.Swap()
	}
	p.unregister(ctx)
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	p.stop()
	for _, c := range p.both() {
		c.end(Event{Here: true})
	}
	p.ear.Deafen(ctx)
	p.ua.TransactionLayer().Close()
	p.ear.Bury(p.ua.TransportLayer().Pool("udp"), p.addr)
	_ = p.conn.Close()
	p.wg.Wait()
}

func (p *Phone) current() *call {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.call
}

// take makes c the phone's call; false if it has one.
func (p *Phone) take(c *call) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.call != nil || p.closed {
		return false
	}
	p.call = c
	return true
}

// match returns the call that an in-dialog request belongs to (RFC 3261 section 12.2.2), nil if there is none.
func (p *Phone) match(req *sip.Request) *call {
	if req.CallID() == nil {
		return nil
	}
	return p.matching(req.CallID().Value(), tag(req.To()))
}

func tag(h *sip.ToHeader) string {
	if h == nil {
		return ""
	}
	t, _ := h.Params.Get("tag")
	return t
}
