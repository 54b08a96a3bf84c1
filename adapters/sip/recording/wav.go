package recording

import (
	"encoding/binary"
	"math"

	"c2d/core/tone"
)

const (
	channels   = 2
	frameSize  = 2 * channels // bytes: one sample of each side
	headerSize = 44
	// mostFrames is what a WAV file can say of its length: 37 hours.
	mostFrames = (math.MaxUint32 - headerSize) / frameSize
)

// header is that of a WAV file of so many frames: RIFF, fmt of 16 bytes for PCM, data.
func header(frames int64) []byte {
	size := uint32(frames * frameSize)
	b := append(make([]byte, 0, headerSize), "RIFF"...)
	b = binary.LittleEndian.AppendUint32(b, headerSize-8+size)
	b = append(b, "WAVEfmt "...)
	b = binary.LittleEndian.AppendUint32(b, 16)
	b = binary.LittleEndian.AppendUint16(b, 1) // PCM
	b = binary.LittleEndian.AppendUint16(b, channels)
	b = binary.LittleEndian.AppendUint32(b, tone.Rate)
	b = binary.LittleEndian.AppendUint32(b, tone.Rate*frameSize)
	b = binary.LittleEndian.AppendUint16(b, frameSize)
	b = binary.LittleEndian.AppendUint16(b, 16)
	b = append(b, "data"...)
	return binary.LittleEndian.AppendUint32(b, size)
}
