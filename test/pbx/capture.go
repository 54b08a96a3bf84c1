package pbx

import (
	"bytes"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Capture is what passes on the loopback interface, for tshark to read: a dissector that others wrote. Its methods are for
// the test's own goroutine.
type Capture struct {
	t    testing.TB
	file string
	prog *Program
	mark *net.UDPConn // sends itself what is captured last
	as   []string     // which ports are what, for tshark
}

// StartCapture captures what a filter (pcap-filter(7)) lets through, and returns once nothing of that is missed. sip are the
// ports that speak SIP, rtp those of sound as tshark takes ranges: "26000-26199". It is skipped without root or tshark.
func StartCapture(t testing.TB, filter string, sip []uint16, rtp ...string) *Capture {
	t.Helper()
	Need(t, "tshark")
	if !CanTap() {
		t.Skip("capturing on the loopback interface needs root: run the tests as root")
	}
	c := &Capture{t: t, file: filepath.Join(t.TempDir(), "lo.pcapng")}
	var err error
	if c.mark, err = net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.AddrPortFrom(NextAddress(), 0))); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.mark.Close() })
	for _, port := range sip {
		c.as = append(c.as, "-d", fmt.Sprintf("udp.port==%d,sip", port))
	}
	for _, ports := range rtp {
		c.as = append(c.as, "-d", fmt.Sprintf("udp.port==%s,rtp", ports))
	}
	filter = fmt.Sprintf("(%s) or host %s", filter, c.marker().Addr())
	c.prog = Launch(t, t.TempDir(), "dumpcap", "-i", "lo", "-f", filter, "-w", c.file)
	Eventually(t, ready, "dumpcap captures", func() bool {
		if c.prog.Wait(0) == nil {
			t.Fatalf("dumpcap ended:\n%s", c.prog.Output())
		}
		return strings.Contains(c.prog.Output(), "File: ") // said once the filter stands
	})
	return c
}

func (c *Capture) marker() netip.AddrPort { return c.mark.LocalAddr().(*net.UDPAddr).AddrPort() }

// lost finds in dumpcap's farewell how many packets it received and dropped.
var lost = regexp.MustCompile(`received/dropped on interface .*: [0-9]+/0 `)

// Stop ends the capture, with all that was sent before in it.
func (c *Capture) Stop() {
	c.t.Helper()
	last := []byte("the last packet of " + c.marker().String())
	if _, err := c.mark.WriteToUDPAddrPort(last, c.marker()); err != nil {
		c.t.Fatal(err)
	}
	Eventually(c.t, ready, "the last packet is in the file", func() bool {
		all, err := os.ReadFile(c.file)
		return err == nil && bytes.Contains(all, last)
	})
	c.prog.Stop()
	if !lost.MatchString(c.prog.Output()) {
		c.t.Fatalf("packets were lost:\n%s", c.prog.Output())
	}
}

// Packets returns, of each packet that a display filter (wireshark-filter(4)) selects, the fields in their order. A field that
// occurs more than once is the first of its packet. Only after Stop.
func (c *Capture) Packets(filter string, fields ...string) [][]string {
	c.t.Helper()
	args := append([]string{"-n", "-r", c.file, "-Y", filter, "-T", "fields", "-E", "occurrence=f"}, c.as...)
	for _, f := range fields {
		args = append(args, "-e", f)
	}
	cmd := exec.Command("tshark", args...)
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		c.t.Fatalf("tshark -Y %q: %v\n%s", filter, err, said.String())
	}
	var all [][]string
	for line := range strings.Lines(string(out)) {
		all = append(all, strings.Split(strings.TrimSuffix(line, "\n"), "\t"))
	}
	return all
}

// Faults tells what tshark holds to be malformed, or wrong enough for a warning, in SIP, SDP and RTP. Only after Stop.
func (c *Capture) Faults() (all []string) {
	c.t.Helper()
	for _, p := range c.Packets("(sip || sdp || rtp) && (_ws.malformed || _ws.expert.severity >= Warning)", "frame.number", "sip.CSeq", "_ws.expert.message") {
		all = append(all, strings.Join(p, " "))
	}
	return all
}
