package sip

import (
	"net/netip"

	"c2d/adapters/sip/dialog"
	"c2d/adapters/sip/media"
)

// advertised is what a trunk's side calls us, "" where that is nothing of its own.
func (g *gateway) advertised() string {
	if g == nil {
		return ""
	}
	return g.entry.Advertise
}

// mediaAddress returns the address in our session descriptions to a backend's phones: the trunk's own, that of the media
// section, or where we receive.
func (s *Stack) mediaAddress(backend string) string {
	switch own := s.gateway(backend).advertised(); {
	case own != "":
		return own
	case s.cfg.Media.Advertise != "":
		return s.cfg.Media.Advertise
	}
	return s.cfg.Media.Address
}

// receives returns where the leg's phone is to send its audio, in the words of its own network. A NAT between keeps the port.
func (l *leg) receives(ep *media.Endpoint) netip.AddrPort {
	at := ep.Addr()
	if a, err := netip.ParseAddr(l.s.mediaAddress(l.way.Backend)); err == nil {
		at = netip.AddrPortFrom(a, at.Port())
	}
	return at
}

// hop returns how the leg's messages over a transport to an address leave us, and what we call ourselves there.
func (l *leg) hop(transport, dest string) (dialog.Hop, error) {
	h, err := l.s.hop(transport, dest)
	if host := l.gateway().advertised(); host != "" {
		h.Host = host
	}
	return h, err
}
