package sip

import (
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"

	"c2d/adapters/sip/trunk"
	"c2d/core/call"
	"c2d/core/fault"
)

// carried returns a house with a trunk, and the trunk's far end.
func carried(t *testing.T, change ...func(*Entry)) (*house, *phone) {
	t.Helper()
	c, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	return carriedAt(t, c, change...)
}

// carriedAt is carried, with the far end at a socket.
func carriedAt(t *testing.T, c *net.UDPConn, change ...func(*Entry)) (*house, *phone) {
	t.Helper()
	e := Entry{
		Name: "carrier", Proxy: "sip:" + c.LocalAddr().String(), Domain: "carrier.example", User: "hospital", Password: "pw",
		Present: trunk.Present{Default: "+8653283001999"},
	}
	for _, f := range change {
		f(&e)
	}
	h := newHouse(t, func(cfg *Config) {
		cfg.Entries = append(cfg.Entries, e)
		cfg.Listen = append(cfg.Listen, "tcp:127.0.0.1:0")
	})
	p := h.phoneOn("carrier", "udp", c)
	return h.start(), p
}

// up answers what the trunk first asks, and waits until calls can go.
func (p *phone) up() {
	p.t.Helper()
	p.reply(p.request("OPTIONS"), 200, nil)
	p.h.eventually("the trunk is up", func() bool { return p.h.stack.EntryHealth(p.t.Context(), "carrier") == nil })
}

// through places a call through the trunk.
func (h *house) through(leg, number string) error {
	o := call.Originate{Leg: leg, Way: call.Way{Backend: "carrier", Address: number}, RingLimit: limit, Show: call.Shown{Name: "Harry", Number: "+8613900139000"}}
	blob, err := h.stack.Prepare(h.t.Context(), o)
	if err != nil {
		return err
	}
	return h.stack.Originate(h.t.Context(), o, blob)
}

const challenge = `Digest realm="carrier.example", nonce="%s", algorithm=MD5, qop="auth"`

// challenges refuses a request with 407, as often as nonces are given, and returns it as it comes with the last one's answer.
func (p *phone) challenges(req *sip.Request, nonces ...string) *sip.Request {
	p.t.Helper()
	for i, n := range nonces {
		value := fmt.Sprintf(challenge, n)
		if i > 0 {
			value += ", stale=true"
		}
		p.reply(req, 407, nil, "Proxy-Authenticate: "+value)
		if req.Method == sip.INVITE {
			p.request("ACK")
		}
		seq := req.CSeq().SeqNo
		req = p.request(string(req.Method))
		if got := req.GetHeaders("Proxy-Authorization"); len(got) != 1 || !strings.Contains(got[0].Value(), `nonce="`+n+`"`) || req.CSeq().SeqNo != seq+1 {
			p.t.Fatalf("the answer to %s is\n%s", n, req)
		}
	}
	return req
}

// nationals are how some numbers are written in China.
var nationals = map[string]string{"+8613800138000": "13800138000", "+8653283001999": "053283001999"}

func TestTrunkProvesWhoWeAreForEachMethod(t *testing.T) {
	h, p := carried(t, func(e *Entry) { e.Out.Format = "national" })
	p.up()
	h.do(h.through("leg-a", "+8613800138000"))
	p.inv = p.request("INVITE")
	for _, line := range []string{
		"INVITE sip:13800138000@carrier.example SIP/2.0\r\n", "From: <sip:053283001999@carrier.example>;tag=", "P-Asserted-Identity: <sip:053283001999@carrier.example>\r\n",
	} {
		if !strings.Contains(p.inv.String(), line) {
			t.Errorf("no %q in\n%s", line, p.inv)
		}
	}
	first := p.inv
	p.inv = p.challenges(p.inv, "n1", "n2")
	if p.inv.CallID().Value() != first.CallID().Value() || p.inv.From().Value() != first.From().Value() {
		t.Error("another call")
	}
	p.reply(p.inv, 200, p.answer(p.inv))
	ack := p.request("ACK")
	if ack.CSeq().SeqNo != p.inv.CSeq().SeqNo || len(ack.GetHeaders("Proxy-Authorization")) != 1 {
		t.Errorf("ACK\n%s", ack)
	}
	h.expect("leg-a", call.EvAnswered)
	h.do(h.stack.HangUp(t.Context(), "leg-a", call.Completed))
	p.reply(p.challenges(p.request("BYE"), "n3"), 200, nil)
	if c := h.ended("leg-a", call.Completed); c.SIP != 200 {
		t.Errorf("ended %+v", c)
	}
}

