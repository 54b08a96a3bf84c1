package client

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
)

func frames(text string) *bufio.Reader { return bufio.NewReaderSize(strings.NewReader(text), 16) }

func TestFrames(t *testing.T) {
	r := frames("\n\nContent-Type: auth/request\n\nContent-Length: 5\r\nContent-Type: api/response\r\n\r\ntrue\nContent-Type: command/reply\nReply-Text: +OK\n\n")
	for _, want := range []string{"auth/request  ", "api/response true\n ", "command/reply  +OK"} {
		f, err := readFrame(r)
		if got := fmt.Sprintf("%s %s %s", f.head.get("Content-Type"), f.body, f.head.get("Reply-Text")); err != nil || got != want {
			t.Errorf("%q, %v, want %q", got, err, want)
		}
	}
	if _, err := readFrame(r); !errors.Is(err, io.EOF) {
		t.Errorf("at the end: %v", err)
	}
}

// TestBadFrames: each ends the connection, and none takes the memory that it speaks of.
func TestBadFrames(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		want error
	}{
		"negative length":        {"Content-Length: -1\n\n", errFrame},
		"huge length":            {"Content-Length: 4294967295\n\n", errFrame},
		"a length beyond 64 bit": {"Content-Length: 99999999999999999999\n\n", errFrame},
		"no number":              {"Content-Length: x\n\n", errFrame},
		"cut in the body":        {"Content-Length: 50000000\n\nEvent-Name: A", io.ErrUnexpectedEOF},
		"cut in the header":      {"Content-Type: text/event-plain\nConte", io.ErrUnexpectedEOF},
		"endless header":         {strings.Repeat("x", longestHead+100), errFrame},
		"endless headers":        {strings.Repeat("a: b\n", longestHead/5+1), errFrame},
	} {
		if _, err := readFrame(frames(c.text)); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}

func TestEvents(t *testing.T) {
	e := event([]byte("Event-Name: BACKGROUND_JOB\nJob-UUID: x-1\nCaller-Name: 100%25%20Bob%0A\nOdd: 100%\nvariable_c2d_leg: a-b\nvariable_hangup_cause_q850: 17\n" +
		"Content-Length: 15\n\n-ERR USER_BUSY\n"))
	if e.Name != "BACKGROUND_JOB" || e.Body != "-ERR USER_BUSY\n" || e.Number("variable_hangup_cause_q850") != 17 {
		t.Errorf("%q %q %d", e.Name, e.Body, e.Number("variable_hangup_cause_q850"))
	}
	for name, want := range map[string]string{"job-uuid": "x-1", "Caller-Name": "100% Bob\n", "Odd": "100%", "Missing": "", "Event": ""} {
		if got := e.Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if got := e.Var("c2d_leg"); got != "a-b" {
		t.Errorf("variable %q", got)
	}
}

func FuzzFrames(f *testing.F) {
	for _, seed := range []string{
		"Content-Type: auth/request\n\n", "Content-Length: 5\n\ntrue\n", "Content-Length: -5\n\n", "Content-Length: 99999999\n\nx",
		"Content-Length: 30\nContent-Type: text/event-plain\n\nEvent-Name: A\nUnique-ID: b%0A\n\n", "\n\n\n", "a:b\r\n\r\n", ":\n\n",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		r := frames(text)
		for range 100 {
			x, err := readFrame(r)
			if err != nil {
				return
			}
			if len(x.body) > len(text) || len(x.head) > len(text) {
				t.Fatalf("%d bytes of header and %d of body from %d", len(x.head), len(x.body), len(text))
			}
			e := event(x.body)
			_ = e.Get("Unique-ID") + e.Var("c2d_leg") + e.Body
			_, _ = x.text()
		}
	})
}
