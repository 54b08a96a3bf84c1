package main

import (
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// What a phone does is the first letter of its user name.
const (
	answers = 'a' // answers at once
	leaves  = 'l' // answers, and hangs up a while after it was sent to its peer directly
	goes    = 'g' // answers, and hangs up a while later; nobody sends it to its peer directly
	stays   = 's' // answers, and talks on
	busy    = 'b' // refuses
)

// talks is how long a phone that leaves talks directly.
const talks = 100 * time.Millisecond

// stands is how long one that goes is there: on a machine that is busy with other things a join takes its time, and a call
// whose callee hangs up before it is another call.
const stands = time.Second

// talksAtMost is when it hangs up in any case: on a machine that is busy with other things a call may not go direct.
const talksAtMost = 15 * time.Second

// phones are software phones as cheap as can be: one socket, no audio, no memory but for the dialogs that they will end.
type phones struct {
	conn   *net.UDPConn
	audio  [2]*net.UDPConn // where callers and callees say they hear; nobody listens
	direct atomic.Int64    // calls whose second phone was sent to its peer

	mu    sync.Mutex
	calls map[string]string    // of callees, by Call-ID: the INVITE, until they talk directly
	tries map[string]*try      // what is repeated until it is answered, by Call-ID and CSeq
	over  map[string]bool      // Call-IDs of callers who were hung up on
	rung  map[string]time.Time // by user name, when the last INVITE came
	heard chan string          // user names of INVITEs, as far as somebody reads
	known chan string          // statuses of REGISTERs that were answered for good
	work  sync.WaitGroup
}

func newPhones() (*phones, error) {
	p := &phones{calls: map[string]string{}, tries: map[string]*try{}, over: map[string]bool{}, rung: map[string]time.Time{}, heard: make(chan string, 1), known: make(chan string)}
	for _, c := range []**net.UDPConn{&p.conn, &p.audio[0], &p.audio[1]} {
		var err error
		if *c, err = net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)}); err != nil {
			return nil, err
		}
	}
	_ = p.conn.SetReadBuffer(8 << 20)
	for range 2 {
		p.work.Go(p.serve)
	}
	return p, nil
}

func (p *phones) addr() netip.AddrPort { return p.conn.LocalAddr().(*net.UDPAddr).AddrPort() }

func (p *phones) close() {
	_ = p.conn.Close()
	_ = p.audio[0].Close()
	_ = p.audio[1].Close()
	p.work.Wait()
}

// serve answers until the socket is closed.
func (p *phones) serve() {
	b := make([]byte, 64<<10)
	for {
		n, from, err := p.conn.ReadFromUDPAddrPort(b)
		if err != nil {
			return
		}
		at := time.Now()
		if m := string(b[:n]); !strings.HasPrefix(m, "SIP/2.0") {
			p.take(m, from, at)
		} else if strings.HasSuffix(header(m, "CSeq"), " REGISTER") {
			p.registering(m, from)
		} else {
			p.got(m)
		}
	}
}

// take answers one request.
func (p *phones) take(m string, from netip.AddrPort, at time.Time) {
	method, rest, _ := strings.Cut(m, " ")
	user := strings.TrimPrefix(rest[:max(0, strings.IndexByte(rest, '@'))], "sip:")
	if user == "" {
		return
	}
	again := strings.Contains(header(m, "To"), "tag=")
	switch {
	case method == "ACK":
		p.acked(m, user, from)
	case method != "INVITE":
		if method == "BYE" && user[0] == answers {
			p.mu.Lock()
			p.over[header(m, "Call-ID")] = true
			p.mu.Unlock()
		}
		p.send(reply(m, "200 OK", user, ""), from)
	case again:
		p.insist(reply(m, "200 OK", user, p.sdp(user)), from)
	case user[0] == busy:
		p.note(user, at)
		p.send(reply(m, "486 Busy Here", user, ""), from)
	default:
		p.note(user, at)
		p.send(reply(m, "180 Ringing", user, ""), from)
		if user[0] != answers {
			p.mu.Lock()
			p.calls[header(m, "Call-ID")] = m
			p.mu.Unlock()
		}
		if user[0] == leaves {
			time.AfterFunc(talksAtMost, func() { p.leave(m, user, from) })
		}
		p.insist(reply(m, "200 OK", user, p.sdp(user)), from)
	}
}

// note keeps when a phone was rung.
func (p *phones) note(user string, at time.Time) {
	p.mu.Lock()
	p.rung[user] = at
	p.mu.Unlock()
	select {
	case p.heard <- user:
	default:
	}
}

func (p *phones) rungAt(user string) time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.rung[user]
}

// released is how many callers' calls were ended by whoever called them.
func (p *phones) released() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.over)
}

