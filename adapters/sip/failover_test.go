package sip

import (
	"context"
	"crypto/tls"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"

	"c2d/adapters/sip/trunk"
	"c2d/core/access"
	"c2d/core/audit"
	"c2d/core/call"
	"c2d/core/call/calltest"
	"c2d/core/identity"
)

// detour is a call of Harry's, carried by core, through a trunk whose proxy has two addresses; the second is for when the
// first fails.
type detour struct {
	*house
	transport     string
	proof         *tls.Config // of the carrier's side, over TLS
	harry         *phone
	first, second *address
	store         *calltest.Memory
	runner        *call.Runner
	id            string
}

// address is one address of a proxy, with a person's phone behind it.
type address struct {
	*phone
	listener net.Listener // of tcp
	at       netip.AddrPort
}

func (d *detour) address(name string) *address {
	d.t.Helper()
	if d.transport == "udp" {
		p := d.phone(name)
		return &address{phone: p, at: netip.MustParseAddrPort(p.conn.LocalAddr().String())}
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		d.t.Fatal(err)
	}
	d.t.Cleanup(func() { l.Close() })
	return &address{phone: &phone{name: name}, listener: l, at: netip.MustParseAddrPort(l.Addr().String())}
}

// connected waits for the trunk's connection, where there is one.
func (d *detour) connected(a *address) {
	d.t.Helper()
	if a.listener == nil {
		return
	}
	_ = a.listener.(*net.TCPListener).SetDeadline(time.Now().Add(limit))
	c, err := a.listener.Accept()
	if err != nil {
		d.t.Fatal(err)
	}
	if d.proof != nil {
		c = tls.Server(c, d.proof)
	}
	a.phone = d.phoneOn(a.name, d.transport, c)
}

// gone takes the address away.
func (a *address) gone() {
	if a.listener != nil {
		a.listener.Close()
	}
	a.conn.Close()
}

// serves answers each sign of life that is asked for, and returns the first other message that comes.
func (a *address) serves(want string) sip.Message {
	a.t.Helper()
	end := time.After(limit)
	for {
		select {
		case m := <-a.in:
			if a.repeated(m) {
				continue
			}
			switch what(m) {
			case want:
				return m
			case "OPTIONS":
				a.reply(m.(*sip.Request), 200, nil)
			default:
				a.t.Fatalf("%s got %s, want %s\n%s", a.name, what(m), want, a.h.drawn())
			}
		case <-end:
			a.t.Fatalf("%s got nothing, want %s\n%s", a.name, want, a.h.drawn())
		}
	}
}

// spared holds that no INVITE has come.
func (a *address) spared() {
	a.t.Helper()
	for {
		select {
		case m := <-a.in:
			if what(m) == "INVITE" {
				a.t.Errorf("%s was called\n%s", a.name, a.h.drawn())
			}
		default:
			return
		}
	}
}

const outside = "+8613800138000"

// newDetour returns the trunk with both addresses up.
func newDetour(t *testing.T, transport string, change ...func(*detour, *Entry)) *detour {
	t.Helper()
	e := Entry{Name: "carrier", Proxy: "sip:carrier.example;transport=" + transport, Present: trunk.Present{Default: "+8653283001999"}}
	d := &detour{transport: transport, store: calltest.NewMemory()}
	if transport == "tls" {
		signer := newAuthority(t)
		e.CA, d.proof = signer.file, &tls.Config{Certificates: []tls.Certificate{signer.signs("carrier.example")}}
	}
	for _, f := range change {
		f(d, &e)
	}
	d.house = newHouse(t, streams(t), func(c *Config) { c.Entries = append(c.Entries, e) })
	d.stack.waits.silence = limit
	if e.OnSilence != "" {
		d.stack.waits.silence = limit / 10
	}
	d.harry, d.first, d.second = d.phone("harry"), d.address("first"), d.address("second")
	d.stack.dns = zone{services: map[string][]*net.SRV{srvName(transport, "carrier.example"): {
		{Target: "127.0.0.1", Port: d.first.at.Port()}, {Target: "127.0.0.1", Port: d.second.at.Port(), Priority: 1},
	}}}
	d.runner = call.NewRunner(call.Config{
		Store: d.store, Backends: map[string]call.Backend{"house": d.stack, "carrier": d.stack}, Origin: identity.Origin{Installation: "t", Node: "n1"},
	}, d, nil)
	d.do(d.runner.Start(t.Context()))
	t.Cleanup(d.end)
	for _, a := range []*address{d.first, d.second} {
		d.connected(a)
		a.reply(a.request("OPTIONS"), 200, nil)
	}
	d.offers(2)
	return d
}

