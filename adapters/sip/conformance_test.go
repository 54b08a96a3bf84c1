package sip

import (
	"context"
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"sync"
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"

	"c2d/adapters/sip/handset"
	telephone "c2d/adapters/sip/phone"
	"c2d/core/call"
	"c2d/core/call/calltest"
	"c2d/core/identity"
	"c2d/core/tone"
	"c2d/core/user"
	"c2d/test/pbx"
)

// TestConformance has timers of its own: a hundred phones on two cores may take their time, 64*T1 of it.
func TestConformance(t *testing.T) {
	sip.SetTimers(100*time.Millisecond, 400*time.Millisecond, 500*time.Millisecond)
	t.Cleanup(shortTimers)
	for _, flow := range []Flow{Anchored, BlackHole, FlowIII, FlowIV} {
		backend := "native SIP"
		if !flow.anchors() {
			backend += ", flow " + string(flow)
		}
		calltest.Run(t, calltest.Suite{
			Backend: backend,
			Peers:   []string{library(t)},
			Can:     calltest.Abilities{Sound: true, Anchored: flow.anchors(), Keys: true, Holds: true, Dials: true, Forwards: true, Twins: true},
			Open: func(t *testing.T) calltest.Harness {
				w := newWard(t)
				w.flow = flow
				return w
			},
		})
	}
	realPhones(t)
}

// quiet is where a stack listens on a good network.
const quiet = "udp:127.0.0.1:0"

// library is what the stack stands on, with its version.
func library(t *testing.T) string {
	t.Helper()
	mod, err := os.ReadFile("../../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	version := regexp.MustCompile(`emiago/(sipgo v\S+)`).FindSubmatch(mod)
	if version == nil {
		t.Fatal("go.mod does not name sipgo")
	}
	return string(version[1])
}

var _ calltest.Archive = (*ward)(nil)

// ward is a stack with software phones on loopback. The stack is a part of us: it dies with our process.
type ward struct {
	t      *testing.T
	reg    *nameplates
	stack  *Stack
	listen string                              // where the stack is reached; the next one takes the same port
	line   func(net.PacketConn) net.PacketConn // what phones are reached over; nil is a quiet loopback
	slow   bool                                // waits are those of production
	media  string                              // address of the stack's RTP
	kept   string                              // the folder of recordings
	flow   Flow

	mu     sync.Mutex
	phones int
	ladder []Message
}

// wardPorts are above those of real phones, which take theirs on all addresses, and below those that the kernel gives out.
const wardPorts = "26000-26999"

// newWard has RTP ports of its own: after a crash they are to be free.
func newWard(t *testing.T) *ward {
	return &ward{t: t, listen: quiet, media: pbx.NextAddress().String(), reg: &nameplates{bindings: map[string]user.Binding{}}}
}

func (w *ward) Name() string { return "house" }

func (w *ward) Open(t *testing.T) call.Backend {
	t.Helper()
	if w.stack == nil {
		t.Cleanup(w.reg.closePhones)
		t.Cleanup(w.draw)
		w.kept = t.TempDir()
	}
	origin := identity.Origin{Installation: "suite", Node: "n1"}
	s, err := New(Config{
		Domain: "hospital.example", Listen: []string{w.listen}, Country: "CN",
		Media: Media{Address: w.media, Ports: wardPorts, Recordings: w.kept}, Entries: []Entry{{Name: "house", Kind: "sip", Flow: w.flow}},
	}, Deps{Registrar: w.reg, LegID: origin.LegID, Trace: w.trace})
	if err != nil {
		t.Fatal(err)
	}
	if !w.slow {
		s.waits = shortWaits()
		s.waits.silence, s.waits.meet = limit, limit
	}
	if err := s.Listen(); err != nil {
		t.Fatal(err)
	}
	w.stack, w.listen = s, "udp:"+s.Addr().String()
	return s
}

func (w *ward) trace(m Message) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ladder = append(w.ladder, m)
}

