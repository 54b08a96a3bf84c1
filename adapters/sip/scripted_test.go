package sip

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"

	"c2d/adapters/sip/dialog"
	"c2d/adapters/sip/sdp"
	"c2d/core/call"
	"c2d/core/fault"
	"c2d/core/user"
)

const limit = 5 * time.Second // that a test waits for anything

// house is a stack with what surrounds it in a test: a registrar that knows its phones, a sink that remembers, and the
// ladder of all messages.
type house struct {
	t     *testing.T
	stack *Stack
	sink  *sink
	gate  *gate
	reg   *fakeRegistrar

	mu     sync.Mutex
	ladder []Message
}

func newHouse(t *testing.T, change ...func(*Config)) *house {
	t.Helper()
	h := &house{t: t, sink: newSink(), reg: &fakeRegistrar{bindings: map[string][]user.Binding{}}}
	cfg := Config{
		Domain: "hospital.example", Listen: []string{"udp:127.0.0.1:0"}, Country: "CN",
		Media: Media{Address: "127.0.0.1", Ports: portRange(t)}, Entries: []Entry{{Name: "house", Kind: "sip"}},
	}
	for _, c := range change {
		c(&cfg)
	}
	s, err := New(cfg, Deps{Registrar: h.reg, LegID: func() string { return "offered-" + newTag() }, Trace: h.trace})
	if err != nil {
		t.Fatal(err)
	}
	s.waits = waits{
		silence: 400 * time.Millisecond, cancel: 400 * time.Millisecond, bye: 300 * time.Millisecond, reinvite: time.Second,
		orphan: 10 * time.Second, prompt: 60 * time.Millisecond, glare: [2]time.Duration{20 * time.Millisecond, 40 * time.Millisecond},
	}
	if err := s.Listen(); err != nil {
		t.Fatal(err)
	}
	h.stack = s
	return h
}

var nextPorts = struct {
	sync.Mutex
	at int
}{at: 40000}

// portRange gives each house RTP ports of its own.
func portRange(t *testing.T) string {
	nextPorts.Lock()
	defer nextPorts.Unlock()
	nextPorts.at += 40
	return fmt.Sprintf("%d-%d", nextPorts.at, nextPorts.at+39)
}

// start starts the stack, with the legs of a former process.
func (h *house) start(open ...call.OpenLeg) *house {
	h.t.Helper()
	h.gate = &gate{sink: h.sink}
	if err := h.stack.Start(h.t.Context(), h.gate, open); err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(h.stop)
	return h
}

func (h *house) stop() {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	if err := h.stack.Stop(ctx); err != nil {
		h.t.Error("stop:", err)
	}
	if h.t.Failed() {
		h.t.Log("\n" + h.drawn())
	}
}

func (h *house) trace(m Message) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ladder = append(h.ladder, m)
}

func (h *house) drawn() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	var b strings.Builder
	for _, m := range h.ladder {
		arrow := "<-"
		if m.Sent {
			arrow = "->"
		}
		fmt.Fprintf(&b, "%s %s %s   [%s, %s]\n", arrow, m.Remote, m.StartLine, m.CSeq, m.CallID)
	}
	return b.String()
}

// fakeRegistrar knows every phone that a test makes; one that sends "Authorization: yes" is who its From says.
type fakeRegistrar struct {
	mu       sync.Mutex
	bindings map[string][]user.Binding
}

func (r *fakeRegistrar) Register(_ context.Context, req *sip.Request, _ netip.AddrPort, _ string) *sip.Response {
	return sip.NewResponseFromRequest(req, 200, "OK", nil)
}

func (r *fakeRegistrar) Authenticate(_ context.Context, req *sip.Request, _ netip.AddrPort) (user.Device, *sip.Response) {
	switch h := req.GetHeader("Authorization"); {
	case h == nil:
		return user.Device{}, sip.NewResponseFromRequest(req, 407, "Proxy Authentication Required", nil)
	case h.Value() != "yes":
		return user.Device{}, sip.NewResponseFromRequest(req, 403, "Forbidden", nil)
	}
	return user.Device{Backend: "house", Address: req.From().Address.String()}, nil
}

func (r *fakeRegistrar) Bindings(_ context.Context, _, aor string) ([]user.Binding, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.bindings[aor], nil
}

// sink remembers events, and lets a test wait for the next of a leg.
type sink struct {
	mu     sync.Mutex
	events map[string][]call.LegEvent
	read   map[string]int
	resume map[string][]byte
	order  []string // legs, as they were first heard of
	news   chan struct{}
}