func (d *detour) end() {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	if err := d.runner.Stop(ctx); err != nil {
		d.t.Error(err)
	}
	d.stop()
}

// offers waits until the trunk offers so many ways.
func (d *detour) offers(n int) {
	d.t.Helper()
	d.eventually("the trunk has that many ways", func() bool {
		ways, err := d.stack.Locate(d.t.Context(), call.Way{Backend: "carrier", Address: outside})
		return err == nil && len(ways) == n && ways[0].Contact != ""
	})
}

// LookUp implements [call.LookUp], as dial does.
func (d *detour) LookUp(ctx context.Context, _ call.Call) (call.LookedUp, error) {
	ways, err := d.stack.Locate(ctx, call.Way{Backend: "carrier", Address: outside})
	return call.LookedUp{Attempts: []call.Attempt{{Targets: []call.Target{{Number: outside, Ways: ways}}}}}, err
}

// clicks places the call, and Harry answers.
func (d *detour) clicks() {
	d.t.Helper()
	placed, err := d.runner.Place(d.t.Context(), call.Call{
		ID: identity.NewID(), Tenant: access.MainTenant, Backend: "house", Confirm: call.ConfirmNever, TalkLimit: 3600,
		Caller: call.Party{Name: "Harry", Number: "100", RingLimit: 30, Attempts: []call.Attempt{{Targets: []call.Target{{Ways: []call.Way{d.way(d.harry)}}}}}},
		Callee: call.Party{Number: outside, RingLimit: 30},
	}, nil, audit.Trail{})
	d.do(err)
	d.id = placed.ID
	inv := d.harry.invited()
	d.harry.reply(inv, 200, d.harry.answer(inv))
	d.harry.request("ACK")
}

// takes lets an address take the call up to its 180.
func (a *address) takes() *sip.Request {
	a.t.Helper()
	a.inv = a.serves("INVITE").(*sip.Request)
	a.reply(a.inv, 180, nil)
	return a.inv
}

// talks lets an address answer the call.
func (d *detour) talks(a *address) {
	d.t.Helper()
	inv := a.takes()
	a.reply(inv, 200, a.answer(inv))
	a.serves("ACK")
	d.becomes(call.Connected)
}

// becomes waits for a state of the call.
func (d *detour) becomes(s call.State) (c call.Call) {
	d.t.Helper()
	d.eventually("the call is "+string(s), func() bool {
		var err error
		c, err = d.store.Get(d.t.Context(), access.MainTenant, d.id)
		return err == nil && c.State == s
	})
	return c
}

// legs returns how the callee's legs ended, in the order in which they were rung; "" for one that goes on.
func legs(c call.Call) (all []call.Reason) {
	for _, l := range c.Callee.Attempts[0].Legs {
		if l.End == nil {
			all = append(all, "")
		} else {
			all = append(all, l.End.Reason)
		}
	}
	return all
}

// overBoth runs a story over UDP and TCP.
func overBoth(t *testing.T, story func(t *testing.T, transport string)) {
	overEach(t, []string{"udp", "tcp"}, story)
}

func overEach(t *testing.T, transports []string, story func(t *testing.T, transport string)) {
	for _, transport := range transports {
		t.Run(transport, func(t *testing.T) { story(t, transport) })
	}
}

// TestNobodyIsAtTheFirstAddress: the second is called, and the next call does not ask the first at all.
func TestNobodyIsAtTheFirstAddress(t *testing.T) {
	overEach(t, []string{"udp", "tcp", "tls"}, func(t *testing.T, transport string) {
		d := newDetour(t, transport)
		d.first.gone()
		if transport != "udp" {
			d.eventually("the connection is lost", func() bool { return !d.stack.connected(transport, d.first.at.String()) })
		}
		d.clicks()
		d.talks(d.second)
		if got := legs(d.becomes(call.Connected)); len(got) != 2 || got[0] != call.Unreachable {
			t.Errorf("legs %q", got)
		}
		d.offers(1)
		d.do(d.stack.EntryHealth(t.Context(), "carrier"))
	})
}

