// Package recording keeps what two phones say to each other as a WAV file: 16 bit, 8 kHz, the one on the left and the other
// on the right, in real time. It knows RTP timestamps, but no sockets and no SIP.
//
// A [Recording] is fed by the goroutines that forward the sound, which never wait for it: packets go through a bounded
// queue, and a disk that is too slow loses recording, not speech. One goroutine, that of [Recording.Run], decodes them,
// puts each at its place in time, and writes what is a second old; what did not come by then is silence.
//
//	RTP, left ---\                                   done      now-1s      now
//	              queue -> place by timestamp -> file | window, both sides  |
//	RTP, right --/
//
// The header is written anew with the sound, so that a file is whole to within a second whatever dies. A recording that
// is opened again under its name goes on at the time that it is by then; the gap is silence, and a hole on the disk.
//
// A place follows from the packet before by its RTP timestamp. When that leads away from the time of arrival by half a second
// or more, the clock of the phone began anew, or runs apart from ours, and the packet is put at its arrival.
//
// Rejected: one file for each side (who listens wants one), a mixed one (who said it is then lost), G.711 in the file (half
// the size, but two laws, and programs that cannot play it), and appending to a header that says "unknown length".
package recording
