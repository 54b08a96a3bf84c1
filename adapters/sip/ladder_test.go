package sip

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"c2d/core/call"
)

var update = flag.Bool("update", false, "rewrite testdata")

// TestLadder keeps the whole wire dialogue of one call as text that a telephony engineer can read.
func TestLadder(t *testing.T) {
	h := newHouse(t).start()
	a, b := h.phone("harry"), h.phone("mary")
	h.direct(a, b)
	b.within("BYE", nil)
	b.gets("200")
	h.ended("leg-b", call.Completed)
	h.do(h.stack.HangUp(t.Context(), "leg-a", call.Completed))
	a.reply(a.request("BYE"), 200, nil)
	h.ended("leg-a", call.Completed)
	h.golden("two_phones.txt", h.told(a, b))
}

// golden compares a text with the file that keeps it.
func (h *house) golden(name, got string) {
	h.t.Helper()
	if *update {
		h.do(os.WriteFile("testdata/"+name, []byte(got), 0o644))
	}
	want, err := os.ReadFile("testdata/" + name)
	if err != nil || got != string(want) {
		h.t.Errorf("%v\n%s", err, got)
	}
}

// told writes the ladder with names in place of addresses, and where each session description sends the audio.
func (h *house) told(phones ...*phone) string {
	h.mu.Lock()
	defer h.mu.Unlock()
	var b strings.Builder
	for _, m := range h.ladder {
		for _, p := range phones {
			if m.Remote.String() != p.conn.LocalAddr().String() {
				continue
			}
			arrow := "-->"
			if !m.Sent {
				arrow = "<--"
			}
			first, _, _ := strings.Cut(strings.TrimPrefix(m.StartLine, "SIP/2.0 "), " sip:")
			first = strings.TrimSuffix(first, " Whatever")
			line := fmt.Sprintf("c2d %s %-5s  %-7s %-10s %s", arrow, p.name, first, m.CSeq, audioOf(string(m.Raw), phones))
			if line = strings.TrimRight(line, " ") + "\n"; !strings.Contains(b.String(), line) { // a slow machine repeats
				b.WriteString(line)
			}
		}
	}
	return b.String()
}

func audioOf(raw string, phones []*phone) string {
	_, rest, ok := strings.Cut(raw, "\r\nm=audio ")
	port, _, _ := strings.Cut(rest, " ")
	switch {
	case !ok && strings.Contains(raw, "\r\nc=IN "):
		return "no media"
	case !ok:
		return ""
	case port == "0":
		return "audio refused"
	case strings.Contains(raw, "\r\nc=IN IP4 0.0.0.0\r\n"):
		return "audio nowhere"
	}
	for _, p := range phones {
		if port == fmt.Sprint(p.rtp.Port()) {
			return "audio at " + p.name
		}
	}
	return "audio at c2d"
}
