package pbx

import (
	"fmt"
	"net"
	"testing"
)

// TestABlockInUseIsNotGiven: a phone whose RTP ports others hold starts, and then answers every call with 500.
func TestABlockInUseIsNotGiven(t *testing.T) {
	base := claimPorts(t)
	if !free(uint32(base)) {
		t.Fatal("a block that was given is in use")
	}
	c, err := net.ListenPacket("udp4", fmt.Sprintf("127.0.0.2:%d", base+12))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if free(uint32(base)) {
		t.Error("a block with a port of its sound in use is given")
	}
}
