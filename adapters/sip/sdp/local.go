package sdp

import (
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"net/netip"
	"strings"
)

// Local is our own side of one dialog: the o= line that stays, and its version, which goes up by one when the body
// changed and only then (RFC 3264 section 8). It is stored as JSON with the dialog, and goes on after a restart. It is
// not safe for concurrent use.
type Local struct {
	ID      uint64 // session id; chosen at the first body if 0
	Version uint64
	Addr    string // the address in o=; that of the first body if empty
	Last    string // the last body
}

// Offer returns an offer to receive at addr, and remembers it. An addr without an address, or with 0.0.0.0 or ::, asks
// for no media at all (RFC 3725 section 5). Once lines of another kind were refused in this dialog, each offer goes on
// refusing them, since a line can never be taken back (RFC 3264 section 8).
func (l *Local) Offer(addr netip.AddrPort, codecs []Codec, dir Direction) []byte {
	last, err := Parse([]byte(l.Last))
	if err != nil {
		last = Session{AudioLine: -1}
	}
	if last.AudioLine < 0 {
		last.AudioLine = len(last.MLines)
		last.MLines = append(last.MLines, MLine{Kind: "audio"})
	}
	last.Time = ""
	return l.write(last, addr, codecs, dir)
}

// Nothing returns an offer without any media (RFC 3725 section 4.4), and remembers it. addr is for its c= line alone.
func (l *Local) Nothing(addr netip.AddrPort) []byte {
	return l.write(Session{AudioLine: -1}, addr, nil, Inactive)
}

// Answer returns our answer to an offer, and remembers it: its lines in its order, all refused but Audio. codecs are
// those of [Common]; if there is none, or the offer has no plain RTP audio, the audio line is refused too. dir is what
// we would like; it is narrowed to what the offer allows.
func (l *Local) Answer(offer Session, addr netip.AddrPort, codecs []Codec, dir Direction) []byte {
	if offer.Audio == nil || !offer.Audio.Plain() || offer.Audio.Port == 0 {
		codecs = nil
	} else {
		dir = offer.Audio.Direction.Answer(dir)
	}
	return l.write(offer, addr, codecs, dir)
}

// write returns the body of the current version if it says the same as the last one, else of the next.
func (l *Local) write(s Session, addr netip.AddrPort, codecs []Codec, dir Direction) []byte {
	addr = reachable(addr)
	l.begin(addr.Addr())
	b := l.body(s, addr, codecs, dir)
	if b != l.Last {
		l.Version++
		l.Last = l.body(s, addr, codecs, dir)
	}
	return []byte(l.Last)
}

// reachable makes an address without one into the black hole: 0.0.0.0 and the discard port, since port 0 would refuse.
func reachable(a netip.AddrPort) netip.AddrPort {
	ip, port := a.Addr().Unmap().WithZone(""), a.Port()
	if !ip.IsValid() {
		ip = netip.IPv4Unspecified()
	}
	if port == 0 {
		ip, port = unspecified(ip), 9
	}
	return netip.AddrPortFrom(ip, port)
}

func unspecified(ip netip.Addr) netip.Addr {
	if ip.Is4() {
		return netip.IPv4Unspecified()
	}
	return netip.IPv6Unspecified()
}

func (l *Local) begin(ip netip.Addr) {
	if l.ID == 0 {
		var b [8]byte
		_, _ = rand.Read(b[:]) // it never fails, by its contract
		l.ID = binary.BigEndian.Uint64(b[:])>>2 | 1
	}
	if a, err := netip.ParseAddr(l.Addr); err != nil || a.Zone() != "" {
		l.Addr = ip.String()
	}
}

func (l *Local) body(s Session, addr netip.AddrPort, codecs []Codec, dir Direction) string {
	var b strings.Builder
	origin := netip.MustParseAddr(l.Addr)
	fmt.Fprintf(&b, "v=0\r\no=- %d %d IN %s %s\r\ns=-\r\n", l.ID, l.Version, family(origin), origin)
	fmt.Fprintf(&b, "c=IN %s %s\r\nt=%s\r\n", family(addr.Addr()), addr.Addr(), timing(s.Time))
	codecs = writable(codecs)
	for i, m := range s.MLines {
		if i == s.AudioLine && len(codecs) > 0 {
			audio(&b, m.Proto, addr.Port(), codecs, dir)
		} else {
			refused(&b, m)
		}
	}
	return b.String()
}

func family(a netip.Addr) string {
	if a.Is4() {
		return "IP4"
	}
	return "IP6"
}

func timing(t string) string {
	if a, b, ok := strings.Cut(t, " "); ok && digits(a) && digits(b) {
		return t
	}
	return "0 0"
}

// writable leaves out codecs that hold what no line may hold, wherever they came from.
func writable(codecs []Codec) []Codec {
	var out []Codec
	for _, c := range codecs {
		if c.PT < 128 && token(c.Name) && c.Rate > 0 {
			c.Fmtp = strings.Map(printable, c.Fmtp)
			out = append(out, c)
		}
	}
	return out
}

func printable(r rune) rune {
	if r < ' ' || r == 0x7f {
		return -1
	}
	return r
}

func audio(b *strings.Builder, proto string, port uint16, codecs []Codec, dir Direction) {
	if !(Media{Proto: proto}).Plain() {
		proto = "RTP/AVP"
	}
	fmt.Fprintf(b, "m=audio %d %s", port, proto)
	for _, c := range codecs {
		fmt.Fprintf(b, " %d", c.PT)
	}
	b.WriteString("\r\n")
	for _, c := range codecs {
		explain(b, c)
	}
	fmt.Fprintf(b, "a=%s\r\n", SendRecv.Answer(dir))
}

func explain(b *strings.Builder, c Codec) {
	fmt.Fprintf(b, "a=rtpmap:%d %s/%d", c.PT, c.Name, c.Rate)
	if c.Channels > 1 {
		fmt.Fprintf(b, "/%d", c.Channels)
	}
	b.WriteString("\r\n")
	if c.Fmtp != "" {
		fmt.Fprintf(b, "a=fmtp:%d %s\r\n", c.PT, c.Fmtp)
	}
}

// refused writes a line with port 0, and the formats that it came with (RFC 3264 section 6).
func refused(b *strings.Builder, m MLine) {
	if !token(m.Kind) || !token(m.Proto) {
		m = MLine{Kind: "audio", Proto: "RTP/AVP"}
	}
	fmt.Fprintf(b, "m=%s 0 %s", m.Kind, m.Proto)
	n := 0
	for _, f := range m.Formats {
		if token(f) {
			fmt.Fprintf(b, " %s", f)
			n++
		}
	}
	if n == 0 {
		b.WriteString(" 0")
	}
	b.WriteString("\r\n")
}
