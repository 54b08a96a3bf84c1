package dialog

import (
	"strconv"
	"strings"

	"github.com/emiago/sipgo/sip"
)

// Who refreshes a session (RFC 4028 section 4), as seen from the request that says so.
const (
	UAC = "uac" // who sends the request
	UAS = "uas" // who answers it
)

// Expires is a Session-Expires header (RFC 4028 section 4).
type Expires struct {
	Seconds   int
	Refresher string // UAC, UAS, or empty where a request leaves it to its answerer
}

// Header returns it as a header.
func (e Expires) Header() Header {
	h := Header{Name: "Session-Expires", Value: strconv.Itoa(e.Seconds)}
	if e.Refresher != "" {
		h.Value += ";refresher=" + e.Refresher
	}
	return h
}

// SessionExpires reads the header, in its long or compact form; false when there is none that can be read.
func SessionExpires(m sip.Message) (e Expires, ok bool) {
	for _, name := range []string{"Session-Expires", "x"} {
		value := first(m, name)
		if value == "" {
			continue
		}
		if e.Seconds, ok = deltaSeconds(value); !ok {
			return e, false
		}
		_, params, _ := strings.Cut(value, ";")
		for p := range strings.SplitSeq(strings.ToLower(params), ";") {
			name, who, _ := strings.Cut(strings.TrimSpace(p), "=")
			if who = strings.TrimSpace(who); strings.TrimSpace(name) == "refresher" && (who == UAC || who == UAS) {
				e.Refresher = who
			}
		}
		return e, true
	}
	return e, false
}

// MinSE reads the least session interval that the peer takes (RFC 4028 section 5); 0 for none.
func MinSE(m sip.Message) int {
	n, _ := deltaSeconds(first(m, "Min-SE"))
	return n
}

// first returns the value of the first header of that name, "" for none.
func first(m sip.Message, name string) string {
	for _, h := range m.GetHeaders(name) {
		return h.Value()
	}
	return ""
}

// deltaSeconds reads the number before a header's parameters, up to a day: longer is as good as never.
func deltaSeconds(value string) (int, bool) {
	number, _, _ := strings.Cut(value, ";")
	n, err := strconv.ParseUint(strings.TrimSpace(number), 10, 32)
	return int(min(n, 86400)), err == nil
}

// Lists reports whether a header that is a list of tokens (Supported, Require, Allow) names one, in any case.
func Lists(m sip.Message, header, token string) bool {
	headers := m.GetHeaders(header)
	if header == "Supported" {
		headers = append(headers, m.GetHeaders("k")...) // its compact form, which the library keeps
	}
	for _, h := range headers {
		for t := range strings.SplitSeq(h.Value(), ",") {
			if strings.EqualFold(strings.TrimSpace(t), token) {
				return true
			}
		}
	}
	return false
}
