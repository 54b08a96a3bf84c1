package demo

import (
	"bytes"
	"strings"
	"unicode"
	"unicode/utf8"

	"c2d/adapters/sip"
	"c2d/adapters/sip/sdp"
)

// width is that of each gap between two columns of the ladder.
const width = 44

func header() string { return pad("Harry", width+1) + pad("C2D", width+1) + "Mary" }

func pad(s string, n int) string {
	return s + strings.Repeat(" ", max(0, n-utf8.RuneCountInString(s)))
}

// message prints one SIP message as an arrow between C2D and the phone's column; it is the service's trace.
func (p *printer) message(m sip.Message) {
	switch label := describe(m); p.nameOf(m.Remote) {
	case "Harry":
		p.timed(m.At, "│"+p.paint("Harry", arrow(label, !m.Sent))+"│"+strings.Repeat(" ", width)+"│")
	case "Mary":
		p.timed(m.At, "│"+strings.Repeat(" ", width)+"│"+p.paint("Mary", arrow(label, m.Sent))+"│")
	default:
		direction := "from "
		if m.Sent {
			direction = "to "
		}
		p.timed(m.At, "· "+label+" "+direction+m.Remote.String())
	}
}

// arrow draws a label on a line to the right or the left.
func arrow(label string, right bool) string {
	room := width - 4 - utf8.RuneCountInString(label)
	if room < 0 {
		label, room = string([]rune(label)[:width-4]), 0
	}
	if right {
		return "─ " + label + " " + strings.Repeat("─", room) + "►"
	}
	return "◄ " + label + " " + strings.Repeat("─", room) + "─"
}

// describe is a message in a few words: its method or status, and where its description wants to hear.
func describe(m sip.Message) string {
	method, rest, _ := strings.Cut(m.StartLine, " ")
	label := method
	if method == "SIP/2.0" {
		label = rest
		if _, asked, _ := strings.Cut(m.CSeq, " "); asked != "INVITE" {
			label += " (" + asked + ")"
		}
	} else if method == "INVITE" && inDialog(m.Raw) {
		label = "re-INVITE"
	}
	if at := media(m.Raw); at != "" {
		label += "  rtp " + at
	}
	return strings.Map(visible, label)
}

// visible keeps what a stranger sent from steering the terminal.
func visible(r rune) rune {
	if !unicode.IsPrint(r) || r == utf8.RuneError {
		return '?'
	}
	return r
}

// inDialog reports whether the To header has a tag.
func inDialog(raw []byte) bool {
	head, _, _ := bytes.Cut(raw, []byte("\r\n\r\n"))
	for line := range strings.SplitSeq(string(head), "\r\n") {
		name, value, _ := strings.Cut(line, ":")
		if n := strings.ToLower(strings.TrimSpace(name)); n == "to" || n == "t" {
			return strings.Contains(strings.ToLower(value), ";tag=")
		}
	}
	return false
}

// media returns where the writer of a message wants to hear; empty if it says nothing of that.
func media(raw []byte) string {
	_, body, _ := bytes.Cut(raw, []byte("\r\n\r\n"))
	s, err := sdp.Parse(body)
	if err != nil || s.Audio == nil {
		return ""
	}
	at := s.Audio.AddrPort().String()
	if s.Audio.Direction != sdp.SendRecv {
		at += " " + string(s.Audio.Direction)
	}
	return at
}