func newSink() *sink {
	return &sink{events: map[string][]call.LegEvent{}, read: map[string]int{}, resume: map[string][]byte{}, news: make(chan struct{}, 1)}
}

func (s *sink) Leg(ev call.LegEvent) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.events[ev.Leg]) == 0 {
		s.order = append(s.order, ev.Leg)
	}
	s.events[ev.Leg] = append(s.events[ev.Leg], ev)
	if ev.Resume != nil {
		s.resume[ev.Leg] = ev.Resume
	}
	select {
	case s.news <- struct{}{}:
	default:
	}
}

func (s *sink) Link(string, bool) {}

// gate is what stands between one process and the record: after a crash nothing passes.
type gate struct {
	*sink
	crashed atomic.Bool
}

func (g *gate) Leg(ev call.LegEvent) {
	if !g.crashed.Load() {
		g.sink.Leg(ev)
	}
}

// next returns the leg's next event, but for those that only carry a resume blob.
func (h *house) next(leg string) call.LegEvent {
	h.t.Helper()
	end := time.After(limit)
	for {
		if ev, ok := h.sink.take(leg); ok {
			return ev
		}
		select {
		case <-h.sink.news:
		case <-time.After(10 * time.Millisecond):
		case <-end:
			h.t.Fatalf("no further event of %s\n%s", leg, h.drawn())
		}
	}
}

func (s *sink) take(leg string) (call.LegEvent, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.read[leg] < len(s.events[leg]) {
		ev := s.events[leg][s.read[leg]]
		s.read[leg]++
		if ev.Kind != call.EvResume {
			return ev, true
		}
	}
	return call.LegEvent{}, false
}

// expect reads the leg's next events and checks their kinds; it returns the last.
func (h *house) expect(leg string, kinds ...call.LegEventKind) (ev call.LegEvent) {
	h.t.Helper()
	for _, k := range kinds {
		if ev = h.next(leg); ev.Kind != k {
			h.t.Fatalf("%s: event %q (%+v), want %q\n%s", leg, ev.Kind, ev.Cause, k, h.drawn())
		}
	}
	return ev
}

// ended reads on to the end of a leg and checks its reason.
func (h *house) ended(leg string, want call.Reason) call.Cause {
	h.t.Helper()
	for {
		ev := h.next(leg)
		if ev.Kind != call.EvEnded {
			continue
		}
		if ev.Cause.Reason != want {
			h.t.Fatalf("%s ended %+v, want %q\n%s", leg, ev.Cause, want, h.drawn())
		}
		return ev.Cause
	}
}

// ring prepares and originates a leg to a phone.
func (h *house) ring(p *phone, leg, joinTo string) {
	h.t.Helper()
	if err := h.tryRing(p, call.Originate{Leg: leg, JoinTo: joinTo, RingLimit: limit, Show: call.Shown{Name: "Mary", Number: "101"}}); err != nil {
		h.t.Fatal(err)
	}
}

// way returns the one way to a phone.
func (h *house) way(p *phone) call.Way {
	h.t.Helper()
	ways, err := h.stack.Locate(h.t.Context(), call.Way{Backend: "house", Address: p.aor})
	if err != nil || len(ways) != 1 {
		h.t.Fatal("locate:", ways, err)
	}
	return ways[0]
}

// squat takes a port away.
func (h *house) squat(a netip.AddrPort) (release func()) {
	h.t.Helper()
	c, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(a))
	if err != nil {
		h.t.Fatal(err)
	}
	return func() { c.Close() }
}

func (h *house) tryRing(p *phone, o call.Originate) error {
	o.Way = h.way(p)
	blob, err := h.stack.Prepare(h.t.Context(), o)
	if err != nil {
		return err
	}
	h.sink.mu.Lock()
	h.sink.resume[o.Leg] = blob
	h.sink.mu.Unlock()
	return h.stack.Originate(h.t.Context(), o, blob)
}

func (h *house) do(err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err, "\n"+h.drawn())
	}
}

// phone is a telephone that does exactly what the test says, byte for byte: a UDP socket and a parser.
type phone struct {
	t      *testing.T
	h      *house
	aor    string
	name   string
	conn   *net.UDPConn
	ear    *net.UDPConn   // where it receives RTP
	rtp    netip.AddrPort // the same, as its session descriptions name it
	in     chan sip.Message
	seen   map[string]bool // requests, by method and branch
	tag    string
	callID string // of its own last call
	sdp    sdp.Local
	cseq   int
	inv    *sip.Request // the INVITE that made its dialog
}

