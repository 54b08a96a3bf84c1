package media

import (
	"slices"
	"strings"

	"c2d/adapters/sip/sdp"
	"c2d/core/tone"
)

// terms is what was negotiated with one phone.
type terms struct {
	codecs []sdp.Codec
	ours   []sdp.Codec
	law    tone.Law
	pt     uint8
	plays  bool // there is a codec that tones can be played in: law, under pt
	keyPT  uint8
	keys   bool // there are RTP events of 8 kHz, under keyPT
}

func newTerms(codecs []sdp.Codec) terms {
	t := terms{codecs: slices.Clone(codecs), ours: sdp.DefaultCodecs()}
	for _, c := range codecs {
		law, ok := tone.LawOf(strings.ToUpper(c.Name))
		switch {
		case c.Rate != tone.Rate || c.PT >= 128:
		case c.Events() && !t.keys:
			t.keyPT, t.keys = c.PT, true
		case ok && c.Channels <= 1 && !t.plays:
			t.law, t.pt, t.plays = law, c.PT, true
		}
	}
	return t
}

// received returns what a payload type of the phone means. It may use the types of its answer or, where it chose others
// there, those of our offer (RFC 3264 section 6.1).
func (t *terms) received(pt uint8) (sdp.Codec, bool) {
	for _, list := range [...][]sdp.Codec{t.codecs, t.ours} {
		for _, c := range list {
			if c.PT == pt {
				return c, true
			}
		}
	}
	return sdp.Codec{}, false
}

// sent returns the payload type under which the phone takes a codec.
func (t *terms) sent(c sdp.Codec) (uint8, bool) {
	for _, o := range t.codecs {
		if o.Is(c) && o.PT < 128 {
			return o.PT, true
		}
	}
	return 0, false
}
