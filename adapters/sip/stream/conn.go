package stream

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"
)

// conn is one connection. The library reads it from one goroutine, and writes from many.
type conn struct {
	net.Conn
	l      *Listener
	peer   netip.AddrPort
	opened time.Time
	ours   bool // we opened it

	// Of the reading goroutine.
	frames frames
	began  time.Time // when the message under way began
	spoke  bool      // a whole message has come, or need not
	heard  bool      // one has
	left   []byte    // of a message that was longer than the library's buffer
	buf    []byte

	writing sync.Mutex
	once    sync.Once
}

// names returns what the peer has proved to be called: on a connection that it opened what its verified certificate says,
// on one of ours the name for which we have verified it (RFC 5923).
func (c *conn) names() []string {
	secure, ok := c.Conn.(*tls.Conn)
	if !ok {
		return nil
	}
	state := secure.ConnectionState()
	switch {
	case len(state.VerifiedChains) == 0:
		return nil
	case c.ours:
		return []string{state.ServerName}
	}
	return domains(state.VerifiedChains[0][0])
}

// domains are the SIP domains that a certificate speaks for (RFC 5922 section 7.1): sip: URIs without a user, and DNS names.
func domains(c *x509.Certificate) []string {
	all := slices.Clone(c.DNSNames)
	for _, u := range c.URIs {
		if strings.EqualFold(u.Scheme, "sip") && u.Opaque != "" && !strings.ContainsAny(u.Opaque, "@;") {
			all = append(all, u.Opaque)
		}
	}
	return all
}

// Read implements [net.Conn]: it returns one message, or the next part of a long one.
func (c *conn) Read(b []byte) (int, error) {
	for len(c.left) == 0 {
		msg, err := c.message()
		if err != nil {
			c.brokenOff(err)
			_ = c.Close() // at once, so that nobody takes it for alive
			return 0, err
		}
		if c.l.hears() {
			c.l.trace(false, c, msg)
			c.left = msg
		}
	}
	n := copy(b, c.left)
	c.left = c.left[n:]
	return n, nil
}

// brokenOff tells of the end of a connection of ours on which nothing has come.
func (c *conn) brokenOff(err error) {
	if c.ours && !c.heard && c.l.cfg.BrokenOff != nil {
		c.l.cfg.BrokenOff(c.peer.String(), err)
	}
}

// message returns the next whole message.
func (c *conn) message() ([]byte, error) {
	for {
		msg, pinged, err := c.frames.next()
		switch {
		case err != nil:
			return nil, err
		case msg != nil:
			c.spoke, c.heard, c.began = true, true, time.Time{}
			return msg, nil
		case pinged:
			if _, err := c.send(lineEnd); err != nil {
				return nil, err
			}
			continue
		}
		if err := c.more(); err != nil {
			return nil, err
		}
	}
}

// more reads what comes next, within the time that the connection has for it.
func (c *conn) more() error {
	if err := c.Conn.SetReadDeadline(c.deadline()); err != nil {
		return err
	}
	n, err := c.Conn.Read(c.buf)
	if n > 0 {
		c.frames.feed(c.buf[:n])
		return nil
	}
	return err
}

// deadline is until when more must come: soon for a stranger and within a message, whenever it likes between messages.
func (c *conn) deadline() time.Time {
	switch {
	case !c.spoke:
		return c.opened.Add(c.l.cfg.Patience)
	case !c.frames.partial():
		c.began = time.Time{}
		return time.Time{}
	case c.began.IsZero():
		c.began = time.Now()
	}
	return c.began.Add(c.l.cfg.Patience)
}

// Write implements [net.Conn]. A peer that does not take what it is sent loses its connection.
func (c *conn) Write(b []byte) (int, error) {
	c.writing.Lock()
	defer c.writing.Unlock()
	c.l.trace(true, c, b)
	return c.put(b)
}

// send writes what is no message.
func (c *conn) send(b []byte) (int, error) {
	c.writing.Lock()
	defer c.writing.Unlock()
	return c.put(b)
}

func (c *conn) put(b []byte) (int, error) {
	err := c.Conn.SetWriteDeadline(time.Now().Add(c.l.cfg.Patience / 2))
	n := 0
	if err == nil {
		n, err = c.Conn.Write(b)
	}
	if err != nil {
		_ = c.Close()
	}
	return n, err
}

// SetReadDeadline implements [net.Conn]; the connection has its own.
func (c *conn) SetReadDeadline(time.Time) error { return nil }

// SetWriteDeadline implements [net.Conn]; the connection has its own.
func (c *conn) SetWriteDeadline(time.Time) error { return nil }

// Close implements [net.Conn]. It is idempotent, and nil when repeated.
func (c *conn) Close() (err error) {
	c.once.Do(func() {
		c.l.forget(c)
		err = c.Conn.Close()
	})
	return err
}
