package freeswitchtest

import (
	"bufio"
	"fmt"
	"net"
	"net/textproto"
	"regexp"
	"slices"
	"strings"
	"time"
)

// session is one connection to the event socket. All but conn and out is guarded by the FreeSWITCH's mutex.
type session struct {
	conn    net.Conn
	out     chan string
	names   []string // of events
	filters []filter // one of which an event has to fit
	late    string   // events, until the next poll
	polling bool
}

// filter fits a header.
type filter struct {
	header, of string // a regular expression in slashes, or the value itself
	fits       func(string) bool
}

// farewell is how long a client has to read what was said last.
const farewell = time.Second

// most is how much a client may leave unread before it is given up.
const most = 10_000

func (s *session) say(text string) {
	select {
	case s.out <- text:
	default:
		_ = s.conn.Close()
	}
}

// serve serves a connection to its end.
func (f *FreeSWITCH) serve(conn net.Conn) {
	s := &session{conn: conn, out: make(chan string, most)}
	f.mu.Lock()
	f.sessions[s] = true
	f.mu.Unlock()
	f.work.Go(func() { // ends with out
		defer conn.Close()
		for text := range s.out {
			if _, err := conn.Write([]byte(text)); err != nil {
				break
			}
		}
		for range s.out { // nobody hears it
		}
	})
	f.listen(s)
	_ = conn.SetWriteDeadline(time.Now().Add(farewell))
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.sessions, s)
	close(s.out)
}

// listen takes commands, the password first.
func (f *FreeSWITCH) listen(s *session) {
	r := textproto.NewReader(bufio.NewReader(s.conn))
	s.say("Content-Type: auth/request\n\n")
	for known := false; ; {
		line, head, err := readCommand(r)
		if err != nil {
			return
		}
		if f.Before != nil {
			f.Before(line)
		}
		f.mu.Lock()
		more := true
		switch {
		case known:
			more = f.obey(s, line, head)
		case line == "auth "+Password:
			known = true
			s.say(reply("+OK accepted"))
		default:
			s.say(reply("-ERR invalid"))
			more = f.goodbye(s)
		}
		f.mu.Unlock()
		if !more {
			return
		}
	}
}

// readCommand reads one: a line, headers perhaps, and an empty line.
func readCommand(r *textproto.Reader) (line string, head textproto.MIMEHeader, err error) {
	for line == "" {
		if line, err = r.ReadLine(); err != nil {
			return "", nil, err
		}
	}
	head, err = r.ReadMIMEHeader()
	return line, head, err
}

func reply(text string) string { return "Content-Type: command/reply\nReply-Text: " + text + "\n\n" }

func response(body string) string {
	return fmt.Sprintf("Content-Type: api/response\nContent-Length: %d\n\n%s", len(body), body)
}

func (f *FreeSWITCH) goodbye(s *session) bool {
	s.say("Content-Type: text/disconnect-notice\nContent-Length: 14\n\nDisconnected.\n")
	return false
}

// obey carries out one command of a connection that has shown the password; false ends it.
func (f *FreeSWITCH) obey(s *session, line string, head textproto.MIMEHeader) bool {
	verb, rest, _ := strings.Cut(line, " ")
	switch verb {
	case "api":
		s.say(response(f.api(rest)))
	case "bgapi":
		id := head.Get("Job-UUID")
		s.say("Content-Type: command/reply\nReply-Text: +OK Job-UUID: " + id + "\nJob-UUID: " + id + "\n\n")
		f.background(id, rest)
	case "event":
		f.subscribe(s, rest)
	case "filter":
		s.say(reply(s.filter(rest)))
	case "exit":
		s.say(reply("+OK bye"))
		return f.goodbye(s)
	default:
		s.say(reply("-ERR command not found"))
	}
	return true
}

// filter adds a filter, or takes it away, also if there is none.
func (s *session) filter(rest string) string {
	rest, away := strings.CutPrefix(rest, "delete ")
	header, of, _ := strings.Cut(rest, " ")
	if away {
		s.filters = slices.DeleteFunc(s.filters, func(x filter) bool { return x.header == header && x.of == of })
		return fmt.Sprintf("+OK filter deleted. [%s][%s]", header, of)
	}
	fits := func(value string) bool { return strings.EqualFold(value, of) }
	if strings.HasPrefix(of, "/") {
		form, err := regexp.Compile(strings.Trim(of, "/"))
		if err != nil {
			return "-ERR invalid syntax"
		}
		fits = form.MatchString
	}
	s.filters = append(s.filters, filter{header, of, fits})
	return fmt.Sprintf("+OK filter added. [%s]=[%s]", header, of)
}

// subscribe takes names for granted that it does not know, if there is one that it knows.
func (f *FreeSWITCH) subscribe(s *session, rest string) {
	words := strings.Fields(rest)
	known := false
	for _, name := range words[min(1, len(words)):] {
		known = known || eventNames[name]
		s.names = append(s.names, name)
	}
	if len(words) == 0 || words[0] != "plain" || !known {
		s.say(reply("-ERR no keywords supplied"))
		return
	}
	s.say(reply("+OK event listener enabled plain"))
}
