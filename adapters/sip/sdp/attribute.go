package sdp

import (
	"strconv"
	"strings"

	"c2d/core/fault"
)

// attribute reads one a= line. What is not needed, or not understood, is passed over (RFC 8866 section 5.13).
func (p *parser) attribute(v string) *fault.Error {
	name, value, _ := strings.Cut(v, ":")
	sec := p.now()
	switch name {
	case string(SendRecv), string(SendOnly), string(RecvOnly), string(Inactive):
		sec.direction = Direction(name)
	case "ptime":
		if n, err := strconv.Atoi(strings.TrimSpace(value)); err == nil && n > 0 && n <= 1000 {
			sec.ptime = n
		}
	case "rtpmap":
		return sec.readMap(value)
	case "fmtp":
		sec.readFmtp(value)
	}
	return nil
}

// readMap reads "96 opus/48000/2". A map that is out of range or a second one for its number is passed over, a text
// that is no map at all is an error.
func (s *section) readMap(v string) *fault.Error {
	number, rest, ok := strings.Cut(strings.TrimSpace(v), " ")
	parts := strings.Split(strings.TrimSpace(rest), "/")
	if !ok || len(parts) < 2 || len(parts) > 3 {
		return bad("a=rtpmap is not of the form number name/rate")
	}
	pt, ok := payloadType(number)
	rate, err := strconv.Atoi(parts[1])
	if !ok || err != nil || rate <= 0 || rate > 1_000_000 || !token(parts[0]) {
		return nil
	}
	c := Codec{PT: pt, Name: parts[0], Rate: rate, Channels: 1}
	if len(parts) == 3 {
		if c.Channels, err = strconv.Atoi(parts[2]); err != nil || c.Channels < 1 || c.Channels > 255 {
			return nil
		}
	}
	if _, twice := s.rtpmap[pt]; !twice {
		s.rtpmap = set(s.rtpmap, pt, c)
	}
	return nil
}

func (s *section) readFmtp(v string) {
	number, params, _ := strings.Cut(strings.TrimSpace(v), " ")
	if pt, ok := payloadType(number); ok {
		s.fmtp = set(s.fmtp, pt, strings.TrimSpace(params))
	}
}

func set[V any](m map[uint8]V, pt uint8, v V) map[uint8]V {
	if m == nil {
		m = map[uint8]V{}
	}
	m[pt] = v
	return m
}

func payloadType(s string) (uint8, bool) {
	n, err := strconv.ParseUint(s, 10, 7)
	return uint8(n), err == nil
}

// codecs explains the formats of an m= line.
func (s *section) codecs(formats []string) []Codec {
	var out []Codec
	seen := map[uint8]bool{}
	for _, f := range formats {
		pt, ok := payloadType(f)
		if !ok || seen[pt] {
			continue
		}
		seen[pt] = true
		c, ok := s.rtpmap[pt]
		if !ok {
			c, ok = static(pt)
		}
		if ok {
			c.Fmtp = s.fmtp[pt]
			out = append(out, c)
		}
	}
	return out
}
