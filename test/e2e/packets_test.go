package e2e

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"c2d/test/pbx"
)

// mediaPorts are those of build.
const mediaPorts = "26000-26199"

// TestThePackets is the story of two phones as tshark reads it: nothing is malformed, each answer has its ACK, and once the two
// talk, their sound does not come by us.
func TestThePackets(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.addBoth()
	s := &talking{house: h, harry: h.harry(false), mary: h.mary(false)}
	seen := s.capture(5060, s.harry.Addr.Port(), s.mary.Addr.Port())
	s.call = h.click()
	s.harry.Await("CALL_INCOMING", soon)
	s.harry.Accept()
	s.mary.Await("CALL_INCOMING", soon)
	s.mary.Accept()
	s.call = h.state(s.call, "connected")
	s.wire.direct(t, s.harry, s.mary)
	s.goOn()
	s.goOn() // so that the second before the end is far from the switch
	s.mary.HangUp()
	s.over("completed", "callee", "callee")
	seen.Stop()
	flawless(t, seen)
	acknowledged(t, seen, 4)
	s.byThemselves(seen)
}

// capture begins to see what the house and the two phones send and get.
func (s *talking) capture(sip ...uint16) *pbx.Capture {
	s.t.Helper()
	filter, rtp := "host "+s.ip.String(), []string{mediaPorts}
	for _, p := range []*pbx.Baresip{s.harry, s.mary} {
		filter += " or udp portrange " + ports(p)
		rtp = append(rtp, ports(p))
	}
	return pbx.StartCapture(s.t, filter, sip, rtp...)
}

// ports are those of a phone's sound.
func ports(p *pbx.Baresip) string {
	first, last := p.RTP()
	return fmt.Sprintf("%d-%d", first, last)
}

// flawless holds that tshark finds no fault with any packet.
func flawless(t *testing.T, seen *pbx.Capture) {
	t.Helper()
	for _, f := range seen.Faults() {
		t.Errorf("tshark finds fault with packet %s", f)
	}
}

// acknowledged holds that each 2xx to an INVITE is followed by an ACK of the same dialog and CSeq (RFC 3261 section 13.2.2.4),
// and that there were enough of them.
func acknowledged(t *testing.T, seen *pbx.Capture, enough int) {
	t.Helper()
	of := []string{"sip.Call-ID", "sip.CSeq.seq", "sip.from.tag", "sip.to.tag"}
	answers := seen.Packets("sip.CSeq.method == INVITE && sip.Status-Code >= 200 && sip.Status-Code < 300", of...)
	acks := seen.Packets("sip.Method == ACK", of...)
	if len(answers) < enough {
		t.Errorf("%d answers were seen, not %d", len(answers), enough)
	}
	for _, a := range answers {
		if !slices.ContainsFunc(acks, func(ack []string) bool { return slices.Equal(ack, a) }) {
			t.Errorf("no ACK of %v", a)
		}
	}
}

// byThemselves holds that in the last second before the first BYE each phone sends its sound to the other, and nothing goes
// through our ports.
func (s *talking) byThemselves(seen *pbx.Capture) {
	s.t.Helper()
	bye := seconds(s.t, seen.Packets("sip.Method == BYE", "frame.time_relative"))
	last := fmt.Sprintf("rtp && frame.time_relative > %f && frame.time_relative < %f", bye-1, bye)
	if n := len(seen.Packets(last+" && ip.addr == "+s.ip.String(), "frame.number")); n != 0 {
		s.t.Errorf("%d packets of sound went through us", n)
	}
	for _, ways := range [][2]*pbx.Baresip{{s.harry, s.mary}, {s.mary, s.harry}} {
		from, to := strings.Replace(ports(ways[0]), "-", "..", 1), strings.Replace(ports(ways[1]), "-", "..", 1)
		n := len(seen.Packets(fmt.Sprintf("%s && udp.srcport in {%s} && udp.dstport in {%s}", last, from, to), "rtp.seq"))
		if n < 25 { // of 50, on a machine that may be busy
			s.t.Errorf("%d packets of sound from %s to %s", n, from, to)
		}
	}
	if len(seen.Packets("rtp && ip.addr == "+s.ip.String(), "frame.number")) == 0 {
		s.t.Error("no sound went through us before the switch: what was looked for is not there to be found")
	}
}

// seconds is the first field of the first packet.
func seconds(t *testing.T, packets [][]string) float64 {
	t.Helper()
	if len(packets) == 0 {
		t.Fatal("no such packet was seen")
	}
	at, err := strconv.ParseFloat(packets[0][0], 64)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// TestThePacketsToTheCarrier is a call to the outside as tshark reads it: the carrier is told of the ward's number alone, and
// nowhere in a packet stands the name, the login or the number of who clicked.
func TestThePacketsToTheCarrier(t *testing.T) {
	t.Parallel()
	h, carrier, mary := carried(t, "udp", "MD5")
	s := &talking{house: h, harry: h.harry(false), mary: mary}
	seen := s.capture(5060, s.harry.Addr.Port(), s.mary.Addr.Port())
	s.call = h.click()
	s.harry.Await("CALL_INCOMING", soon)
	s.harry.Accept()
	mary.Await("CALL_INCOMING", soon)
	mary.Accept()
	s.call = h.state(s.call, "connected")
	s.hear()
	s.harry.HangUp()
	s.over("completed", "caller", "caller")
	seen.Stop()
	flawless(t, seen)
	acknowledged(t, seen, 2)
	told := fmt.Sprintf("sip && ip.src == %s && ip.dst == %s", h.ip, carrier.Addr.Addr())
	for what, want := range map[string]bool{strings.TrimPrefix(ward, "+86"): true, strings.TrimPrefix(harryNumber, "+1"): false, "harry": false} {
		got := seen.Packets(fmt.Sprintf(`%s && frame matches "(?i)%s"`, told, what), "sip.CSeq")
		if (len(got) > 0) != want {
			t.Errorf("%s is told to the carrier: %v, in %v", what, len(got) > 0, got)
		}
	}
}
