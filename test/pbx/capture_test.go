package pbx

import (
	"net"
	"strings"
	"testing"
	"time"
)

// TestCapture sends one message that is right and one that is not, and lets tshark find the latter.
func TestCapture(t *testing.T) {
	phone, err := net.ListenPacket("udp4", NextAddress().String()+":0")
	if err != nil {
		t.Fatal(err)
	}
	defer phone.Close()
	at := phone.LocalAddr().(*net.UDPAddr)
	c := StartCapture(t, "host "+at.IP.String(), []uint16{uint16(at.Port)})
	good := strings.Join([]string{"INVITE sip:b@x SIP/2.0", "Via: SIP/2.0/UDP x;branch=z9hG4bK1", "Max-Forwards: 70", "From: <sip:a@x>;tag=1", "To: <sip:b@x>",
		"Call-ID: right", "CSeq: 7 INVITE", "Content-Type: application/sdp", "Content-Length: 87", "",
		"v=0", "o=- 1 1 IN IP4 127.0.0.1", "s=-", "c=IN IP4 127.0.0.1", "t=0 0", "m=audio 4000 RTP/AVP 8", ""}, "\r\n")
	for _, msg := range []string{good, strings.NewReplacer("right", "wrong", "audio 4000", "audio phone", "Max-Forwards:", "Max-Forwards").Replace(good)} {
		if _, err := phone.WriteTo([]byte(msg), at); err != nil {
			t.Fatal(err)
		}
	}
	c.Stop()
	if err := c.prog.Wait(time.Second); err != nil {
		t.Error(err)
	}
	got := c.Packets("sip", "sip.Call-ID", "sip.CSeq.seq", "sip.Method")
	if len(got) != 2 || strings.Join(got[0], " ") != "right 7 INVITE" {
		t.Errorf("seen: %q", got)
	}
	if f := c.Faults(); len(f) != 1 || !strings.Contains(f[0], "7 INVITE") {
		t.Errorf("faults: %q", f)
	}
}
