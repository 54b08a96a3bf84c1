package stream

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// Config says how a listener treats its connections. Zero values are the defaults.
type Config struct {
	TLS       *tls.Config   // of the connections that come in; nil is plain TCP
	PerSource int           // connections of one address (IPv6: one /64) at once; 256
	Total     int           // of all; 10,000
	Patience  time.Duration // for the first message, for the rest of one, and twice that for writing one; 10 s
	// Trace is told each message in wire order. It must return at once. nil for none.
	Trace func(sent bool, local, peer netip.AddrPort, raw []byte)
	// BrokenOff is told why a connection that we opened ended before its peer "ip:port" said anything. It must return at once.
	// nil for none.
	BrokenOff func(peer string, err error)
}

func (c Config) withDefaults() Config {
	if c.PerSource == 0 {
		c.PerSource = 256
	}
	if c.Total == 0 {
		c.Total = 10_000
	}
	if c.Patience == 0 {
		c.Patience = 10 * time.Second
	}
	return c
}

// Listener is one listening address. It is a [net.Listener] for the library. Safe for concurrent use.
type Listener struct {
	cfg     Config
	in      net.Listener
	coming  chan handed
	closed  chan struct{}
	work    sync.WaitGroup // the accepting goroutine
	tracing sync.Mutex
	deaf    atomic.Bool
	lastIn  atomic.Int64 // Unix nanoseconds

	mu    sync.Mutex
	open  map[string]*conn // by the peer's address
	many  map[netip.Addr]int
	given chan struct{} // of what Accept returned last; closed when the library has it
	over  bool
}

// handed is a connection on its way to the library.
type handed struct {
	conn  *conn
	taken chan struct{} // closed when the library reads it
}

// Listen binds an address. One goroutine accepts until Close.
func Listen(at netip.AddrPort, cfg Config) (*Listener, error) {
	lc := net.ListenConfig{KeepAliveConfig: alive}
	in, err := lc.Listen(context.Background(), "tcp", at.String())
	if err != nil {
		return nil, err
	}
	l := &Listener{
		cfg: cfg.withDefaults(), in: in, coming: make(chan handed), closed: make(chan struct{}), open: map[string]*conn{}, many: map[netip.Addr]int{},
	}
	l.work.Go(l.accept)
	return l, nil
}

// alive lets the kernel find out within two minutes that a peer is gone: it lost its power, or a NAT forgot it.
var alive = net.KeepAliveConfig{Enable: true, Idle: 60 * time.Second, Interval: 15 * time.Second, Count: 4}

func (l *Listener) accept() {
	for {
		c, err := l.in.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil { // no file descriptors left, or the peer is gone again
			l.pause()
			continue
		}
		l.take(c)
	}
}

func (l *Listener) pause() {
	t := time.NewTimer(50 * time.Millisecond)
	defer t.Stop()
	select {
	case <-t.C:
	case <-l.closed:
	}
}

// take hands an accepted connection to the library, unless its source has too many.
func (l *Listener) take(raw net.Conn) {
	if l.cfg.TLS != nil {
		raw = tls.Server(raw, l.cfg.TLS) // the handshake is part of its first read, and of the patience with that
	}
	c := l.wrap(raw)
	if !l.admit(c) {
		_ = raw.Close()
		return
	}
	if _, err := l.hand(context.Background(), c); err != nil {
		_ = c.Close()
	}
}

func (l *Listener) wrap(raw net.Conn) *conn {
	return &conn{Conn: raw, l: l, peer: addrPort(raw.RemoteAddr()), opened: time.Now(), buf: make([]byte, 4096)}
}

// admit counts a connection of a stranger.
func (l *Listener) admit(c *conn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	from := source(c.peer.Addr())
	if l.over || len(l.open) >= l.cfg.Total || l.many[from] >= l.cfg.PerSource {
		return false
	}
	l.keep(c)
	return true
}

// keep notes a connection. l.mu is held.
func (l *Listener) keep(c *conn) {
	l.many[source(c.peer.Addr())]++
	l.open[c.RemoteAddr().String()] = c
}

func (l *Listener) forget(c *conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	from := source(c.peer.Addr())
	if l.many[from]--; l.many[from] <= 0 {
		delete(l.many, from)
	}
	if key := c.RemoteAddr().String(); l.open[key] == c {
		delete(l.open, key)
	}
}

// source is whose connections are counted together.
func source(a netip.Addr) netip.Addr {
	if !a.Is6() {
		return a
	}
	p, _ := a.Prefix(64) // 64 is a length that IPv6 has
	return p.Addr()
}

