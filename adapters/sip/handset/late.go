package handset

import (
	"net"
	"sync"
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"

	"c2d/core/call/calltest"
)

// Late is a phone that gives no sign of life until it is woken, not even 100; then it rings. It can do nothing else.
type Late struct {
	*Handset // its name and address; nobody is there
	conn     *net.UDPConn
	called   chan struct{} // closed by its first call

	mu     sync.Mutex
	invite *sip.Request
	from   *net.UDPAddr
	last   *sip.Response // to the INVITE, nil while it is silent
}

var _ calltest.Phone = (*Late)(nil)

// NewLate returns a phone on a socket, which it reads until that is closed.
func NewLate(t *testing.T, h *Handset, conn *net.UDPConn) *Late {
	t.Helper()
	l := &Late{Handset: h, conn: conn, called: make(chan struct{})}
	read := make(chan struct{})
	go func() { defer close(read); l.serve() }() // ends with the socket
	t.Cleanup(func() { conn.Close(); <-read })
	return l
}

func (l *Late) serve() {
	parser, buf := sip.NewParser(), make([]byte, 65536)
	for {
		n, from, err := l.conn.ReadFromUDP(buf)
		if err != nil {
			return
		}
		if m, err := parser.ParseSIP(buf[:n]); err == nil {
			if req, is := m.(*sip.Request); is {
				l.take(req, from)
			}
		}
	}
}

func (l *Late) take(req *sip.Request, from *net.UDPAddr) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case req.Method == sip.INVITE && l.invite == nil:
		l.invite, l.from = req, from
		close(l.called)
	case req.Method == sip.INVITE && l.last != nil:
		l.send(l.last)
	case req.Method == sip.CANCEL && l.last != nil:
		l.send(sip.NewResponseFromRequest(req, 200, "OK", nil))
		l.say(487, "Request Terminated")
	}
}

// say answers the INVITE; l.mu is held.
func (l *Late) say(status int, phrase string) {
	l.last = sip.NewResponseFromRequest(l.invite, status, phrase, nil)
	l.last.To().Params.Add("tag", "late-"+l.Name)
	l.last.AppendHeader(sip.NewHeader("Contact", "<sip:"+l.Name+"@"+l.conn.LocalAddr().String()+">"))
	l.send(l.last)
}

func (l *Late) send(res *sip.Response) {
	if l.conn.RemoteAddr() != nil {
		_, _ = l.conn.Write([]byte(res.String())) // repeated, if the other side wants it
		return
	}
	_, _ = l.conn.WriteToUDP([]byte(res.String()), l.from)
}

// Rang implements [calltest.Phone]: whether it was called.
func (l *Late) Rang() int {
	select {
	case <-l.called:
		return 1
	default:
		return 0
	}
}

// Idle implements [calltest.Phone].
func (l *Late) Idle() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.last == nil || l.last.StatusCode >= 300
}

// Wake implements [calltest.Phone].
func (l *Late) Wake(t *testing.T) {
	t.Helper()
	select {
	case <-l.called:
	case <-time.After(l.Patience):
		t.Fatalf("%s is not called", l.Name)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.say(180, "Ringing")
}
