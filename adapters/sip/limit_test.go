package sip

import (
	"encoding/binary"
	"net/netip"
	"testing"
	"time"
)

func TestLimiter(t *testing.T) {
	l := newLimiter(Limits{Rate: 2, Burst: 3})
	a, now := netip.MustParseAddr("192.0.2.1"), time.Unix(1000, 0)
	for i, want := range []bool{true, true, true, false} {
		if got := l.allow(a, now); got != want {
			t.Errorf("request %d: %v", i, got)
		}
	}
	if !l.allow(netip.MustParseAddr("192.0.2.2"), now) {
		t.Error("another source is not limited")
	}
	for i, want := range []bool{true, true, true, false} {
		host := netip.MustParseAddr("2001:db8::1").As16()
		host[15] = byte(i)
		if got := l.allow(netip.AddrFrom16(host), now); got != want {
			t.Errorf("address %d of one /64: %v", i, got)
		}
	}
	now = now.Add(time.Second)
	for i, want := range []bool{true, true, false} {
		if got := l.allow(a, now); got != want {
			t.Errorf("a second later, request %d: %v", i, got)
		}
	}
}

func TestLimiterIsBounded(t *testing.T) {
	l := newLimiter(Limits{Rate: 1, Burst: 2})
	now := time.Unix(1000, 0)
	for i := range uint32(3 * mostSources) {
		var b [4]byte
		binary.BigEndian.PutUint32(b[:], i)
		l.allow(netip.AddrFrom4(b), now)
	}
	if len(l.buckets) > mostSources {
		t.Errorf("%d sources are remembered", len(l.buckets))
	}
	now = now.Add(time.Minute)
	if !l.allow(netip.MustParseAddr("192.0.2.1"), now) || len(l.buckets) != 1 {
		t.Errorf("%d sources after the flood", len(l.buckets))
	}
}
