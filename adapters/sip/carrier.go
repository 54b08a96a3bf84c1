package sip

import (
	"context"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/emiago/sipgo/sip"

	"c2d/adapters/sip/dialog"
	"c2d/core/fault"
)

// registration is our binding at a carrier: a series of REGISTERs with one Call-ID (RFC 3261 section 10.2).
type registration struct {
	callID, tag string

	mu     sync.Mutex
	seq    uint32
	again  time.Time // when the next REGISTER is due
	held   bool
	routes []string // by which the carrier wants our requests (RFC 3608)
}

func (r *registration) due(now time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return !r.held || !now.Before(r.again)
}

// granted notes for how long the binding holds; it is refreshed at half of that.
func (r *registration) granted(d time.Duration, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.held, r.again = d > 0, now.Add(d/2)
}

// within returns how long until the next REGISTER is due, a pause at most.
func (r *registration) within(pause, least time.Duration) time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.held {
		return pause
	}
	return max(least, min(pause, time.Until(r.again)))
}

// by returns the route of requests that go where we are registered.
func (r *registration) by() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.routes
}

// told takes the Service-Route of a REGISTER's 200; one without any ends the former (RFC 3608 section 6.1).
func (r *registration) told(res *sip.Response) error {
	routes, err := serviceRoute(res)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.routes = routes
	return err
}

// mostRoutes bounds what a carrier can make us put into each request.
const mostRoutes = 8

// serviceRoute reads the Service-Route headers of a response, in order. Errors: those of [dialog.ParseURI], and
// fault.CodeTooLarge; then none is used.
func serviceRoute(res *sip.Response) (routes []string, err error) {
	for _, h := range res.GetHeaders("Service-Route") {
		for rest := h.Value(); ; {
			_, after, more := strings.Cut(rest, "<")
			if !more {
				break
			}
			var uri string
			uri, rest, _ = strings.Cut(after, ">")
			if _, err := dialog.ParseURI("service_route", uri); err != nil {
				return nil, err
			}
			routes = append(routes, uri)
		}
	}
	if len(routes) > mostRoutes {
		return nil, fault.Field(fault.CodeTooLarge, "service_route", "more than %d hops", mostRoutes)
	}
	return routes, nil
}

// take returns the next CSeq.
func (r *registration) take() uint32 {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.seq++
	return r.seq
}

// retryAfter reads a Retry-After (RFC 3261 section 20.33); 0 for none.
func retryAfter(res *sip.Response) time.Duration {
	h := res.GetHeader("Retry-After")
	if h == nil {
		return 0
	}
	number, _, _ := strings.Cut(h.Value(), ";")
	number, _, _ = strings.Cut(number, "(")
	n, err := strconv.ParseUint(strings.TrimSpace(number), 10, 31)
	if err != nil {
		return 0
	}
	return time.Duration(n) * time.Second
}

// enrol registers at the first address that takes it. Errors: those of register, of the last address.
func (g *gateway) enrol() error {
	err := error(fault.New(fault.CodeBackendUnavailable, "every address of the carrier asked to be left alone"))
	for _, at := range g.trying() {
		ctx, cancel := context.WithTimeout(g.s.ctx, g.s.waits.carrier)
		err = g.register(ctx, at, g.entry.expires())
		cancel()
		g.heard(at, err == nil)
		if err == nil {
			g.settle(at)
			return nil
		}
	}
	return err
}

// register binds us at an address of the carrier, or takes the binding back for 0. Errors: fault.CodeBackendUnavailable.
func (g *gateway) register(ctx context.Context, at server, want time.Duration) error {
	res, err := g.registerFor(ctx, at, want)
	if err == nil && res.StatusCode == sip.StatusIntervalToBrief {
		if least := seconds(res, "Min-Expires"); least > want && want > 0 {
			want = least
			res, err = g.registerFor(ctx, at, want)
		}
	}
	switch {
	case err != nil:
	case !res.IsSuccess():
		g.heeds(at.addr, res)
		err = fault.New(fault.CodeBackendUnavailable, "the carrier refuses to register us with %d", res.StatusCode)
	default:
		g.reg.granted(g.lasts(res, want), time.Now())
		if err := g.reg.told(res); err != nil {
			g.s.log.Warn("the carrier's Service-Route is not used", "trunk", g.entry.Name, "error", err)
		}
		return nil
	}
	g.reg.granted(0, time.Now())
	return err
}

