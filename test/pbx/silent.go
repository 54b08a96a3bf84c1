package pbx

import (
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"
)

// RegisterSilent registers a phone at a registrar that asks for no password, and returns its socket, of which nothing is read any
// more: it is silent until somebody speaks for it.
func RegisterSilent(t testing.TB, registrar netip.AddrPort, extension string) *net.UDPConn {
	t.Helper()
	return RegisterAs(t, registrar, extension, "")
}

// RegisterAs is RegisterSilent with another address than the socket's, such as one that nobody should register: "101@192.0.2.1;x=y".
func RegisterAs(t testing.TB, registrar netip.AddrPort, extension, contact string) *net.UDPConn {
	t.Helper()
	c, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(registrar)) // no other is heard
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	me := c.LocalAddr().String()
	if contact == "" {
		contact = extension + "@" + me
	}
	fmt.Fprintf(c, "REGISTER sip:%[1]s SIP/2.0\r\nVia: SIP/2.0/UDP %[2]s;branch=z9hG4bK%[3]s\r\nFrom: <sip:%[3]s@%[1]s>;tag=a\r\nTo: <sip:%[3]s@%[1]s>\r\n"+
		"Call-ID: silent-%[3]s-%[2]s\r\nCSeq: 1 REGISTER\r\nContact: <sip:%[4]s>\r\nExpires: 600\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n",
		registrar.Addr(), me, extension, contact)
	_ = c.SetReadDeadline(time.Now().Add(5 * time.Second))
	answer := make([]byte, 2000)
	n, err := c.Read(answer)
	if err != nil || !strings.HasPrefix(string(answer[:n]), "SIP/2.0 200") {
		t.Fatalf("not registered: %v %s", err, answer[:n])
	}
	_ = c.SetReadDeadline(time.Time{})
	return c
}
