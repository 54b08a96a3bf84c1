package media

import (
	"errors"
	"net"
	"net/netip"
	"time"

	"github.com/pion/rtp"

	"c2d/adapters/sip/sdp"
)

// maxPacket is the largest datagram that is taken: more than an Ethernet frame carries.
const maxPacket = 2048

// packet is an RTP packet that was taken from a phone.
type packet struct {
	codec  sdp.Codec
	seq    uint16
	ts     uint32
	ssrc   uint32
	marker bool
	wire   []byte // room for a header of 12 bytes, then the payload: to be sent on without copying it
}

// readRTP reads until Close closes the socket.
func (e *Endpoint) readRTP() {
	defer e.running.Done()
	var h rtp.Header // used again and again, so that a packet costs no allocation
	read(e.rtp, func(b []byte, from netip.AddrPort) { e.receive(&h, b, from) })
}

// read hands each datagram to take until the socket is closed. Other errors are those of one datagram.
func read(c *net.UDPConn, take func(b []byte, from netip.AddrPort)) {
	buf := make([]byte, maxPacket)
	for {
		n, from, err := c.ReadFromUDPAddrPort(buf)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err == nil && n < len(buf) { // one that fills it may have been cut
			take(buf[:n], unmap(from))
		}
	}
}

// receive takes one datagram: it counts it, tells of a key press, and hands it over to the linked endpoint. No lock is
// held while it does the last two.
func (e *Endpoint) receive(h *rtp.Header, b []byte, from netip.AddrPort) {
	now := time.Now()
	e.mu.Lock()
	p, ok := e.accept(h, b, from, now)
	var digit byte
	if ok && p.codec.Events() {
		digit = e.keys.press(&p)
	}
	peer, onKey := e.peer, e.onKey
	e.mu.Unlock()
	if !ok {
		return
	}
	if digit != 0 && onKey != nil {
		onKey(digit)
	}
	if peer != nil {
		peer.forward(e, &p, now)
	}
}

// accept reads a datagram if it is RTP of the remote side in a codec that was negotiated, and settles on its source.
func (e *Endpoint) accept(h *rtp.Header, b []byte, from netip.AddrPort, now time.Time) (packet, bool) {
	if !e.remote.knows(from) {
		e.stats.Strangers++
		return packet{}, false
	}
	p, ok := parse(h, b)
	if ok {
		p.codec, ok = e.terms.received(h.PayloadType)
	}
	if !ok {
		e.stats.Dropped++
		return packet{}, false
	}
	e.remote.latch(from)
	e.stats.In++
	e.stats.LastIn = now
	return p, true
}

// parse reads a header, and checks the padding (RFC 3550 section 5.1). A packet without payload is nothing to pass on.
func parse(h *rtp.Header, b []byte) (packet, bool) {
	if len(b) < headerSize || b[0]>>6 != 2 { // phones send STUN to this port too
		return packet{}, false
	}
	start, err := h.Unmarshal(b)
	if err != nil {
		return packet{}, false
	}
	end := len(b)
	if h.Padding {
		end -= max(1, int(b[end-1]))
	}
	if end <= start {
		return packet{}, false
	}
	return packet{
		seq: h.SequenceNumber, ts: h.Timestamp, ssrc: h.SSRC, marker: h.Marker, wire: b[start-headerSize : end],
	}, true
}
