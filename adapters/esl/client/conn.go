package client

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/percipia/eslgo/command"
)

// Config is how a FreeSWITCH is reached.
type Config struct {
	Address  string // of mod_event_socket: "127.0.0.1:8021"
	Password string
	// Dial connects; nil is that of a [net.Dialer].
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}

var (
	// ErrPassword says that FreeSWITCH refuses the password.
	ErrPassword = errors.New("FreeSWITCH refuses the password")
	// ErrDenied says that FreeSWITCH's access list refuses our address.
	ErrDenied = errors.New("FreeSWITCH's access list refuses this address")
	// ErrLost says that the connection ended before a reply came: what was ordered may have been done.
	ErrLost = errors.New("the connection to FreeSWITCH is lost")
	// errControl is a command that would become two.
	errControl = errors.New("a control character in a command")
)

// Refused is a reply other than +OK.
type Refused struct{ Text string }

func (r *Refused) Error() string { return "FreeSWITCH says " + r.Text }

// Answered reports that FreeSWITCH has replied, if only to refuse: what was ordered was not done.
func Answered(err error) bool {
	var r *Refused
	return err == nil || errors.As(err, &r)
}

// unsent is why a command has not left.
type unsent struct{ error }

// Unwrap returns the reason.
func (u unsent) Unwrap() error { return u.error }

// Unsent reports that nothing of a command has left: it was not done, and never will be.
func Unsent(err error) bool {
	var u unsent
	return errors.As(err, &u)
}

// slowest is how long a command may take if its ctx does not say so, and how long one may take to be written.
const slowest = 10 * time.Second

// Conn is one connection, authenticated. Safe for concurrent use; Serve is called once.
type Conn struct {
	conn    net.Conn
	r       *bufio.Reader
	writing chan struct{} // holds whoever writes

	mu      sync.Mutex
	waiting []chan frame // for replies, first in first out; a place is kept when nobody waits any more
	lost    chan struct{}
	close   func()
}

// Dial connects and proves the password. Errors: ErrPassword, ErrDenied, those of the network and of ctx.
func Dial(ctx context.Context, cfg Config) (*Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, slowest)
	defer cancel()
	if cfg.Dial == nil {
		cfg.Dial = (&net.Dialer{}).DialContext
	}
	raw, err := cfg.Dial(ctx, "tcp", cfg.Address)
	if err != nil {
		return nil, err
	}
	c := &Conn{conn: raw, r: bufio.NewReaderSize(raw, 64<<10), writing: make(chan struct{}, 1), lost: make(chan struct{})}
	c.close = sync.OnceFunc(func() { close(c.lost); _ = raw.Close() })
	stop := context.AfterFunc(ctx, c.close)
	defer stop()
	if err := c.authenticate(cfg.Password); err != nil {
		c.close()
		if late := ctx.Err(); late != nil {
			return nil, fmt.Errorf("%w: %w", late, err)
		}
		return nil, err
	}
	if !stop() {
		return nil, ctx.Err()
	}
	return c, nil
}

// greeting is what FreeSWITCH begins with. Of what begins otherwise, no frame would ever be whole.
const greeting = "Content-"

// authenticate is the beginning, in which nothing but this is said.
func (c *Conn) authenticate(password string) error {
	if first, err := c.r.Peek(len(greeting)); err == nil && string(first) != greeting {
		return errFrame
	}
	f, err := readFrame(c.r)
	if err != nil {
		return err
	}
	switch f.head.get("Content-Type") {
	case "auth/request":
	case "text/rude-rejection":
		return ErrDenied
	default:
		return errFrame
	}
	text, err := build(command.Auth{Password: password})
	if err != nil {
		return err
	}
	if err := c.write(text); err != nil {
		return err
	}
	if f, err = readFrame(c.r); err != nil {
		return err
	}
	if !strings.HasPrefix(f.head.get("Reply-Text"), "+OK") {
		return ErrPassword
	}
	return nil
}

// Close ends the connection, and with it Serve and every command. Idempotent.
func (c *Conn) Close() { c.close() }

// Serve hands every event to hear, in order, until the connection ends; it returns why, never nil, and closes the connection.
// hear must not wait for a command.
func (c *Conn) Serve(hear func(Event)) error {
	defer c.close()
	for {
		f, err := readFrame(c.r)
		if err != nil {
			return fmt.Errorf("%w: %w", ErrLost, err)
		}
		switch f.head.get("Content-Type") {
		case "text/event-plain":
			hear(event(f.body))
		case "command/reply", "api/response":
			c.reply(f)
		case "text/disconnect-notice":
			return fmt.Errorf("%w: it says goodbye", ErrLost)
		}
	}
}

// reply hands a reply to the first that waits, who may have gone.
func (c *Conn) reply(f frame) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.waiting) == 0 {
		return
	}
	c.waiting[0] <- f // has room
	c.waiting = c.waiting[1:]
}

// Do sends a command and returns its reply: Reply-Text, or the body of an api command. Errors: *Refused for a reply of -ERR or
// -USAGE; those of ctx, and ErrLost, when it is not known what became of it.
func (c *Conn) Do(ctx context.Context, what command.Command) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, slowest)
	defer cancel()
	answer, err := c.send(ctx, what)
	if err != nil {
		return "", err
	}
	select {
	case f := <-answer:
		return f.text()
	case <-ctx.Done():
		return "", ctx.Err()
	case <-c.lost:
		return "", ErrLost
	}
}

// send writes a command, whose place among those that wait is that of the command on the wire.
func (c *Conn) send(ctx context.Context, what command.Command) (answer chan frame, err error) {
	text, err := build(what)
	if err != nil {
		return nil, unsent{err}
	}
	select {
	case c.writing <- struct{}{}:
	case <-ctx.Done():
		return nil, unsent{ctx.Err()}
	case <-c.lost:
		return nil, unsent{ErrLost}
	}
	defer func() { <-c.writing }()
	answer = make(chan frame, 1)
	c.mu.Lock()
	c.waiting = append(c.waiting, answer)
	c.mu.Unlock()
	return answer, c.write(text)
}

// build returns a command as it is written. Errors: for one that would become two, or get a header that it was not to have.
func build(what command.Command) (string, error) {
	text := what.BuildMessage()
	lines := strings.Count(text, "\n")
	if _, isJob := what.(job); isJob {
		lines-- // the one that is ours
	}
	if lines != 0 || strings.ContainsFunc(text, func(r rune) bool { return r < ' ' && r != '\n' || r == 0x7f }) {
		return "", errControl
	}
	return text, nil
}

// write writes one command; only one at a time. One that could not be written whole ends the connection.
func (c *Conn) write(text string) error {
	_ = c.conn.SetWriteDeadline(time.Now().Add(slowest))
	if _, err := c.conn.Write([]byte(text + "\n\n")); err != nil {
		c.close()
		return fmt.Errorf("%w: %w", ErrLost, err)
	}
	return nil
}

// text returns what a reply says.
func (f frame) text() (string, error) {
	text := f.head.get("Reply-Text")
	if text == "" {
		text = strings.TrimSuffix(string(f.body), "\n")
	}
	if strings.HasPrefix(text, "-") {
		return "", &Refused{Text: text[:min(len(text), 200)]}
	}
	return text, nil
}
