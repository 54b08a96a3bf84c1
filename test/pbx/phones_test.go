package pbx

import (
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"
)

// TestBaresipsTalk is two baresips, one calling the other, without anybody between.
func TestBaresipsTalk(t *testing.T) {
	alice := StartBaresip(t, Phone{User: "alice", Domain: "a.example", Tone: 440})
	bob := StartBaresip(t, Phone{User: "bob", Domain: "b.example", Tone: 880})
	alice.Dial(fmt.Sprintf("sip:bob@%s", bob.Addr))
	bob.Await("CALL_INCOMING", 5*time.Second)
	bob.Accept()
	alice.Await("CALL_ESTABLISHED", 5*time.Second)
	bob.Await("CALL_ESTABLISHED", 5*time.Second)
	Eventually(t, 10*time.Second, "alice hears 880 Hz for a second", func() bool { return Hears(alice.Heard(), time.Second, 880, 440) })
	Eventually(t, 10*time.Second, "bob hears 440 Hz for a second", func() bool { return Hears(bob.Heard(), time.Second, 440, 880) })
	alice.HangUp()
	bob.Await("CALL_CLOSED", 5*time.Second)
	if n := bob.Count("CALL_INCOMING"); n != 1 {
		t.Errorf("bob rang %d times", n)
	}
	alice.Stop()
	alice.Stop()
	bob.Kill()
}

// peer is a plain UDP socket that speaks SIP by hand.
type peer struct {
	t    *testing.T
	conn *net.UDPConn
	to   netip.AddrPort
	from netip.AddrPort
}

func newPeer(t *testing.T, to netip.AddrPort) *peer {
	t.Helper()
	conn, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.AddrPortFrom(NextAddress(), 5060)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return &peer{t: t, conn: conn, to: to, from: conn.LocalAddr().(*net.UDPAddr).AddrPort()}
}

// send writes a request of the one call; toTag is the phone's, once known.
func (p *peer) send(method string, cseq int, branch, toTag, body string) {
	p.t.Helper()
	if toTag != "" {
		toTag = ";tag=" + toTag
	}
	lines := []string{method + " sip:bob@" + p.to.String() + " SIP/2.0", "Via: SIP/2.0/UDP " + p.from.String() + ";branch=z9hG4bK" + branch,
		"Max-Forwards: 70", "From: <sip:peer@" + p.from.String() + ">;tag=p", "To: <sip:bob@b.example>" + toTag, "Call-ID: plain",
		fmt.Sprintf("CSeq: %d %s", cseq, method), "Contact: <sip:peer@" + p.from.String() + ">", "Content-Type: application/sdp",
		fmt.Sprintf("Content-Length: %d", len(body)), "", body}
	if _, err := p.conn.WriteToUDPAddrPort([]byte(strings.Join(lines, "\r\n")), p.to); err != nil {
		p.t.Fatal(err)
	}
}

// expect reads until a message begins with start, and returns it.
func (p *peer) expect(start string) string {
	p.t.Helper()
	if err := p.conn.SetReadDeadline(time.Now().Add(5 * time.Second)); err != nil {
		p.t.Fatal(err)
	}
	buf := make([]byte, 65536)
	for {
		n, err := p.conn.Read(buf)
		if err != nil {
			p.t.Fatalf("no %q: %v", start, err)
		}
		if got := string(buf[:n]); strings.HasPrefix(got, start) {
			return got
		}
	}
}

// tag returns the To tag of a response.
func tag(t *testing.T, msg string) string {
	t.Helper()
	for line := range strings.SplitSeq(msg, "\r\n") {
		if to, ok := strings.CutPrefix(line, "To:"); ok {
			_, tag, _ := strings.Cut(to, ";tag=")
			return strings.TrimSpace(tag)
		}
	}
	t.Fatalf("no To in %q", msg)
	return ""
}

func TestSIPpRefuses(t *testing.T) {
	for _, scenario := range []string{Refuse, RefuseAtOnce} {
		t.Run(scenario, func(t *testing.T) {
			phone := StartSIPp(t, Phone{User: "bob", Domain: "b.example"}, scenario, "486 Busy Here")
			p := newPeer(t, phone.Addr)
			p.send("INVITE", 1, "1", "", "")
			if scenario == Refuse {
				p.expect("SIP/2.0 180 ")
			}
			p.send("ACK", 1, "1", tag(t, p.expect("SIP/2.0 486 Busy Here")), "")
			phone.Done(5 * time.Second)
		})
	}
}

func TestSIPpRingsUntilItIsCancelled(t *testing.T) {
	phone := StartSIPp(t, Phone{User: "bob", Domain: "b.example"}, RingOn, "")
	p := newPeer(t, phone.Addr)
	p.send("INVITE", 1, "1", "", "")
	p.expect("SIP/2.0 180 ")
	if phone.Called() {
		t.Error("over before it was cancelled")
	}
	p.send("CANCEL", 1, "1", "", "")
	p.expect("SIP/2.0 200 ")
	p.send("ACK", 1, "1", tag(t, p.expect("SIP/2.0 487 ")), "")
	phone.Done(5 * time.Second)
}

func TestSIPpLeaves(t *testing.T) {
	phone := StartSIPp(t, Phone{User: "bob", Domain: "b.example"}, Leave, "")
	p := newPeer(t, phone.Addr)
	p.send("INVITE", 1, "1", "", "")
	to := tag(t, p.expect("SIP/2.0 200 "))
	p.send("ACK", 1, "2", to, "")
	bye := p.expect("BYE ")
	p.send("INVITE", 2, "3", to, "") // crosses the BYE
	p.expect("SIP/2.0 481 ")
	p.send("ACK", 2, "3", to, "")
	reply := strings.Replace(bye, bye[:strings.Index(bye, "\r\n")], "SIP/2.0 200 OK", 1)
	if _, err := p.conn.WriteToUDPAddrPort([]byte(reply), p.to); err != nil {
		t.Fatal(err)
	}
	phone.Done(5 * time.Second)
}
