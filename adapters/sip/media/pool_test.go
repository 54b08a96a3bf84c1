package media

import (
	"net/netip"
	"testing"

	"c2d/core/fault"
)

func TestNewPoolRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		addr        string
		first, last int
	}{
		"no address":    {"0.0.0.0", 20000, 20001},
		"multicast":     {"224.0.0.1", 20000, 20001},
		"port 0":        {"127.0.0.1", 0, 10},
		"beyond 65535":  {"127.0.0.1", 65534, 65536},
		"one port":      {"127.0.0.1", 20000, 20000},
		"no even pair":  {"127.0.0.1", 20001, 20002},
		"upside down":   {"127.0.0.1", 20010, 20000},
		"IPv6 and zone": {"fe80::1%lo", 20000, 20001},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := NewPool(netip.MustParseAddr(c.addr), c.first, c.last)
			wantCode(t, err, fault.CodeInvalid)
		})
	}
	_, err := NewPool(netip.Addr{}, 20000, 20001)
	wantCode(t, err, fault.CodeInvalid)
}

func openAll(t *testing.T, p *Pool) []*Endpoint {
	t.Helper()
	var all []*Endpoint
	for {
		e, err := p.Open()
		if err != nil {
			wantCode(t, err, fault.CodeCongestion)
			return all
		}
		t.Cleanup(func() { _ = e.Close() })
		all = append(all, e)
	}
}

func TestPoolIsBoundedAndReused(t *testing.T) {
	p := newPool(t, 21001, 21007) // pairs 21002, 21004, 21006
	all := openAll(t, p)
	if len(all) != 3 || all[0].Addr().Port() != 21002 || all[2].Addr().Port() != 21006 {
		t.Fatalf("opened %d, want 3 from 21002 on", len(all))
	}
	if used, size := p.Usage(); used != 3 || size != 3 {
		t.Errorf("usage %d of %d", used, size)
	}
	for _, i := range []int{1, 0} {
		if err := all[i].Close(); err != nil {
			t.Fatal(err)
		}
	}
	e, err := p.Open()
	if err != nil || e.Addr().Port() != 21004 {
		t.Fatalf("reopened %v, %v; the pair that was free for longest is 21004", e, err)
	}
	_ = e.Close()
}

func TestPoolPassesOverPortsOfOthers(t *testing.T) {
	p := newPool(t, 21010, 21013)
	other, err := listen(here, 21011) // even the RTCP port alone
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if all := openAll(t, p); len(all) != 1 || all[0].Addr().Port() != 21012 {
		t.Errorf("opened %d", len(all))
	}
	if used, _ := p.Usage(); used != 1 {
		t.Errorf("%d used, want 1: a pair that cannot be bound is not lent", used)
	}
}

func TestOpenAt(t *testing.T) {
	p := newPool(t, 21020, 21023)
	e, err := p.OpenAt(21022)
	if err != nil || e.Addr() != netip.AddrPortFrom(here, 21022) {
		t.Fatal(e, err)
	}
	_, err = p.OpenAt(21022)
	wantCode(t, err, fault.CodeConflict)
	for _, port := range []int{21021, 21024, 21018, -2} {
		_, err = p.OpenAt(port)
		wantCode(t, err, fault.CodeInvalid)
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	e, err = p.OpenAt(21022)
	if err != nil {
		t.Fatal("after Close:", err)
	}
	_ = e.Close()
}

func TestOpenAtAPortOfAnother(t *testing.T) {
	p := newPool(t, 21030, 21031)
	other, err := listen(here, 21030)
	if err != nil {
		t.Fatal(err)
	}
	_, err = p.OpenAt(21030)
	wantCode(t, err, fault.CodeConflict)
	if err := other.Close(); err != nil {
		t.Fatal(err)
	}
	e, err := p.OpenAt(21030)
	if err != nil {
		t.Fatal("once it was free:", err)
	}
	_ = e.Close()
}