// draw tells the wire's dialogue of a behaviour that failed.
func (w *ward) draw() {
	if !w.t.Failed() {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, m := range w.ladder {
		arrow := "<-"
		if m.Sent {
			arrow = "->"
		}
		w.t.Logf("%s %s %s %s [%s, %s]", m.At.Format("05.000"), arrow, m.Remote, m.StartLine, m.CSeq, m.CallID)
	}
}

func (w *ward) Crash(*testing.T) { w.stack.crash() }

// Lose and Restore have nothing to do: between the stack and us is no connection.
func (w *ward) Lose()    {}
func (w *ward) Restore() {}

// Recorded waits until a recording holds near its end what each of two phones says, on its own side, and nothing of the other.
func (w *ward) Recorded(t *testing.T, name string, left, right calltest.Phone) {
	t.Helper()
	l, r := left.(interface{ Tone() int }).Tone(), right.(interface{ Tone() int }).Tone()
	atEnd := 3 * tone.Rate // a machine that is busy lets its phones pause
	if w.slow {
		atEnd *= 5 // who has hung up is silent until his BYE comes through
	}
	var sides [2][]int16
	defer func() {
		if t.Failed() {
			t.Logf("left, in tenths of a second: %v\nright: %v", levels(sides[0], l), levels(sides[1], r))
		}
	}()
	pbx.Eventually(t, w.patience(), fmt.Sprintf("a recording that ends with %d Hz on the left and %d Hz on the right", l, r), func() bool {
		sides = readRecording(t, filepath.Join(w.kept, name+".wav"))
		last := max(0, len(sides[0])-atEnd)
		return holds(sides[0][last:], l) && holds(sides[1][last:], r)
	})
	if holds(sides[0], r) || holds(sides[1], l) {
		t.Errorf("the recording has %d Hz on the right too, or %d Hz on the left", l, r)
	}
}

// levels returns how loud a tone is in each tenth of a second.
func levels(pcm []int16, hz int) (all []int) {
	const window = tone.Rate / 10
	for ; len(pcm) >= window; pcm = pcm[window:] {
		all = append(all, int(tone.Measure(pcm[:window], float64(hz))[0].Amplitude))
	}
	return all
}

// holds reports whether pcm has a tone for a tenth of a second.
func holds(pcm []int16, hz int) bool {
	const loud, window = 4000, tone.Rate / 10
	for ; len(pcm) >= window; pcm = pcm[window/2:] {
		if tone.Measure(pcm[:window], float64(hz))[0].Amplitude > loud {
			return true
		}
	}
	return false
}

// readRecording returns both sides of a file, as far as its header tells.
func readRecording(t testing.TB, path string) (sides [2][]int16) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil || len(b) < 44 {
		return sides
	}
	for at := 44; at < 44+int(binary.LittleEndian.Uint32(b[40:])); at += 4 {
		for side := range sides {
			sides[side] = append(sides[side], int16(binary.LittleEndian.Uint16(b[at+2*side:])))
		}
	}
	return sides
}

// BreakRecordings takes their folder away.
func (w *ward) BreakRecordings(t *testing.T) {
	t.Helper()
	if err := os.RemoveAll(w.kept); err != nil {
		t.Fatal(err)
	}
}

// Phone makes a phone that is registered, unless it is offline.
func (w *ward) Phone(t *testing.T, does calltest.Does) calltest.Phone {
	t.Helper()
	n := w.count()
	h := &handset.Handset{Name: fmt.Sprintf("%s-%d", does, n), Hz: 600 + 400*(n%2), Patience: w.patience()}
	h.At = aorOf(h.Name)
	switch does {
	case calltest.Offline:
		return h
	case calltest.Silent:
		w.reg.add(h.Name, addrOf(silent(t)))
		return h
	case calltest.Late:
		conn := silent(t)
		w.reg.add(h.Name, addrOf(conn))
		return handset.NewLate(t, h, conn)
	}
	w.installs(t, h, does)
	w.reg.add(h.Name, h.Phone.Addr())
	return h
}

