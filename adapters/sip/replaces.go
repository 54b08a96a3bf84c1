package sip

import (
	"net/url"
	"strings"

	"github.com/emiago/sipgo/sip"
)

// replaces names a dialog as its other side knows it (RFC 3891 section 6.1): to is the tag of whom that is sent to, from
// that of whoever wrote it.
type replaces struct {
	callID, to, from string
}

// parseReplaces reads the value of a Replaces header.
func parseReplaces(s string) (r replaces, ok bool) {
	parts := strings.Split(s, ";")
	r.callID = strings.TrimSpace(parts[0])
	for _, p := range parts[1:] {
		name, value, _ := strings.Cut(p, "=")
		value = strings.TrimSpace(value)
		tag := &r.to
		switch strings.ToLower(strings.TrimSpace(name)) {
		case "to-tag":
		case "from-tag":
			tag = &r.from
		default:
			continue
		}
		if *tag != "" || value == "" {
			return replaces{}, false // twice, or not said
		}
		*tag = value
	}
	return r, r.callID != "" && r.to != "" && r.from != ""
}

// replacesIn returns the Replaces header that a URI asks for (RFC 3891 section 5); asked says that there is one, ok that it
// can be read.
func replacesIn(u *sip.Uri) (r replaces, asked, ok bool) {
	for _, h := range u.Headers {
		if !strings.EqualFold(h.K, "Replaces") {
			continue
		}
		text, err := url.PathUnescape(h.V)
		if asked || err != nil {
			return replaces{}, true, false
		}
		asked = true
		r, ok = parseReplaces(text)
	}
	return r, asked, ok
}

// named returns the leg whose dialog is named by its phone, nil if there is none of ours.
func (s *Stack) named(r replaces) *leg {
	l := s.dialogOf(r.callID, r.to)
	if l == nil {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.dlg == nil || l.dlg.RemoteTag != r.from {
		return nil
	}
	return l
}

// replacing returns with which status to refuse an INVITE that wants to take the place of a dialog of ours; 0 for one that
// does not. Nobody's call is taken over by INVITE: who is to talk with whom is core's to say, by REFER or the API.
func (s *Stack) replacing(req *sip.Request) int {
	all := req.GetHeaders("Replaces")
	if len(all) == 0 {
		return 0
	}
	r, ok := parseReplaces(all[0].Value())
	switch {
	case !ok || len(all) > 1:
		return sip.StatusBadRequest
	case s.named(r) == nil:
		return sip.StatusCallTransactionDoesNotExists
	}
	return sip.StatusGlobalDecline
}
