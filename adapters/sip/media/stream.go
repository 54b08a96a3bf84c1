package media

import (
	"crypto/rand"
	"encoding/binary"
	"time"
)

// headerSize is that of an RTP header without contributing sources and extensions (RFC 3550 section 5.1).
const headerSize = 12

// What RFC 3550 appendix A.1 takes for a reordered, or a skipped, packet of the same source. Beyond, it began anew.
const (
	maxDropout  = 3000
	maxMisorder = 100
)

// stream numbers the packets that one endpoint sends, whether they are its own or another source's.
type stream struct {
	ssrc  uint32
	seq   uint16    // the highest sent
	ts    uint32    // the latest sent
	at    time.Time // when ts was first sent; zero before the first packet
	floor uint16    // the lowest that may still be sent: what is older belongs before the last switch

	own     bool   // the last packet was made here
	relayed bool   // the last packet was another source's: from
	from    uint32 // its SSRC
	last    uint16 // its highest sequence number
	seqOff  uint16 // what turns its numbers into ours
	tsOff   uint32

	converges bool // our numbers shall become the source's own: see HandOver
	settled   int  // packets since they last jumped
}

// How our numbers become a source's own: by jumps forward only, each well under half of the number space, and each
// followed by enough packets that the phone's jitter buffer has taken one of them.
const (
	longestJump = 25000
	settling    = 8
)

// newStream begins at random numbers, as RFC 3550 section 5.1 asks.
func newStream() stream {
	var b [10]byte
	_, _ = rand.Read(b[:]) // it never fails, by its contract
	return stream{
		ssrc: binary.BigEndian.Uint32(b[:]), ts: binary.BigEndian.Uint32(b[4:]), seq: binary.BigEndian.Uint16(b[8:]),
	}
}

// number is what the header of the next packet says.
type number struct {
	seq   uint16
	ts    uint32
	first bool // the first packet of this source: it gets the marker bit
}

// cut makes the next packet the first of a source.
func (s *stream) cut() { s.own, s.relayed = false, false }

// next numbers a packet of our own that lasts 20 ms of 8 kHz. Packets follow each other by their length, whatever the
// pace they are sent at; only a pause moves the timestamp on by the time that passed.
func (s *stream) next(now time.Time) number {
	n := number{seq: s.seq + 1, ts: s.ts + frame, first: !s.own}
	if t := s.resume(now, 8000); n.first || int32(t-n.ts) > int32(pauses*frame) {
		n.ts = t
	}
	if n.first {
		s.floor = n.seq
	}
	s.own, s.relayed = true, false
	s.sent(n, now)
	return n
}

// event numbers a packet of a key press of ours: all of one press have the time of its begin.
func (s *stream) event(now time.Time, begins bool) number {
	n := number{seq: s.seq + 1, ts: s.ts, first: begins}
	if begins {
		n.ts, s.floor = s.resume(now, 8000), n.seq
	}
	s.cut() // what comes next begins anew
	s.sent(n, now)
	return n
}

// pauses is how many of our packets may be late before it is a pause.
const pauses = 10

// resume returns the timestamp of a packet that does not follow from the last one but by the time that passed.
func (s *stream) resume(now time.Time, rate int) uint32 {
	if s.at.IsZero() {
		return s.ts
	}
	passed := int64(now.Sub(s.at)) * int64(rate) / int64(time.Second)
	return s.ts + uint32(max(passed, int64(rate/50)))
}

// relay numbers a packet of another source. It returns false for one that came too late: its place is before
// what was sent before the switch to this source.
func (s *stream) relay(p *packet, now time.Time) (number, bool) {
	d := int16(p.seq - s.last)
	first := !s.relayed || s.from != p.ssrc || d > maxDropout || d < -maxMisorder
	if first {
		s.own, s.relayed, s.from, s.last = false, true, p.ssrc, p.seq
		s.jump(p, 0)
		s.tsOff = s.resume(now, p.codec.Rate) - p.ts
	}
	if s.converges && !first && d > 0 && s.seqOff != 0 && s.settled >= settling {
		s.jump(p, min(p.seq-(s.seq+1), longestJump))
		first = true
	}
	s.settled++
	n := number{seq: p.seq + s.seqOff, ts: p.ts + s.tsOff, first: first}
	if int16(n.seq-s.floor) < 0 {
		return n, false
	}
	if d > 0 || first {
		s.last = p.seq
	}
	s.sent(n, now)
	return n, true
}

// jump makes p the packet that is by so many further on than the next; what is older than it is not sent any more. A
// stream that has sent nothing takes the source's own numbers.
func (s *stream) jump(p *packet, by uint16) {
	s.floor = s.seq + 1 + by
	if s.at.IsZero() {
		s.floor = p.seq
		s.seq = p.seq - 1
	}
	s.seqOff, s.settled = s.floor-p.seq, 0
}

// converged reports whether the phone has heard the source by its own numbers for a while.
func (s *stream) converged() bool { return s.relayed && s.seqOff == 0 && s.settled >= settling }

func (s *stream) sent(n number, now time.Time) {
	if int16(n.seq-s.seq) > 0 {
		s.seq = n.seq
	}
	if s.seq-s.floor > maxMisorder {
		s.floor = s.seq - maxMisorder
	}
	if s.at.IsZero() || int32(n.ts-s.ts) > 0 { // the packets of one key press share the time of its begin
		s.ts, s.at = n.ts, now
	}
}

// head writes the header of a packet over the first 12 bytes of b.
func (s *stream) head(b []byte, pt uint8, marker bool, n number) {
	b[0], b[1] = 2<<6, pt
	if marker {
		b[1] |= 0x80
	}
	binary.BigEndian.PutUint16(b[2:], n.seq)
	binary.BigEndian.PutUint32(b[4:], n.ts)
	binary.BigEndian.PutUint32(b[8:], s.ssrc)
}
