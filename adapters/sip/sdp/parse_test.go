package sdp

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"c2d/core/fault"
)

// summary says in one line what a description means, so that the table below can be read by a telephony engineer.
func summary(s Session) string {
	var b strings.Builder
	for _, m := range s.MLines {
		fmt.Fprintf(&b, "%s:%d ", m.Kind, m.Port)
	}
	if s.Audio == nil {
		return b.String() + "| none"
	}
	fmt.Fprintf(&b, "| #%d %s %s held=%t black=%t plain=%t ptime=%d |", s.AudioLine, s.Audio.AddrPort(), s.Audio.Direction,
		s.Audio.Held, s.Audio.Black(), s.Audio.Plain(), s.Audio.PTime)
	for _, c := range s.Audio.Codecs {
		fmt.Fprintf(&b, " %d=%s/%d/%d", c.PT, c.Name, c.Rate, c.Channels)
		if c.Fmtp != "" {
			fmt.Fprintf(&b, "(%s)", c.Fmtp)
		}
	}
	return b.String()
}

func sample(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name+".sdp"))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func parsed(t testing.TB, name string) Session {
	t.Helper()
	s, err := Parse(sample(t, name))
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return s
}

func TestParseWhatPhonesSend(t *testing.T) {
	want := map[string]string{
		"baresip":            "audio:17920 | #0 127.0.0.1:17920 sendrecv held=false black=false plain=true ptime=20 | 0=PCMU/8000/1 8=PCMA/8000/1 101=telephone-event/8000/1(0-15)",
		"linphone-answer":    "audio:18100 | #0 127.0.0.1:18100 sendrecv held=false black=false plain=true ptime=0 | 0=PCMU/8000/1 8=PCMA/8000/1 101=telephone-event/8000/1",
		"linphone-inactive":  "audio:18100 | #0 0.0.0.0:18100 inactive held=true black=true plain=true ptime=0 | 0=PCMU/8000/1 101=telephone-event/8000/1",
		"linphone-offer":     "audio:7078 video:9078 | #0 192.0.2.20:7078 sendrecv held=false black=false plain=true ptime=0 | 96=opus/48000/2(useinbandfec=1) 97=speex/16000/1(vbr=on) 0=PCMU/8000/1 8=PCMA/8000/1 18=G729/8000/1(annexb=yes) 101=telephone-event/48000/1 99=telephone-event/8000/1",
		"sipp":               "audio:6000 | #0 127.0.0.1:6000 sendrecv held=false black=false plain=true ptime=0 | 0=PCMU/8000/1",
		"asterisk":           "audio:12474 | #0 198.51.100.7:12474 sendonly held=true black=false plain=true ptime=20 | 8=PCMA/8000/1 0=PCMU/8000/1 9=G722/8000/1 101=telephone-event/8000/1(0-16)",
		"freeswitch-refused": "audio:0 image:16384 | #0 [2001:db8::9]:0 sendrecv held=false black=true plain=true ptime=0 |",
		"srtp-first":         "audio:40000 audio:40002 | #1 203.0.113.2:40002 recvonly held=false black=false plain=true ptime=0 | 8=PCMA/8000/1 101=telephone-event/8000/1",
	}
	for name, w := range want {
		t.Run(name, func(t *testing.T) {
			if got := summary(parsed(t, name)); got != w {
				t.Errorf("\n got %s\nwant %s", got, w)
			}
		})
	}
}

func TestParseOrigin(t *testing.T) {
	want := Origin{User: "-", ID: "3894567890", Version: "2018915346", Addr: "127.0.0.1"}
	if got := parsed(t, "baresip").Origin; got != want {
		t.Errorf("origin %+v, want %+v", got, want)
	}
}