// hand gives a connection to whoever calls Accept; taken is closed when it is read.
func (l *Listener) hand(ctx context.Context, c *conn) (taken <-chan struct{}, err error) {
	h := handed{c, make(chan struct{})}
	select {
	case l.coming <- h:
		return h.taken, nil
	case <-l.closed:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Accept implements [net.Listener]. Its one caller comes back when it has taken up what it got before.
func (l *Listener) Accept() (net.Conn, error) {
	l.mu.Lock()
	if l.given != nil {
		close(l.given)
		l.given = nil
	}
	l.mu.Unlock()
	select {
	case h := <-l.coming:
		l.mu.Lock()
		l.given = h.taken
		l.mu.Unlock()
		return h.conn, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

// Dial opens a connection to a peer, over TLS if secure is not nil, and returns when requests can be sent over it.
// ctx bounds it all. There must be a caller of Accept.
func (l *Listener) Dial(ctx context.Context, to netip.AddrPort, secure *tls.Config) error {
	d := net.Dialer{KeepAliveConfig: alive, LocalAddr: l.from()}
	raw, err := d.DialContext(ctx, "tcp", to.String())
	if err != nil {
		return err
	}
	if secure != nil {
		s := tls.Client(raw, secure)
		if err := s.HandshakeContext(ctx); err != nil {
			_ = raw.Close()
			return err
		}
		raw = s
	}
	c := l.wrap(raw)
	c.spoke, c.ours = true, true // it is we who have something to say
	return l.handDialled(ctx, c)
}

// from is our address on connections that we open: the one that we listen on, by which peers know us; nil for any.
func (l *Listener) from() net.Addr {
	a, ok := l.in.Addr().(*net.TCPAddr)
	if !ok || a.IP.IsUnspecified() {
		return nil
	}
	return &net.TCPAddr{IP: a.IP}
}

func (l *Listener) handDialled(ctx context.Context, c *conn) error {
	l.mu.Lock()
	l.keep(c) // a Close that comes now closes it below
	l.mu.Unlock()
	taken, err := l.hand(ctx, c)
	if err == nil {
		select {
		case <-taken:
			return nil
		case <-l.closed:
			err = net.ErrClosed
		case <-ctx.Done():
			err = ctx.Err()
		}
	}
	_ = c.Close()
	return err
}

// Has reports whether there is a connection to a peer, "ip:port".
func (l *Listener) Has(peer string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.open[peer] != nil
}

// Names returns the domains that the peer "ip:port" of a TLS connection has proved to be, none for any other.
func (l *Listener) Names(peer string) []string {
	l.mu.Lock()
	c := l.open[peer]
	l.mu.Unlock()
	if c == nil {
		return nil
	}
	return c.names()
}

// Addr implements [net.Listener].
func (l *Listener) Addr() net.Addr { return l.in.Addr() }

// settling is how long the library may take to handle a message that it was given; it does so in goroutines that nobody
// can wait for.
const settling = 50 * time.Millisecond

// Deafen drops what arrives from now on, and returns when what was let in before can be taken as handled.
func (l *Listener) Deafen(ctx context.Context) {
	l.deaf.Store(true)
	t := time.NewTimer(time.Until(time.Unix(0, l.lastIn.Load()).Add(settling)))
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// hears notes that a message came; false once we are deaf.
func (l *Listener) hears() bool {
	if l.deaf.Load() {
		return false
	}
	l.lastIn.Store(time.Now().UnixNano())
	return true
}

func (l *Listener) trace(sent bool, c *conn, raw []byte) {
	if l.cfg.Trace == nil {
		return
	}
	l.tracing.Lock()
	defer l.tracing.Unlock()
	l.cfg.Trace(sent, addrPort(c.LocalAddr()), c.peer, raw)
}

// Close ends the listening and every connection, and returns when the accepting has ended. Idempotent.
func (l *Listener) Close() error {
	l.mu.Lock()
	first := !l.over
	l.over = true
	open := make([]*conn, 0, len(l.open))
	for _, c := range l.open {
		open = append(open, c)
	}
	l.mu.Unlock()
	if !first {
		return nil
	}
	close(l.closed)
	err := l.in.Close()
	for _, c := range open {
		l.work.Go(func() { _ = c.Close() }) // over TLS each may take seconds
	}
	l.work.Wait()
	return err
}

func addrPort(a net.Addr) netip.AddrPort {
	if t, ok := a.(*net.TCPAddr); ok {
		p := t.AddrPort()
		return netip.AddrPortFrom(p.Addr().Unmap(), p.Port())
	}
	return netip.AddrPort{}
}
