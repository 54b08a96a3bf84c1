package sip

import (
	"fmt"
	"net"
	"net/netip"
	"runtime"
	"strings"
	"testing"
	"time"

	"c2d/core/call"
)

// stranger is a socket on another address of the loopback, which sends what it likes and does not listen.
func (h *house) stranger() *net.UDPConn {
	h.t.Helper()
	return h.strangerAt(netip.MustParseAddr("127.0.0.2"))
}

func (h *house) strangerAt(from netip.Addr) *net.UDPConn {
	h.t.Helper()
	c, err := net.DialUDP("udp", &net.UDPAddr{IP: from.AsSlice()}, net.UDPAddrFromAddrPort(h.stack.Addr()))
	if err != nil {
		h.t.Skip("needs a second loopback address, which Linux has:", err)
	}
	h.t.Cleanup(func() { c.Close() })
	return c
}

// flood sends a request many times, each as a new one.
func flood(t *testing.T, c *net.UDPConn, method string, times int, extra string) {
	t.Helper()
	for n := range times {
		text := fmt.Sprintf("%s sip:ward@hospital.example SIP/2.0\nVia: SIP/2.0/UDP %s;branch=%s;rport\nMax-Forwards: 70\n"+
			"From: <sip:x@elsewhere.example>;tag=x\nTo: <sip:ward@hospital.example>\nCall-ID: %s-%d\nCSeq: 1 %s\n"+
			"Contact: <sip:x@%s>\n%sContent-Length: 0\n\n", method, c.LocalAddr(), newBranch(), method, n, method, c.LocalAddr(), extra)
		if _, err := c.Write([]byte(strings.ReplaceAll(text, "\n", "\r\n"))); err != nil {
			t.Fatal(err)
		}
	}
}

// A flood costs its sender his bucket; it leaves nothing behind, and who calls meanwhile from elsewhere is served.
func TestFloodsLeaveNothingBehind(t *testing.T) {
	for _, method := range []string{"INVITE", "REGISTER", "OPTIONS", "CANCEL", "REFER", "DANCE"} {
		t.Run(method, func(t *testing.T) {
			h := newHouse(t, func(c *Config) { c.Limits = Limits{Rate: 1, Burst: 100} }).start()
			a, b := h.phone("harry"), h.phone("mary")
			h.direct(a, b)
			before := runtime.NumGoroutine()
			c := h.stranger()
			flood(t, c, method, 2000, "")
			h.getsThrough()
			p := h.phone("ward")
			h.ring(p, "leg-c", "")
			p.picksUp()
			b.within("BYE", nil)
			b.gets("200")
			h.ended("leg-b", call.Completed)
			h.eventually("the flood is forgotten", func() bool {
				h.stack.mu.Lock()
				defer h.stack.mu.Unlock()
				return len(h.stack.legs) == 2 && len(h.stack.early) <= 1024 && runtime.NumGoroutine() < before+80
			})
		})
	}
}

// Rubbish is answered or dropped, and not remembered.
func TestFloodOfRubbish(t *testing.T) {
	h := newHouse(t).start()
	c := h.stranger()
	flood(t, c, "INVITE", 500, "CSeq: 2 BYE\n")
	flood(t, c, "OPTIONS", 500, "Call-ID: another\n")
	flood(t, c, "sip:x", 500, "")
	h.getsThrough()
	p := h.phone("mary")
	h.ring(p, "leg", "")
	p.picksUp()
	h.expect("leg", call.EvAnswered)
}

// getsThrough asks until it is answered: the socket's queue may be full of the flood, and drops what comes then.
func (h *house) getsThrough() {
	h.t.Helper()
	p := h.phone("probe")
	p.callID = newTag()
	ask := p.calling("OPTIONS", "c2d", newBranch(), nil)
	for range 100 {
		p.send(ask)
		select {
		case <-p.in:
			return
		case <-time.After(50 * time.Millisecond):
		}
	}
	h.t.Fatal("nobody gets through")
}

// A request inside a dialog is known by its tags, whatever address it comes from: phones change theirs. Without them it is
// nobody's.
func TestRequestsInsideADialogFromAnotherAddress(t *testing.T) {
	h := newHouse(t).start()
	p := h.phone("mary")
	h.ring(p, "leg", "")
	p.picksUp()
	h.expect("leg", call.EvAnswered)
	c := h.stranger()
	flood(t, c, "BYE", 1, "")
	for _, tag := range []string{"guessed", ""} {
		text := strings.Replace(p.inside("BYE", 1000, nil), ";tag="+p.tag, ";tag="+tag, 1)
		if _, err := c.Write([]byte(strings.ReplaceAll(text, "\n", "\r\n"))); err != nil {
			t.Fatal(err)
		}
	}
	p.within("OPTIONS", nil)
	p.gets("200") // the call is still there
	if _, err := c.Write([]byte(strings.ReplaceAll(p.inside("BYE", 1001, nil), "\n", "\r\n"))); err != nil {
		t.Fatal(err)
	}
	h.ended("leg", call.Completed)
}
