package sdp

import (
	"encoding/json"
	"flag"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the golden files anew")

var here = netip.MustParseAddrPort("192.0.2.10:30000")

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.WriteFile(path, got, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil || string(want) != string(got) {
		t.Errorf("%v\n got %q\nwant %q", err, got, want)
	}
}

func TestOfferGolden(t *testing.T) {
	l := Local{ID: 7}
	golden(t, "offer", l.Offer(here, DefaultCodecs(), SendRecv))
	golden(t, "offer-hold", l.Offer(here, DefaultCodecs(), SendOnly))
	golden(t, "offer-black-hole", l.Offer(netip.AddrPort{}, DefaultCodecs(), SendRecv))
	six := Local{ID: 8}
	golden(t, "offer-ipv6", six.Offer(netip.MustParseAddrPort("[2001:db8::1]:30002"), DefaultCodecs()[:1], SendRecv))
}

func TestAnswerGolden(t *testing.T) {
	for _, name := range []string{"baresip", "linphone-offer", "linphone-inactive", "asterisk", "freeswitch-refused", "srtp-first"} {
		t.Run(name, func(t *testing.T) {
			l, offer := Local{ID: 7}, parsed(t, name)
			golden(t, "answer-to-"+name, l.Answer(offer, here, Common(offer.Audio.Codecs, DefaultCodecs()), SendRecv))
		})
	}
}

func TestAnswerWithoutCommonCodecRefusesTheLine(t *testing.T) {
	l := Local{}
	s := reparsed(t, l.Answer(parsed(t, "baresip"), here, nil, SendRecv))
	if s.Audio == nil || s.Audio.Port != 0 || len(s.MLines) != 1 {
		t.Errorf("answer %+v", s)
	}
}

func TestAnswerToAnOfferWithoutAudio(t *testing.T) {
	offer, err := Parse([]byte("v=0\nm=video 9 RTP/AVP 96\n"))
	if err != nil {
		t.Fatal(err)
	}
	l := Local{}
	s := reparsed(t, l.Answer(offer, here, DefaultCodecs(), SendRecv))
	if len(s.MLines) != 1 || s.MLines[0].Kind != "video" || s.MLines[0].Port != 0 {
		t.Errorf("answer %+v", s.MLines)
	}
}

func reparsed(t *testing.T, b []byte) Session {
	t.Helper()
	s, err := Parse(b)
	if err != nil {
		t.Fatalf("%v in %q", err, b)
	}
	return s
}

func TestRoundTrip(t *testing.T) {
	l := Local{}
	s := reparsed(t, l.Offer(here, DefaultCodecs(), RecvOnly))
	want := Media{Addr: here.Addr(), Port: 30000, Direction: RecvOnly, Codecs: DefaultCodecs()}
	if !s.Audio.Same(want) || s.Audio.Codecs[2].Fmtp != "0-16" {
		t.Errorf("read back %+v", s.Audio)
	}
	if s.Origin.Version != "1" || s.Origin.Addr != "192.0.2.10" {
		t.Errorf("origin %+v", s.Origin)
	}
}

// TestVersion follows one dialog through its offers and answers: RFC 3264 section 8.
func TestVersion(t *testing.T) {
	l := &Local{}
	video := parsed(t, "linphone-offer")
	moved := netip.MustParseAddrPort("192.0.2.99:4000")
	codecs := Common(video.Audio.Codecs, DefaultCodecs())
	for _, step := range []struct {
		name    string
		body    func() []byte
		version uint64
	}{
		{"first offer", func() []byte { return l.Offer(here, DefaultCodecs(), SendRecv) }, 1},
		{"the same again", func() []byte { return l.Offer(here, DefaultCodecs(), SendRecv) }, 1},
		{"hold", func() []byte { return l.Offer(here, DefaultCodecs(), SendOnly) }, 2},
		{"answer with a line more", func() []byte { return l.Answer(video, here, codecs, SendRecv) }, 3},
		{"the same answer", func() []byte { return l.Answer(video, here, codecs, SendRecv) }, 3},
		{"the other's address", func() []byte { return l.Offer(moved, codecs, SendRecv) }, 4},
	} {
		s := reparsed(t, step.body())
		if l.Version != step.version {
			t.Errorf("%s: version %d, want %d", step.name, l.Version, step.version)
		}
		if s.Origin.ID != reparsed(t, []byte(l.Last)).Origin.ID || s.Origin.Addr != "192.0.2.10" {
			t.Errorf("%s: o= changed: %+v", step.name, s.Origin)
		}
	}
	s := reparsed(t, []byte(l.Last))
	if len(s.MLines) != 2 || s.MLines[1].Kind != "video" || s.MLines[1].Port != 0 || s.Audio.AddrPort() != moved {
		t.Errorf("the last offer lost the refused line: %q", l.Last)
	}
}

func TestLocalSurvivesARestart(t *testing.T) {
	l := Local{}
	first := l.Offer(here, DefaultCodecs(), SendRecv)
	stored, err := json.Marshal(l)
	if err != nil {
		t.Fatal(err)
	}
	var again Local
	if err := json.Unmarshal(stored, &again); err != nil {
		t.Fatal(err)
	}
	if got := again.Offer(here, DefaultCodecs(), SendRecv); string(got) != string(first) {
		t.Errorf("after the restart %q, before %q", got, first)
	}
	again.Offer(here, DefaultCodecs(), Inactive)
	if again.Version != 2 || again.ID != l.ID {
		t.Errorf("version %d id %d", again.Version, again.ID)
	}
}

func TestNothingForeignReachesTheWire(t *testing.T) {
	l := Local{Addr: "x\r\na=evil"}
	evil := []Codec{
		{PT: 8, Name: "PCMA", Rate: 8000, Fmtp: "a\r\na=evil"},
		{PT: 9, Name: "G722\r\na=evil", Rate: 8000},
		{PT: 200, Name: "x", Rate: 8000},
	}
	offer := Session{Time: "0 0\r\na=evil", AudioLine: 1, MLines: []MLine{
		{Kind: "video\r\na=evil", Proto: "RTP/AVP"}, {Kind: "audio", Proto: "RTP/AVP", Port: 9}, {Kind: "image", Proto: "udptl", Formats: []string{"t38\r\na=evil"}},
	}}
	offer.Audio = &Media{Port: 9, Proto: "RTP/AVP\r\na=evil", Addr: here.Addr()}
	for _, body := range []string{
		string(l.Answer(offer, here, evil, SendRecv)), string(l.Offer(here, evil, "sendrecv\r\na=evil")),
	} {
		if strings.Contains(body, "\na=evil") {
			t.Errorf("%q", body)
		}
	}
}
