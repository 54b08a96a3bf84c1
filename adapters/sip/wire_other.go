//go:build !linux

package sip

import (
	"net"
	"net/netip"
)

// Elsewhere than on Linux a phone that refuses is noticed by its silence.
func reportErrors(*net.UDPConn) {}

func refusedPeers(*net.UDPConn) []netip.AddrPort { return nil }
