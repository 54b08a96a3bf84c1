package sip

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"syscall"
	"time"

	"github.com/emiago/sipgo/sip"

	"c2d/adapters/sip/dialog"
	"c2d/adapters/sip/stream"
	"c2d/core/fault"
)

// dialling is how long a peer may take to accept a connection. Nobody waits longer for a phone's first sign.
const dialling = 3 * time.Second

// undialled returns a transport of the library that opens no connection: it would open one to wherever a stranger's Via
// points when that stranger's own is gone.
func undialled() *sip.TransportTCP {
	never := func(string, string, syscall.RawConn) error {
		return errors.New("connections are opened by reach alone")
	}
	return &sip.TransportTCP{DialerCreate: func(net.Addr) net.Dialer { return net.Dialer{Control: never} }}
}

// reach makes sure that a request over TCP or TLS has a connection to leave on: the one that its destination names, on
// which the phone registered or called (RFC 5626 section 5.3); when that is lost, a new one to where the peer's URI says
// that it listens. Errors: fault.CodeBackendUnavailable; then nothing was sent.
func (s *Stack) reach(req *sip.Request) error {
	network := sip.NetworkToLower(req.Transport())
	if network == "udp" || s.connected(network, req.Destination()) {
		return nil
	}
	to := nextHop(req)
	if s.gatewayAt(req.Destination()) != nil {
		to = req.Destination() // a trunk's proxy is not where its URIs point
	}
	if !s.connected(network, to) {
		ctx, cancel := context.WithTimeout(s.ctx, dialling)
		defer cancel()
		if err := s.connect(ctx, network, to); err != nil {
			return fault.Wrap(fault.CodeBackendUnavailable, err, "the connection to the phone is lost")
		}
	}
	req.SetDestination(to)
	return nil
}

// reachable opens the connection of the leg's dialog again if it is lost, while nobody waits for the leg's lock. Errors:
// those of reach; fault.CodeConflict when there is no dialog.
func (l *leg) reachable() error {
	l.mu.Lock()
	if l.dlg == nil {
		l.mu.Unlock()
		return fault.New(fault.CodeConflict, "the leg has no dialog")
	}
	h, err := l.hop(l.dlg.Transport, l.dlg.Destination())
	d := *l.dlg // what is built from it is not sent
	l.mu.Unlock()
	if err != nil || d.Transport == "UDP" {
		return err
	}
	return l.s.reach(d.Request(sip.OPTIONS, h, nil))
}

// nextHop returns the address that a request's URIs name, or its destination when they name none.
func nextHop(req *sip.Request) string {
	u := req.Recipient
	if r := req.Route(); r != nil {
		u = r.Address
	}
	if to := dialog.HostPort(u.String()); to != "" {
		if _, err := netip.ParseAddrPort(to); err == nil {
			return to
		}
	}
	return req.Destination()
}

func (s *Stack) streams(network string) []*stream.Listener {
	var all []*stream.Listener
	for _, k := range s.sockets() {
		if k.network == network && k.stream != nil {
			all = append(all, k.stream)
		}
	}
	return all
}

func (s *Stack) connected(network, peer string) bool {
	for _, l := range s.streams(network) {
		if l.Has(peer) {
			return true
		}
	}
	return false
}

// certified returns the domains that the peer of a request over TLS has proved to be.
func (s *Stack) certified(req *sip.Request) (names []string) {
	if sip.NetworkToLower(req.Transport()) != "tls" {
		return nil
	}
	for _, l := range s.streams("tls") {
		names = append(names, l.Names(req.Source())...)
	}
	return names
}

// unsplit is the longest request that goes over UDP where TCP may do too (RFC 3261 section 18.1.1): longer ones would
// leave in fragments, which firewalls drop.
const unsplit = 1300

// quickly is how long a phone may take to accept a connection that it has not asked for.
const quickly = 500 * time.Millisecond

// fit returns the INVITE of the leg as it should leave: over TCP if it is too long for UDP, we listen there, and the
// peer does; else as it is. A phone behind a NAT, or one that says UDP, is not tried; nor a trunk whose configuration
// does. claimed are the headers that answer a challenge.
func (l *leg) fit(req *sip.Request, claimed ...dialog.Header) *sip.Request {
	inv := l.invite
	if inv.Transport != "UDP" || len(req.String()) <= unsplit || req.Recipient.UriParams.Has("transport") {
		return req
	}
	if l.gateway() == nil && nextHop(req) != inv.Dest {
		return req
	}
	inv.Transport = "TCP"
	h, err := l.hop(inv.Transport, inv.Dest)
	if err != nil {
		return req
	}
	ctx, cancel := context.WithTimeout(l.s.ctx, quickly)
	defer cancel()
	long, err := inv.Request(h, req.Body())
	if err != nil || !l.s.connected("tcp", inv.Dest) && l.s.connect(ctx, "tcp", inv.Dest) != nil {
		return req
	}
	(&claim{headers: claimed}).put(long)
	l.mu.Lock()
	l.invite = inv
	l.mu.Unlock()
	return long
}

// connect opens a connection. Over TLS only trunks are called: phones have no certificate that says who they are.
func (s *Stack) connect(ctx context.Context, network, to string) error {
	addr, err := netip.ParseAddrPort(to)
	if err != nil {
		return err
	}
	all := s.streams(network)
	g := s.gatewayAt(to)
	if len(all) == 0 || network == "tls" && (g == nil || g.secure == nil) {
		return errors.New("no connections are opened over " + network)
	}
	if network == "tls" {
		return distrust(all[0].Dial(ctx, addr, g.secure))
	}
	return all[0].Dial(ctx, addr, nil)
}
