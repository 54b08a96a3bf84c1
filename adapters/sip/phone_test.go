package sip

import (
	"bytes"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"

	"c2d/adapters/sip/dialog"
	"c2d/adapters/sip/sdp"
	"c2d/core/call"
	"c2d/core/user"
)

// phone is a telephone that does exactly what the test says, byte for byte: a socket and a parser.
type phone struct {
	t      testing.TB
	h      *house
	aor    string
	name   string
	conn   net.Conn       // UDP; or TCP, then the one on which it is registered
	ear    *net.UDPConn   // where it receives RTP
	rtp    netip.AddrPort // the same, as its session descriptions name it
	in     chan sip.Message
	seen   map[string]bool // requests, by method and branch
	tag    string
	callID string // of its own last call
	entry  string // the backend that it is called through; empty is house
	sdp    sdp.Local
	codecs []sdp.Codec // nil is all of ours
	cseq   int
	inv    *sip.Request // the INVITE that made its dialog
}

func (h *house) phone(name string) *phone {
	h.t.Helper()
	c, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		h.t.Fatal(err)
	}
	return h.phoneOn(name, "udp", c)
}

// phoneOn makes a phone that is registered from a socket, and is reached there.
func (h *house) phoneOn(name, transport string, c net.Conn) *phone {
	h.t.Helper()
	p := &phone{t: h.t, h: h, name: name, aor: "sip:" + name + "@hospital.example", conn: c, in: make(chan sip.Message, 64), seen: map[string]bool{}, tag: newTag(), cseq: 100}
	var err error
	if p.ear, err = net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)}); err != nil {
		h.t.Fatal(err)
	}
	p.rtp = p.ear.LocalAddr().(*net.UDPAddr).AddrPort()
	h.reg.mu.Lock()
	h.reg.bindings[p.aor] = []user.Binding{{
		AOR: p.aor, Contact: "sip:" + name + "@" + c.LocalAddr().String(), Transport: transport, Source: netip.MustParseAddrPort(c.LocalAddr().String()),
	}}
	h.reg.mu.Unlock()
	done := make(chan struct{})
	go func() { defer close(done); p.read(c) }()
	h.t.Cleanup(func() {
		c.Close()
		p.ear.Close()
		for { // what a test that failed has not read
			select {
			case <-p.in:
			case <-done:
				return
			}
		}
	})
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

func (p *phone) read(c net.Conn) {
	if c.LocalAddr().Network() != "udp" {
		p.readStream(c)
		return
	}
	buf := make([]byte, 65536)
	for {
		n, err := c.Read(buf)
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
	raw := []byte(strings.ReplaceAll(text, "\n", "\r\n"))
	var err error
	if u, ok := p.conn.(*net.UDPConn); ok {
		_, err = u.WriteToUDPAddrPort(raw, p.h.stack.Addr())
	} else {
		_, err = p.conn.Write(raw)
	}
	if err != nil {
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

// answer returns the phone's session description for the offer of a request, or its own offer where there is none.
func (p *phone) answer(req *sip.Request) []byte {
	p.t.Helper()
	if len(req.Body()) == 0 {
		return p.offers()
	}
	if d, err := sdp.Parse(req.Body()); err == nil && len(d.MLines) == 0 {
		return p.sdp.Nothing(p.rtp)
	}
	offer := p.offerOf(req)
	have := p.codecs
	if have == nil {
		have = sdp.DefaultCodecs()
	}
	return p.sdp.Answer(offer, p.rtp, sdp.Common(offer.Audio.Codecs, have), sdp.SendRecv)
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
	fmt.Fprintf(&b, "%s %s SIP/2.0\nVia: %s %s;branch=%s;rport\nMax-Forwards: 70\n", method, i.Contact().Address.String(), p.protocol(), p.conn.LocalAddr(), newBranch())
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
	fmt.Fprintf(&b, "%s sip:%s@hospital.example SIP/2.0\nVia: %s %s;branch=%s;rport\nMax-Forwards: 70\n", method, to, p.protocol(), p.conn.LocalAddr(), branch)
	fmt.Fprintf(&b, "From: <%s>;tag=%s\nTo: <sip:%s@hospital.example>\nCall-ID: %s\nCSeq: %d %s\n", p.aor, p.tag, to, p.callID, p.cseq, method)
	p.tail(&b, body, extra)
	return b.String()
}

// offers returns the phone's session description for a call of its own.
func (p *phone) offers() []byte {
	have := p.codecs
	if have == nil {
		have = sdp.DefaultCodecs()
	}
	return p.sdp.Offer(p.rtp, have, sdp.SendRecv)
}

// follows sends a request inside the dialog that the 200 to the phone's own INVITE made.
func (p *phone) follows(ok sip.Message, method string, body []byte) {
	p.t.Helper()
	seq := int(ok.CSeq().SeqNo)
	if method != "ACK" {
		p.cseq++
		seq = p.cseq
	}
	p.send(p.followup(ok, method, seq, body))
}

// followup returns a request inside the dialog that a response to the phone's own INVITE made.
func (p *phone) followup(res sip.Message, method string, seq int, body []byte, extra ...string) string {
	var b strings.Builder
	contact := res.(*sip.Response).Contact().Address
	fmt.Fprintf(&b, "%s %s SIP/2.0\nVia: %s %s;branch=%s;rport\nMax-Forwards: 70\n", method, contact.String(), p.protocol(), p.conn.LocalAddr(), newBranch())
	fmt.Fprintf(&b, "From: %s\nTo: %s\nCall-ID: %s\nCSeq: %d %s\n", res.From().Value(), res.To().Value(), res.CallID().Value(), seq, method)
	p.tail(&b, body, extra)
	return b.String()
}
