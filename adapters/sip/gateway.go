package sip

import (
	"context"
	"crypto/tls"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/emiago/sipgo/sip"

	"c2d/adapters/sip/dialog"
	"c2d/adapters/sip/trunk"
	"c2d/core/call"
	"c2d/core/fault"
	"c2d/core/identity"
)

// gateway is one trunk at work: where its proxy is, and whether calls can go there. One goroutine keeps it up from Start
// to Stop. Safe for concurrent use.
type gateway struct {
	s      *Stack
	entry  Entry
	next   next
	secure *tls.Config // of tls
	reg    registration

	mu    sync.Mutex
	addrs []string // of the proxy, ip:port, in the order of trying
	at    int      // the one in use
	err   error    // why no calls can go there; nil when they can
}

// newGateways makes the trunks of a configuration that is valid.
func newGateways(s *Stack) (map[string]*gateway, error) {
	all := map[string]*gateway{}
	for _, e := range s.cfg.Entries {
		if !e.Trunk() {
			continue
		}
		n, err := e.next()
		if err != nil {
			return nil, err
		}
		g := &gateway{s: s, entry: e, next: n, reg: registration{callID: newTag() + newTag(), tag: newTag()},
			err: fault.New(fault.CodeBackendUnavailable, "the trunk was not heard of yet")}
		if n.transport == "tls" {
			if g.secure, err = e.secure(n, s.cfg.TLS); err != nil {
				return nil, err
			}
		}
		all[e.Name] = g
	}
	return all, nil
}

// EntryHealth returns nil when the backend of that name can carry calls now, else why not.
func (s *Stack) EntryHealth(ctx context.Context, name string) error {
	if err := s.Health(ctx); err != nil {
		return err
	}
	if g := s.gateways[name]; g != nil {
		return g.health()
	}
	return nil
}

func (g *gateway) health() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.err
}

// run keeps the trunk up: it looks at once, then as often as what it saw demands.
func (g *gateway) run() {
	failures := 0
	for {
		pause := g.s.waits.options
		if err := g.look(); err != nil {
			failures++
			pause = g.s.waits.backOff(failures)
			g.note(err)
			g.turn()
			g.reg.granted(0, time.Now()) // whoever answers next may not know us
		} else {
			failures = 0
			g.note(nil)
		}
		again, stop := after(pause)
		select {
		case <-again:
		case <-g.s.ctx.Done():
			stop()
			return
		}
		stop()
	}
}

// backOff is the pause after so many failures: it doubles up to two minutes.
func (w waits) backOff(failures int) time.Duration {
	return min(w.retry<<min(failures-1, 10), 60*w.retry)
}

// look registers when that is due, else asks for a sign of life.
func (g *gateway) look() error {
	ctx, cancel := context.WithTimeout(g.s.ctx, g.s.waits.carrier)
	defer cancel()
	if err := g.resolve(ctx); err != nil {
		return err
	}
	if g.entry.Register && g.reg.due(time.Now()) {
		return g.register(ctx, g.entry.expires())
	}
	return g.ping(ctx)
}

func (e Entry) expires() time.Duration {
	if e.Expires == 0 {
		return 10 * time.Minute
	}
	return time.Duration(e.Expires) * time.Second
}

// resolve finds the proxy's addresses. The one in use stays while it is among them, and all of them while DNS does not
// answer.
func (g *gateway) resolve(ctx context.Context) error {
	addrs, err := g.next.resolve(ctx, g.s.dns)
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case err != nil && len(g.addrs) > 0:
		return nil
	case err != nil:
		return fault.Wrap(fault.CodeBackendUnavailable, err, "the proxy's name cannot be resolved")
	}
	used := ""
	if len(g.addrs) > 0 {
		used = g.addrs[g.at]
	}
	g.addrs, g.at = addrs, max(0, slices.Index(addrs, used))
	return nil
}

// turn goes on to the proxy's next address after a failure.
func (g *gateway) turn() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.addrs) > 0 {
		g.at = (g.at + 1) % len(g.addrs)
	}
}

