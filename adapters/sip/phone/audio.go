package phone

import (
	"encoding/binary"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/pion/rtp"

	"c2d/adapters/sip/sdp"
	"c2d/core/tone"
)

const (
	frame    = 20 * time.Millisecond
	perFrame = 160 // samples
)

// route is where sound goes, in which codecs; without an address it goes nowhere.
type route struct {
	addr   netip.AddrPort
	codecs []sdp.Codec
}

// audio is the sound of one call: a socket, one goroutine that sends a frame each 20 ms and one that reads. Both end
// with close.
type audio struct {
	conn *net.UDPConn
	addr netip.AddrPort
	ears *ears // nil is deaf
	keys chan byte
	stop chan struct{}
	once sync.Once
	wg   sync.WaitGroup

	mu sync.Mutex
	to route
}

func openAudio(ip netip.Addr, hz int, e *ears) (*audio, error) {
	conn, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(ip, 0)))
	if err != nil {
		return nil, err
	}
	a := &audio{conn: conn, addr: conn.LocalAddr().(*net.UDPAddr).AddrPort(), ears: e,
		keys: make(chan byte, 16), stop: make(chan struct{})}
	a.wg.Go(func() { a.speak(hz) })
	a.wg.Go(a.listen)
	return a, nil
}

// send changes where the sound goes and reports whether that is another address than before.
func (a *audio) send(to route) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	moved := a.to.addr != to.addr
	a.to = to
	return moved
}

func (a *audio) route() route {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.to
}

// close is idempotent and returns when both goroutines have ended.
func (a *audio) close() {
	a.once.Do(func() {
		close(a.stop)
		_ = a.conn.Close()
	})
	a.wg.Wait()
}

// listen reads until the socket is closed.
func (a *audio) listen() {
	buf := make([]byte, 2048)
	for {
		n, from, err := a.conn.ReadFromUDPAddrPort(buf)
		if err != nil {
			return
		}
		var p rtp.Packet
		if a.ears == nil || p.Unmarshal(buf[:n]) != nil || p.Version != 2 {
			continue
		}
		if a.isEvent(p.PayloadType) {
			a.ears.press(p.Timestamp, p.Payload)
		} else {
			a.ears.hear(netip.AddrPortFrom(from.Addr().Unmap(), from.Port()), p.PayloadType, p.Payload)
		}
	}
}

// isEvent reports whether packets of a payload type are key presses (RFC 4733).
func (a *audio) isEvent(pt uint8) bool {
	return slices.ContainsFunc(a.route().codecs, func(c sdp.Codec) bool { return c.Events() && c.PT == pt })
}

// speak sends the tone, and key presses in its place.
func (a *audio) speak(hz int) {
	m := newMouth(hz)
	tick := time.NewTicker(frame)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			m.next(a.keys)
			if b := m.packet(a.route()); b != nil {
				_, _ = a.conn.WriteToUDPAddrPort(b, a.route().addr)
			}
		case <-a.stop:
			return
		}
	}
}

// mouth makes the packets of one stream.
type mouth struct {
	source *tone.Source
	pcm    [perFrame]int16
	coded  [perFrame]byte
	header rtp.Header
	key    byte // being pressed, 0 if none
	age    int  // frames since it was
	quiet  bool // nothing was sent last time: the next packet begins a talk spurt (RFC 3551 section 4.1)
}

func newMouth(hz int) *mouth {
	t := tone.Silence()
	if hz > 0 {
		t = tone.Tone{Segments: []tone.Segment{{Hz: []float64{float64(hz)}, For: time.Hour}}}
	}
	return &mouth{source: tone.NewSource(t), quiet: true,
		header: rtp.Header{Version: 2, SSRC: rand.Uint32(), SequenceNumber: uint16(rand.Uint32()), Timestamp: rand.Uint32()}}
}

// next goes on by one frame.
func (m *mouth) next(keys <-chan byte) {
	m.source.Read(m.pcm[:])
	m.header.Timestamp += perFrame
	m.age++
	if m.key != 0 && m.age < keyFrames+3 {
		return
	}
	select {
	case m.key = <-keys:
		m.age = 0
	default:
		m.key = 0
	}
}

// packet returns the packet of this frame, nil if there is none to send.
func (m *mouth) packet(to route) []byte {
	h := m.header
	var payload []byte
	for _, c := range to.codecs {
		law, voice := tone.LawOf(strings.ToUpper(c.Name))
		switch {
		case m.key != 0 && c.Events():
			payload, h.Timestamp = m.event(), h.Timestamp-uint32(m.age*perFrame) // the press's own beginning
		case m.key == 0 && voice:
			payload = law.Encode(m.coded[:], m.pcm[:])
		default:
			continue
		}
		h.PayloadType = c.PT
		break
	}
	if payload == nil || !to.addr.IsValid() {
		m.quiet = true
		return nil
	}
	h.Marker = m.quiet || m.key != 0 && m.age == 0
	m.quiet = false
	m.header.SequenceNumber++
	b, err := (&rtp.Packet{Header: h, Payload: payload}).Marshal()
	if err != nil {
		return nil
	}
	return b
}

// keyFrames is how long a key is pressed: 100 ms. Its end is sent three times (RFC 4733 section 2.5.1.4).
const keyFrames = 5

const keyNames = "0123456789*#ABCD"

func (m *mouth) event() []byte {
	b := []byte{byte(strings.IndexByte(keyNames, m.key)), 10, 0, 0} // volume -10 dBm0
	if m.age >= keyFrames {
		b[1] |= 0x80
	}
	binary.BigEndian.PutUint16(b[2:], uint16(min(m.age+1, keyFrames)*perFrame))
	return b
}

// Press presses keys, of 0-9 * # A-D, one after the other, as RFC 4733 events. It returns before they are sent.
func (p *Phone) Press(keys string) error {
	c := p.current()
	if c == nil {
		return ErrNoCall
	}
	for i := range len(keys) {
		if strings.IndexByte(keyNames, keys[i]) < 0 {
			return ErrNoCall
		}
		select {
		case c.audio.keys <- keys[i]:
		case <-c.done:
			return ErrNoCall
		}
	}
	return nil
}
