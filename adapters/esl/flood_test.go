package esl

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/textproto"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"c2d/adapters/esl/client"
	"c2d/core/call"
	"c2d/core/identity"
)

const manyEvents = 50_000

// TestFlood: events of a leg come as fast as a socket carries them, among twice as many of channels that we know nothing of. They are
// told in their order, what is ordered meanwhile is done, nothing piles up, and the leg ends once.
func TestFlood(t *testing.T) {
	s := floods(t)
	b, err := New(Config{Name: "ward-pbx"}, Deps{Origin: identity.Origin{Installation: "suite", Node: "n1"}})
	if err != nil {
		t.Fatal(err)
	}
	b.to = client.Config{Address: s.l.Addr().String(), Password: "secret"}
	got := &tally{ended: make(chan call.Cause, 2), answered: make(chan struct{}, 1)}
	if err := b.Start(t.Context(), got, nil); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = b.Stop(t.Context()) }()
	leg := b.origin.LegID()
	o := call.Originate{Leg: leg, Way: call.Way{Address: "101"}, RingLimit: time.Minute, TalkLimit: time.Hour}
	if err := b.Originate(t.Context(), o, nil); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"CHANNEL_CREATE", "CHANNEL_PROGRESS", "CHANNEL_ANSWER", "CHANNEL_PARK"} {
		s.tell(name, leg, "")
	}
	<-got.answered
	heap, goroutines := heapNow(), runtime.NumGoroutine()
	flooded := make(chan struct{})
	go func() { // ends with the flood
		defer close(flooded)
		for n := range manyEvents {
			s.tell("CHANNEL_PROGRESS", identity.NewID(), strings.Repeat("x", 500))
			s.tell("DTMF", leg, fmt.Sprintf("DTMF-Digit: %d\n", n%10))
			s.tell("CHANNEL_HOLD", b.origin.LegID(), strings.Repeat("y", 500))
		}
	}()
	if err := b.Tell(t.Context(), leg, call.Busy); err != nil {
		t.Error("an order in the midst of it:", err)
	}
	<-flooded
	s.tell("CHANNEL_HANGUP_COMPLETE", leg, "Hangup-Cause: NORMAL_CLEARING\nvariable_sip_hangup_disposition: recv_bye\n")
	select {
	case c := <-got.ended:
		if c.Reason != call.Completed {
			t.Error("ended as", c.Reason)
		}
	case <-time.After(time.Minute):
		t.Fatal("its end is not told")
	}
	got.check(t)
	if more := heapNow() - heap; more > 4<<20 || runtime.NumGoroutine() > goroutines+2 {
		t.Errorf("%d bytes more, %d goroutines, before %d", more, runtime.NumGoroutine(), goroutines)
	}
}

func heapNow() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// tally is a sink that counts.
type tally struct {
	mu               sync.Mutex
	digits, disorder int
	ended            chan call.Cause
	answered         chan struct{}
}

func (*tally) Link(string, bool) {}

func (c *tally) Leg(ev call.LegEvent) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch ev.Kind {
	case call.EvDTMF:
		if ev.Digit != byte('0'+c.digits%10) {
			c.disorder++
		}
		c.digits++
	case call.EvAnswered:
		c.answered <- struct{}{}
	case call.EvEnded:
		c.ended <- ev.Cause
	}
}

func (c *tally) check(t *testing.T) {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.digits != manyEvents || c.disorder != 0 || len(c.ended) != 0 {
		t.Errorf("%d digits, %d of them out of order, %d ends too many", c.digits, c.disorder, len(c.ended))
	}
}

// flood is a FreeSWITCH that obeys every order with a word, and tells what a test wants.
type flood struct {
	t    *testing.T
	l    net.Listener
	mark string     // what was set last, and is asked for now and then
	mu   sync.Mutex // what is written is written whole
	w    io.Writer
}

func floods(t *testing.T) *flood {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &flood{t: t, l: l}
	served := make(chan struct{})
	go func() { defer close(served); s.serve() }() // ends with the listener, and with whom it serves
	t.Cleanup(func() { l.Close(); <-served })
	return s
}

// serve serves one connection.
func (s *flood) serve() {
	conn, err := s.l.Accept()
	if err != nil {
		return
	}
	defer conn.Close()
	s.mu.Lock()
	s.w = conn
	s.mu.Unlock()
	s.say("Content-Type: auth/request\n\n")
	r := textproto.NewReader(bufio.NewReader(conn))
	for {
		line, err := r.ReadLine()
		if err != nil {
			return
		}
		if _, err := r.ReadMIMEHeader(); err != nil {
			return
		}
		s.obey(line)
	}
}

func (s *flood) obey(line string) {
	body := "+OK\n"
	switch {
	case !strings.HasPrefix(line, "api "):
		s.say("Content-Type: command/reply\nReply-Text: +OK\n\n")
		return
	case strings.HasPrefix(line, "api global_setvar "):
		_, s.mark, _ = strings.Cut(line, "=")
	case strings.HasPrefix(line, "api global_getvar "):
		body = s.mark
	case strings.HasPrefix(line, "api show"):
		body = `{"row_count":0}`
	}
	s.say(fmt.Sprintf("Content-Type: api/response\nContent-Length: %d\n\n%s", len(body), body))
}

func (s *flood) tell(name, channel, more string) {
	body := "Event-Name: " + name + "\nUnique-ID: " + channel + "\n"
	if more != "" && !strings.HasSuffix(more, "\n") {
		more = "Fill: " + more + "\n"
	}
	body += more + "\n"
	s.say(fmt.Sprintf("Content-Length: %d\nContent-Type: text/event-plain\n\n%s", len(body), body))
}

func (s *flood) say(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, _ = io.WriteString(s.w, text)
}
