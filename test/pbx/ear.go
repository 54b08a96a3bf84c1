package pbx

import (
	"encoding/binary"
	"net"
	"os"
	"testing"
	"time"

	"github.com/pion/rtp"

	"c2d/core/tone"
)

// CanTap reports whether we may listen to what others send to each other: as root.
func CanTap() bool { return os.Geteuid() == 0 }

// Overhear waits until enough of what the kernel hands to the phone's RTP ports, from now on. It is for what the phone's
// own recorder does not tell: that of baresip 1.0.0 is silent after a hold. Needs CanTap.
func (b *Baresip) Overhear(t testing.TB, limit time.Duration, what string, enough func(pcm []int16) bool) {
	t.Helper()
	tap, err := net.ListenIP("ip4:udp", &net.IPAddr{IP: b.Addr.Addr().AsSlice()})
	if err != nil {
		t.Fatal(err)
	}
	defer tap.Close()
	if err := tap.SetReadDeadline(time.Now().Add(limit)); err != nil {
		t.Fatal(err)
	}
	first, last := b.RTP()
	var pcm []int16
	for buf := make([]byte, 65536); !enough(pcm); {
		n, _, err := tap.ReadFromIP(buf)
		if err != nil {
			t.Fatalf("not within %s: what arrives at %s is %s", limit, b.cfg.User, what)
		}
		if port := destination(buf[:n]); port >= first && port <= last {
			pcm = append(pcm, samples(buf[udpHeader:n])...)
		}
	}
}

const udpHeader = 8

// destination is the port that a UDP datagram goes to, or 0.
func destination(datagram []byte) int {
	if len(datagram) < udpHeader {
		return 0
	}
	return int(binary.BigEndian.Uint16(datagram[2:]))
}

// samples returns the sound of an RTP packet of G.711, and nothing for any other.
func samples(packet []byte) []int16 {
	var p rtp.Packet
	if err := p.Unmarshal(packet); err != nil {
		return nil
	}
	law, ok := map[uint8]string{0: "PCMU", 8: "PCMA"}[p.PayloadType]
	if !ok {
		return nil
	}
	g711, _ := tone.LawOf(law)
	return g711.Decode(make([]int16, len(p.Payload)), p.Payload)
}
