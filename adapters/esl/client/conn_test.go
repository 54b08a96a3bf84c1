package client

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/percipia/eslgo/command"
)

// server is the other end of one connection, as a test tells it to be.
type server struct {
	t    *testing.T
	l    net.Listener
	conn net.Conn
	r    *bufio.Reader
}

func listen(t *testing.T) *server {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return &server{t: t, l: l}
}

func (s *server) config() Config { return Config{Address: s.l.Addr().String(), Password: "secret"} }

// accept takes the connection and says something first.
func (s *server) accept(first string) {
	conn, err := s.l.Accept()
	if err != nil {
		s.t.Error(err)
		return
	}
	s.t.Cleanup(func() { conn.Close() })
	s.conn, s.r = conn, bufio.NewReader(conn)
	s.say(first)
}

func (s *server) say(text string) { _, _ = s.conn.Write([]byte(text)) }

// hears reads one command.
func (s *server) hears() string {
	head, err := readHead(s.r)
	if err != nil {
		return "-"
	}
	return strings.TrimSpace(string(head))
}

const (
	asks     = "Content-Type: auth/request\n\n"
	accepted = "Content-Type: command/reply\nReply-Text: +OK accepted\n\n"
)

func says(body string) string {
	return fmt.Sprintf("Content-Type: api/response\nContent-Length: %d\n\n%s", len(body), body)
}

func tells(event string) string {
	return fmt.Sprintf("Content-Length: %d\nContent-Type: text/event-plain\n\n%s", len(event), event)
}

// connected returns both ends; hear takes the events, and over holds why Serve ended.
func connected(t *testing.T, hear func(Event)) (c *Conn, s *server, over chan error) {
	t.Helper()
	s = listen(t)
	var ready sync.WaitGroup
	ready.Go(func() {
		s.accept(asks)
		if got := s.hears(); got != "auth secret" {
			t.Errorf("it says %q", got)
		}
		s.say(accepted)
	})
	c, err := Dial(t.Context(), s.config())
	if err != nil {
		t.Fatal(err)
	}
	ready.Wait()
	over = make(chan error, 1)
	var serving sync.WaitGroup
	serving.Go(func() { over <- c.Serve(hear) })
	t.Cleanup(func() { c.Close(); serving.Wait() })
	return c, s, over
}

func within(t *testing.T, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

func TestHowConnectionsBegin(t *testing.T) {
	for name, c := range map[string]struct {
		first, then string
		want        error
	}{
		"wrong password": {asks, "Content-Type: command/reply\nReply-Text: -ERR invalid\n\n", ErrPassword},
		"access list":    {"Content-Type: text/rude-rejection\nContent-Length: 24\n\nAccess Denied, go away.\n", "", ErrDenied},
		"another server": {"HTTP/1.1 400 Bad Request\n\n", "", errFrame},
		"SSH":            {"SSH-2.0-OpenSSH_9.2\r\n", "", errFrame},
		"says nothing":   {"", "", context.DeadlineExceeded},
	} {
		t.Run(name, func(t *testing.T) {
			s := listen(t)
			var server sync.WaitGroup
			server.Go(func() {
				s.accept(c.first)
				if c.then != "" {
					s.hears()
					s.say(c.then)
				}
			})
			ctx := within(t, 5*time.Second)
			if c.want == context.DeadlineExceeded {
				ctx = within(t, 100*time.Millisecond)
			}
			if _, err := Dial(ctx, s.config()); !errors.Is(err, c.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("%v, want %v in one line", err, c.want)
			}
			server.Wait()
		})
	}
}

// TestRepliesAreNotCrossed: each command of many at once gets its own reply.
func TestRepliesAreNotCrossed(t *testing.T) {
	c, s, _ := connected(t, func(Event) {})
	go func() { // ends with the connection
		for {
			said := s.hears()
			if said == "-" {
				return
			}
			s.say(tells("Event-Name: HEARTBEAT\n\n") + says(strings.TrimPrefix(said, "api echo ")))
		}
	}()
	var work sync.WaitGroup
	for n := range 500 {
		work.Go(func() {
			want := fmt.Sprint("k", n)
			if got, err := c.Call(t.Context(), "echo", want); err != nil || got != want {
				t.Errorf("%q %v, want %q", got, err, want)
			}
		})
	}
	work.Wait()
}

// TestACommandThatGaveUpKeepsItsPlace: the reply that comes too late is nobody else's.
func TestACommandThatGaveUpKeepsItsPlace(t *testing.T) {
	c, s, _ := connected(t, func(Event) {})
	if _, err := c.Call(within(t, 20*time.Millisecond), "slow"); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatal(err)
	}
	s.hears()
	done := make(chan string)
	go func() { got, _ := c.Call(t.Context(), "fast"); done <- got }()
	s.hears()
	s.say(says("slow") + says("fast"))
	if got := <-done; got != "fast" {
		t.Errorf("it got %q", got)
	}
}

func TestEventsKeepTheirOrderInAFlood(t *testing.T) {
	const flood = 50000
	var mu sync.Mutex
	next, disorder := 0, 0
	all := make(chan struct{})
	_, s, _ := connected(t, func(e Event) {
		mu.Lock()
		defer mu.Unlock()
		if e.Number("Event-Sequence") != next {
			disorder++
		}
		if next++; next == flood {
			close(all)
		}
	})
	before := runtime.NumGoroutine()
	var m0, m1 runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m0)
	go func() {
		for n := range flood {
			s.say(tells(fmt.Sprintf("Event-Name: CHANNEL_STATE\nEvent-Sequence: %d\nFill: %s\n\n", n, strings.Repeat("x", 1000))))
		}
	}()
	<-all
	runtime.GC()
	runtime.ReadMemStats(&m1)
	mu.Lock()
	defer mu.Unlock()
	if grown := int64(m1.HeapAlloc) - int64(m0.HeapAlloc); disorder != 0 || grown > 4<<20 || runtime.NumGoroutine() > before+2 {
		t.Errorf("%d out of order, %d bytes more, %d goroutines, before %d", disorder, grown, runtime.NumGoroutine(), before)
	}
}

