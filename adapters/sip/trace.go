package sip

import (
	"bytes"
	"net/netip"
	"strings"
	"time"
)

// Message is one SIP message as it crossed the wire, for a ladder or a test.
type Message struct {
	At        time.Time
	Sent      bool // by us; else received
	Transport string
	Local     netip.AddrPort
	Remote    netip.AddrPort
	StartLine string // "INVITE sip:… SIP/2.0" or "SIP/2.0 200 OK"
	CallID    string
	CSeq      string
	Raw       []byte // a copy; holds personal data
}

// summarise reads the few lines that a ladder shows. It takes anything: what is no SIP message has empty fields.
func summarise(raw []byte) (start, callID, cseq string) {
	head, _, _ := bytes.Cut(raw, []byte("\r\n\r\n"))
	lines := strings.Split(string(head), "\r\n")
	for _, line := range lines[1:] {
		name, value, _ := strings.Cut(line, ":")
		switch strings.ToLower(strings.TrimSpace(name)) {
		case "call-id", "i":
			callID = strings.TrimSpace(value)
		case "cseq":
			cseq = strings.TrimSpace(value)
		}
	}
	return lines[0], callID, cseq
}

// streamTrace returns what tells the trace of messages over TCP or TLS; nil without one.
func (s *Stack) streamTrace(network string) func(bool, netip.AddrPort, netip.AddrPort, []byte) {
	if s.deps.Trace == nil {
		return nil
	}
	return func(sent bool, local, peer netip.AddrPort, raw []byte) {
		m := Message{At: time.Now().UTC(), Sent: sent, Transport: network, Local: local, Remote: peer, Raw: bytes.Clone(raw)}
		m.StartLine, m.CallID, m.CSeq = summarise(raw)
		s.deps.Trace(m)
	}
}
