package pbx

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"sync/atomic"
	"testing"
)

var addresses, blocks atomic.Uint32

// NextAddress returns a loopback address that no other test uses: 127.64.0.0/10 by process, then by turn. With an address
// of its own, a program has all its ports to itself.
func NextAddress() netip.Addr {
	pid, n := os.Getpid(), addresses.Add(1)
	return netip.AddrFrom4([4]byte{127, byte(64 + pid>>8&63), byte(pid), byte(1 + n%254)})
}

// blockSize is how many ports a phone gets on 127.0.0.1; they lie below those that the kernel gives out by itself.
const (
	blockSize  = 40
	firstBlock = 10000
	manyBlocks = 400
)

// claimPorts returns the first of blockSize ports on 127.0.0.1 that are the test's own until it ends. The last of them
// is held open, which tells the block apart for other processes. A phone that sends its sound from 0.0.0.0, as baresip
// does, sends it from 127.0.0.1 whatever its address: there it has to live.
func claimPorts(t testing.TB) uint16 {
	t.Helper()
	for range manyBlocks {
		n := (uint32(os.Getpid())*7 + blocks.Add(1)) % manyBlocks
		base := firstBlock + n*blockSize
		claim, err := net.ListenPacket("udp4", fmt.Sprintf("127.0.0.1:%d", base+blockSize-1))
		if err != nil {
			continue
		}
		t.Cleanup(func() { _ = claim.Close() })
		if free(base) {
			return uint16(base)
		}
	}
	t.Fatal("no ports are free on 127.0.0.1")
	return 0
}

// free reports whether the ports of a block that phones listen on are free: the first few by TCP, all but the claim by
// UDP, and on every address, since baresip takes those of its sound so.
func free(base uint32) bool {
	for port := base; port < base+4; port++ {
		l, err := net.Listen("tcp4", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			return false
		}
		_ = l.Close()
	}
	for port := base; port < base+blockSize-1; port++ {
		u, err := net.ListenPacket("udp4", fmt.Sprintf("0.0.0.0:%d", port))
		if err != nil {
			return false
		}
		_ = u.Close()
	}
	return true
}
