package sip

import (
	"net/netip"

	"c2d/adapters/sip/sdp"
	"c2d/core/call"
)

// Flow is what the first INVITE to a phone says of media, and so how the two phones of a call learn of each other (RFC 3725
// section 4). It decides nothing once the two are joined.
type Flow string

// The flows. Flow I is not one of them: a caller's phone gives up 32 s after its 200.
const (
	Anchored  Flow = "anchored"   // our own RTP address; an empty Flow is the same
	BlackHole Flow = "black-hole" // flow II: to the caller nowhere, to the callee the caller's address
	FlowIII   Flow = "III"        // nothing: the phone offers, our answer is in the ACK
	FlowIV    Flow = "IV"         // to the caller a description without media, to the callee nothing
)

func (f Flow) known() bool {
	return f == "" || f == Anchored || f == BlackHole || f == FlowIII || f == FlowIV
}

// anchors reports whether the phone is given an RTP address of ours before it is joined.
func (f Flow) anchors() bool { return f == "" || f == Anchored }

// asks reports whether the first INVITE has no description, so that the phone's own is an offer.
func (f Flow) asks(callee bool) bool { return f == FlowIII || f == FlowIV && callee }

// empty reports whether the first INVITE has a description without media, and the answer to it has none either.
func (f Flow) empty(callee bool) bool { return f == FlowIV && !callee }

// flowOf returns the flow of the legs that go a way.
func (s *Stack) flowOf(w call.Way) Flow {
	if e, known := s.entry(w.Backend); known {
		return e.Flow
	}
	return Anchored
}

// blackHole is an address at which nobody receives: 0.0.0.0, or :: where we speak IPv6.
func (s *Stack) blackHole() netip.AddrPort {
	if addr, err := netip.ParseAddr(s.cfg.Media.Address); err == nil && addr.Is6() {
		return netip.AddrPortFrom(netip.IPv6Unspecified(), discard)
	}
	return netip.AddrPortFrom(netip.IPv4Unspecified(), discard)
}

const discard = 9 // the port of a black hole, since 0 would refuse the line

// callee reports whether the leg was placed to be joined to another.
func (l *leg) callee() bool { return l.joinTo != "" }

// firstOffer returns the description in the leg's first INVITE, nil for none. Nobody else knows the leg yet.
func (l *leg) firstOffer() []byte {
	codecs := l.s.codecsFor(l.joinTo)
	switch {
	case l.flow.anchors():
		return l.local.Offer(l.here(), codecs, sdp.SendRecv)
	case l.flow.asks(l.callee()):
		return nil
	case l.flow.empty(l.callee()):
		return l.local.Nothing(l.s.blackHole())
	}
	if peer := l.s.leg(l.joinTo); peer != nil && !l.s.relays(l, peer) {
		l.shown = peer.showable()
	}
	if l.shown.IsValid() {
		return l.local.Offer(l.shown, codecs, sdp.SendRecv)
	}
	return l.local.Offer(l.s.blackHole(), codecs, sdp.SendRecv)
}

// showable returns where the phone receives, if another may be sent there before the two are joined: not while its audio
// is with us.
func (l *leg) showable() netip.AddrPort {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.bare() && !l.remote.Black() && l.open() {
		return l.remote.AddrPort()
	}
	return netip.AddrPort{}
}

// bare reports whether a phone that answered was told of no address at which it is heard: neither ours nor its peer's.
// l.mu is held.
func (l *leg) bare() bool { return l.state == call.LegAnswered && l.ep == nil && !l.direct }

// have returns the codecs that the phone is known to have, or else those that it may have. l.mu is held.
func (l *leg) have() []sdp.Codec {
	if len(l.remote.Codecs) > 0 {
		return l.remote.Codecs
	}
	return sdp.DefaultCodecs()
}

// here is where we receive for the leg. l.mu is held.
func (l *leg) here() netip.AddrPort {
	if l.ep == nil {
		return l.s.blackHole()
	}
	return l.receives(l.ep)
}