// TestHowConnectionsEnd: each end is told, to who serves it and to who waits for a reply.
func TestHowConnectionsEnd(t *testing.T) {
	for name, last := range map[string]string{
		"cut":                     "",
		"cut inside of an event":  "Content-Length: 500\nContent-Type: text/event-plain\n\nEvent-Name: A",
		"goodbye":                 "Content-Type: text/disconnect-notice\nContent-Length: 2\n\nx\n",
		"a length that is absurd": "Content-Length: -3\n\n",
	} {
		t.Run(name, func(t *testing.T) {
			c, s, over := connected(t, func(Event) {})
			waits := make(chan error)
			go func() { _, err := c.Call(context.Background(), "hang"); waits <- err }()
			s.hears()
			s.say(last)
			if name != "goodbye" {
				s.conn.Close()
			}
			if err := <-over; !errors.Is(err, ErrLost) && !errors.Is(err, errFrame) {
				t.Errorf("Serve: %v", err)
			}
			if err := <-waits; !errors.Is(err, ErrLost) {
				t.Errorf("who waited: %v", err)
			}
			if _, err := c.Call(t.Context(), "more"); !errors.Is(err, ErrLost) {
				t.Errorf("after it: %v", err)
			}
		})
	}
}

// TestUnknownContentIsPassedOver: what we do not know ends nothing.
func TestUnknownContentIsPassedOver(t *testing.T) {
	heard := make(chan Event, 1)
	_, s, _ := connected(t, func(e Event) { heard <- e })
	s.say("Content-Type: log/data\nContent-Length: 3\n\nlog" + "Content-Type: text/brand-new\n\n" + says("asked by nobody") + tells("Event-Name: CHANNEL_ANSWER\n\n"))
	if e := <-heard; e.Name != "CHANNEL_ANSWER" {
		t.Errorf("%+v", e)
	}
}

// TestNothingBecomesASecondCommand: no argument can end a command and begin another.
func TestNothingBecomesASecondCommand(t *testing.T) {
	c, s, _ := connected(t, func(Event) {})
	for _, evil := range []string{"a\n\nbgapi system x", "a\nJob-UUID: y", "a\r\n\r\nexit", "a\x00b"} {
		if _, err := c.Call(t.Context(), "echo", evil); !errors.Is(err, errControl) {
			t.Errorf("%q: %v", evil, err)
		}
		if err := c.Start(t.Context(), "job", "originate", evil); !errors.Is(err, errControl) {
			t.Errorf("job of %q: %v", evil, err)
		}
		if err := c.Start(t.Context(), evil, "originate", "x"); !errors.Is(err, errControl) {
			t.Errorf("job named %q: %v", evil, err)
		}
	}
	go func() { _, _ = c.Do(t.Context(), command.API{Command: "echo", Arguments: "good"}) }()
	if got := s.hears(); got != "api echo good" {
		t.Errorf("it hears %q", got)
	}
}

func TestJobsHaveOurId(t *testing.T) {
	c, s, _ := connected(t, func(Event) {})
	done := make(chan error)
	go func() { done <- c.Start(t.Context(), "leg-1", "originate", "user/1", "&park()") }()
	if got := s.hears(); got != "bgapi originate user/1 &park()\nJob-UUID: leg-1" {
		t.Errorf("%q", got)
	}
	s.say("Content-Type: command/reply\nReply-Text: +OK Job-UUID: leg-1\nJob-UUID: leg-1\n\n")
	if err := <-done; err != nil {
		t.Error(err)
	}
	go func() { _, err := c.Call(t.Context(), "uuid_kill", "x"); done <- err }()
	s.hears()
	s.say(says("-ERR No such channel!\n"))
	var refused *Refused
	if err := <-done; !errors.As(err, &refused) || !Answered(err) {
		t.Error(err)
	}
}

// TestASilentFreeSWITCHIsNoticed: the socket is open, and nothing comes.
func TestASilentFreeSWITCHIsNoticed(t *testing.T) {
	c, _, over := connected(t, func(Event) {})
	if err := c.Keep(t.Context(), Watch{Every: time.Millisecond, Answer: 20 * time.Millisecond}, "c2d_x", "1"); !errors.Is(err, ErrLost) {
		t.Error(err)
	}
	if err := <-over; !errors.Is(err, ErrLost) {
		t.Error(err)
	}
}

// TestATwinIsNoticed: a second process of our name has taken the mark.
func TestATwinIsNoticed(t *testing.T) {
	c, s, _ := connected(t, func(Event) {})
	go func() { // ends with the connection
		for _, mark := range []string{"mine", "mine", "another"} {
			if s.hears() != "api global_getvar c2d_x" {
				return
			}
			s.say(says(mark))
		}
	}()
	if err := c.Keep(t.Context(), Watch{Every: time.Millisecond, Answer: 5 * time.Second}, "c2d_x", "mine"); !errors.Is(err, ErrReplaced) {
		t.Error(err)
	}
}
