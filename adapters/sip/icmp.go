package sip

import "net/netip"

// refusedPeer is told that nobody listens at an address: the legs whose INVITE went there and had no reply are
// unreachable at once, and have not rung.
func (s *Stack) refusedPeer(peer netip.AddrPort) {
	for _, l := range s.all() {
		l.mu.Lock()
		hit := l.dlg == nil && l.invite.Dest == peer.String()
		l.refused = l.refused || hit
		l.mu.Unlock()
		if hit {
			l.nudge()
		}
	}
}
