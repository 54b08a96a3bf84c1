package sip

import (
	"encoding/binary"
	"net/netip"
	"runtime"
	"strings"
	"testing"
	"time"

	"c2d/core/call"
)

func forged(i int) netip.Addr {
	var b [4]byte
	binary.BigEndian.PutUint32(b[:], 0x7f010001+uint32(i)) // 127.1.0.1 and on
	return netip.AddrFrom4(b)
}

func TestStrangersShareALimit(t *testing.T) {
	a, now := newAdmission(Limits{Strangers: 10}), time.Unix(1000, 0)
	phone := netip.MustParseAddr("192.0.2.1")
	a.proved(phone, now)
	looked := 0
	for i := range 2 * mostSources {
		ok, overrun := a.allow(forged(i), false, now)
		if ok {
			looked++
		}
		if i < mostSources && ok == overrun {
			t.Fatalf("source %d: %v, overrun %v", i, ok, overrun)
		}
	}
	if looked != 40 || len(a.strangers.buckets) > mostSources {
		t.Errorf("%d requests were looked at, %d sources are remembered", looked, len(a.strangers.buckets))
	}
	if ok, _ := a.allow(phone, false, now); !ok {
		t.Error("a phone that is known is refused")
	}
	if ok, _ := a.allow(forged(0), true, now); !ok {
		t.Error("a trunk is refused")
	}
	if ok, _ := a.allow(phone, false, now.Add(provenFor)); !ok || a.knows(phone, now.Add(provenFor)) {
		t.Error("a phone is known for ever, or the strangers' limit does not recover")
	}
}

func TestWhoIsKnownIsBounded(t *testing.T) {
	a, now := newAdmission(Limits{}), time.Unix(1000, 0)
	for i := range mostProven + 100 {
		a.proved(forged(i), now)
	}
	if len(a.proven) != mostProven {
		t.Errorf("%d are known", len(a.proven))
	}
	later := now.Add(provenFor)
	if a.proved(forged(mostProven+1), later); len(a.proven) != 1 {
		t.Errorf("%d are known three hours later", len(a.proven))
	}
}

// A flood that has a new address for each request: nothing grows with it, who talks goes on, and a phone that has registered
// registers and is called.
func TestFloodFromForgedAddresses(t *testing.T) {
	for _, method := range []string{"INVITE", "REGISTER", "OPTIONS"} {
		t.Run(method, func(t *testing.T) {
			h := newHouse(t, func(c *Config) { c.Limits = Limits{Strangers: 20} }).start()
			a, b, p := h.phone("harry"), h.phone("mary"), h.phone("ward")
			p.registers()
			h.direct(a, b)
			before, began := runtime.NumGoroutine(), time.Now()
			for i := range 2000 {
				c := h.strangerAt(forged(i))
				flood(t, c, method, 1, "")
				c.Close()
			}
			h.getsThrough()
			p.registers()
			b.within("OPTIONS", nil)
			b.gets("200")
			h.ring(p, "leg-c", "")
			p.picksUp()
			h.expect("leg-c", call.EvAnswered)
			if n, most := h.answered("127.1."), 80+20*int(time.Since(began).Seconds()+1); n == 0 || n > most {
				t.Errorf("%d of 2000 strangers were answered, %d should be the most", n, most)
			}
			h.eventually("the flood is forgotten", func() bool {
				h.stack.mu.Lock()
				defer h.stack.mu.Unlock()
				return len(h.stack.legs) == 3 && len(h.stack.orphans) == 0 && runtime.NumGoroutine() < before+40
			})
		})
	}
}

// registers registers the phone until it is answered: the socket's queue may be full.
func (p *phone) registers() {
	p.t.Helper()
	p.callID = newTag()
	ask := p.calling("REGISTER", p.name, newBranch(), nil)
	for range 100 {
		p.send(ask)
		select {
		case m := <-p.in:
			if what(m) != "200" {
				p.t.Fatalf("%s registers and gets %s", p.name, what(m))
			}
			return
		case <-time.After(50 * time.Millisecond):
		}
	}
	p.t.Fatal(p.name, "cannot register")
}

// answered is how many of the addresses that begin so got a response.
func (h *house) answered(prefix string) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	got := map[netip.AddrPort]bool{}
	for _, m := range h.ladder {
		if m.Sent && strings.HasPrefix(m.Remote.String(), prefix) {
			got[m.Remote] = true
		}
	}
	return len(got)
}
