package sip

import (
	"encoding/binary"
	"net"
	"net/netip"
	"syscall"
)

// reportErrors asks the kernel for the ICMP errors of a socket that is not connected (ip(7), IP_RECVERR). Without it a
// phone that is switched off looks like one that is slow; the call works either way, so an error here is none.
func reportErrors(c *net.UDPConn) {
	raw, err := c.SyscallConn()
	if err != nil {
		return
	}
	_ = raw.Control(func(fd uintptr) {
		_ = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_IP, syscall.IP_RECVERR, 1)
		_ = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_IPV6, ipv6RecvErr, 1)
	})
}

const ipv6RecvErr = 25 // IPV6_RECVERR of linux/in6.h, which package syscall lacks

// refusedPeers empties the error queue and returns to whom the failed datagrams went.
func refusedPeers(c *net.UDPConn) []netip.AddrPort {
	raw, err := c.SyscallConn()
	if err != nil {
		return nil
	}
	var peers []netip.AddrPort
	_ = raw.Control(func(fd uintptr) {
		data, control := make([]byte, 1), make([]byte, 512)
		for {
			_, n, _, from, err := syscall.Recvmsg(int(fd), data, control, syscall.MSG_ERRQUEUE|syscall.MSG_DONTWAIT)
			if err != nil {
				return
			}
			if p, ok := peerOf(from); ok && portUnreachable(control[:n]) {
				peers = append(peers, p)
			}
		}
	})
	return peers
}

// portUnreachable reports whether the kernel's note (struct sock_extended_err) says that nobody listens; that a host or
// network cannot be reached just now proves nothing.
func portUnreachable(control []byte) bool {
	notes, err := syscall.ParseSocketControlMessage(control)
	if err != nil {
		return false
	}
	for _, n := range notes {
		if len(n.Data) >= 4 && syscall.Errno(binary.NativeEndian.Uint32(n.Data)) == syscall.ECONNREFUSED {
			return true
		}
	}
	return false
}

func peerOf(a syscall.Sockaddr) (netip.AddrPort, bool) {
	switch a := a.(type) {
	case *syscall.SockaddrInet4:
		return netip.AddrPortFrom(netip.AddrFrom4(a.Addr), uint16(a.Port)), true
	case *syscall.SockaddrInet6:
		return netip.AddrPortFrom(netip.AddrFrom16(a.Addr).Unmap(), uint16(a.Port)), true
	}
	return netip.AddrPort{}, false
}
