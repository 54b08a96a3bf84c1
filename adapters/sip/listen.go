package sip

import (
	"context"
	"net"
	"net/netip"
	"slices"

	"github.com/emiago/sipgo/sip"

	"c2d/adapters/sip/dialog"
	"c2d/adapters/sip/stream"
	"c2d/core/fault"
)

// socket is one listening socket.
type socket struct {
	network string
	addr    netip.AddrPort
	stream  *stream.Listener // of tcp and tls
	deafen  func(context.Context)
	close   func() error // no answer leaves by it afterwards, nor by another
	serve   func()       // until close
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
	if a.network != "udp" {
		return s.bindStream(a)
	}
	c, err := net.ListenUDP(a.network, net.UDPAddrFromAddrPort(a.addr))
	if err != nil {
		return err
	}
	w := newWire(c, s.deps.Trace, s.refusedPeer)
	// The library knows the socket only once its reader runs; a request before that would leave from another port.
	at, pool := c.LocalAddr().(*net.UDPAddr).AddrPort(), s.tp.Pool(a.network)
	pool.Add(at.String(), &sip.UDPConnection{PacketConn: w, PacketAddr: at.String(), Listener: true})
	s.listening(socket{
		network: a.network, addr: at, deafen: w.ear.Deafen, serve: func() { _ = s.tp.ServeUDP(w) },
		close: func() error {
			w.ear.Bury(pool, at)
			return c.Close()
		},
	})
	return nil
}

func (s *Stack) bindStream(a listenAddr) error {
	cfg := stream.Config{PerSource: s.cfg.Limits.Connections, Trace: s.streamTrace(a.network), BrokenOff: s.brokenOff}
	serve := s.tp.ServeTCP
	if a.network == "tls" {
		serve = s.tp.ServeTLS
		var err error
		if cfg.TLS, err = s.cfg.TLS.load(); err != nil {
			return err
		}
	}
	l, err := stream.Listen(a.addr, cfg)
	if err != nil {
		return err
	}
	s.listening(socket{
		network: a.network, addr: l.Addr().(*net.TCPAddr).AddrPort(), stream: l, deafen: l.Deafen, close: l.Close, serve: func() { _ = serve(l) },
	})
	return nil
}

func (s *Stack) listening(k socket) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.socks = append(s.socks, k)
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

// hop returns how messages over a transport to an address leave us. With several sockets it is the one on the network
// that leads there.
func (s *Stack) hop(transport, dest string) (dialog.Hop, error) {
	fit := slices.DeleteFunc(s.sockets(), func(k socket) bool { return sip.NetworkToUpper(k.network) != transport })
	if len(fit) == 0 {
		return dialog.Hop{}, fault.New(fault.CodeBackendUnavailable, "not listening on %s", transport)
	}
	best := fit[0]
	if len(fit) > 1 {
		from := sourceFor(dest)
		if i := slices.IndexFunc(fit, func(k socket) bool { return k.addr.Addr() == from }); i >= 0 {
			best = fit[i]
		}
	}
	h := s.through(best, transport)
	if host := s.gatewayAt(dest).advertised(); host != "" {
		h.Host = host
	}
	return h, nil
}

// sourceFor asks the routing table from which of our addresses a peer is reached; nothing is sent.
func sourceFor(dest string) netip.Addr {
	c, err := net.Dial("udp", dest)
	if err != nil {
		return netip.Addr{}
	}
	defer c.Close()
	return c.LocalAddr().(*net.UDPAddr).AddrPort().Addr().Unmap()
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