func TestParseDirectionAndAddress(t *testing.T) {
	const m = "m=audio 4000 RTP/AVP 8\n"
	for name, c := range map[string]struct{ body, want string }{
		"session's direction": {"c=IN IP4 192.0.2.1\na=sendonly\n" + m, "192.0.2.1:4000 sendonly true"},
		"line's direction":    {"c=IN IP4 192.0.2.1\na=sendonly\n" + m + "a=recvonly\n", "192.0.2.1:4000 recvonly false"},
		"line's address":      {"c=IN IP4 192.0.2.1\n" + m + "c=IN IP4 192.0.2.2\n", "192.0.2.2:4000 sendrecv false"},
		"old hold":            {"c=IN IP4 0.0.0.0\n" + m, "0.0.0.0:4000 sendrecv true"},
		"mapped":              {"c=IN IP6 ::ffff:192.0.2.1\n" + m, "192.0.2.1:4000 sendrecv false"},
		"two ports":           {"c=IN IP4 192.0.2.1\nm=audio 4000/2 RTP/AVP 8\n", "192.0.2.1:4000 sendrecv false"},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := Parse([]byte("v=0\n" + c.body))
			if err != nil {
				t.Fatal(err)
			}
			if got := fmt.Sprint(s.Audio.AddrPort(), " ", s.Audio.Direction, " ", s.Audio.Held); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

func TestParseRefuses(t *testing.T) {
	const head = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\n"
	for name, c := range map[string]struct {
		body string
		code fault.Code
	}{
		"empty":             {"", fault.CodeMalformed},
		"no version":        {"o=- 1 1 IN IP4 192.0.2.1\r\n", fault.CodeMalformed},
		"version 1":         {"v=1\r\n", fault.CodeMalformed},
		"two versions":      {"v=0\r\nv=0\r\n", fault.CodeMalformed},
		"two descriptions":  {head + "m=audio 1 RTP/AVP 0\r\n" + head, fault.CodeMalformed},
		"short origin":      {"v=0\r\no=- 1 1\r\n", fault.CodeMalformed},
		"no equals sign":    {head + "m audio\r\n", fault.CodeMalformed},
		"port too high":     {head + "m=audio 65536 RTP/AVP 0\r\n", fault.CodeMalformed},
		"port not a number": {head + "m=audio x RTP/AVP 0\r\n", fault.CodeMalformed},
		"short m-line":      {head + "m=audio 4000 RTP/AVP\r\n", fault.CodeMalformed},
		"quote in m-line":   {head + "m=audio 4000 RTP/AVP \"0\"\r\n", fault.CodeMalformed},
		"no address":        {head + "m=audio 4000 RTP/AVP 0\r\n", fault.CodeMalformed},
		"host name":         {head + "c=IN IP4 phone.example\r\nm=audio 4000 RTP/AVP 0\r\n", fault.CodeMalformed},
		"named line":        {head + "c=IN IP4 192.0.2.1\r\nm=audio 4000 RTP/AVP 0\r\nc=IN IP4 x.local\r\n", fault.CodeMalformed},
		"multicast":         {head + "c=IN IP4 224.2.1.1/127\r\nm=audio 4000 RTP/AVP 0\r\n", fault.CodeMalformed},
		"IPv6 zone":         {head + "c=IN IP6 fe80::1%eth0\r\nm=audio 4000 RTP/AVP 0\r\n", fault.CodeMalformed},
		"not Internet":      {head + "c=ATM NSAP 47\r\n", fault.CodeMalformed},
		"bad map":           {head + "c=IN IP4 192.0.2.1\r\nm=audio 4000 RTP/AVP 96\r\na=rtpmap:96 opus\r\n", fault.CodeMalformed},
		"NUL":               {head + "i=a\x00b\r\n", fault.CodeMalformed},
		"bare CR":           {head + "i=a\rb\r\n", fault.CodeMalformed},
		"too long":          {head + strings.Repeat("a=x\r\n", 14000), fault.CodeTooLarge},
		"too many lines":    {head + strings.Repeat("a=x\n", 1000), fault.CodeTooLarge},
		"too many m-lines":  {head + strings.Repeat("m=video 0 RTP/AVP 1\n", 101), fault.CodeTooLarge},
		"too many formats":  {head + "m=video 0 RTP/AVP" + strings.Repeat(" 1", 129), fault.CodeTooLarge},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Parse([]byte(c.body))
			if !fault.Is(err, c.code) {
				t.Errorf("error %v, want code %s", err, c.code)
			}
		})
	}
}

func TestParseForgives(t *testing.T) {
	const head = "v=0\nc=IN IP4 192.0.2.1\n"
	for name, c := range map[string]struct{ body, want string }{
		"no blank, no map for a dynamic type": {"m=audio 4000 RTP/AVP 8 97\n", "8=PCMA/8000"},
		"a type twice":                        {"m=audio 4000 RTP/AVP 8 8\n", "8=PCMA/8000"},
		"a type beyond 127":                   {"m=audio 4000 RTP/AVP 8 200\na=rtpmap:200 x/1\n", "8=PCMA/8000"},
		"map of a static type":                {"m=audio 4000 RTP/AVP 0\na=rtpmap:0 PCMA/8000\n", "0=PCMA/8000"},
		"two maps, the first counts":          {"m=audio 4000 RTP/AVP 96\na=rtpmap:96 a/8000\na=rtpmap:96 b/8000\n", "96=a/8000"},
		"rate 0":                              {"m=audio 4000 RTP/AVP 8 96\na=rtpmap:96 a/0\n", "8=PCMA/8000"},
		"unknown attributes and lines":        {"m=audio 4000 RTP/AVP 8\na=ice-lite\nb=AS:1\nk=prompt\n", "8=PCMA/8000"},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := Parse([]byte(head + c.body))
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, x := range s.Audio.Codecs {
				got = append(got, fmt.Sprintf("%d=%s/%d", x.PT, x.Name, x.Rate))
			}
			if g := strings.Join(got, " "); g != c.want {
				t.Errorf("codecs %q, want %q", g, c.want)
			}
		})
	}
}

func TestErrorsHoldNothingOfTheText(t *testing.T) {
	_, err := Parse([]byte("v=0\no=mary.smith +16328300101\n"))
	if err == nil || strings.Contains(err.Error(), "mary") || strings.Contains(err.Error(), "0101") {
		t.Errorf("error %v", err)
	}
	if !strings.Contains(err.Error(), "line 2") {
		t.Errorf("error %v does not name the line", err)
	}
}