func (g *gateway) registerFor(ctx context.Context, at server, want time.Duration) (*sip.Response, error) {
	me := dialog.Party{URI: "sip:" + g.entry.User + "@" + g.entry.domain(g.next)}
	return g.converse(ctx, sip.REGISTER, at, dialog.Invite{
		CallID: g.reg.callID, Tag: g.reg.tag, Target: "sip:" + g.entry.domain(g.next), From: me, To: me,
		Headers: []dialog.Header{{Name: "Expires", Value: strconv.Itoa(int(want / time.Second))}},
	})
}

// lasts returns for how long a REGISTER's 200 binds us: what our Contact says there, else Expires, else what was asked.
func (g *gateway) lasts(res *sip.Response, want time.Duration) time.Duration {
	for _, h := range res.GetHeaders("Contact") {
		c, ok := h.(*sip.ContactHeader)
		if !ok || c.Address.User != g.entry.User {
			continue
		}
		if n, err := strconv.ParseUint(c.Params.GetOr("expires", ""), 10, 31); err == nil {
			return time.Duration(n) * time.Second
		}
	}
	if d := seconds(res, "Expires"); d > 0 && want > 0 {
		return d
	}
	return want
}

// seconds reads a header that holds a number of seconds; 0 for none.
func seconds(res *sip.Response, name string) time.Duration {
	if h := res.GetHeader(name); h != nil {
		if n, err := strconv.ParseUint(h.Value(), 10, 31); err == nil {
			return time.Duration(n) * time.Second
		}
	}
	return 0
}

// probe asks every address but one for a sign of life, all at once. Errors: fault.CodeBackendUnavailable, of any, when none
// gave one.
func (g *gateway) probe(but server) (err error) {
	var mu sync.Mutex
	var all sync.WaitGroup
	alive := false
	for _, at := range g.every() {
		if at == but {
			continue
		}
		all.Go(func() {
			failed := g.ping(at)
			g.heard(at, failed == nil)
			mu.Lock()
			defer mu.Unlock()
			if alive = alive || failed == nil; failed != nil {
				err = failed
			}
		})
	}
	all.Wait()
	if alive {
		return nil
	}
	return err
}

// ping asks an address for a sign of life: any answer is one, but for those that say that it cannot carry calls.
func (g *gateway) ping(at server) error {
	ctx, cancel := context.WithTimeout(g.s.ctx, g.s.waits.carrier)
	defer cancel()
	me := dialog.Party{URI: "sip:" + g.s.cfg.Domain}
	to := "sip:" + g.entry.domain(g.next)
	res, err := g.converse(ctx, sip.OPTIONS, at, dialog.Invite{
		CallID: newTag() + newTag(), Tag: newTag(), Target: to, From: me, To: dialog.Party{URI: to},
	})
	if err == nil && (res.StatusCode == sip.StatusRequestTimeout || res.StatusCode >= 502 && res.StatusCode <= 504) {
		g.heeds(at.addr, res)
		err = fault.New(fault.CodeBackendUnavailable, "the carrier answers OPTIONS with %d", res.StatusCode)
	}
	return err
}

// converse sends a request outside any dialog and returns its final response; challenges are answered.
func (g *gateway) converse(ctx context.Context, method sip.RequestMethod, at server, i dialog.Invite) (*sip.Response, error) {
	var p claim
	for {
		i.Branch, i.Transport, i.Dest, i.Seq = newBranch(), strings.ToUpper(at.transport), at.addr, i.Seq+1
		if method == sip.REGISTER {
			i.Seq = g.reg.take()
		}
		h, err := g.s.hop(i.Transport, i.Dest)
		if err != nil {
			return nil, err
		}
		req, err := i.Outside(method, h, g.entry.User)
		if err != nil {
			return nil, err
		}
		p.put(req)
		res, err := g.s.exchange(ctx, req)
		if err = g.explain(at, err); err != nil || !p.answer(g.credentials(), req, res) {
			return res, err
		}
	}
}

// exchange sends a request and waits for its final response.
func (s *Stack) exchange(ctx context.Context, req *sip.Request) (*sip.Response, error) {
	tx, err := s.request(req)
	if err != nil {
		return nil, err
	}
	defer tx.Terminate()
	return final(ctx, tx)
}

// unregister takes the bindings back, as long as ctx allows.
func (s *Stack) unregister(ctx context.Context) {
	var all sync.WaitGroup
	for _, g := range s.trunks() {
		all.Go(func() { g.unregister(ctx) })
	}
	all.Wait()
}
