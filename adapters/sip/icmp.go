package sip

import "net/netip"

// refusedPeer is told that nobody listens at an address: the legs whose INVITE went there and had no reply are
// unreachable at once, and have not rung. It does not wait for a leg: whoever sends meets the error of a former datagram,
// and may hold the lock of its own.
func (s *Stack) refusedPeer(peer netip.AddrPort) {
	s.spawn(func() {
		for _, l := range s.all() {
			l.refuses(peer)
		}
	})
}

func (l *leg) refuses(peer netip.AddrPort) {
	l.mu.Lock()
	hit := l.dlg == nil && l.invite.Dest == peer.String()
	l.refused = l.refused || hit
	l.mu.Unlock()
	if hit {
		l.nudge()
	}
}