// TestTrunkWantsALongerSession between two challenges.
func TestTrunkWantsALongerSession(t *testing.T) {
	h, p := carried(t)
	p.up()
	h.do(h.through("leg-a", "+8613800138000"))
	p.reply(p.challenges(p.request("INVITE"), "n1"), 422, nil, "Min-SE: 3600")
	p.request("ACK")
	p.inv = p.request("INVITE")
	if got := p.inv.GetHeaders("Proxy-Authorization"); len(got) != 0 {
		t.Errorf("a nonce is used again: %s", got[0].Value())
	}
	p.inv = p.challenges(p.inv, "n2")
	p.reply(p.inv, 200, p.answer(p.inv))
	p.request("ACK")
	h.expect("leg-a", call.EvAnswered)
}

func TestTrunkWithTheWrongPassword(t *testing.T) {
	h, p := carried(t)
	p.up()
	h.do(h.through("leg-a", "+8613800138000"))
	inv := p.challenges(p.request("INVITE"), "n1")
	p.reply(inv, 407, nil, "Proxy-Authenticate: "+fmt.Sprintf(challenge, "n2")) // a new nonce, but not stale: it was wrong
	p.request("ACK")
	h.ended("leg-a", call.Forbidden)
}

func TestTrunkCancelsWhatItProved(t *testing.T) {
	h, p := carried(t)
	p.up()
	h.do(h.through("leg-a", "+8613800138000"))
	inv := p.challenges(p.request("INVITE"), "n1")
	p.reply(inv, 180, nil)
	h.expect("leg-a", call.EvRinging)
	h.do(h.stack.HangUp(t.Context(), "leg-a", call.Cancelled))
	cancel := p.request("CANCEL")
	if branch(cancel) != branch(inv) || cancel.CSeq().SeqNo != inv.CSeq().SeqNo {
		t.Errorf("CANCEL\n%s\nof\n%s", cancel, inv)
	}
	p.reply(cancel, 200, nil)
	p.reply(inv, 487, nil)
	h.ended("leg-a", call.Cancelled)
}

// TestTrunkFailsBeforeItRings: what proves that nobody's phone rang lets core try the next way; other refusals do not.
func TestTrunkFailsBeforeItRings(t *testing.T) {
	for status, next := range map[int]bool{503: true, 500: true, 486: false, 404: false, 603: false} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			h, p := carried(t)
			p.up()
			h.do(h.through("leg-a", "+8613800138000"))
			p.reply(p.request("INVITE"), status, nil)
			p.request("ACK")
			if c := h.expect("leg-a", call.EvEnded).Cause; c.NotRung != next {
				t.Errorf("%+v", c)
			}
		})
	}
}

func TestTrunkRegisters(t *testing.T) {
	h, p := carried(t, func(e *Entry) { e.Register = true })
	first := p.request("REGISTER")
	p.reply(first, 423, nil, "Min-Expires: 1800")
	again := p.request("REGISTER")
	if got := again.GetHeader("Expires").Value(); got != "1800" {
		t.Errorf("Expires %s", got)
	}
	proved := p.challenges(again, "n1")
	if c := proved.Contact().Address; c.User != "hospital" || c.Port != int(h.stack.Addr().Port()) {
		t.Errorf("Contact %s", proved.Contact())
	}
	p.reply(proved, 200, nil, "Contact: "+proved.Contact().Value()+";expires=100")
	h.eventually("the trunk is up", func() bool { return h.stack.EntryHealth(t.Context(), "carrier") == nil })
	g := h.stack.gateway("carrier")
	if left := h.lasting(g); left < 40 || left > 50 {
		t.Errorf("refreshed in %v s", left)
	}
	stopped := make(chan struct{})
	go func() { defer close(stopped); h.stop() }() // waited for below
	last := p.request("REGISTER")
	if last.GetHeader("Expires").Value() != "0" || last.CallID().Value() != first.CallID().Value() {
		t.Errorf("the last REGISTER is\n%s", last)
	}
	p.reply(last, 200, nil)
	<-stopped
}

// TestRegistrationIsRefreshed at half of what was granted, however short; when the carrier refuses the trunk is down, and it
// comes back.
func TestRegistrationIsRefreshed(t *testing.T) {
	h, p := carried(t, func(e *Entry) { e.Register = true })
	up := func(want bool) {
		t.Helper()
		h.eventually("the trunk's state", func() bool { return (h.stack.EntryHealth(t.Context(), "carrier") == nil) == want })
	}
	first := p.request("REGISTER")
	p.reply(first, 200, nil, "Contact: "+first.Contact().Value()+";expires=1")
	up(true)
	second := p.request("REGISTER")
	if second.CallID().Value() != first.CallID().Value() || second.CSeq().SeqNo <= first.CSeq().SeqNo || second.From().Value() != first.From().Value() {
		t.Errorf("refreshed by\n%s", second)
	}
	asked := time.Now()
	p.reply(second, 503, nil, "Retry-After: 1")
	third := p.request("REGISTER")
	if d := time.Since(asked); d < time.Second {
		t.Errorf("registers again after %v", d)
	}
	up(false)
	p.reply(third, 200, nil, "Expires: 600")
	up(true)
	if left := h.lasting(h.stack.gateway("carrier")); left < 290 {
		t.Errorf("refreshed in %v s", left)
	}
	p.leaves()
}

