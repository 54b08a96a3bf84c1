package tone

import "math/bits"

// Law is one of the two codings of ITU-T G.711, one byte a sample. Its value is its static RTP payload type.
type Law uint8

// The two laws.
const (
	ULaw Law = 0 // PCMU
	ALaw Law = 8 // PCMA
)

// LawOf returns the law of an encoding name as SDP has it, in capitals.
func LawOf(name string) (Law, bool) {
	switch name {
	case "PCMA":
		return ALaw, true
	case "PCMU":
		return ULaw, true
	}
	return 0, false
}

// Encode writes pcm into dst, which must be at least as long, and returns the part of dst that it filled.
func (l Law) Encode(dst []byte, pcm []int16) []byte {
	dst = dst[:len(pcm)]
	for i, v := range pcm {
		if l == ALaw {
			dst[i] = encodeA(v)
		} else {
			dst[i] = encodeU(v)
		}
	}
	return dst
}

// Decode writes the samples of b into dst, which must be at least as long, and returns the part of dst that it filled.
func (l Law) Decode(dst []int16, b []byte) []int16 {
	dst = dst[:len(b)]
	for i, v := range b {
		if l == ALaw {
			dst[i] = decodeA(v)
		} else {
			dst[i] = decodeU(v)
		}
	}
	return dst
}

// encodeA codes one sample by A-law: sign, three bits of exponent, four of mantissa, even bits inverted (G.711
// table 1). The step is 16 up to 512 of 32767, and doubles with each doubling beyond.
func encodeA(v int16) byte {
	sign, m := byte(0x80), int(v)
	if m < 0 {
		sign, m = 0, ^m
	}
	m >>= 4 // 0 to 2047
	e := 0
	if m >= 16 {
		e = bits.Len(uint(m)) - 4
		m >>= e - 1
	}
	return (sign | byte(e)<<4 | byte(m&0xf)) ^ 0x55
}

func decodeA(b byte) int16 {
	b ^= 0x55
	e, m := int(b>>4&7), int(b&0xf)<<4+8
	if e > 0 {
		m = (m + 0x100) << (e - 1)
	}
	if b&0x80 == 0 {
		m = -m
	}
	return int16(m)
}

const uBias = 0x84

// encodeU codes one sample by mu-law: as A-law, but of 14 bits, with a bias, and all bits inverted (G.711 table 2).
func encodeU(v int16) byte {
	sign, m := byte(0), int(v)
	if m < 0 {
		sign, m = 0x80, -m
	}
	m = min(m, 32635) + uBias
	e := bits.Len(uint(m)) - 8
	return ^(sign | byte(e)<<4 | byte(m>>(e+3))&0xf)
}

func decodeU(b byte) int16 {
	b = ^b
	m := (int(b&0xf)<<3+uBias)<<(b>>4&7) - uBias
	if b&0x80 != 0 {
		m = -m
	}
	return int16(m)
}