func (h *house) phone(name string) *phone {
	h.t.Helper()
	c, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		h.t.Fatal(err)
	}
	p := &phone{t: h.t, h: h, name: name, aor: "sip:" + name + "@hospital.example", conn: c, in: make(chan sip.Message, 64), seen: map[string]bool{}, tag: newTag(), cseq: 100}
	if p.ear, err = net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)}); err != nil {
		h.t.Fatal(err)
	}
	p.rtp = p.ear.LocalAddr().(*net.UDPAddr).AddrPort()
	h.reg.mu.Lock()
	h.reg.bindings[p.aor] = []user.Binding{{
		AOR: p.aor, Contact: "sip:" + name + "@" + c.LocalAddr().String(), Transport: "udp", Source: c.LocalAddr().(*net.UDPAddr).AddrPort(),
	}}
	h.reg.mu.Unlock()
	done := make(chan struct{})
	go func() { defer close(done); p.read() }()
	h.t.Cleanup(func() { c.Close(); p.ear.Close(); <-done })
	return p
}

// says sends one RTP packet of PCMA to an address, with a payload that others can recognise.
func (p *phone) says(to netip.AddrPort, seq uint16, payload byte) {
	p.t.Helper()
	b := []byte{0x80, 8, byte(seq >> 8), byte(seq), 0, 0, byte(seq), 160, 1, 2, 3, 4}
	b = append(b, bytes.Repeat([]byte{payload}, 160)...)
	if _, err := p.ear.WriteToUDPAddrPort(b, to); err != nil {
		p.t.Fatal(err)
	}
}

// hears reads RTP until a packet matches.
func (p *phone) hears(match func(payload byte) bool) {
	p.t.Helper()
	_ = p.ear.SetReadDeadline(time.Now().Add(limit))
	buf := make([]byte, 2048)
	for {
		n, err := p.ear.Read(buf)
		if err != nil {
			p.t.Fatalf("%s does not hear it: %v", p.name, err)
		}
		if n > 19 && match(buf[19]) { // not the first: 450 Hz begins each packet at zero
			return
		}
	}
}

func (p *phone) read() {
	buf := make([]byte, 65536)
	for {
		n, err := p.conn.Read(buf)
		if err != nil {
			return
		}
		if m, err := sip.ParseMessage(append([]byte(nil), buf[:n]...)); err == nil {
			p.in <- m
		}
	}
}

// gets returns the next message that is not a repetition of an earlier request, and checks what it is: a method, or a
// status.
func (p *phone) gets(want string) sip.Message {
	p.t.Helper()
	end := time.After(limit)
	for {
		select {
		case m := <-p.in:
			if p.repeated(m) {
				continue
			}
			if got := what(m); got != want {
				p.t.Fatalf("%s got %s, want %s\n%s", p.name, got, want, p.h.drawn())
			}
			return m
		case <-end:
			p.t.Fatalf("%s got nothing, want %s\n%s", p.name, want, p.h.drawn())
		}
	}
}

// repeated reports whether a request was there before.
func (p *phone) repeated(m sip.Message) bool {
	r, ok := m.(*sip.Request)
	if !ok {
		return false
	}
	key := string(r.Method) + branch(r)
	defer func() { p.seen[key] = true }()
	return p.seen[key]
}

// passes reads on until a message of the kind comes.
func (p *phone) passes(want string) sip.Message {
	p.t.Helper()
	end := time.After(limit)
	for {
		select {
		case m := <-p.in:
			if what(m) == want {
				return m
			}
		case <-end:
			p.t.Fatalf("%s never got %s\n%s", p.name, want, p.h.drawn())
		}
	}
}

func what(m sip.Message) string {
	switch m := m.(type) {
	case *sip.Request:
		return string(m.Method)
	case *sip.Response:
		return fmt.Sprint(m.StatusCode)
	}
	return "?"
}

func (p *phone) request(want string) *sip.Request {
	p.t.Helper()
	return p.gets(want).(*sip.Request)
}

// invited waits for the INVITE of a new call.
func (p *phone) invited() *sip.Request {
	p.t.Helper()
	p.inv = p.request("INVITE")
	return p.inv
}

