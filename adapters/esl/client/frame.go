package client

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strconv"
	"strings"
)

const (
	// longestHead bounds the header of one frame, and with it one event's; longestBody a list of some ten thousand channels.
	longestHead = 256 << 10
	longestBody = 64 << 20
)

// errFrame is what is no frame of the event socket.
var errFrame = errors.New("what FreeSWITCH sends is no event socket")

// frame is one message from FreeSWITCH: headers, and a body as long as Content-Length says.
type frame struct {
	head headers
	body []byte
}

// headers are lines of "Name: value", each with its end.
type headers []byte

// get returns a header as it stands, empty for none.
func (h headers) get(name string) string {
	for rest := []byte(h); len(rest) > 0; {
		line := rest
		if i := bytes.IndexByte(rest, '\n'); i >= 0 {
			line, rest = rest[:i], rest[i+1:]
		} else {
			rest = nil
		}
		if len(line) > len(name) && line[len(name)] == ':' && strings.EqualFold(string(line[:len(name)]), name) {
			return string(bytes.TrimSpace(line[len(name)+1:]))
		}
	}
	return ""
}

// readFrame reads one frame. Errors: those of r; errFrame for what is too long or has a length that is no number.
func readFrame(r *bufio.Reader) (f frame, err error) {
	if f.head, err = readHead(r); err != nil {
		return frame{}, err
	}
	length := f.head.get("Content-Length")
	if length == "" {
		return f, nil
	}
	n, err := strconv.ParseUint(length, 10, 32)
	if err != nil || n > longestBody {
		return frame{}, fmt.Errorf("%w: a body of %.20q bytes", errFrame, length)
	}
	f.body, err = readBody(r, int(n))
	return f, err
}

// readBody reads n bytes. What is not sent takes no memory.
func readBody(r io.Reader, n int) ([]byte, error) {
	var b bytes.Buffer
	b.Grow(min(n, 64<<10) + bytes.MinRead) // which it keeps free while it reads, or else moves all
	if _, err := io.CopyN(&b, r, int64(n)); err != nil {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return nil, err
	}
	return b.Bytes(), nil
}

// readHead reads lines until an empty one; empty lines before the first are passed over.
func readHead(r *bufio.Reader) (head headers, err error) {
	for {
		line, err := r.ReadSlice('\n')
		switch {
		case errors.Is(err, bufio.ErrBufferFull): // one header may be long: the rest of it comes next
		case errors.Is(err, io.EOF) && len(head)+len(line) > 0:
			return nil, io.ErrUnexpectedEOF
		case err != nil:
			return nil, err
		case len(bytes.TrimRight(line, "\r\n")) == 0 && (len(head) == 0 || head[len(head)-1] == '\n'):
			if len(head) == 0 {
				continue
			}
			return head, nil
		}
		if head = append(head, line...); len(head) > longestHead {
			return nil, fmt.Errorf("%w: a header of more than %d bytes", errFrame, longestHead)
		}
	}
}

// Event is one event, in the plain form. It may be kept.
type Event struct {
	Name string // "CHANNEL_ANSWER"
	raw  headers
	Body string // of a BACKGROUND_JOB: what the command has come to
}

// event takes an event apart: its headers stand in the frame's body, and its own body after them.
func event(body []byte) Event {
	e := Event{raw: body}
	if i := bytes.Index(body, []byte("\n\n")); i >= 0 {
		e.raw, e.Body = body[:i+1], string(body[i+2:])
	}
	e.Name = e.Get("Event-Name")
	return e
}

// Get returns a header decoded, empty for none. FreeSWITCH leaves a % that happens to begin an escape as it is: no value of
// ours has one.
func (e Event) Get(name string) string {
	value := e.raw.get(name)
	if decoded, err := url.PathUnescape(value); err == nil {
		return decoded
	}
	return value
}

// Var returns a channel variable.
func (e Event) Var(name string) string { return e.Get("variable_" + name) }

// Number returns a header that is a number, 0 for none.
func (e Event) Number(name string) int {
	n, _ := strconv.Atoi(e.Get(name))
	return n
}
