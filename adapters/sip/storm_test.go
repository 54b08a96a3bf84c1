package sip

import (
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"

	"c2d/core/call/calltest"
	"c2d/core/user"
)

// inStorm names the seed to the process that TestConformanceInAStorm starts.
const inStorm = "C2D_STORM"

// TestConformanceInAStorm runs the suite over a network that loses, delays, repeats and reorders what phones and we say to
// each other, with the timers of RFC 3261 as they are. It stands in for tc netem, which this needs no root and no kernel module for. All rows run side by side in a process of their own, since most of their time is
// waiting.
func TestConformanceInAStorm(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes a minute: run without -short")
	}
	seed := os.Getenv(inStorm)
	if seed == "" {
		seed = strconv.FormatUint(rand.Uint64(), 10)
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestInAStorm$", "-test.parallel=48", "-test.timeout=6m", "-test.v")
	cmd.Env = append(os.Environ(), inStorm+"="+seed)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s=%s: %v\n%s", inStorm, seed, err, out)
	}
	passed := strings.Count(string(out), "    --- PASS: ")
	t.Logf("%s=%s: %d behaviours passed; %s", inStorm, seed, passed, told(string(out)))
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
	seed, err := strconv.ParseUint(os.Getenv(inStorm), 10, 64)
	if err != nil {
		t.Skip("TestConformanceInAStorm runs it")
	}
	sip.SetTimers(500*time.Millisecond, 4*time.Second, 5*time.Second)
	storm := &weather{rng: rand.New(rand.NewPCG(seed, 0)), delay: 200 * time.Millisecond, jitter: 40 * time.Millisecond, lose: 0.05, repeat: 0.02, overtake: 0.05}
	t.Cleanup(func() { t.Log("weather: " + storm.report()) })
	var wards atomic.Int64 // each has RTP ports of its own: after a crash they are to be free
	calltest.Run(t, calltest.Suite{
		Backend: "native SIP",
		Can:     calltest.Abilities{Sound: true, Keys: true, Holds: true, Dials: true}, // a lost 181 is not repeated
		Open: func(t *testing.T) calltest.Harness {
			first := 10000 + 260*wards.Add(1)
			return &ward{t: t, reg: &nameplates{bindings: map[string]user.Binding{}}, line: storm.over, slow: true, ports: fmt.Sprintf("%d-%d", first, first+259)}
		},
		Around: func(t *testing.T, run func(*testing.T)) {
			t.Parallel()
			run(t)
		},
	})
}

// weather is what a network does to datagrams, each way: it loses and repeats some, delays all, and lets some overtake.
type weather struct {
	delay, jitter          time.Duration
	lose, repeat, overtake float64 // shares, 0 to 1

	mu                    sync.Mutex
	rng                   *rand.Rand
	sent, lost, twice, by atomic.Int64
}

func (w *weather) report() string {
	return strconv.FormatInt(w.sent.Load(), 10) + " datagrams, " + strconv.FormatInt(w.lost.Load(), 10) + " lost, " +
		strconv.FormatInt(w.twice.Load(), 10) + " twice, " + strconv.FormatInt(w.by.Load(), 10) + " overtook, " + w.delay.String() + " each way"
}

// pass hands a datagram on when its time comes: never, once or twice.
func (w *weather) pass(hand func()) {
	w.mu.Lock()
	fate, late := w.rng.Float64(), w.delay+time.Duration(w.rng.Int64N(int64(w.jitter)))
	again, overtakes := w.rng.Float64() < w.repeat, w.rng.Float64() < w.overtake
	w.mu.Unlock()
	w.sent.Add(1)
	if fate < w.lose {
		w.lost.Add(1)
		return
	}
	if overtakes {
		w.by.Add(1)
		late /= 4
	}
	time.AfterFunc(late, hand)
	if again {
		w.twice.Add(1)
		time.AfterFunc(late+w.jitter, hand)
	}
}

// over is a socket with the weather on both of its ways.
func (w *weather) over(c net.PacketConn) net.PacketConn {
	l := &line{PacketConn: c, weather: w, in: make(chan datagram, 256), closed: make(chan struct{})}
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
	weather *weather
	in      chan datagram
	once    sync.Once
	closed  chan struct{}
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
		l.weather.pass(func() {
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
	l.weather.pass(func() { _, _ = l.PacketConn.WriteTo(text, to) }) // a socket that is closed by then loses it
	return len(b), nil
}

// Close implements [net.PacketConn].
func (l *line) Close() error {
	l.end()
	return l.PacketConn.Close()
}
