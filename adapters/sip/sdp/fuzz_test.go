package sdp

import (
	"net/netip"
	"os"
	"path/filepath"
	"testing"
)

// FuzzParse holds that Parse never panics, that what it accepts we can answer with as many lines, and that our answer
// and a later offer can be read again.
func FuzzParse(f *testing.F) {
	names, err := filepath.Glob("testdata/*.sdp")
	if err != nil || len(names) == 0 {
		f.Fatal("no samples", err)
	}
	for _, n := range names {
		b, err := os.ReadFile(n)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	addr := netip.MustParseAddrPort("192.0.2.1:4000")
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := Parse(b)
		if err != nil {
			return
		}
		var codecs []Codec
		if s.Audio != nil {
			codecs = s.Audio.Codecs // as they came: harder than those of Common
		}
		var l Local
		answer, err := Parse(l.Answer(s, addr, codecs, SendRecv))
		if err != nil || len(answer.MLines) != len(s.MLines) || answer.Origin.ID == "" {
			t.Fatalf("answer %q: %v", l.Last, err)
		}
		if offer, err := Parse(l.Offer(addr, DefaultCodecs(), SendRecv)); err != nil || offer.Audio == nil || offer.Audio.Black() {
			t.Fatalf("offer %q: %v", l.Last, err)
		}
	})
}
