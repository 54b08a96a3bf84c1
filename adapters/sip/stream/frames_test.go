package stream

import (
	"errors"
	"strings"
	"testing"
)

const options = "OPTIONS sip:a@b SIP/2.0\r\nContent-Length: 2\r\n\r\nhi"

func TestFrames(t *testing.T) {
	bare := "SIP/2.0 200 OK\r\nVia: x\r\n\r\n"
	for name, c := range map[string]struct {
		in   string
		want []string // messages; "ping"
		left bool
		err  error
	}{
		"one":                      {in: options, want: []string{options}},
		"two at once":              {in: options + bare, want: []string{options, bare}},
		"no length is no body":     {in: bare, want: []string{bare}},
		"compact length":           {in: "BYE sip:a@b SIP/2.0\r\nl : 1\r\n\r\nx", want: []string{"BYE sip:a@b SIP/2.0\r\nl : 1\r\n\r\nx"}},
		"ping":                     {in: "\r\n\r\n", want: []string{"ping"}},
		"ping, message, ping":      {in: "\r\n\r\n" + options + "\r\n\r\n", want: []string{"ping", options, "ping"}},
		"pong":                     {in: "\r\n"},
		"line end before":          {in: "\r\n" + bare, want: []string{bare}},
		"half a body":              {in: options[:len(options)-1], left: true},
		"half a head":              {in: options[:20], left: true},
		"HTTP":                     {in: "GET / HTTP/1.1\r\n\r\n", err: errNoSIP},
		"two lengths":              {in: "BYE sip:a@b SIP/2.0\r\nl: 1\r\nContent-Length: 2\r\n\r\nxy", err: errNoSIP},
		"the same length twice":    {in: "BYE sip:a@b SIP/2.0\r\nl: 1\r\nL: 1\r\n\r\nx", want: []string{"BYE sip:a@b SIP/2.0\r\nl: 1\r\nL: 1\r\n\r\nx"}},
		"negative length":          {in: "BYE sip:a@b SIP/2.0\r\nl: -1\r\n\r\n", err: errNoSIP},
		"a body without end":       {in: "BYE sip:a@b SIP/2.0\r\nl: 2000000000\r\n\r\n", err: errTooLong},
		"a head without end":       {in: "BYE sip:a@b SIP/2.0\r\nX: " + strings.Repeat("x", largest), err: errTooLong},
		"a message, then nonsense": {in: options + "\x16\x03\x01\r\n\r\n", want: []string{options}, err: errNoSIP},
	} {
		t.Run(name, func(t *testing.T) {
			for _, step := range []int{1, 7, len(c.in)} {
				f := &frames{}
				got, err := cut(f, c.in, step)
				if strings.Join(got, "|") != strings.Join(c.want, "|") || !errors.Is(err, c.err) || err == nil && f.partial() != c.left {
					t.Errorf("by %d: %q, %v, partial %v", step, got, err, f.partial())
				}
			}
		})
	}
}

// cut feeds text in steps and returns what came out.
func cut(f *frames, text string, step int) (got []string, err error) {
	for len(text) > 0 {
		n := min(step, len(text))
		f.feed([]byte(text[:n]))
		text = text[n:]
		for {
			msg, pinged, err := f.next()
			if err != nil {
				return got, err
			}
			if msg == nil && !pinged {
				break
			}
			if pinged {
				msg = []byte("ping")
			}
			got = append(got, string(msg))
		}
	}
	return got, nil
}

// FuzzFrames proves that the cuts do not depend on how the bytes arrive, and that little is kept.
func FuzzFrames(f *testing.F) {
	f.Add(options+options, 3)
	f.Add("\r\n\r\n"+options+"\r\n", 1)
	f.Fuzz(func(t *testing.T, text string, step int) {
		if step < 1 || step > 100 || len(text) > 10_000 {
			return
		}
		one, a := cut(&frames{}, text, max(1, len(text)))
		many := &frames{}
		some, b := cut(many, text, step)
		if strings.Join(one, "|") != strings.Join(some, "|") || !errors.Is(a, b) {
			t.Errorf("%q %v at once, %q %v by %d", one, a, some, b, step)
		}
		if len(many.buf) > largest+step {
			t.Errorf("%d bytes are kept", len(many.buf))
		}
	})
}