// dest returns where requests go now, "" while that is not known.
func (g *gateway) dest() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.addrs) == 0 {
		return ""
	}
	return g.addrs[g.at]
}

// note tells of each change.
func (g *gateway) note(err error) {
	g.mu.Lock()
	changed := (g.err == nil) != (err == nil)
	g.err = err
	g.mu.Unlock()
	switch {
	case g.s.ctx.Err() != nil || !changed:
	case err == nil:
		g.s.log.Info("trunk is up", "trunk", g.entry.Name)
	default:
		g.s.log.Warn("trunk is down", "trunk", g.entry.Name, "error", err)
	}
}

func (g *gateway) credentials() *trunk.Credentials {
	if g == nil || g.entry.Password == "" {
		return nil
	}
	return &trunk.Credentials{User: g.entry.User, Password: g.entry.Password}
}

// transport is the trunk's as it stands in a Via.
func (g *gateway) transport() string { return strings.ToUpper(g.next.transport) }

// invite decides what a call through the trunk sends. Errors: fault.CodeBackendUnavailable while the trunk is down, so
// that the next way is tried; fault.CodeInvalidNumber for what is no number.
func (g *gateway) invite(o call.Originate) (dialog.Invite, error) {
	if err := g.health(); err != nil {
		return dialog.Invite{}, fault.Wrap(fault.CodeBackendUnavailable, err, "the trunk is down")
	}
	number, ok := identity.StripNumber(strings.TrimPrefix(o.Way.Address, "tel:"))
	if !ok {
		return dialog.Invite{}, fault.Field(fault.CodeInvalidNumber, "way.address", "a trunk reaches numbers only")
	}
	domain := g.entry.domain(g.next)
	write := func(n string) string { return g.entry.Out.Write(n, g.s.cfg.CallingCode) }
	who := g.entry.Present.Identify(o.Show, number, domain, write)
	to := "sip:" + userPartEscaper.Replace(write(number)) + "@" + domain
	inv := dialog.Invite{
		CallID: o.Leg, Tag: newTag(), Branch: newBranch(), Seq: 1, Target: to, Transport: g.transport(), Dest: g.dest(),
		From: who.From, To: dialog.Party{URI: to}, Headers: who.Headers,
	}
	if g.next.pinned {
		inv.Target += ";transport=" + g.next.transport
	}
	return inv, nil
}

// inviter returns who calls through the trunk, as far as its word is taken, and whom: the number in the Request-URI, or
// the one in To where the Request-URI is but the address that we registered.
func (g *gateway) inviter(req *sip.Request, word trunk.Trust) inviter {
	to := req.Recipient
	if g.entry.Register && to.User == g.entry.User {
		to = req.To().Address
	}
	dialled := "sip:" + to.User + "@" + g.s.cfg.Domain
	if number, ok := identity.StripNumber(g.entry.In.Read(strings.ReplaceAll(to.User, "%23", "#"))); ok {
		dialled = number
	}
	return inviter{way: call.Way{Backend: g.entry.Name, Address: g.entry.In.Read(word.Caller(req))}, dialled: dialled, outside: true}
}

// gatewayAt returns the trunk with its proxy at an address, nil for none.
func (s *Stack) gatewayAt(addr string) *gateway {
	for _, g := range s.gateways {
		g.mu.Lock()
		found := slices.Contains(g.addrs, addr)
		g.mu.Unlock()
		if found {
			return g
		}
	}
	return nil
}

// gatewayOf returns the trunk whose messages come from an address, and what its word is taken for; nil for none.
func (s *Stack) gatewayOf(from netip.Addr) (*gateway, trunk.Trust) {
	for _, e := range s.cfg.Entries { // in the order of the file
		g := s.gateways[e.Name]
		if g == nil {
			continue
		}
		for _, t := range e.Trust {
			if t.Covers(from) {
				return g, t
			}
		}
	}
	return nil, trunk.Trust{}
}
