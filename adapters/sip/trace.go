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
