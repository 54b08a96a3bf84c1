package freeswitchtest

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// eventNames are those that are told here.
var eventNames = map[string]bool{
	"CHANNEL_CREATE": true, "CHANNEL_PROGRESS": true, "CHANNEL_PROGRESS_MEDIA": true, "CHANNEL_ANSWER": true, "CHANNEL_PARK": true, "CHANNEL_BRIDGE": true,
	"CHANNEL_UNBRIDGE": true, "CHANNEL_HOLD": true, "CHANNEL_UNHOLD": true, "CHANNEL_HANGUP": true, "CHANNEL_HANGUP_COMPLETE": true, "DTMF": true,
	"BACKGROUND_JOB": true, "RECORD_START": true, "RECORD_STOP": true,
}

// brief are events of a channel that say nothing of its variables.
var brief = map[string]bool{"DTMF": true}

// header is one of an event, in its place.
type header struct{ name, value string }

// tell tells of a channel.
func (f *FreeSWITCH) tell(name string, c *channel, more ...header) {
	all := c.headers()
	if brief[name] {
		all = slices.DeleteFunc(all, func(h header) bool { return strings.HasPrefix(h.name, "variable_") })
	}
	f.send(name, append(all, more...), "")
}

// send queues an event for whoever wants it.
func (f *FreeSWITCH) send(name string, all []header, body string) {
	f.sequence++
	all = append([]header{{"Event-Name", name}, {"Core-UUID", f.core}, {"Event-Sequence", strconv.Itoa(f.sequence)}}, all...)
	text := write(all, body)
	for s := range f.sessions {
		if slices.Contains(s.names, name) && s.lets(all) {
			f.queue(s, text)
		}
	}
}

// lets reports whether a filter lets an event pass, as all do where there is none.
func (s *session) lets(all []header) bool {
	return len(s.filters) == 0 || slices.ContainsFunc(s.filters, func(x filter) bool {
		return slices.ContainsFunc(all, func(h header) bool { return h.name == x.header && x.fits(h.value) })
	})
}

func (f *FreeSWITCH) queue(s *session, text string) {
	s.late += text
	if s.polling {
		return
	}
	s.polling = true
	f.later(poll, func() {
		if s.polling = false; f.sessions[s] {
			s.say(s.late)
		}
		s.late = ""
	})
}

// write writes an event in the plain form: values are encoded, a body is not.
func write(all []header, body string) string {
	var b strings.Builder
	for _, h := range all {
		if h.value != "" {
			b.WriteString(h.name + ": " + strings.ReplaceAll(url.PathEscape(h.value), ":", "%3A") + "\n")
		}
	}
	if body != "" {
		fmt.Fprintf(&b, "Content-Length: %d\n\n%s", len(body), body)
	} else {
		b.WriteString("\n")
	}
	return fmt.Sprintf("Content-Length: %d\nContent-Type: text/event-plain\n\n%s", b.Len(), b.String())
}
