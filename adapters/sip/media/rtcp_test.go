package media

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"testing"
)

// compoundOf writes a report with one block, a CNAME that nobody else may see, and a goodbye.
func compoundOf(kind byte, ssrc uint32, rtpTime uint32, about uint32, highest uint32) []byte {
	b := binary.BigEndian.AppendUint32([]byte{0x81, kind, 0, 0}, ssrc)
	if kind == senderReport {
		b = append(b, make([]byte, 8)...)
		b = binary.BigEndian.AppendUint32(b, rtpTime)
		b = append(b, 0, 0, 0, 5, 0, 0, 3, 0x20)
	}
	b = binary.BigEndian.AppendUint32(b, about)
	b = append(b, 9, 0, 0, 1)
	b = binary.BigEndian.AppendUint32(b, highest)
	b = append(b, make([]byte, 12)...)
	binary.BigEndian.PutUint16(b[2:], uint16(len(b)/4-1))
	b = append(b, 0x81, sourceItems, 0, 3)
	b = binary.BigEndian.AppendUint32(b, ssrc)
	b = append(b, 1, 6, 'm', 'a', 'r', 'y', '@', 'h')
	b = append(b, 0x81, 203, 0, 1)
	return binary.BigEndian.AppendUint32(b, ssrc)
}

func u32(b []byte, at int) uint32 { return binary.BigEndian.Uint32(b[at:]) }

// TestReportsAreTranslated lets both phones talk, then bob report about what he sent and heard.
func TestReportsAreTranslated(t *testing.T) {
	a, b, alice, bob := pair(t)
	alice.say(a, 8, 1)
	toBob := bob.hear()
	bob.say(b, 8, 1)
	toAlice := alice.hear()
	report := compoundOf(senderReport, bob.ssrc, bob.ts+80, toBob.SSRC, uint32(toBob.SequenceNumber)+1<<16)
	if _, err := bob.rtcp.WriteToUDPAddrPort(report, next(b.Addr())); err != nil {
		t.Fatal(err)
	}
	got := readOne(t, alice.rtcp)
	if len(got) != rtcpHead+rtcpSent+rtcpBlock+24 || got[1] != senderReport || got[0] != 0x81 {
		t.Fatalf("alice got % x", got)
	}
	if u32(got, 4) != toAlice.SSRC || u32(got, 16) != toAlice.Timestamp+80 || u32(got, 20) != 5 {
		t.Errorf("sender's part % x", got[:28])
	}
	if u32(got, 28) != alice.ssrc || uint16(u32(got, 36)) != alice.seq || got[32] != 9 {
		t.Errorf("block % x; alice is %x at %x", got[28:52], alice.ssrc, alice.seq)
	}
	if bytes.Contains(got, []byte("mary")) || u32(got, 56) != toAlice.SSRC {
		t.Errorf("names % x", got[52:])
	}
}

func TestReportsAboutOthersAreLeftOut(t *testing.T) {
	a, b, alice, bob := pair(t)
	bob.say(b, 8, 1)
	out := alice.hear().SSRC
	for _, r := range [][]byte{compoundOf(senderReport, 99, 0, 98, 0), compoundOf(receiverReport, bob.ssrc, 0, 98, 0)} {
		if _, err := bob.rtcp.WriteToUDPAddrPort(r, next(b.Addr())); err != nil {
			t.Fatal(err)
		}
		got := readOne(t, alice.rtcp)
		if len(got) != rtcpHead+24 || got[0] != 0x80 || got[1] != receiverReport || u32(got, 4) != out {
			t.Errorf("alice got % x of %v", got, a.Addr())
		}
	}
}

func TestReportsThatAreNone(t *testing.T) {
	good := compoundOf(senderReport, 1, 2, 3, 4)
	if _, ok := parseReport(good); !ok {
		t.Fatal("a good report is refused")
	}
	short := bytes.Clone(good)
	short[3] = 5
	for name, b := range map[string][]byte{
		"empty": {}, "cut": good[:20], "length beyond the end": good[:40], "version": append([]byte{0x01}, good[1:]...),
		"no report first": good[52:], "sender's part cut": short, "block missing": append([]byte{0x9F}, good[1:]...),
		"length 0": {0x81, receiverReport, 0, 0, 0, 0, 0, 1},
	} {
		if r, ok := parseReport(b); ok {
			t.Errorf("%s: %+v", name, r)
		}
	}
}

func TestRTCPSources(t *testing.T) {
	var r remote
	at := netip.MustParseAddrPort
	if r.takeRTCP(at("127.0.0.1:1")) {
		t.Error("taken before there was a remote side")
	}
	r.set(at("127.0.0.1:4000"))
	if r.takeRTCP(at("127.0.0.2:4001")) || !r.takeRTCP(at("127.0.0.1:5001")) || r.takeRTCP(at("127.0.0.1:4001")) {
		t.Error("not the first port of the remote host")
	}
	if r.latch(at("127.0.0.1:6000")); r.rtcp != at("127.0.0.1:5001") {
		t.Errorf("RTCP goes to %v", r.rtcp)
	}
	r.set(at("127.0.0.1:65535"))
	if r.rtcp.IsValid() {
		t.Errorf("RTCP goes to %v", r.rtcp)
	}
}