// leaves stops the house, and answers the REGISTER by which its trunk leaves.
func (p *phone) leaves() {
	p.t.Helper()
	stopped := make(chan struct{})
	go func() { defer close(stopped); p.h.stop() }() // waited for below
	p.reply(p.request("REGISTER"), 200, nil)
	<-stopped
}

// TestServiceRoute: requests take the way that the registrar names (RFC 3608), until it names another or none. What cannot
// be sent safely is not used.
func TestServiceRoute(t *testing.T) {
	h, p := carried(t, func(e *Entry) { e.Register = true })
	g := h.stack.gateway("carrier")
	for i, c := range []struct{ header, want string }{
		{"Service-Route: <sip:edge.example;lr>, <sip:home.example:5070;lr>;x=1", "sip:edge.example;lr sip:home.example:5070;lr"},
		{"Service-Route: <sip:edge.example;lr>\nService-Route: \"a, b\" <sip:other.example;lr>", "sip:edge.example;lr sip:other.example;lr"},
		{"Service-Route: <http://edge.example>", ""},
		{"Service-Route: " + strings.Repeat("<sip:e.example;lr>,", mostRoutes) + "<sip:e.example;lr>", ""},
		{"X-None: 1", ""},
	} {
		reg := p.request("REGISTER")
		if reg.Route() != nil {
			t.Errorf("REGISTER takes the route\n%s", reg)
		}
		p.reply(reg, 200, nil, "Contact: "+reg.Contact().Value()+";expires=600", c.header)
		h.eventually("it is registered", func() bool {
			g.reg.mu.Lock()
			defer g.reg.mu.Unlock()
			return g.reg.seq == reg.CSeq().SeqNo && g.reg.held && g.reg.again.After(time.Now())
		})
		leg := fmt.Sprint("leg-", i)
		h.do(h.through(leg, "+8613800138000"))
		inv := p.request("INVITE")
		var got []string
		for _, r := range inv.GetHeaders("Route") {
			got = append(got, r.(*sip.RouteHeader).Address.String())
		}
		if strings.Join(got, " ") != c.want || inv.Recipient.Host != "carrier.example" {
			t.Errorf("INVITE by %q, want %q", got, c.want)
		}
		p.reply(inv, 180, nil)
		h.expect(leg, call.EvRinging)
		h.do(h.stack.HangUp(t.Context(), leg, call.Cancelled))
		cancel := p.request("CANCEL")
		if len(cancel.GetHeaders("Route")) != len(got) {
			t.Errorf("CANCEL takes another way\n%s", cancel)
		}
		p.reply(cancel, 200, nil)
		p.reply(inv, 487, nil)
		p.request("ACK")
		h.ended(leg, call.Cancelled)
		g.reg.granted(time.Nanosecond, time.Now()) // so that it is due
		g.wake <- struct{}{}
	}
	last := p.request("REGISTER")
	p.reply(last, 200, nil)
	p.leaves()
}

// lasting returns in how many seconds the next REGISTER is due.
func (h *house) lasting(g *gateway) float64 {
	g.reg.mu.Lock()
	defer g.reg.mu.Unlock()
	return time.Until(g.reg.again).Seconds()
}

func TestTrunkIsDownUntilItAnswers(t *testing.T) {
	h, p := carried(t)
	faultIs(t, h.through("leg-a", "+8613800138000"), fault.CodeBackendUnavailable)
	p.reply(p.request("OPTIONS"), 503, nil)
	again := p.request("OPTIONS") // after a pause
	faultIs(t, h.stack.EntryHealth(t.Context(), "carrier"), fault.CodeBackendUnavailable)
	p.reply(again, 200, nil)
	h.eventually("the trunk is up", func() bool { return h.stack.EntryHealth(t.Context(), "carrier") == nil })
	h.do(h.stack.EntryHealth(t.Context(), "house"))
	faultIs(t, h.through("leg-a", "sip:mary@hospital.example"), fault.CodeInvalidNumber)
}

