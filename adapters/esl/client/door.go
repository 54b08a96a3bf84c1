package client

import (
	"bufio"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"time"
)

// Limits of the door.
const (
	helloLimit = 5 * time.Second // that a connection has to say what it is
	pause      = 100 * time.Millisecond
	mostCalls  = 1000 // that are handed over and not yet taken, or given back
)

// Door is where a dialplan's socket application connects, once for each call that it hands us.
type Door struct {
	l     net.Listener
	mu    sync.Mutex
	open  map[*Handed]bool
	shut  bool
	gives bool          // the listening goes to another door
	left  chan struct{} // closed when nobody listens here any more; nil before Serve
	calls sync.WaitGroup
}

// Open listens. Errors: those of the network.
func Open(address string) (*Door, error) {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, err
	}
	return NewDoor(l), nil
}

// NewDoor is a door that listens already; it closes l.
func NewDoor(l net.Listener) *Door { return &Door{l: l, open: map[*Handed]bool{}} }

// Handed is one call: while it is open, the dialplan waits.
type Handed struct {
	Channel string // UUID, as whoever has connected says: nothing is proved
	conn    net.Conn
	door    *Door
}

// Close gives the call back: the dialplan goes on with what it has next. Idempotent.
func (h *Handed) Close() { _ = h.conn.Close() }

// Serve hands each call to take, on a goroutine of its own, until Close; it returns when those have ended.
func (d *Door) Serve(take func(*Handed)) {
	defer d.calls.Wait()
	left := make(chan struct{})
	defer close(left)
	d.mu.Lock()
	d.left = left
	d.mu.Unlock()
	for {
		conn, err := d.l.Accept()
		if errors.Is(err, net.ErrClosed) || err != nil && d.yields() {
			return
		}
		if err != nil { // no file is free: FreeSWITCH's dialplan goes on by itself meanwhile
			time.Sleep(pause)
			continue
		}
		h := &Handed{conn: conn, door: d}
		if !d.enter(h) {
			h.Close()
			continue
		}
		d.calls.Go(func() { // ends when FreeSWITCH, we, or Close end the connection
			defer d.leave(h)
			defer h.Close()
			if h.hello() == nil {
				take(h)
				_, _ = io.Copy(io.Discard, conn)
			}
		})
	}
}

func (d *Door) yields() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.gives
}

// Yield gives the listening up, to another door. Calls that were handed over here stay open until Close; who connects now is the
// other's. It returns nil unless the door is served, and its listener can be waited for with a limit.
func (d *Door) Yield() net.Listener {
	l, can := d.l.(interface{ SetDeadline(time.Time) error })
	d.mu.Lock()
	can = can && !d.shut && !d.gives && d.left != nil
	d.gives = d.gives || can
	d.mu.Unlock()
	if !can || l.SetDeadline(time.Now()) != nil {
		return nil
	}
	<-d.left // at once
	_ = l.SetDeadline(time.Time{})
	return d.l
}

func (d *Door) enter(h *Handed) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.shut || len(d.open) >= mostCalls {
		return false
	}
	d.open[h] = true
	return true
}

func (d *Door) leave(h *Handed) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.open, h)
}

// hello asks which call it is.
func (h *Handed) hello() error {
	_ = h.conn.SetDeadline(time.Now().Add(helloLimit))
	if _, err := h.conn.Write([]byte("connect\n\n")); err != nil {
		return err
	}
	f, err := readFrame(bufio.NewReader(h.conn))
	if err != nil {
		return err
	}
	if h.Channel = f.head.get("Unique-ID"); !plain(h.Channel) {
		return errFrame
	}
	return h.conn.SetDeadline(time.Time{})
}

// plain reports an id that can be an argument of a command, and the value of a filter: a sign before one means something there.
func plain(id string) bool {
	if strings.HasPrefix(id, "-") {
		return false
	}
	for _, r := range id {
		if !(r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r == '-' || r == '_' || r == '.') {
			return false
		}
	}
	return id != "" && len(id) <= 256
}

// Close ends the listening and gives every call back. Idempotent.
func (d *Door) Close() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.gives {
		_ = d.l.Close()
	}
	d.shut = true
	for h := range d.open {
		h.Close()
	}
}
