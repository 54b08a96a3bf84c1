package sdp

import "strings"

// Codec is one payload format: what a payload type number means in one description.
type Codec struct {
	PT       uint8  // RTP payload type, 0 to 127
	Name     string // encoding name; compared without case (RFC 4855)
	Rate     int    // RTP clock rate in Hz
	Channels int    // 0 and 1 are the same
	Fmtp     string // format parameters, as the receiver wrote them
}

// Is reports whether c and o are the same encoding, whatever their payload types and parameters.
func (c Codec) Is(o Codec) bool {
	return c.Rate == o.Rate && max(c.Channels, 1) == max(o.Channels, 1) && strings.EqualFold(c.Name, o.Name)
}

// Speech reports whether c carries voice, and not key presses or comfort noise.
func (c Codec) Speech() bool { return !c.Events() && !strings.EqualFold(c.Name, "CN") }

// Events reports whether c carries key presses (RFC 4733).
func (c Codec) Events() bool { return strings.EqualFold(c.Name, "telephone-event") }

// DefaultCodecs returns what we offer of ourselves: PCMA, PCMU and key presses.
func DefaultCodecs() []Codec {
	return []Codec{
		{PT: 8, Name: "PCMA", Rate: 8000, Channels: 1},
		{PT: 0, Name: "PCMU", Rate: 8000, Channels: 1},
		{PT: 101, Name: "telephone-event", Rate: 8000, Channels: 1, Fmtp: "0-16"},
	}
}

// Common returns the codecs that both sides have, with the offerer's payload types in the offerer's order, and with the
// parameters of supported, since those tell what its owner can receive. It is nil when no speech codec is common: key
// presses alone are no call.
func Common(offered, supported []Codec) []Codec {
	var both []Codec
	speech := false
	for _, o := range offered {
		for _, s := range supported {
			if o.Is(s) {
				o.Fmtp = s.Fmtp
				both = append(both, o)
				speech = speech || o.Speech()
				break
			}
		}
	}
	if !speech {
		return nil
	}
	return both
}

// static returns the codec of a payload type that RFC 3551 section 6 assigns, for lines without a=rtpmap.
func static(pt uint8) (Codec, bool) {
	c := Codec{PT: pt, Rate: 8000, Channels: 1}
	switch pt {
	case 0:
		c.Name = "PCMU"
	case 3:
		c.Name = "GSM"
	case 4:
		c.Name = "G723"
	case 8:
		c.Name = "PCMA"
	case 9:
		c.Name = "G722" // its clock rate is 8000 by an old mistake, RFC 3551 section 4.5.2
	case 13:
		c.Name = "CN"
	case 15:
		c.Name = "G728"
	case 18:
		c.Name = "G729"
	default:
		return Codec{}, false
	}
	return c, true
}