// TestTrunkCallsUs: the carrier's calls come from an address that we trust; whom it names is believed as far as the
// configuration says, and never a house phone.
func TestTrunkCallsUs(t *testing.T) {
	for name, c := range map[string]struct {
		trust    []trunk.Trust
		asserted string
		from     string
		refused  string
	}{
		"asserted":              {[]trunk.Trust{{CIDR: "127.0.0.0/8", Accept: []string{"pai"}}}, "<sip:+8613800138000@x>", "+8613800138000", ""},
		"asserted, not trusted": {[]trunk.Trust{{CIDR: "127.0.0.1"}}, "<sip:+8613800138000@x>", "carrier", ""},
		"from elsewhere":        {[]trunk.Trust{{CIDR: "192.0.2.1", Accept: []string{"pai"}}}, "<sip:+8613800138000@x>", "", "407"},
	} {
		t.Run(name, func(t *testing.T) {
			h, p := carried(t, func(e *Entry) { e.Trust = c.trust; e.In.Format = "digits" })
			p.up()
			p.calls("8653283001999", p.offers(), "P-Asserted-Identity: "+c.asserted)
			if c.refused != "" {
				p.gets(c.refused)
				return
			}
			p.gets("100")
			leg, ev := h.offered()
			if ev.From != c.from || ev.To != "+8653283001999" || !ev.Outside || ev.Backend != "carrier" {
				t.Errorf("offered %+v", ev)
			}
			h.do(h.stack.Answer(t.Context(), leg))
			ok := p.gets("200")
			p.follows(ok, "ACK", nil)
			h.expect(leg, call.EvAnswered)
			h.do(h.stack.HangUp(t.Context(), leg, call.Completed))
			p.reply(p.challenges(p.request("BYE"), "n1"), 200, nil)
			h.ended(leg, call.Completed)
		})
	}
}

// TestRegisteredTrunkCallsTheNumberInTo, since its Request-URI is only where we registered.
func TestRegisteredTrunkCallsTheNumberInTo(t *testing.T) {
	h, p := carried(t, func(e *Entry) { e.Trust = []trunk.Trust{{CIDR: "127.0.0.1"}} })
	p.up()
	g := h.stack.gateway("carrier")
	p.callID = "x"
	m, err := sip.ParseMessage([]byte(strings.ReplaceAll(p.calling("INVITE", "+8653283001999", newBranch(), nil), "\n", "\r\n")))
	if err != nil {
		t.Fatal(err)
	}
	req := m.(*sip.Request)
	req.Recipient.User = "hospital"
	for register, want := range map[bool]string{true: "+8653283001999", false: "sip:hospital@hospital.example"} {
		g.entry.Register = register
		if got := g.inviter(req, trunk.Trust{}); got.dialled != want {
			t.Errorf("%q, want %q", got.dialled, want)
		}
	}
	g.entry.Register = false
}

// TestLongInviteToATrunk: what is too long for one packet goes over TCP where the proxy takes it, else over UDP all the same;
// and so does what becomes too long by the answer to a challenge.
func TestLongInviteToATrunk(t *testing.T) {
	for name, c := range map[string]struct {
		domain  int // its length
		listens bool
		pinned  string
		want    string // transport of the first INVITE, and of that which answers the challenge
	}{
		"long":                  {240, true, "", "TCP TCP"},
		"long, refused":         {240, false, "", "UDP UDP"},
		"long, told to use UDP": {240, true, ";transport=udp", "UDP UDP"},
		"long once proved":      {80, true, "", "UDP TCP"},
		"short":                 {10, true, "", "UDP UDP"},
	} {
		t.Run(name, func(t *testing.T) {
			conn, l := twins(t)
			h, p := carriedAt(t, conn, func(e *Entry) { e.Domain = strings.Repeat("d", c.domain); e.Proxy += c.pinned })
			p.up()
			accepted := make(chan *phone, 1)
			if !c.listens {
				l.Close()
			} else {
				go func() { // ends with the listener
					if conn, err := l.Accept(); err == nil {
						accepted <- h.phoneOn("over-tcp", "tcp", conn)
					}
				}()
			}
			over := func(transport string) *phone {
				if transport == "UDP" {
					return p
				}
				select {
				case tcp := <-accepted:
					accepted <- tcp
					return tcp
				case <-time.After(limit):
					t.Fatal("no connection\n" + h.drawn())
				}
				return nil
			}
			first, second, _ := strings.Cut(c.want, " ")
			h.do(h.through("leg-a", "+8613800138000"))
			at := over(first)
			at.reply(at.request("INVITE"), 407, nil, "Proxy-Authenticate: "+fmt.Sprintf(challenge, "n1"))
			at.request("ACK")
			at = over(second)
			inv := at.request("INVITE")
			if inv.Via().Transport != second || len(inv.GetHeaders("Proxy-Authorization")) != 1 {
				t.Errorf("INVITE\n%s", inv)
			}
			at.reply(inv, 200, at.answer(inv))
			at.request("ACK")
			h.expect("leg-a", call.EvAnswered)
			h.do(h.stack.HangUp(t.Context(), "leg-a", call.Completed))
			at.reply(at.request("BYE"), 200, nil)
			h.ended("leg-a", call.Completed)
		})
	}
}
