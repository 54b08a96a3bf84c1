package stream

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"
)

const limit = 5 * time.Second

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// served is a listener whose connections are read as the library does it.
type served struct {
	t *testing.T
	*Listener
	messages chan string
	ended    chan error // of each connection
}

func serve(t *testing.T, cfg Config) *served {
	t.Helper()
	l, err := Listen(netip.MustParseAddrPort("127.0.0.1:0"), cfg)
	if err != nil {
		t.Fatal(err)
	}
	s := &served{t: t, Listener: l, messages: make(chan string, 16), ended: make(chan error, 16)}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go s.read(c)
		}
	}()
	t.Cleanup(func() {
		_ = l.Close()
		<-done
	})
	return s
}

func (s *served) read(c net.Conn) {
	buf := make([]byte, 9) // less than a message
	got := ""
	for {
		n, err := c.Read(buf)
		if err != nil {
			s.ended <- err
			_ = c.Close()
			return
		}
		if got += string(buf[:n]); got == options {
			s.messages <- got
			got = ""
		}
	}
}

func (s *served) dial() net.Conn {
	s.t.Helper()
	c, err := net.Dial("tcp", s.Addr().String())
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = c.Close() })
	if err := c.SetDeadline(time.Now().Add(limit)); err != nil {
		s.t.Fatal(err)
	}
	return c
}

func (s *served) say(c net.Conn, text string) {
	s.t.Helper()
	if _, err := io.WriteString(c, text); err != nil {
		s.t.Fatal(err)
	}
}

func (s *served) hear() {
	s.t.Helper()
	select {
	case <-s.messages:
	case <-time.After(limit):
		s.t.Fatal("no message")
	}
}

func (s *served) over(want error) {
	s.t.Helper()
	select {
	case err := <-s.ended:
		if !errors.Is(err, want) {
			s.t.Errorf("ended with %v, want %v", err, want)
		}
	case <-time.After(limit):
		s.t.Fatal("the connection lives")
	}
}

// patience is what strangers get in these tests.
const patience = 100 * time.Millisecond

func TestSilentStrangerIsGivenUp(t *testing.T) {
	s := serve(t, Config{Patience: patience})
	c := s.dial()
	s.over(os.ErrDeadlineExceeded)
	if _, err := c.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("read %v", err)
	}
}

func TestKeepAlivesAloneDoNotKeepAStranger(t *testing.T) {
	s := serve(t, Config{Patience: patience})
	c := s.dial()
	s.say(c, "\r\n\r\n")
	if line, err := bufio.NewReader(c).ReadString('\n'); err != nil || line != "\r\n" {
		t.Errorf("pong %q, %v", line, err)
	}
	s.over(os.ErrDeadlineExceeded)
}

func TestSlowMessageIsGivenUp(t *testing.T) {
	s := serve(t, Config{Patience: patience})
	c := s.dial()
	s.say(c, options+options[:10])
	s.hear()
	s.over(os.ErrDeadlineExceeded)
}

func TestWhoHasSpokenMayBeSilent(t *testing.T) {
	s := serve(t, Config{Patience: patience})
	c := s.dial()
	s.say(c, options)
	s.hear()
	select {
	case err := <-s.ended:
		t.Fatalf("a phone was cut off: %v", err)
	case <-time.After(3 * patience): // nothing must happen, so there is nothing else to wait for
	}
	s.say(c, "\r\n\r\n"+options)
	s.hear()
	if line, err := bufio.NewReader(c).ReadString('\n'); err != nil || line != "\r\n" {
		t.Errorf("pong %q, %v", line, err)
	}
}

func TestNonsenseEndsTheConnection(t *testing.T) {
	s := serve(t, Config{})
	s.say(s.dial(), "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	s.over(errNoSIP)
}

func TestOneSourceHasSoManyConnections(t *testing.T) {
	s := serve(t, Config{PerSource: 2})
	a, b := s.dial(), s.dial()
	s.say(a, options)
	s.say(b, options)
	s.hear()
	s.hear()
	if _, err := s.dial().Read(make([]byte, 1)); err == nil {
		t.Error("a third one lives")
	}
	_ = a.Close()
	s.over(io.EOF)
	s.say(s.dial(), options)
	s.hear()
}

// A handshake counts as what it is, the way to a first message: it has the same time, and its place among the connections.
func TestHandshakeThatNeverEnds(t *testing.T) {
	s := serve(t, Config{Patience: patience, PerSource: 2, TLS: &tls.Config{}})
	idle, begun := s.dial(), s.dial()
	s.say(begun, "\x16\x03\x01\x02\x00\x01") // the beginning of a ClientHello of 512 bytes
	if _, err := s.dial().Read(make([]byte, 1)); err == nil {
		t.Error("a third one may shake hands")
	}
	for _, c := range []net.Conn{idle, begun} {
		s.over(os.ErrDeadlineExceeded)
		if _, err := c.Read(make([]byte, 1)); err != io.EOF {
			t.Errorf("read %v", err)
		}
	}
}

// No byte of a handshake buys more time.
func TestHandshakeBitByBit(t *testing.T) {
	s := serve(t, Config{Patience: patience, TLS: &tls.Config{}})
	began := time.Now()
	c := s.dial()
	s.say(c, "\x16\x03\x01\x40\x00")
	for more := time.NewTicker(patience / 10); ; <-more.C {
		if _, err := io.WriteString(c, "\x01"); err != nil {
			break // the other end is closed
		}
		if time.Since(began) > limit {
			t.Fatal("the handshake goes on")
		}
	}
	s.over(os.ErrDeadlineExceeded)
}

func TestAllTogetherHaveSoManyConnections(t *testing.T) {
	s := serve(t, Config{Total: 2})
	for i := range byte(3) {
		d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 2+i)}}
		c, err := d.Dial("tcp", s.Addr().String())
		if err != nil {
			t.Skip("needs more loopback addresses, which Linux has:", err)
		}
		t.Cleanup(func() { _ = c.Close() })
		_, _ = io.WriteString(c, options)
		if i < 2 {
			s.hear()
			continue
		}
		_ = c.SetReadDeadline(time.Now().Add(limit))
		if _, err := c.Read(make([]byte, 1)); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("one more than there may be lives: %v", err)
		}
	}
}

func TestDial(t *testing.T) {
	a, b := serve(t, Config{}), serve(t, Config{})
	to := addrPort(b.Addr())
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	if err := a.Dial(ctx, to, nil); err != nil {
		t.Fatal(err)
	}
	if !a.Has(to.String()) {
		t.Fatal("the connection is not there")
	}
	a.mu.Lock()
	c := a.open[to.String()]
	a.mu.Unlock()
	if _, err := c.Write([]byte(options)); err != nil {
		t.Fatal(err)
	}
	b.hear()
	_ = b.Close()
	a.over(io.EOF)
	if a.Has(to.String()) {
		t.Error("a lost connection is taken for alive")
	}
	if err := a.Dial(ctx, to, nil); err == nil {
		t.Error("nobody listens there")
	}
}

func TestCloseIsOnceAndForAll(t *testing.T) {
	s := serve(t, Config{})
	c := s.dial()
	s.say(c, options)
	s.hear()
	for range 2 {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	s.over(net.ErrClosed)
	if err := s.Dial(t.Context(), netip.MustParseAddrPort("127.0.0.1:1"), nil); err == nil {
		t.Error("a closed listener dials")
	}
}