// Twin implements [calltest.Twins].
func (w *ward) Twin(t *testing.T, of calltest.Phone, does calltest.Does) calltest.Phone {
	t.Helper()
	o := of.(*handset.Handset)
	h := &handset.Handset{Name: o.Name, At: o.At, Hz: o.Hz, Patience: w.patience()}
	w.installs(t, h, does)
	w.reg.addTwin(h.Name, h.Phone.Addr())
	return h
}

// installs gives a phone to its owner.
func (w *ward) installs(t *testing.T, h *handset.Handset, does calltest.Does) {
	t.Helper()
	cfg := telephone.Config{
		AOR: h.Address(), Registrar: w.stack.Addr(), Listen: netip.MustParseAddrPort("127.0.0.1:0"), ToneHz: h.Hz, Answer: answers[does],
		EarlyMedia: does == calltest.Early, Forwards: does == calltest.Forwards, Notify: h.Happened, Deaf: does == calltest.Answers,
		Line: w.line,
	}
	p, err := telephone.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	h.Phone = p
	w.reg.keep(p)
}

// patience is how long a phone's owner waits, and who looks for a recording.
func (w *ward) patience() time.Duration {
	if w.slow {
		return 40 * time.Second // 64*T1 and more: a phone whose re-INVITE we left without ACK says BYE no earlier
	}
	return 2 * limit
}

// count numbers the next phone.
func (w *ward) count() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.phones++
	return w.phones
}

// answers are what a software phone does by itself; the rest rings until its owner acts.
var answers = map[calltest.Does]telephone.Answer{
	calltest.Answers: telephone.Auto(20 * time.Millisecond), calltest.Busy: telephone.Busy(), calltest.Rejects: telephone.Reject(20 * time.Millisecond),
	calltest.Unknown: {Status: 404}, calltest.Congested: {Status: 503}, calltest.Redirects: {Status: 302},
}

// silent is a socket that nobody reads.
func silent(t *testing.T) *net.UDPConn {
	t.Helper()
	c, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.MustParseAddrPort("127.0.0.1:0")))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func addrOf(c *net.UDPConn) netip.AddrPort { return c.LocalAddr().(*net.UDPAddr).AddrPort() }

// nameplates is a registrar that knows each phone by the address that it has.
type nameplates struct {
	mu       sync.Mutex
	bindings map[string]user.Binding
	twins    map[string][]user.Binding // further phones of an address
	phones   []*telephone.Phone
}

func aorOf(name string) string { return "sip:" + name + "@hospital.example" }

func (n *nameplates) add(name string, at netip.AddrPort) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.bindings[aorOf(name)] = user.Binding{AOR: aorOf(name), Contact: "sip:" + name + "@" + at.String(), Transport: "udp", Source: at}
}

// addTwin adds a further phone at an address.
func (n *nameplates) addTwin(name string, at netip.AddrPort) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.twins == nil {
		n.twins = map[string][]user.Binding{}
	}
	n.twins[aorOf(name)] = append(n.twins[aorOf(name)], user.Binding{AOR: aorOf(name), Contact: "sip:" + name + "@" + at.String(), Transport: "udp", Source: at})
}

func (n *nameplates) keep(p *telephone.Phone) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.phones = append(n.phones, p)
}

func (n *nameplates) closePhones() {
	var wg sync.WaitGroup
	for _, p := range n.phones {
		wg.Go(p.Close)
	}
	wg.Wait()
}

func (n *nameplates) Register(_ context.Context, req *sip.Request, _ netip.AddrPort, _ string) *sip.Response {
	return sip.NewResponseFromRequest(req, 200, "OK", nil)
}

func (n *nameplates) Authenticate(_ context.Context, req *sip.Request, source netip.AddrPort) (user.Device, *sip.Response) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if b, ok := n.bindings[req.From().Address.String()]; ok && b.Source == source {
		return user.Device{Backend: "house", Address: b.AOR}, nil
	}
	return user.Device{}, sip.NewResponseFromRequest(req, 403, "Forbidden", nil)
}

func (n *nameplates) Bindings(_ context.Context, _, aor string) ([]user.Binding, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if b, ok := n.bindings[aor]; ok {
		return append([]user.Binding{b}, n.twins[aor]...), nil
	}
	return nil, nil
}
