package e2e

import (
	"net"

	"c2d/adapters/sip/phone"
)

// tap is a phone's line on which somebody listens. heard is told each datagram before it goes on, whichever way.
type tap struct {
	net.PacketConn
	heard func(datagram []byte)
}

// tapped lets somebody listen on a phone's line.
func tapped(heard func([]byte)) func(*phone.Config) {
	return func(c *phone.Config) {
		c.Line = func(line net.PacketConn) net.PacketConn { return tap{line, heard} }
	}
}

func (t tap) ReadFrom(b []byte) (int, net.Addr, error) {
	n, from, err := t.PacketConn.ReadFrom(b)
	if err == nil {
		t.heard(b[:n])
	}
	return n, from, err
}

func (t tap) WriteTo(b []byte, to net.Addr) (int, error) {
	t.heard(b)
	return t.PacketConn.WriteTo(b, to)
}
