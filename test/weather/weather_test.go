package weather

import (
	"net"
	"strings"
	"testing"
	"time"

	"c2d/test/pbx"
)

// TestTheNetworkIsBad sends datagrams and a stream over loopback in the weather, beside a datagram that is not meant.
func TestTheNetworkIsBad(t *testing.T) {
	pbx.Need(t, "ip")
	if err := Possible(); err != nil {
		t.Skip(err)
	}
	out, err := Apart("TestInside", nil)
	if err != nil || !strings.Contains(out, "--- PASS: TestInside ") {
		t.Fatalf("%v\n%s", err, out)
	}
}

func TestInside(t *testing.T) {
	Inside(t)
	w := Weather{Delay: 50 * time.Millisecond, Lose: 0.2, Repeat: 0.2, Seed: 1}
	report := w.Begin(t, "ipproto udp dport 5060", "ipproto tcp")
	got := listen(t, "127.0.0.1:5060")
	from := listen(t, "127.9.9.9:5070")
	const sent = 200
	began := time.Now()
	for range sent {
		if _, err := from.WriteTo([]byte("x"), got.LocalAddr()); err != nil {
			t.Fatal(err)
		}
	}
	first, n := arrivals(t, got)
	if lost, twice := int(report.lost.Load()), int(report.twice.Load()); !report.kernels && n != sent-lost+twice || lost < 20 || twice < 20 {
		t.Errorf("%d of %d came: %s", n, sent, report)
	}
	if late := first.Sub(began); late < w.Delay {
		t.Errorf("the first came after %s", late)
	}
	began = time.Now()
	if _, err := got.WriteTo([]byte("x"), from.LocalAddr()); err != nil {
		t.Fatal(err)
	}
	if first, n := arrivals(t, from); n != 1 || first.Sub(began) > w.Delay {
		t.Errorf("%d came on a quiet way, after %s", n, first.Sub(began))
	}
	if late := dialled(t); late < 2*w.Delay {
		t.Errorf("a connection is there after %s", late)
	}
}

func listen(t *testing.T, at string) net.PacketConn {
	t.Helper()
	c, err := net.ListenPacket("udp4", at)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// arrivals returns when the first datagram came, and how many came until there was silence.
func arrivals(t *testing.T, c net.PacketConn) (first time.Time, n int) {
	t.Helper()
	for buf := make([]byte, 10); ; n++ {
		if err := c.SetReadDeadline(time.Now().Add(time.Second)); err != nil {
			t.Fatal(err)
		}
		if _, _, err := c.ReadFrom(buf); err != nil {
			return first, n
		}
		if n == 0 {
			first = time.Now()
		}
	}
}

// dialled returns how long a TCP connection takes.
func dialled(t *testing.T) time.Duration {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	began := time.Now()
	c, err := net.DialTimeout("tcp4", l.Addr().String(), 20*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	return time.Since(began)
}
