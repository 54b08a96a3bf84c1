package sip

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"c2d/core/call"
	"c2d/core/fault"
	"c2d/core/user"
)

const limit = 5 * time.Second // that a test waits for anything

// house is a stack with what surrounds it in a test: a registrar that knows its phones, a sink that remembers, and the
// ladder of all messages.
type house struct {
	t     testing.TB
	stack *Stack
	sink  *sink
	gate  *gate
	reg   *fakeRegistrar

	mu     sync.Mutex
	ladder []Message
}

func newHouse(t testing.TB, change ...func(*Config)) *house {
	t.Helper()
	h := &house{t: t, sink: newSink(), reg: &fakeRegistrar{bindings: map[string][]user.Binding{}}}
	cfg := Config{
		Domain: "hospital.example", Listen: []string{"udp:127.0.0.1:0"}, Country: "CN",
		Media: Media{Address: "127.0.0.1", Ports: portRange(t)}, Entries: []Entry{{Name: "house", Kind: "sip"}},
	}
	for _, c := range change {
		c(&cfg)
	}
	s, err := New(cfg, Deps{Registrar: h.reg, National: func(n string) string { return nationals[n] }, LegID: func() string { return "offered-" + newTag() }, Trace: h.trace})
	if err != nil {
		t.Fatal(err)
	}
	s.waits = shortWaits()
	if err := s.Listen(); err != nil {
		t.Fatal(err)
	}
	h.stack = s
	return h
}

// shortWaits are waits for a test.
func shortWaits() waits {
	return waits{
		silence: 400 * time.Millisecond, cancel: 400 * time.Millisecond, bye: 300 * time.Millisecond, reinvite: time.Second, meet: time.Second,
		orphan: 10 * time.Second, prompt: 60 * time.Millisecond,
		second: time.Second, probe: time.Hour, refresh: 2 * time.Second, takeUp: time.Hour, beep: 50 * time.Millisecond, options: time.Hour, carrier: time.Second, retry: 20 * time.Millisecond, glare: [2]time.Duration{20 * time.Millisecond, 40 * time.Millisecond},
	}
}

// RTP ports of houses: below those that the kernel gives out by itself, each process from another one on, since what a
// phone of another process still sends would be heard.
const firstPort, lastPort = 26000, 32700

var nextPorts = struct {
	sync.Mutex
	at int
}{at: firstPort + os.Getpid()%160*40}

// portRange gives each house RTP ports of its own; after 160 houses the first ones are gone.
func portRange(t testing.TB) string {
	nextPorts.Lock()
	defer nextPorts.Unlock()
	if nextPorts.at += 40; nextPorts.at+39 > lastPort {
		nextPorts.at = firstPort
	}
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
	ways, err := h.stack.Locate(h.t.Context(), call.Way{Backend: cmp.Or(p.entry, "house"), Address: p.aor})
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

// talking brings two phones together, up to the moment that both are answered.
func (h *house) talking(a, b *phone) {
	h.t.Helper()
	h.talkingAs(a, b, "leg-a", "leg-b")
}

func (h *house) talkingAs(a, b *phone, legA, legB string) {
	h.t.Helper()
	h.ring(a, legA, "")
	a.picksUp()
	h.expect(legA, call.EvAnswered)
	h.do(h.stack.RingBack(h.t.Context(), legA, true))
	h.ring(b, legB, legA)
	b.picksUp()
	h.expect(legB, call.EvAnswered)
}

// direct joins them and lets both go direct.
func (h *house) direct(a, b *phone) {
	h.t.Helper()
	h.directAs(a, b, "leg-a", "leg-b")
}

func (h *house) directAs(a, b *phone, legA, legB string) {
	h.t.Helper()
	h.talkingAs(a, b, legA, legB)
	h.do(h.stack.Join(h.t.Context(), legA, legB))
	if got := a.redirected(); got != b.rtp {
		h.t.Fatalf("a was redirected to %v, want %v", got, b.rtp)
	}
	if got := b.redirected(); got != a.rtp {
		h.t.Fatalf("b was redirected to %v, want %v", got, a.rtp)
	}
	if ev := h.expect(legA, call.EvJoined, call.EvMedia); ev.Text != "direct" {
		h.t.Fatalf("media is %q", ev.Text)
	}
}

func faultIs(t *testing.T, err error, want fault.Code) {
	t.Helper()
	if !fault.Is(err, want) {
		t.Fatalf("error %v, want %s", err, want)
	}
}
