package pbx

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"time"

	"c2d/core/tone"
)

// wavHeader is the length of the header that baresip's recorder writes: RIFF, fmt of 16 bytes, data.
const wavHeader = 44

// ReadWAV returns the samples of a recording of 16 bit, mono, 8000 Hz. The lengths in the header are not believed, since
// they are written when the call is over: a recording can be read while it grows.
func ReadWAV(path string) ([]int16, error) {
	b, err := os.ReadFile(path)
	if err != nil || len(b) < wavHeader {
		return nil, err
	}
	if bytes.Equal(b[:wavHeader], make([]byte, wavHeader)) { // linphone writes it when the call is over
		return pcm16(b[wavHeader:]), nil
	}
	if string(b[:4]) != "RIFF" || string(b[8:16]) != "WAVEfmt " {
		return nil, fmt.Errorf("%s is no WAV file", path)
	}
	channels, rate, bits := binary.LittleEndian.Uint16(b[22:]), binary.LittleEndian.Uint32(b[24:]), binary.LittleEndian.Uint16(b[34:])
	if channels != 1 || rate != tone.Rate || bits != 16 {
		return nil, fmt.Errorf("%s has %d channels of %d bit at %d Hz", path, channels, bits, rate)
	}
	return pcm16(b[wavHeader:]), nil
}

func pcm16(b []byte) []int16 {
	pcm := make([]int16, len(b)/2)
	for i := range pcm {
		pcm[i] = int16(binary.LittleEndian.Uint16(b[2*i:]))
	}
	return pcm
}

// writeWAV is a WAV file of 16 bit, mono, 8000 Hz.
func writeWAV(pcm []int16) string {
	size := uint32(2 * len(pcm))
	b := []byte("RIFF")
	b = binary.LittleEndian.AppendUint32(b, wavHeader-8+size)
	b = append(b, "WAVEfmt "...)
	for _, v := range []any{uint32(16), uint16(1), uint16(1), uint32(tone.Rate), uint32(2 * tone.Rate), uint16(2), uint16(16), [4]byte([]byte("data")), size, pcm} {
		b, _ = binary.Append(b, binary.LittleEndian, v) // all are of fixed size
	}
	return string(b)
}

// sound returns d of one tone, as loud as baresip's.
func sound(hz float64, d time.Duration) []int16 {
	pcm := make([]int16, tone.Samples(d))
	tone.NewSource(tone.Tone{Segments: []tone.Segment{{Hz: []float64{hz}, For: d}}}).Read(pcm)
	return pcm
}

// Window is the length of sound that is measured at once.
const Window = 250 * time.Millisecond

// Loud is the amplitude from which a tone counts as heard; a neighbour 100 Hz away leaks less.
const Loud = 5000

// Windows returns how many windows of pcm hold each tone loudly, by Hz.
func Windows(pcm []int16, hz ...float64) map[float64]int {
	n := tone.Samples(Window)
	count := map[float64]int{}
	for ; len(pcm) >= n; pcm = pcm[n:] {
		for _, l := range tone.Measure(pcm[:n], hz...) {
			if l.Amplitude >= Loud {
				count[l.Hz]++
			}
		}
	}
	return count
}

// Hears reports whether the last d of pcm is nothing but the tone hz in every window, and none of others.
func Hears(pcm []int16, d time.Duration, hz float64, others ...float64) bool {
	n := tone.Samples(d)
	if len(pcm) < n {
		return false
	}
	count := Windows(pcm[len(pcm)-n:], append(others, hz)...)
	for _, o := range others {
		if count[o] > 0 {
			return false
		}
	}
	return count[hz] == int(d/Window)
}

// ReadStereo returns the two sides of a recording of 16 bit, stereo, 8000 Hz; as [ReadWAV], also while it grows.
func ReadStereo(path string) (sides [2][]int16, err error) {
	b, err := os.ReadFile(path)
	if err != nil || len(b) < wavHeader || binary.LittleEndian.Uint16(b[22:]) != 2 || binary.LittleEndian.Uint32(b[24:]) != tone.Rate {
		return sides, errors.Join(err, fmt.Errorf("%s is no stereo WAV file", path))
	}
	for i, v := range pcm16(b[wavHeader:]) {
		sides[i%2] = append(sides[i%2], v)
	}
	return sides, nil
}

// Holds reports whether pcm has a tone for a tenth of a second.
func Holds(pcm []int16, hz float64) bool {
	const loud, window = 4000, tone.Rate / 10
	for ; len(pcm) >= window; pcm = pcm[window/2:] {
		if tone.Measure(pcm[:window], hz)[0].Amplitude > loud {
			return true
		}
	}
	return false
}
