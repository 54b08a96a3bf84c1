package sdp

import (
	"net/netip"
	"strconv"
	"strings"

	"c2d/core/fault"
)

// What Parse takes at most. A browser's description with candidates has some 300 lines and 10 kB.
const (
	maxBytes   = 64 << 10
	maxLines   = 1000
	maxMedia   = 100
	maxFormats = 128
)

// Parse reads a description. Errors: fault.CodeTooLarge beyond 64 kB, 1,000 lines, 100 m= lines or 128 formats in one;
// fault.CodeMalformed otherwise, with the number of the line but nothing of its text.
func Parse(b []byte) (Session, error) {
	if len(b) > maxBytes {
		return Session{}, fault.New(fault.CodeTooLarge, "session description of %d bytes", len(b))
	}
	lines := strings.Split(string(b), "\n")
	if len(lines) > maxLines {
		return Session{}, fault.New(fault.CodeTooLarge, "session description of %d lines", len(lines))
	}
	var p parser
	for i, l := range lines {
		if err := p.line(strings.TrimSuffix(l, "\r")); err != nil {
			err.Message = "session description, line " + strconv.Itoa(i+1) + ": " + err.Message
			return Session{}, err
		}
	}
	return p.session()
}

// parser holds what the lines said so far: about the session, then about one m= line after the other.
type parser struct {
	s       Session
	begun   bool
	general section
	media   []section
}

// section is what was said about the session, or about one m= line.
type section struct {
	addr      netip.Addr
	named     bool // c= has a host name or a multicast group: nothing that we send to
	direction Direction
	ptime     int
	rtpmap    map[uint8]Codec
	fmtp      map[uint8]string
}

func bad(format string, args ...any) *fault.Error {
	return fault.New(fault.CodeMalformed, format, args...)
}

func (p *parser) line(l string) *fault.Error {
	if l == "" {
		return nil
	}
	if len(l) < 2 || l[1] != '=' || l[0] < 'a' || l[0] > 'z' {
		return bad("not of the form x=value")
	}
	if strings.ContainsFunc(l, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }) {
		return bad("control character")
	}
	if !p.begun && l[0] != 'v' {
		return bad("does not begin with v=")
	}
	return p.field(l[0], l[2:])
}

func (p *parser) field(kind byte, v string) *fault.Error {
	switch kind {
	case 'v':
		return p.version(v)
	case 'o':
		return p.origin(v)
	case 't':
		p.time(v)
	case 'm':
		return p.mline(v)
	case 'c':
		return p.connection(v)
	case 'a':
		return p.attribute(v)
	}
	return nil
}

func (p *parser) version(v string) *fault.Error {
	if p.begun || strings.TrimSpace(v) != "0" {
		return bad("v= is not 0, or is there twice")
	}
	p.begun = true
	return nil
}

func (p *parser) origin(v string) *fault.Error {
	f := strings.Fields(v)
	if len(f) != 6 {
		return bad("o= has %d words", len(f))
	}
	p.s.Origin = Origin{User: f[0], ID: f[1], Version: f[2], Addr: f[5]}
	return nil
}

func (p *parser) time(v string) {
	f := strings.Fields(v)
	if p.s.Time == "" && len(f) == 2 && digits(f[0]) && digits(f[1]) {
		p.s.Time = f[0] + " " + f[1]
	}
}

func digits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != "" && len(s) <= 20
}

func (p *parser) mline(v string) *fault.Error {
	f := strings.Fields(v)
	if len(f) < 4 {
		return bad("m= has %d words", len(f))
	}
	for _, w := range f {
		if !token(w) {
			return bad("m= holds a character that no word may have")
		}
	}
	if len(p.media) == maxMedia || len(f)-3 > maxFormats {
		return fault.New(fault.CodeTooLarge, "too many m= lines or formats")
	}
	number, _, _ := strings.Cut(f[1], "/") // "/n": n pairs of ports, of which the first is ours
	port, err := strconv.ParseUint(number, 10, 16)
	if err != nil {
		return bad("m= has no port from 0 to 65535")
	}
	p.s.MLines = append(p.s.MLines, MLine{Kind: f[0], Port: int(port), Proto: f[2], Formats: f[3:]})
	p.media = append(p.media, section{})
	return nil
}

// now returns the section that the current line speaks of.
func (p *parser) now() *section {
	if n := len(p.media); n > 0 {
		return &p.media[n-1]
	}
	return &p.general
}

func (p *parser) connection(v string) *fault.Error {
	f := strings.Fields(v)
	if len(f) != 3 || f[0] != "IN" {
		return bad("c= is not of the form IN IP4 address")
	}
	host, _, _ := strings.Cut(f[2], "/")
	a, err := netip.ParseAddr(host)
	sec := p.now()
	if sec.named = err != nil || a.IsMulticast() || a.Zone() != ""; !sec.named {
		sec.addr = a.Unmap()
	}
	return nil
}

// session puts together what the lines said.
func (p *parser) session() (Session, error) {
	if !p.begun {
		return Session{}, bad("session description is empty")
	}
	p.s.AudioLine = p.choose()
	if p.s.AudioLine < 0 {
		return p.s, nil
	}
	m := p.audio(p.s.AudioLine)
	if m.Port != 0 && !m.Addr.IsValid() {
		return Session{}, bad("session description: the audio line has no unicast IP address")
	}
	p.s.Audio = &m
	return p.s, nil
}

func (p *parser) choose() int {
	first := -1
	for i, m := range p.s.MLines {
		if m.Kind != "audio" {
			continue
		}
		if m.Port != 0 && (Media{Proto: m.Proto}).Plain() {
			return i
		}
		if first < 0 {
			first = i
		}
	}
	return first
}

func (p *parser) audio(i int) Media {
	line, sec := p.s.MLines[i], p.media[i]
	m := Media{Port: line.Port, Proto: line.Proto, Addr: sec.addr, Direction: sec.direction, PTime: sec.ptime}
	if !m.Addr.IsValid() && !sec.named {
		m.Addr = p.general.addr
	}
	if m.Direction == "" {
		m.Direction = p.general.direction
	}
	if m.Direction == "" {
		m.Direction = SendRecv
	}
	m.Codecs = sec.codecs(line.Formats)
	m.Held = m.held()
	return m
}