// TestTheFirstAddressRefuses: only what proves that no phone rang leads to the second.
func TestTheFirstAddressRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		rang   bool
		status int
		extra  []string
		next   bool
		ways   int // of the next call
		reason call.Reason
	}{
		"503":                 {status: 503, next: true, ways: 2},
		"503, not so soon":    {status: 503, extra: []string{"Retry-After: 120 (later);duration=60"}, next: true, ways: 1},
		"500":                 {status: 500, next: true, ways: 2},
		"503 after 180":       {rang: true, status: 503, ways: 2, reason: call.Congestion},
		"no circuit":          {status: 480, extra: []string{"Reason: Q.850;cause=34"}, next: true, ways: 2},
		"busy":                {status: 486, ways: 2, reason: call.Busy},
		"temporarily not":     {status: 480, ways: 2, reason: call.Unreachable},
		"unknown":             {status: 404, ways: 2, reason: call.InvalidNumber},
		"declined":            {status: 603, ways: 2, reason: call.Rejected},
		"busy everywhere":     {status: 600, ways: 2, reason: call.Busy},
		"503 is not believed": {status: 403, extra: []string{"Retry-After: 120"}, ways: 2, reason: call.Forbidden},
	} {
		t.Run(name, func(t *testing.T) {
			overBoth(t, func(t *testing.T, transport string) {
				d := newDetour(t, transport)
				d.clicks()
				inv := d.first.serves("INVITE").(*sip.Request)
				if c.rang {
					d.first.reply(inv, 180, nil)
					d.eventually("it rings", func() bool {
						c := d.becomes(call.RingingCallee)
						l, _, _ := c.Find(inv.CallID().Value())
						return l != nil && l.Rang
					})
				}
				d.first.reply(inv, c.status, nil, c.extra...)
				d.first.serves("ACK")
				if c.next {
					d.talks(d.second)
				} else if got := d.becomes(call.Ended); got.End.Reason != c.reason || len(legs(got)) != 1 {
					t.Errorf("ended %+v, legs %q", got.End, legs(got))
				}
				d.offers(c.ways)
				if !c.next {
					d.second.spared()
				}
			})
		})
	}
}

// TestTheFirstAddressIsSilent: a phone may ring there, so that nobody else is called; the next call goes elsewhere.
func TestTheFirstAddressIsSilent(t *testing.T) {
	overBoth(t, func(t *testing.T, transport string) {
		d := newDetour(t, transport)
		d.stack.waits.silence = limit / 10
		d.clicks()
		d.first.serves("INVITE")
		if got := d.becomes(call.Ended); got.End.Reason != call.Unreachable || len(legs(got)) != 1 {
			t.Errorf("ended %+v, legs %q", got.End, legs(got))
		}
		d.second.spared()
		d.offers(1)
	})
}

// TestOnSilenceNext: where the trunk says so the second is called, and what the first says late rings nobody and joins
// nobody.
func TestOnSilenceNext(t *testing.T) {
	goesOn := func(_ *detour, e *Entry) { e.OnSilence = "next" }
	overBoth(t, func(t *testing.T, transport string) {
		for name, late := range map[string]func(*detour, *sip.Request){
			"a late 180": func(d *detour, inv *sip.Request) {
				d.first.reply(inv, 180, nil)
				cancel := d.first.serves("CANCEL").(*sip.Request)
				if branch(cancel) != branch(inv) {
					d.t.Errorf("CANCEL\n%s", cancel)
				}
				d.first.reply(cancel, 200, nil)
				d.first.reply(inv, 487, nil)
			},
			"a late 200": func(d *detour, inv *sip.Request) {
				d.first.reply(inv, 200, d.first.answer(inv))
				if ack := d.first.serves("ACK"); ack.CSeq().SeqNo != inv.CSeq().SeqNo {
					d.t.Errorf("ACK\n%s", ack)
				}
				d.first.reply(d.first.serves("BYE").(*sip.Request), 200, nil)
			},
		} {
			t.Run(name, func(t *testing.T) {
				d := newDetour(t, transport, goesOn)
				d.clicks()
				d.first.inv = d.first.serves("INVITE").(*sip.Request)
				inv := d.second.takes()
				late(d, d.first.inv)
				d.second.reply(inv, 200, d.second.answer(inv))
				d.second.serves("ACK")
				c := d.becomes(call.Connected)
				if got := legs(c); len(got) != 2 || got[0] != call.Unreachable || got[1] != "" || c.Callee.Attempts[0].Legs[0].Rang {
					t.Errorf("legs %+v", c.Callee.Attempts[0].Legs)
				}
			})
		}
	})
}
