package sip

import (
	"math/rand/v2"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"

	"c2d/core/call/calltest"
	"c2d/test/weather"
)

// inStorm names the seed to the process that TestConformanceInAStorm starts.
const inStorm = "C2D_STORM"

// TestConformanceInAStorm runs the suite over a network that loses, delays, repeats and reorders what phones and we say to
// each other, with the timers of RFC 3261 as they are: IP packets, in a network namespace (see package weather); without root
// what goes over the phones' SIP sockets. All rows run side by side in a process of their own, since most of their time is
// waiting.
func TestConformanceInAStorm(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes a minute: run without -short")
	}
	seed := os.Getenv(inStorm)
	if seed == "" {
		seed = strconv.FormatUint(rand.Uint64(), 10)
	}
	run := weather.Apart
	if err := weather.Possible(); err != nil {
		t.Log("the weather is on SIP sockets of phones alone:", err)
		run = weather.Again
	}
	out, err := run("TestInAStorm", []string{inStorm + "=" + seed}, "-test.parallel=48", "-test.timeout=6m")
	if err != nil {
		t.Fatalf("%s=%s: %v\n%s", inStorm, seed, err, out)
	}
	passed := strings.Count(out, "    --- PASS: ")
	t.Logf("%s=%s: %d behaviours passed; %s", inStorm, seed, passed, told(out))
	if passed < 60 {
		t.Errorf("%d behaviours ran", passed)
	}
}

// told finds what the child says of its network.
func told(out string) string {
	for line := range strings.Lines(out) {
		if _, what, found := strings.Cut(line, "weather: "); found {
			return strings.TrimSpace(what)
		}
	}
	return "no weather report"
}

// TestInAStorm is the process that TestConformanceInAStorm starts.
func TestInAStorm(t *testing.T) {
	weather.Inside(t)
	seed, err := strconv.ParseUint(os.Getenv(inStorm), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	sip.SetTimers(500*time.Millisecond, 4*time.Second, 5*time.Second)
	over := storm(t, weather.Storm(seed))
	calltest.Run(t, calltest.Suite{
		Backend: "native SIP",
		Can:     calltest.Abilities{Sound: true, Anchored: true, Keys: true, Holds: true, Dials: true}, // a lost 181 is not repeated
		Open: func(t *testing.T) calltest.Harness {
			w := newWard(t)
			w.listen, w.line, w.slow = "udp:"+stormy+":0", over, true
			return w
		},
		Around: func(t *testing.T, run func(*testing.T)) {
			t.Parallel()
			run(t)
		},
	})
}

// storm begins, and returns what phones are to be reached over where the network itself is quiet.
func storm(t *testing.T, w weather.Weather) func(net.PacketConn) net.PacketConn {
	t.Helper()
	if !weather.IsApart() {
		g := w.Gust()
		t.Cleanup(func() { t.Log("weather: on SIP sockets of phones:", g) })
		return func(c net.PacketConn) net.PacketConn { return over(g, c) }
	}
	g := w.Begin(t, "to "+stormy, "from "+stormy)
	t.Cleanup(func() { t.Log("weather: on IP packets:", g) })
	return nil
}

// stormy is where the stack's SIP is, all ways to and from which are bad. Its RTP is elsewhere.
const stormy = "127.0.0.2"

// over is a socket with the weather on both of its ways.
func over(g *weather.Gust, c net.PacketConn) net.PacketConn {
	l := &line{PacketConn: c, gust: g, in: make(chan datagram, 256), closed: make(chan struct{})}
	go l.receive() // ends when the socket is closed
	return l
}

type datagram struct {
	text []byte
	from net.Addr
}

// line is a socket in the weather.
type line struct {
	net.PacketConn
	gust   *weather.Gust
	in     chan datagram
	once   sync.Once
	closed chan struct{}
}

func (l *line) receive() {
	b := make([]byte, 65535)
	for {
		n, from, err := l.PacketConn.ReadFrom(b)
		if err != nil {
			l.end()
			return
		}
		d := datagram{append([]byte(nil), b[:n]...), from}
		l.gust.Pass(func() {
			select {
			case l.in <- d:
			case <-l.closed:
			}
		})
	}
}

func (l *line) end() { l.once.Do(func() { close(l.closed) }) }

// ReadFrom implements [net.PacketConn].
func (l *line) ReadFrom(b []byte) (int, net.Addr, error) {
	select {
	case d := <-l.in:
		return copy(b, d.text), d.from, nil
	case <-l.closed:
		return 0, nil, net.ErrClosed
	}
}

// WriteTo implements [net.PacketConn].
func (l *line) WriteTo(b []byte, to net.Addr) (int, error) {
	text := append([]byte(nil), b...)
	l.gust.Pass(func() { _, _ = l.PacketConn.WriteTo(text, to) }) // a socket that is closed by then loses it
	return len(b), nil
}

// Close implements [net.PacketConn].
func (l *line) Close() error {
	l.end()
	return l.PacketConn.Close()
}
