package media

import (
	"errors"
	"net"
	"net/netip"
	"slices"
	"sync"

	"c2d/core/fault"
)

// Pool lends port pairs of one address and range. It is safe for concurrent use.
type Pool struct {
	addr        netip.Addr
	first, last int

	mu   sync.Mutex
	free []int // even ports; the one that was free for longest is first, so that a late packet finds nobody
	size int
}

// NewPool returns a pool of the ports first to last, both included: RTP on even ports, RTCP on the next. Phones must be
// able to reach addr. Errors: fault.CodeInvalid when addr is none that can be reached, or the range has no pair.
func NewPool(addr netip.Addr, first, last int) (*Pool, error) {
	addr = addr.Unmap()
	if !addr.IsValid() || addr.IsUnspecified() || addr.IsMulticast() || addr.Zone() != "" {
		return nil, fault.Field(fault.CodeInvalid, "media.address", "must be an IP address that phones can reach")
	}
	if first < 1 || last > 65535 || first+first%2 >= last {
		return nil, fault.Field(fault.CodeInvalid, "media.ports", "must hold a pair of ports from 1 to 65535")
	}
	p := &Pool{addr: addr, first: first, last: last}
	for port := first + first%2; port < last; port += 2 {
		p.free = append(p.free, port)
	}
	p.size = len(p.free)
	return p, nil
}

// Open binds the pair that was unused for longest. Errors: fault.CodeCongestion when none is left, or other programs
// hold all that are.
func (p *Pool) Open() (*Endpoint, error) {
	_, size := p.Usage()
	for range size {
		port, ok := p.take()
		if !ok {
			break
		}
		if e, err := open(p, port); err == nil {
			return e, nil
		}
		p.release(port)
	}
	return nil, fault.New(fault.CodeCongestion, "no media port is free")
}

// OpenAt binds a given pair, by its RTP port: a relayed call goes on where it was before a restart. Errors:
// fault.CodeInvalid when the port is not one of the pool; fault.CodeConflict when it is in use.
func (p *Pool) OpenAt(port int) (*Endpoint, error) {
	if port%2 != 0 || port < p.first || port >= p.last {
		return nil, fault.New(fault.CodeInvalid, "port %d is no RTP port of the media range", port)
	}
	if !p.claim(port) {
		return nil, fault.New(fault.CodeConflict, "media port %d is in use", port)
	}
	e, err := open(p, port)
	if err != nil {
		p.release(port)
		return nil, fault.Wrap(fault.CodeConflict, err, "media port %d is in use", port)
	}
	return e, nil
}

// Usage returns how many pairs are lent, and how many there are.
func (p *Pool) Usage() (used, size int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.size - len(p.free), p.size
}

func (p *Pool) take() (int, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.free) == 0 {
		return 0, false
	}
	port := p.free[0]
	p.free = p.free[1:]
	return port, true
}

func (p *Pool) claim(port int) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	i := slices.Index(p.free, port)
	if i >= 0 {
		p.free = slices.Delete(p.free, i, i+1)
	}
	return i >= 0
}

func (p *Pool) release(port int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.free = append(p.free, port)
}

// owns reports whether a is a port of the pool: what is sent there would come back to us.
func (p *Pool) owns(a netip.AddrPort) bool {
	return a.Addr() == p.addr && int(a.Port()) >= p.first && int(a.Port()) <= p.last
}

// bind opens the pair of sockets.
func (p *Pool) bind(port int) (rtp, rtcp *net.UDPConn, err error) {
	rtp, err = p.listen(port)
	if err != nil {
		return nil, nil, err
	}
	rtcp, err = p.listen(port + 1)
	if err != nil {
		return nil, nil, errors.Join(err, rtp.Close())
	}
	return rtp, rtcp, nil
}

func (p *Pool) listen(port int) (*net.UDPConn, error) {
	return net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(p.addr, uint16(port))))
}
