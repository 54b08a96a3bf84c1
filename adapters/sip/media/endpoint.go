package media

import (
	"errors"
	"net"
	"net/netip"
	"sync"
	"time"

	"c2d/adapters/sip/sdp"
	"c2d/core/tone"
)

// Endpoint is one leg's pair of ports. It is safe for concurrent use. After Close every method does nothing.
type Endpoint struct {
	pool      *Pool
	port      int
	rtp, rtcp *net.UDPConn
	running   sync.WaitGroup // the readers, and the player if any
	closing   sync.Once
	closeErr  error

	mu     sync.Mutex // guards what follows; never held together with another endpoint's
	closed bool
	remote remote
	terms  terms
	peer   *Endpoint
	player *player // nil when nothing is played
	yields bool    // what is played ends when a packet is forwarded: see LinkEarly
	out    stream
	handed chan struct{} // closed when out has converged; nil unless HandOver waits
	keys   keys
	onKey  func(digit byte)
	tap    func(Sound)
	beep   *tone.Source // mixed into what is forwarded; nil if nothing is
	passed time.Time    // when something was last forwarded
	stats  Stats
}

// Stats is what an endpoint counted since it was opened.
type Stats struct {
	In        uint64    // RTP packets taken from the remote side
	Out       uint64    // RTP packets sent
	Dropped   uint64    // RTP packets of the remote or linked side that were unreadable, or had nowhere to go
	Strangers uint64    // packets from somebody else
	LastIn    time.Time // when the last RTP packet was taken; zero if none was
}

func open(p *Pool, port int) (*Endpoint, error) {
	rtp, rtcp, err := p.bind(port)
	if err != nil {
		return nil, err
	}
	e := &Endpoint{pool: p, port: port, rtp: rtp, rtcp: rtcp, out: newStream(), terms: newTerms(nil)}
	e.running.Add(2) // both readers end when Close closes their sockets, and Close waits for them
	go e.readRTP()
	go e.readRTCP()
	return e, nil
}

// Addr returns where the endpoint receives RTP; RTCP is on the next port.
func (e *Endpoint) Addr() netip.AddrPort { return netip.AddrPortFrom(e.pool.addr, uint16(e.port)) }

// SetRemote says where to send, and what was negotiated: the first PCMA or PCMU of codecs is what tones are played
// in. An addr that is unspecified, has no port, or is one of our own media ports sends nothing from now on, which is how
// a phone is put on hold; what its former address sends is still heard. Without codecs nothing is sent either.
func (e *Endpoint) SetRemote(addr netip.AddrPort, codecs []sdp.Codec) {
	addr = unmap(addr)
	if ip := addr.Addr(); !ip.IsValid() || ip.IsUnspecified() || ip.IsMulticast() || addr.Port() == 0 || e.pool.owns(addr) {
		addr = netip.AddrPort{}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.remote.set(addr)
	e.terms = newTerms(codecs)
}

// OnDTMF sets what is called at each key press of the phone, once, with one of 0-9 * # A-D; nil for nothing. It runs on the
// goroutine that reads the socket, without a lock: it must return at once, and must not call Close.
func (e *Endpoint) OnDTMF(pressed func(digit byte)) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.onKey = pressed
}

// Stats returns the counters as they are now.
func (e *Endpoint) Stats() Stats {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.stats
}

// Close ends what is played and forwarded, gives the ports back to the pool, and returns when the endpoint's
// goroutines have ended. It is idempotent; a second call waits for the first and returns the same.
func (e *Endpoint) Close() error {
	e.closing.Do(func() {
		e.mu.Lock()
		e.closed = true
		e.silence()
		e.onKey, e.tap = nil, nil
		e.mu.Unlock()
		e.Unlink()
		e.closeErr = errors.Join(e.rtp.Close(), e.rtcp.Close())
		e.running.Wait()
		e.pool.release(e.port)
	})
	return e.closeErr
}

func unmap(a netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
}
