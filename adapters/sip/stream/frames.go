package stream

import (
	"bytes"
	"errors"
	"strconv"
	"strings"
)

// largest is how long a message may be.
const largest = 64 << 10

var (
	errTooLong = errors.New("a message that is too long")
	errNoSIP   = errors.New("what came is no SIP")
)

var (
	ping    = []byte("\r\n\r\n")
	lineEnd = []byte("\r\n")
)

// frames cuts a byte stream into SIP messages. The zero value is ready. It is pure.
type frames struct {
	buf  []byte
	body int // length of the body that the head at the beginning of buf announces, once the head is there
	head int // length of that head with its empty line; 0 while it is not there
	seen int // how much of buf has no end of a head in it: a byte at a time must not cost a walk over all of it each
}

// feed adds what was read.
func (f *frames) feed(b []byte) { f.buf = append(f.buf, b...) }

// partial reports whether a message has begun and has not ended.
func (f *frames) partial() bool { return len(bytes.Trim(f.buf, "\r\n")) > 0 }

// next returns the next whole message, or that a keep-alive ping came instead; nil and false when more must be read.
// The message is the caller's. After an error the stream has no boundary left to go on from.
func (f *frames) next() (msg []byte, pinged bool, err error) {
	if f.head == 0 {
		if bytes.HasPrefix(f.buf, ping) {
			f.drop(len(ping))
			return nil, true, nil
		}
		for len(f.buf) > len(lineEnd) && bytes.HasPrefix(f.buf, lineEnd) && f.buf[2] != '\r' {
			f.drop(len(lineEnd)) // half a ping, or what some phones send after a body
		}
		if err := f.measure(); err != nil {
			return nil, false, err
		}
	}
	if f.head == 0 || len(f.buf) < f.head+f.body {
		return nil, false, nil
	}
	n := f.head + f.body
	msg = bytes.Clone(f.buf[:n])
	f.drop(n)
	f.head = 0
	return msg, false, nil
}

// measure looks for the end of the head.
func (f *frames) measure() error {
	from := max(0, f.seen-len(ping)+1)
	end := bytes.Index(f.buf[from:], ping)
	if end < 0 {
		f.seen = len(f.buf)
		if len(f.buf) > largest {
			return errTooLong
		}
		return nil
	}
	end += from
	lines := strings.Split(string(f.buf[:end]), "\r\n")
	if !strings.HasSuffix(lines[0], " SIP/2.0") && !strings.HasPrefix(lines[0], "SIP/2.0 ") {
		return errNoSIP
	}
	n, err := contentLength(lines[1:])
	if err != nil {
		return err
	}
	if end+n > largest {
		return errTooLong
	}
	f.head, f.body = end+len(ping), n
	return nil
}

// contentLength returns the length of the body; none is 0. Two that differ leave the boundary open (RFC 4475 section 3.3.9).
func contentLength(lines []string) (int, error) {
	length, told := 0, false
	for _, line := range lines {
		name, value, _ := strings.Cut(line, ":")
		name = strings.ToLower(strings.TrimRight(name, " \t"))
		if name != "content-length" && name != "l" {
			continue
		}
		n, err := strconv.ParseUint(strings.TrimSpace(value), 10, 31)
		if err != nil || told && int(n) != length {
			return 0, errNoSIP
		}
		length, told = int(n), true
	}
	return length, nil
}

func (f *frames) drop(n int) {
	f.buf, f.seen = f.buf[n:], 0
	if len(f.buf) == 0 {
		f.buf = nil
	}
}
