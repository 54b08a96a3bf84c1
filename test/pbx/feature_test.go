package pbx

import (
	"bufio"
	"fmt"
	"net"
	"net/netip"
	"net/textproto"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// TestTheFeatureCodeHandsACallOver shows what C2D is told of a call to *55, whatever the phone sends, and that nothing of it is
// carried out.
func TestTheFeatureCodeHandsACallOver(t *testing.T) {
	at := netip.AddrPortFrom(NextAddress(), 8084)
	door, err := net.Listen("tcp", at.String())
	if err != nil {
		t.Fatal(err)
	}
	defer door.Close()
	f := StartFreeSWITCH(t, Exchange{Socket: at})
	ward := StartBaresip(t, Phone{User: "101", Password: "replace-this-password-101", Domain: f.Addr.Addr().String(), Registrar: f.Addr, Tone: 880})
	for sent, want := range map[string]string{
		"*55102": "102", "*55+8653283001000": "%2B8653283001000", "*55Mary.Hill": "Mary.Hill", "*55Mary%20Hill": "Mary%20Hill",
		"*55%E9%A9%AC%E4%B8%BD": "%E9%A9%AC%E4%B8%BD", "*55102%20XML%20public": "102%20XML%20public",
	} {
		ward.Dial(fmt.Sprintf("sip:%s@%s", sent, f.Addr))
		if got := handedOver(t, door).Get("variable_c2d_dial"); got != want {
			t.Errorf("%s: C2D is told %q, want %q", sent, got, want)
		}
		Eventually(t, 5*time.Second, "the phone is free", ward.Idle) // nobody is there whom it could reach
	}
	trap := filepath.Join(t.TempDir(), "trap")
	for _, sent := range []string{"*55$%7Bsystem(touch%20" + trap + ")%7D", "*55'102", "*55102,103"} {
		closed := ward.Count("CALL_CLOSED")
		ward.Dial(fmt.Sprintf("sip:%s@%s", sent, f.Addr))
		Eventually(t, 5*time.Second, sent+" is refused", func() bool { return ward.Count("CALL_CLOSED") > closed })
	}
	if _, err := os.Stat(trap); err == nil {
		t.Error("a phone has had a command carried out")
	}
	_ = door.(*net.TCPListener).SetDeadline(time.Now())
	if conn, err := door.Accept(); err == nil {
		conn.Close()
		t.Error("what is dangerous was handed over")
	}
}

// handedOver takes one call of the dialplan's and lets go of it.
func handedOver(t *testing.T, door net.Listener) textproto.MIMEHeader {
	t.Helper()
	_ = door.(*net.TCPListener).SetDeadline(time.Now().Add(5 * time.Second))
	conn, err := door.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(5 * time.Second))
	fmt.Fprint(conn, "connect\n\n")
	h, err := textproto.NewReader(bufio.NewReader(conn)).ReadMIMEHeader()
	if err != nil {
		t.Fatal(err)
	}
	return h
}
