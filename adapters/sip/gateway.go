package sip

import (
	"context"
	"crypto/tls"
	"slices"
	"strings"
	"sync/atomic"
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
	reg    *registration
	left   chan struct{}          // closed when it is configured no more; see roster.go
	wake   chan struct{}          // a call has found an address out of service
	alert  atomic.Pointer[outcry] // of a connection that no request has asked about yet

	waits map[*leg]bool

	*servers // of the proxy
}

// newGateway makes the trunk of an entry that is valid.
func (s *Stack) newGateway(e Entry) (*gateway, error) {
	n, err := e.next(s.cfg.Listen)
	if err != nil {
		return nil, err
	}
	g := &gateway{s: s, entry: e, next: n, wake: make(chan struct{}, 1), left: make(chan struct{}), servers: &servers{},
		reg: &registration{callID: newTag() + newTag(), tag: newTag()}}
	g.err = fault.New(fault.CodeBackendUnavailable, "the trunk was not heard of yet")
	if slices.Contains(n.speaks, "tls") {
		if g.secure, err = e.secure(n, s.cfg.TLS); err != nil {
			return nil, err
		}
	}
	return g, nil
}

// EntryHealth returns nil when the backend of that name can carry calls now, else why not.
func (s *Stack) EntryHealth(ctx context.Context, name string) error {
	if err := s.Health(ctx); err != nil {
		return err
	}
	if g := s.gateway(name); g != nil {
		return g.health()
	}
	return nil
}

// run keeps the trunk up: it looks at once, then as often as what it saw demands, and soon after a call has found an
// address out of service.
func (g *gateway) run() {
	failures := 0
	for {
		pause := g.s.waits.options
		if err := g.look(); err != nil {
			failures++
			pause = g.s.waits.backOff(failures)
			g.note(err)
			g.reg.granted(0, time.Now()) // whoever answers next may not know us
		} else {
			failures = 0
			pause = g.reg.within(pause, g.s.waits.retry)
			g.note(nil)
		}
		if g.rest(pause) {
			continue
		}
		if g.leaves() {
			g.leave()
		}
		return
	}
}

// rest waits until it is time to look again; false when the stack has stopped, or the trunk is configured no more.
func (g *gateway) rest(pause time.Duration) bool {
	again, stop := after(pause)
	defer stop()
	select {
	case <-again:
		return true
	case <-g.s.ctx.Done():
		return false
	case <-g.left:
		return false
	case <-g.wake:
	}
	soon, stopSoon := after(min(pause, g.s.waits.retry))
	defer stopSoon()
	select {
	case <-soon:
		return true
	case <-g.s.ctx.Done():
		return false
	case <-g.left:
		return false
	}
}

// backOff is the pause after so many failures: it doubles up to two minutes.
func (w waits) backOff(failures int) time.Duration {
	return min(w.retry<<min(failures-1, 10), 60*w.retry)
}

// look resolves the proxy's name, registers when that is due, and asks every other address for a sign of life, so that a
// call finds a second one when the first fails. It returns why no calls can go.
func (g *gateway) look() error {
	if err := g.resolve(); err != nil {
		return err
	}
	if !g.entry.Register {
		return g.probe(server{})
	}
	if g.reg.due(time.Now()) {
		if err := g.enrol(); err != nil {
			return err
		}
		_ = g.probe(g.homeOf()) // who else lives; one that we are registered at is enough
		return nil
	}
	_ = g.probe(server{})
	if !g.isUp(g.homeOf()) {
		return g.enrol()
	}
	return nil
}

func (e Entry) expires() time.Duration {
	if e.Expires == 0 {
		return 10 * time.Minute
	}
	return time.Duration(e.Expires) * time.Second
}

// resolve finds the proxy's addresses; those of before stay while DNS does not answer.
func (g *gateway) resolve() error {
	ctx, cancel := context.WithTimeout(g.s.ctx, g.s.waits.carrier)
	defer cancel()
	hosts, err := g.next.resolve(ctx, g.s.dns)
	if err == nil {
		g.found(hosts)
	} else if len(g.every()) == 0 {
		return fault.Wrap(fault.CodeBackendUnavailable, err, "the proxy's name cannot be resolved")
	}
	return nil
}

// lost is told by a call that nobody is at an address: the next calls go elsewhere, until the address gives a sign of life.
func (g *gateway) lost(addr string) {
	if g == nil {
		return
	}
	g.fell(addr)
	select {
	case g.wake <- struct{}{}:
	default:
	}
}

// heeds keeps an address out for as long as its 503 asks. Any other answer says nothing about the address.
func (g *gateway) heeds(addr string, res *sip.Response) {
	if g == nil || res.StatusCode != sip.StatusServiceUnavailable {
		return
	}
	if d := retryAfter(res); d > 0 {
		g.avoid(addr, d)
	}
}

// goesOn reports whether silence lets core try the next way.
func (g *gateway) goesOn() bool { return g != nil && g.entry.OnSilence == onSilenceNext }

// note tells of each change.
func (g *gateway) note(err error) {
	switch changed := g.stands(err); {
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

// invite decides what a call through the trunk sends. Errors: fault.CodeBackendUnavailable while the way's address, or the
// trunk, is out of service, so that the next way is tried; fault.CodeInvalidNumber for what is no number.
func (g *gateway) invite(o call.Originate) (dialog.Invite, error) {
	at, err := g.at(o.Way)
	if err != nil {
		return dialog.Invite{}, err
	}
	number, ok := identity.StripNumber(strings.TrimPrefix(o.Way.Address, "tel:"))
	if !ok {
		return dialog.Invite{}, fault.Field(fault.CodeInvalidNumber, "way.address", "a trunk reaches numbers only")
	}
	domain := g.entry.domain(g.next)
	write := func(n string) string { return g.entry.Out.Write(n, g.s.deps.National) }
	who := g.entry.Present.Identify(o.Show, number, domain, write)
	to := "sip:" + userPartEscaper.Replace(write(number)) + "@" + domain
	inv := dialog.Invite{
		CallID: o.Leg, Tag: newTag(), Branch: newBranch(), Seq: 1, Target: to, Transport: strings.ToUpper(at.transport), Dest: at.addr,
		From: who.From, To: dialog.Party{URI: to}, Headers: who.Headers,
	}
	if g.entry.Register && at == g.homeOf() {
		inv.Routes = g.reg.by()
	}
	if g.next.pinned {
		inv.Target += ";transport=" + at.transport
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

// gatewayAt returns the trunk whose proxy is, or was, at an address; nil for none.
func (s *Stack) gatewayAt(addr string) *gateway {
	for _, g := range s.trunks() {
		if g.has(addr) {
			return g
		}
	}
	return nil
}

// gatewayOf returns the trunk that a request comes from, by its source or its certificate, and what its word is taken for;
// nil for none.
func (s *Stack) gatewayOf(req *sip.Request) (*gateway, trunk.Trust) {
	from, names := source(req).Addr(), s.certified(req)
	for _, e := range s.entries() { // in the order of the file
		g := s.gateway(e.Name)
		if g == nil {
			continue
		}
		for _, t := range e.Trust {
			if t.Covers(from, names) {
				return g, t
			}
		}
	}
	return nil, trunk.Trust{}
}
