package esl

import (
	"context"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"c2d/adapters/esl/freeswitchtest"
	"c2d/core/fault"
)

// TestProbe: one sentence says what to do.
func TestProbe(t *testing.T) {
	for name, c := range map[string]struct {
		set  func(*Backend, *ward)
		want string // is in the sentence; empty is well
	}{
		"all is well":    {func(*Backend, *ward) {}, ""},
		"wrong password": {func(b *Backend, _ *ward) { b.to.Password = "wrong" }, "compare it with event_socket.conf.xml"},
		"nobody there":   {func(_ *Backend, w *ward) { w.Lose() }, "no event socket answers at"},
		"access list":    {says("Content-Type: text/rude-rejection\nContent-Length: 24\n\nAccess Denied, go away.\n"), "apply-inbound-acl"},
		"a web server":   {says("HTTP/1.1 400 Bad Request\r\n\r\n"), "is no event socket"},
		"a silent one":   {says(""), "says nothing"},
		"a hung one": {func(_ *Backend, w *ward) {
			w.freeswitch.Before = func(command string) {
				if strings.HasPrefix(command, "api version") {
					time.Sleep(time.Minute)
				}
			}
		}, "does not answer commands"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := &ward{freeswitch: freeswitchtest.New(t)}
				b := w.Open(t).(*Backend)
				c.set(b, w)
				ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
				defer cancel()
				err := b.Probe(ctx)
				if c.want == "" && err != nil || c.want != "" && (!fault.Is(err, fault.CodeBackendUnavailable) || !strings.Contains(err.Error(), c.want)) {
					t.Errorf("%v, want %q", err, c.want)
				}
			})
		})
	}
}

// says puts something else in FreeSWITCH's place, which says this and then nothing.
func says(text string) func(*Backend, *ward) {
	return func(b *Backend, _ *ward) {
		b.to.Dial = func(context.Context, string, string) (net.Conn, error) {
			near, far := net.Pipe()
			go func() { _, _ = far.Write([]byte(text)) }() // ends when it is read, or near is closed
			return near, nil
		}
	}
}

func TestTooOld(t *testing.T) {
	for text, want := range map[string]string{
		"FreeSWITCH Version 1.10.12-release+git~20240802T210227Z~a88d069d6f~64bit (git a88d069 2024-08-02 21:02:27Z 64bit)": "", "FreeSWITCH Version 1.10.7 (64bit)": "",
		"FreeSWITCH Version 1.8.7 (64bit)": "1.8.7", "FreeSWITCH Version 1.6.20~64bit": "1.6.20~64bit", "FreeSWITCH Version 2.0.1": "", "something else": "", "": "",
	} {
		if got := tooOld(text); got != want {
			t.Errorf("%q is %q, want %q", text, got, want)
		}
	}
}
