package media

import (
	"testing"

	"github.com/pion/rtp"

	"c2d/adapters/sip/sdp"
)

// FuzzReceive holds that no datagram of the remote side makes an endpoint panic, that each is counted once, and that
// what is sent on is a plain RTP packet of our own source.
func FuzzReceive(f *testing.F) {
	for _, b := range [][]byte{
		{0x80, 8, 0, 1, 0, 0, 0, 160, 0, 0, 0, 7, 0xD5, 0xD5},
		{0x80, 0xE5, 0, 1, 0, 0, 0, 160, 0, 0, 0, 7, 5, 0x8A, 3, 0x20},
		{0xB1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0, 1, 0xBE, 0xDE, 0, 1, 0x10, 1, 0, 0, 9, 9, 0, 2},
		{0x90, 8, 0, 1, 0, 0, 0, 0, 0, 0, 0, 7, 0x10, 0, 0, 1, 1, 2, 3, 4, 9},
		{0, 1, 0, 0, 0x21, 0x12, 0xA4, 0x42, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0},
		compoundOf(senderReport, 1, 2, 3, 4), compoundOf(receiverReport, 1, 0, 3, 4),
	} {
		f.Add(b)
	}
	a, b, alice, bob := pair(f)
	a.OnDTMF(func(d byte) {
		if d == 0 {
			f.Error("key 0")
		}
	})
	b.SetRemote(bob.addr(), sdp.DefaultCodecs())
	var head rtp.Header
	f.Fuzz(func(t *testing.T, wire []byte) {
		bob.t = t
		before, sent := a.Stats(), b.Stats()
		a.receive(&head, append([]byte(nil), wire...), alice.addr())
		a.receiveRTCP(wire, next(alice.addr()))
		after, now := a.Stats(), b.Stats()
		if after.In+after.Dropped != before.In+before.Dropped+1 || after.Strangers != before.Strangers {
			t.Fatalf("counted %+v, then %+v", before, after)
		}
		if now.Out == sent.Out {
			return
		}
		if p := bob.hear(); p.SSRC != b.out.ssrc || p.Extension || p.Padding || len(p.CSRC) > 0 || len(p.Payload) == 0 {
			t.Fatalf("sent on %v", p)
		}
	})
}
