package weather

import (
	"fmt"
	"io"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"
)

// Weather is what becomes of a packet, each way.
type Weather struct {
	Delay, Jitter          time.Duration
	Lose, Repeat, Overtake float64 // shares, 0 to 1
	Seed                   uint64
}

// Storm is what calls must survive: 5 % are lost, and an answer takes 400 ms.
func Storm(seed uint64) Weather {
	return Weather{Delay: 200 * time.Millisecond, Jitter: 40 * time.Millisecond, Lose: 0.05, Repeat: 0.02, Overtake: 0.05, Seed: seed}
}

// Gust decides what becomes of one packet after the other, and counts. Safe for concurrent use.
type Gust struct {
	weather Weather
	kernels bool // the kernel has made the weather already
	mu      sync.Mutex
	rng     *rand.Rand

	sent, lost, twice, by atomic.Int64
}

// Gust returns the weather's first.
func (w Weather) Gust() *Gust { return &Gust{weather: w, rng: rand.New(rand.NewPCG(w.Seed, 0))} }

// String tells what became of the packets so far.
func (g *Gust) String() string {
	if g.kernels {
		return fmt.Sprintf("%d packets through netem, %+v", g.sent.Load(), g.weather)
	}
	return fmt.Sprintf("%d packets, %d lost, %d twice, %d overtook, %s each way", g.sent.Load(), g.lost.Load(), g.twice.Load(), g.by.Load(), g.weather.Delay)
}

// Pass hands a packet on when its time comes: never, once or twice.
func (g *Gust) Pass(hand func()) {
	if g.kernels {
		g.sent.Add(1)
		hand()
		return
	}
	for _, late := range g.fate() {
		time.AfterFunc(late, hand)
	}
}

// fate returns after what times a packet arrives.
func (g *Gust) fate() []time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	w := g.weather
	g.sent.Add(1)
	if g.rng.Float64() < w.Lose {
		g.lost.Add(1)
		return nil
	}
	late := w.Delay + time.Duration(g.rng.Float64()*float64(w.Jitter))
	if g.rng.Float64() < w.Overtake {
		g.by.Add(1)
		late /= 4
	}
	if g.rng.Float64() < w.Repeat {
		g.twice.Add(1)
		return []time.Duration{late, late + w.Jitter}
	}
	return []time.Duration{late}
}

// carry takes packets from the device and gives them back when their time has come, until the device is closed. What is on
// its way then is lost.
func (g *Gust) carry(device io.ReadWriter) {
	buf := make([]byte, 65536)
	for {
		n, err := device.Read(buf)
		if err != nil {
			return
		}
		packet := append([]byte(nil), buf[:n]...)
		g.Pass(func() { _, _ = device.Write(packet) })
	}
}
