package recording

import "c2d/core/tone"

// astray is how far, in samples, a timestamp may lead away from the time of arrival.
const astray = tone.Rate / 2

// place tells where in time a packet of one side belongs.
type place struct {
	known bool
	ssrc  uint32
	ts    uint32
	at    int64 // the sample that ts is
}

// of returns the sample at which a packet begins that arrived at the sample now.
func (p *place) of(s Sound, now int64) int64 {
	at := p.at + int64(int32(s.Timestamp-p.ts))
	if away := at - now; !p.known || s.SSRC != p.ssrc || away > astray || away < -astray {
		at = now
	}
	*p = place{known: true, ssrc: s.SSRC, ts: s.Timestamp, at: at}
	return at
}