// send writes text, with \n as line ends.
func (p *phone) send(text string) {
	p.t.Helper()
	a := p.h.stack.Addr()
	if _, err := p.conn.WriteToUDPAddrPort([]byte(strings.ReplaceAll(text, "\n", "\r\n")), a); err != nil {
		p.t.Fatal(err)
	}
}

// reply answers a request; extra are more header lines.
func (p *phone) reply(req *sip.Request, status int, body []byte, extra ...string) {
	p.t.Helper()
	p.send(p.response(req, status, p.tag, body, extra...))
}

func (p *phone) response(req *sip.Request, status int, tag string, body []byte, extra ...string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "SIP/2.0 %d Whatever\n", status)
	for _, v := range req.GetHeaders("Via") {
		fmt.Fprintf(&b, "Via: %s\n", v.Value())
	}
	to := req.To().Value()
	if dialog.Tag(req.To()) == "" && status > 100 {
		to += ";tag=" + tag
	}
	fmt.Fprintf(&b, "From: %s\nTo: %s\nCall-ID: %s\nCSeq: %s\n", req.From().Value(), to, req.CallID().Value(), req.CSeq().Value())
	p.tail(&b, body, extra)
	return b.String()
}

func (p *phone) tail(b *strings.Builder, body []byte, extra []string) {
	contact := "Contact: <sip:" + p.name + "@" + p.conn.LocalAddr().String() + ">"
	for _, x := range extra {
		if strings.HasPrefix(x, "Contact:") {
			contact = x
		} else {
			fmt.Fprintln(b, x)
		}
	}
	fmt.Fprintln(b, contact)
	if len(body) > 0 {
		fmt.Fprintln(b, "Content-Type: application/sdp")
	}
	fmt.Fprintf(b, "Content-Length: %d\n\n%s", len(body), strings.ReplaceAll(string(body), "\r\n", "\n"))
}

// answer returns the phone's session description for the offer of a request.
func (p *phone) answer(req *sip.Request) []byte {
	p.t.Helper()
	offer := p.offerOf(req)
	return p.sdp.Answer(offer, p.rtp, sdp.Common(offer.Audio.Codecs, sdp.DefaultCodecs()), sdp.SendRecv)
}

func (p *phone) offerOf(m sip.Message) sdp.Session {
	p.t.Helper()
	d, err := sdp.Parse(m.Body())
	if err != nil || d.Audio == nil {
		p.t.Fatalf("%s: no session description in\n%s", p.name, m.String())
	}
	return d
}

// within sends a request inside the dialog that an INVITE of the stack made.
func (p *phone) within(method string, body []byte, extra ...string) {
	p.t.Helper()
	p.cseq++
	p.send(p.inside(method, p.cseq, body, extra...))
}

func (p *phone) inside(method string, cseq int, body []byte, extra ...string) string {
	var b strings.Builder
	i := p.inv
	fmt.Fprintf(&b, "%s %s SIP/2.0\nVia: SIP/2.0/UDP %s;branch=%s;rport\nMax-Forwards: 70\n", method, i.Contact().Address.String(), p.conn.LocalAddr(), newBranch())
	fmt.Fprintf(&b, "From: %s;tag=%s\nTo: %s\nCall-ID: %s\nCSeq: %d %s\n", i.To().Value(), p.tag, i.From().Value(), i.CallID().Value(), cseq, method)
	p.tail(&b, body, extra)
	return b.String()
}

// info returns an INFO with a body.
func (p *phone) info(body string) string {
	p.cseq++
	return p.inside("INFO", p.cseq, []byte(body))
}

// ackOf acknowledges a 200 to the phone's own INVITE.
func (p *phone) ackOf(ok sip.Message, body ...byte) {
	p.t.Helper()
	p.send(p.inside("ACK", int(ok.CSeq().SeqNo), body))
}

// rings answers an INVITE with 180 and waits until that was told: the library may read a 200 straight after it first.
func (p *phone) rings() *sip.Request {
	p.t.Helper()
	inv := p.invited()
	p.reply(inv, 180, nil)
	p.h.expect(inv.CallID().Value(), call.EvRinging)
	return inv
}

// picksUp rings, answers, and waits for the ACK.
func (p *phone) picksUp() {
	p.t.Helper()
	inv := p.rings()
	p.reply(inv, 200, p.answer(inv))
	ack := p.request("ACK")
	if ack.CSeq().SeqNo != inv.CSeq().SeqNo {
		p.t.Fatalf("ACK has CSeq %d, its INVITE %d", ack.CSeq().SeqNo, inv.CSeq().SeqNo)
	}
}