// acked counts the second exchange of a callee as the one that sent it to its peer, and ends the call of one that leaves or
// goes.
func (p *phones) acked(m, user string, from netip.AddrPort) {
	p.got(m)
	id := header(m, "Call-ID")
	p.mu.Lock()
	invite := p.calls[id]
	last := user[0] == goes && invite != ""
	second := invite != "" && strings.TrimSuffix(header(m, "CSeq"), "ACK") != strings.TrimSuffix(header(invite, "CSeq"), "INVITE")
	if second || last {
		delete(p.calls, id)
	}
	p.mu.Unlock()
	if second {
		p.direct.Add(1)
	}
	after := talks
	if last {
		after = stands
	}
	if second && user[0] == leaves || last {
		time.AfterFunc(after, func() { p.insist(p.bye(invite, user), from) })
	}
}

// try is a message that is repeated: kernels drop datagrams when the machine is busy.
type try struct {
	timer *time.Timer
	times int
}

// insist sends a message, again every second until got, ten times at most.
func (p *phones) insist(m string, to netip.AddrPort) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.send(m, to)
	key := exchange(m)
	if p.tries[key] != nil {
		return
	}
	t := &try{}
	t.timer = time.AfterFunc(time.Second, func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		if t.times++; t.times < 10 && p.tries[key] == t {
			p.send(m, to)
			t.timer.Reset(time.Second)
			return
		}
		delete(p.tries, key)
	})
	p.tries[key] = t
}

// got ends the repeating of what m answers.
func (p *phones) got(m string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	key := exchange(m)
	if t := p.tries[key]; t != nil {
		t.timer.Stop()
		delete(p.tries, key)
	}
}

// exchange names what a message is part of: two phones of a call have Call-IDs of their own.
func exchange(m string) string {
	seq, _, _ := strings.Cut(header(m, "CSeq"), " ")
	return header(m, "Call-ID") + " " + seq
}

// leave ends a call that has not gone direct.
func (p *phones) leave(invite, user string, to netip.AddrPort) {
	p.mu.Lock()
	_, there := p.calls[header(invite, "Call-ID")]
	delete(p.calls, header(invite, "Call-ID"))
	p.mu.Unlock()
	if there {
		p.insist(p.bye(invite, user), to)
	}
}

func (p *phones) send(m string, to netip.AddrPort) {
	_, _ = p.conn.WriteToUDPAddrPort([]byte(m), to)
}

// bye ends the dialog of an INVITE, from the phone.
func (p *phones) bye(invite, user string) string {
	contact := header(invite, "Contact")
	contact = contact[strings.IndexByte(contact, '<')+1 : strings.IndexByte(contact, '>')]
	return fmt.Sprintf("BYE %s SIP/2.0\r\nVia: SIP/2.0/UDP %s;branch=z9hG4bK%d;rport\r\nMax-Forwards: 70\r\nFrom: %s;tag=%s\r\nTo: %s\r\n"+
		"Call-ID: %s\r\nCSeq: 1000000 BYE\r\nContent-Length: 0\r\n\r\n",
		contact, p.addr(), time.Now().UnixNano(), header(invite, "To"), user, header(invite, "From"), header(invite, "Call-ID"))
}

// sdp says where the phone of a user hears: callers at one port, callees at another.
func (p *phones) sdp(user string) string {
	at := p.audio[1]
	if user[0] == answers {
		at = p.audio[0]
	}
	return fmt.Sprintf("v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio %d RTP/AVP 8 101\r\n"+
		"a=rtpmap:8 PCMA/8000\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\na=sendrecv\r\n",
		at.LocalAddr().(*net.UDPAddr).Port)
}

// header returns the value of the first header with that name; ours and sipgo's messages write names in full.
func header(m, name string) string {
	_, rest, found := strings.Cut(m, "\r\n"+name+": ")
	if !found {
		return ""
	}
	value, _, _ := strings.Cut(rest, "\r\n")
	return value
}

// reply builds a response; the phone's tag is its user's name.
func reply(m, status, user, body string) string {
	to := header(m, "To")
	if !strings.Contains(to, "tag=") {
		to += ";tag=" + user
	}
	var b strings.Builder
	fmt.Fprintf(&b, "SIP/2.0 %s\r\nVia: %s\r\nFrom: %s\r\nTo: %s\r\nCall-ID: %s\r\nCSeq: %s\r\n",
		status, header(m, "Via"), header(m, "From"), to, header(m, "Call-ID"), header(m, "CSeq"))
	request, _, _ := strings.Cut(m, "\r\n")
	uri := strings.Fields(request)[1]
	fmt.Fprintf(&b, "Contact: <%s>\r\n", uri)
	if body != "" {
		b.WriteString("Content-Type: application/sdp\r\n")
	}
	fmt.Fprintf(&b, "Content-Length: %d\r\n\r\n%s", len(body), body)
	return b.String()
}
