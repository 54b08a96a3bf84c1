package media

import "net/netip"

// remote is the other end of an endpoint: what signalling said, and where its packets really come from.
type remote struct {
	signalled netip.AddrPort
	rtp       netip.AddrPort // the one source that is heard
	latched   bool           // rtp was proved by a packet: it does not move again until signalling says so
	rtcp      netip.AddrPort
	rtcpSeen  bool
	muted     bool // send nothing
}

// set takes what signalling says; the zero address mutes. An address that was already signalled keeps its latch, since a
// re-INVITE that moves nothing must not open the door anew.
func (r *remote) set(a netip.AddrPort) {
	r.muted = !a.IsValid()
	if r.muted || a == r.signalled {
		return
	}
	*r = remote{signalled: a, rtp: a, rtcp: next(a)}
}

// next returns the RTCP port that belongs to an RTP port (RFC 3550 section 11); the zero address if there is none.
func next(a netip.AddrPort) netip.AddrPort {
	if a.Port() == 65535 {
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(a.Addr(), a.Port()+1)
}

// knows reports whether RTP from there may be taken.
func (r *remote) knows(from netip.AddrPort) bool {
	return r.rtp.IsValid() && (from == r.rtp || !r.latched && from.Addr() == r.rtp.Addr())
}

// latch settles on the source of a packet that was taken.
func (r *remote) latch(from netip.AddrPort) {
	if r.latched {
		return
	}
	r.latched, r.rtp = true, from
	if !r.rtcpSeen {
		r.rtcp = next(from)
	}
}

// takeRTCP reports whether RTCP from there may be taken, and settles on the first port that sent some.
func (r *remote) takeRTCP(from netip.AddrPort) bool {
	if !r.rtp.IsValid() || from.Addr() != r.rtp.Addr() {
		return false
	}
	if !r.rtcpSeen {
		r.rtcpSeen, r.rtcp = true, from
	}
	return from == r.rtcp
}

// target returns where to send RTP; the zero address for nowhere.
func (r *remote) target() netip.AddrPort {
	if r.muted {
		return netip.AddrPort{}
	}
	return r.rtp
}
