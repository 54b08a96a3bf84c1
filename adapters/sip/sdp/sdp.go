// Package sdp reads and writes the session descriptions of audio calls: RFC 8866, with the offer/answer rules of
// RFC 3264. It is pure: no I/O, no clock, nothing shared.
//
// Parse takes what a stranger sent, so it is bounded, never panics, and accepts what phones really send (static payload
// types without rtpmap, no o= line, bare LF) but no control character. Local writes our own side of one dialog; whatever
// it was given, no byte outside the grammar reaches the wire.
//
// Rejected: keeping the peer's whole description and passing it on. The o= line of a dialog must be ours and only ever
// count up (RFC 3264 section 8), and a second audio, video or image line of one phone means nothing to the other.
package sdp

import (
	"net/netip"
	"strings"
)

// Direction says who sends, as seen by the side that wrote the description (RFC 8866 section 6.7).
type Direction string

// The four directions. A description that names none means SendRecv.
const (
	SendRecv Direction = "sendrecv"
	SendOnly Direction = "sendonly"
	RecvOnly Direction = "recvonly"
	Inactive Direction = "inactive"
)

// Sends reports whether the side that wrote d wants to send.
func (d Direction) Sends() bool { return d == SendRecv || d == SendOnly || d == "" }

// Receives reports whether the side that wrote d wants to receive.
func (d Direction) Receives() bool { return d == SendRecv || d == RecvOnly || d == "" }

// Answer returns the direction to answer to an offer of d when we would like want: each way flows only if both sides
// agree (RFC 3264 section 6.1).
func (d Direction) Answer(want Direction) Direction {
	send, recv := want.Sends() && d.Receives(), want.Receives() && d.Sends()
	switch {
	case send && recv:
		return SendRecv
	case send:
		return SendOnly
	case recv:
		return RecvOnly
	}
	return Inactive
}

// Origin is the o= line, as tokens: peers write versions that fit no integer.
type Origin struct {
	User    string
	ID      string
	Version string
	Addr    string
}

// Session is a description as far as an audio call needs it.
type Session struct {
	Origin Origin
	Time   string // the t= line's two numbers, which an answer repeats (RFC 3264 section 6)
	MLines []MLine
	// Audio is the audio line to talk on: the first that is not refused and speaks plain RTP, else the first of all;
	// nil if there is none.
	Audio *Media
	// AudioLine is the index of Audio in MLines, -1 if there is none.
	AudioLine int
}

// MLine is one m= line, of any kind.
type MLine struct {
	Kind    string // audio, video, image, application, …
	Port    int
	Proto   string
	Formats []string
}

// Media is an audio line with everything that was said about it. What is stored of it as JSON is what a next process needs.
type Media struct {
	Port      int
	Proto     string     `json:"-"`
	Addr      netip.Addr // from the line's own c=, else from the session's; zero where the port is 0 and none was given
	Codecs    []Codec    // in the order of preference; payload types that nobody explained are left out
	Direction Direction
	PTime     int `json:"-"` // milliseconds that the writer would like in a packet; 0 if not said
	// Held says that the writer does not want to hear us: sendonly, inactive, or the old c=0.0.0.0.
	Held bool
}

// AddrPort returns where the writer wants to receive.
func (m Media) AddrPort() netip.AddrPort { return netip.AddrPortFrom(m.Addr, uint16(m.Port)) }

// Black reports whether nothing can be sent there: port 0 (the line is refused), 0.0.0.0 or ::.
func (m Media) Black() bool { return m.Port == 0 || !m.Addr.IsValid() || m.Addr.IsUnspecified() }

// Plain reports whether the line is unencrypted RTP, which is what we speak.
func (m Media) Plain() bool { return m.Proto == "RTP/AVP" || m.Proto == "RTP/AVPF" }

// Same reports whether m asks for the same as o: address, port, direction and codecs. Phones raise their version
// at each answer, so their texts always differ.
func (m Media) Same(o Media) bool {
	if m.AddrPort() != o.AddrPort() || m.Direction != o.Direction || len(m.Codecs) != len(o.Codecs) {
		return false
	}
	for i, c := range m.Codecs {
		if c.PT != o.Codecs[i].PT || !c.Is(o.Codecs[i]) {
			return false
		}
	}
	return true
}

func (m Media) held() bool {
	return !m.Direction.Receives() || (m.Addr.IsValid() && m.Addr.IsUnspecified())
}

// token reports whether s can stand as one word of a line: RFC 8866 token characters and the slash of protocols.
func token(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] >= 0x7f || strings.IndexByte(`"(),:;<=>?@[\]`, s[i]) >= 0 {
			return false
		}
	}
	return s != ""
}
