package grave

import (
	"errors"
	"net"
	"net/netip"
	"runtime"
	"testing"
	"time"

	"github.com/emiago/sipgo"
	"github.com/emiago/sipgo/sip"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A request that is handled after the end makes no socket: its answer finds one that is closed.
func TestALateRequestOpensNoSocket(t *testing.T) {
	ua, err := sipgo.NewUA()
	if err != nil {
		t.Fatal(err)
	}
	c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	own, peer := c.LocalAddr().(*net.UDPAddr).AddrPort(), netip.MustParseAddrPort("127.0.0.1:5099")
	served := make(chan struct{})
	go func() { defer close(served); _ = ua.TransportLayer().ServeUDP(c) }()
	for deadline := time.Now().Add(5 * time.Second); ; runtime.Gosched() { // its own connection is known once it serves
		if _, err := ua.TransportLayer().GetConnection("udp", own.String()); err == nil {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the socket is not served")
		}
	}
	var e Ear
	e.Hear(peer)
	e.Bury(ua.TransportLayer().Pool("udp"), own)
	_ = c.Close()
	<-served
	for _, at := range []netip.AddrPort{own, peer} {
		conn, err := ua.TransportLayer().GetConnection("udp", at.String())
		if err != nil {
			t.Fatal(err)
		}
		res := sip.NewResponse(200, "OK")
		res.SetDestination(peer.String())
		if err := conn.WriteMsg(res); !errors.Is(err, net.ErrClosed) {
			t.Errorf("towards %s something was sent: %v", at, err)
		}
	}
}

func TestAFloodIsNotRemembered(t *testing.T) {
	var e Ear
	for port := range 2 * most {
		e.Hear(netip.AddrPortFrom(netip.IPv4Unspecified(), uint16(port)))
	}
	if len(e.peers) != most {
		t.Errorf("%d peers", len(e.peers))
	}
}

// A grave is dug only once the reader has done with its last datagram: else it would note the living socket again.
func TestDeafenWaitsForTheLastDatagram(t *testing.T) {
	var e Ear
	from := netip.MustParseAddrPort("127.0.0.1:5099")
	e.Back()
	if !e.Hear(from) {
		t.Fatal("not heard")
	}
	given := make(chan struct{})
	go func() { defer close(given); e.Deafen(t.Context()) }()
	for deadline := time.Now().Add(5 * time.Second); e.Hear(from); runtime.Gosched() {
		if time.Now().After(deadline) {
			t.Fatal("never deaf")
		}
	}
	select {
	case <-given:
		t.Error("it did not wait")
	default:
	}
	e.Back()
	<-given
}
