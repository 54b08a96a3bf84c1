package media

import (
	"encoding/binary"
	"fmt"
	"net/netip"
)

// RTCP packet types (RFC 3550 section 12.1) and sizes in bytes.
const (
	senderReport   = 200
	receiverReport = 201
	sourceItems    = 202

	rtcpHead  = 8  // with the sender's SSRC
	rtcpSent  = 20 // NTP and RTP time, packets and octets sent
	rtcpBlock = 24
	maxBlocks = 31
)

// report is what a phone says in RTCP: how much it sent, and how well it hears.
type report struct {
	ssrc   uint32
	sent   []byte // the sender's part of a sender report; nil in a receiver report
	blocks [][rtcpBlock]byte
}

// readRTCP reads until Close closes the socket.
func (e *Endpoint) readRTCP() {
	defer e.running.Done()
	read(e.rtcp, e.receiveRTCP)
}

// receiveRTCP takes one datagram, and hands over what it says about the two streams that are forwarded. Its other parts
// (names, goodbyes, extensions) speak of sources that the other side never hears of.
func (e *Endpoint) receiveRTCP(b []byte, from netip.AddrPort) {
	e.mu.Lock()
	var r report
	ok := e.remote.takeRTCP(from)
	if ok {
		r, ok = parseReport(b)
	}
	if ok {
		r.blocks = e.out.heard(r.blocks)
	}
	peer := e.peer
	e.mu.Unlock()
	if ok && peer != nil {
		peer.forwardRTCP(e, r)
	}
}

// parseReport reads the report that a compound packet begins with (RFC 3550 section 6.1).
func parseReport(b []byte) (report, bool) {
	if len(b) < rtcpHead || b[0]>>6 != 2 || (b[1] != senderReport && b[1] != receiverReport) {
		return report{}, false
	}
	size := 4 * (int(binary.BigEndian.Uint16(b[2:])) + 1)
	if size > len(b) {
		return report{}, false
	}
	r, rest := report{ssrc: binary.BigEndian.Uint32(b[4:])}, b[rtcpHead:max(size, rtcpHead)]
	if b[1] == senderReport {
		if len(rest) < rtcpSent {
			return report{}, false
		}
		r.sent, rest = rest[:rtcpSent], rest[rtcpSent:]
	}
	for range b[0] & maxBlocks {
		if len(rest) < rtcpBlock {
			return report{}, false
		}
		r.blocks = append(r.blocks, [rtcpBlock]byte(rest))
		rest = rest[rtcpBlock:]
	}
	return r, true
}

// heard turns what a phone says of our stream into what it says of the source that we relay in it, as that source's
// phone knows it. Blocks about anything else are left out.
func (s *stream) heard(blocks [][rtcpBlock]byte) [][rtcpBlock]byte {
	var out [][rtcpBlock]byte
	for _, b := range blocks {
		if !s.relayed || binary.BigEndian.Uint32(b[:]) != s.ssrc {
			continue
		}
		binary.BigEndian.PutUint32(b[:], s.from)
		highest := binary.BigEndian.Uint32(b[8:]) - uint32(s.seqOff)
		binary.BigEndian.PutUint32(b[8:], highest)
		out = append(out, b)
	}
	return out
}

// forwardRTCP sends a report that from has taken. It runs on the goroutine that reads from's socket.
func (e *Endpoint) forwardRTCP(from *Endpoint, r report) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed || e.peer != from || e.player != nil || e.remote.muted || !e.remote.rtcp.IsValid() {
		return
	}
	_, _ = e.rtcp.WriteToUDPAddrPort(e.out.compound(r), e.remote.rtcp) // a report lost is a report lost: the next comes in 5 s
}

// compound writes a report as one of ours, with the CNAME that every compound packet must have (RFC 3550 section 6.1).
// The sender's part is passed on only for the source that our stream consists of now.
func (s *stream) compound(r report) []byte {
	b := binary.BigEndian.AppendUint32([]byte{2<<6 | byte(len(r.blocks)), receiverReport, 0, 0}, s.ssrc)
	if r.sent != nil && s.relayed && s.from == r.ssrc {
		b[1] = senderReport
		b = append(b, r.sent...)
		ts := b[rtcpHead+8:]
		binary.BigEndian.PutUint32(ts, binary.BigEndian.Uint32(ts)+s.tsOff)
	}
	for _, block := range r.blocks {
		b = append(b, block[:]...)
	}
	binary.BigEndian.PutUint16(b[2:], uint16(len(b)/4-1))
	return s.appendName(b)
}

// appendName adds the source description: 24 bytes.
func (s *stream) appendName(b []byte) []byte {
	b = append(b, 2<<6|1, sourceItems, 0, 5)
	b = binary.BigEndian.AppendUint32(b, s.ssrc)
	b = append(b, 1, 12)
	b = fmt.Appendf(b, "c2d-%08x", s.ssrc)
	return append(b, 0, 0)
}
