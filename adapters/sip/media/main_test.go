package media

import (
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/pion/rtp"
	"go.uber.org/goleak"

	"c2d/adapters/sip/sdp"
	"c2d/core/fault"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// here is a loopback address that nothing else on the machine is likely to use.
var here = netip.MustParseAddr("127.0.77.1")

var (
	pcma   = sdp.Codec{PT: 8, Name: "PCMA", Rate: 8000, Channels: 1}
	pcmu   = sdp.Codec{PT: 0, Name: "PCMU", Rate: 8000, Channels: 1}
	keys96 = sdp.Codec{PT: 96, Name: "telephone-event", Rate: 8000, Channels: 1}
)

func newPool(t testing.TB, first, last int) *Pool {
	t.Helper()
	p, err := NewPool(here, first, last)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func newEndpoint(t testing.TB) *Endpoint {
	t.Helper()
	e, err := newPool(t, 20000, 20999).Open()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close() })
	return e
}

// handset is a phone's pair of sockets, for a test to speak and hear by hand.
type handset struct {
	t         testing.TB
	rtp, rtcp *net.UDPConn
	seq       uint16
	ts, ssrc  uint32
}

func newHandset(t testing.TB) *handset {
	t.Helper()
	for port := 23000; port < 24000; port += 2 {
		a, err := listen(here, port)
		if err != nil {
			continue
		}
		b, err := listen(here, port+1)
		if err != nil {
			_ = a.Close()
			continue
		}
		t.Cleanup(func() { _, _ = a.Close(), b.Close() })
		return &handset{t: t, rtp: a, rtcp: b, seq: 65000, ts: 1 << 31, ssrc: 0xABCD0000 + uint32(port)}
	}
	t.Fatal("no port for a handset")
	return nil
}

func listen(a netip.Addr, port int) (*net.UDPConn, error) {
	return net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(a, uint16(port))))
}

func (h *handset) addr() netip.AddrPort { return addrOf(h.rtp) }

func addrOf(c *net.UDPConn) netip.AddrPort {
	return unmap(c.LocalAddr().(*net.UDPAddr).AddrPort())
}

// say sends the next packet of its stream.
func (h *handset) say(to *Endpoint, pt uint8, payload ...byte) {
	h.t.Helper()
	h.seq++
	h.ts += frame
	h.sendAs(h.rtp, to, rtp.Header{Version: 2, PayloadType: pt, SequenceNumber: h.seq, Timestamp: h.ts, SSRC: h.ssrc}, payload...)
}

func (h *handset) sendAs(c *net.UDPConn, to *Endpoint, head rtp.Header, payload ...byte) {
	h.t.Helper()
	b, err := (&rtp.Packet{Header: head, Payload: payload}).Marshal()
	if err == nil {
		_, err = c.WriteToUDPAddrPort(b, to.Addr())
	}
	if err != nil {
		h.t.Fatal(err)
	}
}

// hear returns the next packet.
func (h *handset) hear() *rtp.Packet {
	h.t.Helper()
	p := &rtp.Packet{}
	if err := p.Unmarshal(readOne(h.t, h.rtp)); err != nil {
		h.t.Fatal(err)
	}
	return p
}

func readOne(t testing.TB, c *net.UDPConn) []byte {
	t.Helper()
	b := make([]byte, 2048)
	if err := c.SetReadDeadline(time.Now().Add(5 * time.Second)); err != nil {
		t.Fatal(err)
	}
	n, _, err := c.ReadFromUDPAddrPort(b)
	if err != nil {
		t.Fatal(err)
	}
	return b[:n]
}

// until waits for what another goroutine will bring about.
func until(t testing.TB, what string, happened func() bool) {
	t.Helper()
	tick, end := time.NewTicker(time.Millisecond), time.After(5*time.Second)
	defer tick.Stop()
	for !happened() {
		select {
		case <-tick.C:
		case <-end:
			t.Fatalf("%s did not happen within 5 s", what)
		}
	}
}

// pair returns two linked endpoints and their phones: a has PCMA, PCMU and keys on 101, b has PCMA and keys on 96.
func pair(t testing.TB) (a, b *Endpoint, alice, bob *handset) {
	t.Helper()
	a, b, alice, bob = newEndpoint(t), newEndpoint(t), newHandset(t), newHandset(t)
	a.SetRemote(alice.addr(), sdp.DefaultCodecs())
	b.SetRemote(bob.addr(), []sdp.Codec{pcma, keys96})
	Link(a, b)
	return a, b, alice, bob
}

func wantCode(t *testing.T, err error, code fault.Code) {
	t.Helper()
	if !fault.Is(err, code) {
		t.Errorf("error %v, want code %s", err, code)
	}
}