// redirected answers a re-INVITE as asked and returns where it points to.
func (p *phone) redirected() netip.AddrPort {
	p.t.Helper()
	inv := p.request("INVITE")
	p.reply(inv, 200, p.answer(inv))
	p.request("ACK")
	return p.offerOf(inv).Audio.AddrPort()
}

// talking brings two phones together, up to the moment that both are answered.
func (h *house) talking(a, b *phone) {
	h.t.Helper()
	h.ring(a, "leg-a", "")
	a.picksUp()
	h.expect("leg-a", call.EvAnswered)
	h.do(h.stack.RingBack(h.t.Context(), "leg-a", true))
	h.ring(b, "leg-b", "leg-a")
	b.picksUp()
	h.expect("leg-b", call.EvAnswered)
}

// direct joins them and lets both go direct.
func (h *house) direct(a, b *phone) {
	h.t.Helper()
	h.talking(a, b)
	h.do(h.stack.Join(h.t.Context(), "leg-a", "leg-b"))
	if got := a.redirected(); got != b.rtp {
		h.t.Fatalf("a was redirected to %v, want %v", got, b.rtp)
	}
	if got := b.redirected(); got != a.rtp {
		h.t.Fatalf("b was redirected to %v, want %v", got, a.rtp)
	}
	if ev := h.expect("leg-a", call.EvJoined, call.EvMedia); ev.Text != "direct" {
		h.t.Fatalf("media is %q", ev.Text)
	}
}

// eventually waits for a condition that no event tells of.
func (h *house) eventually(what string, is func() bool) {
	h.t.Helper()
	end := time.After(limit)
	for !is() {
		select {
		case <-time.After(2 * time.Millisecond):
		case <-end:
			h.t.Fatalf("never: %s\n%s", what, h.drawn())
		}
	}
}

// offered waits for the next leg that a phone offered.
func (h *house) offered() (leg string, ev call.LegEvent) {
	h.t.Helper()
	h.eventually("a leg is offered", func() bool {
		h.sink.mu.Lock()
		defer h.sink.mu.Unlock()
		for _, id := range h.sink.order {
			if strings.HasPrefix(id, "offered-") && h.sink.read[id] == 0 {
				leg = id
			}
		}
		return leg != ""
	})
	return leg, h.expect(leg, call.EvOffered)
}

// calls sends the INVITE of a call of the phone's own.
func (p *phone) calls(to string, body []byte, extra ...string) string {
	p.t.Helper()
	p.cseq++
	p.callID = newTag()
	text := p.calling("INVITE", to, newBranch(), body, extra...)
	p.send(text)
	return text
}

func (p *phone) calling(method, to, branch string, body []byte, extra ...string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s sip:%s@hospital.example SIP/2.0\nVia: SIP/2.0/UDP %s;branch=%s;rport\nMax-Forwards: 70\n", method, to, p.conn.LocalAddr(), branch)
	fmt.Fprintf(&b, "From: <%s>;tag=%s\nTo: <sip:%s@hospital.example>\nCall-ID: %s\nCSeq: %d %s\n", p.aor, p.tag, to, p.callID, p.cseq, method)
	p.tail(&b, body, extra)
	return b.String()
}

// offers returns the phone's session description for a call of its own.
func (p *phone) offers() []byte { return p.sdp.Offer(p.rtp, sdp.DefaultCodecs(), sdp.SendRecv) }

// follows sends a request inside the dialog that the 200 to the phone's own INVITE made.
func (p *phone) follows(ok sip.Message, method string, body []byte) {
	p.t.Helper()
	seq := int(ok.CSeq().SeqNo)
	if method != "ACK" {
		p.cseq++
		seq = p.cseq
	}
	var b strings.Builder
	contact := ok.(*sip.Response).Contact().Address
	fmt.Fprintf(&b, "%s %s SIP/2.0\nVia: SIP/2.0/UDP %s;branch=%s;rport\nMax-Forwards: 70\n", method, contact.String(), p.conn.LocalAddr(), newBranch())
	fmt.Fprintf(&b, "From: %s\nTo: %s\nCall-ID: %s\nCSeq: %d %s\n", ok.From().Value(), ok.To().Value(), ok.CallID().Value(), seq, method)
	p.tail(&b, body, nil)
	p.send(b.String())
}

func faultIs(t *testing.T, err error, want fault.Code) {
	t.Helper()
	if !fault.Is(err, want) {
		t.Fatalf("error %v, want %s", err, want)
	}
}
